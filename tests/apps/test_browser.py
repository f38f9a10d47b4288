"""A real browser receives Server-Sent Events from applications, through the local Lambda's function URL."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from queue import SimpleQueue

import pytest

from awslambdaric_lite.emulator import LocalLambda
from tests.apps.served_applications import REACHED
from tests.emulator.waiting import WAIT
from tests.process.lite import write_app

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

# The page tells the function of each step; a step of the stream waits until the page has seen the one before.
PAGE = """
<!DOCTYPE html><title>events</title><script>
const tell = (path, data) => fetch(path, {method: "POST", body: JSON.stringify(data)});
const seen = [];
const source = new EventSource("events");
source.onopen = () => tell("reached/opened", {});
source.addEventListener("tick", event => {
  seen.push([event.data, event.lastEventId]);
  if (seen.length == 1) tell("reached/first", {});
  else { source.close(); tell("report", {seen}); }
});
source.onerror = () => { if (source.readyState == 2) tell("report", {error: "closed"}); };
</script>
"""
COMMON = (
    REACHED
    + f"""
PAGE = {PAGE!r}
def note(name):
    open(os.path.join(os.environ["GATES"], name), "w").close()
def report(text):
    print("REPORT", text, flush=True)
"""
)
APPLICATIONS = {
    "starlette": """
import asyncio
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
async def ticks():
    await asyncio.to_thread(reached, "opened")
    yield "event: tick\\nid: 1\\ndata: one\\n\\n"
    await asyncio.to_thread(reached, "first")
    yield "event: tick\\nid: 2\\ndata: two\\n\\n"
    await asyncio.to_thread(reached, "never")
async def page(request): return HTMLResponse(PAGE)
async def events(request): return StreamingResponse(ticks(), media_type="text/event-stream")
async def told(request):
    note(request.path_params["name"])
    return Response(status_code=204)
async def reported(request):
    report((await request.body()).decode())
    return Response(status_code=204)
app = Starlette(routes=[
    Route("/", page), Route("/events", events), Route("/reached/{name}", told, methods=["POST"]),
    Route("/report", reported, methods=["POST"]),
])
""",
    "flask": """
from flask import Flask, Response, request
app = Flask(__name__)
def ticks():
    yield ": the head leaves with the first bytes\\n\\n"
    reached("opened")
    yield "event: tick\\nid: 1\\ndata: one\\n\\n"
    reached("first")
    yield "event: tick\\nid: 2\\ndata: two\\n\\n"
    reached("never")
@app.get("/")
def page(): return PAGE
@app.get("/events")
def events(): return Response(ticks(), mimetype="text/event-stream")
@app.post("/reached/<name>")
def told(name):
    note(name)
    return "", 204
@app.post("/report")
def reported():
    report(request.get_data(as_text=True))
    return "", 204
""",
}


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing")
@pytest.mark.parametrize("name", APPLICATIONS)
def test_browser_receives_events_as_they_are_sent(tmp_path: Path, name: str) -> None:
    """A browser opens an event stream before its first event exists, and receives each event before the next exists."""
    write_app(tmp_path, COMMON + APPLICATIONS[name])
    reports: SimpleQueue[str] = SimpleQueue()

    def on_log(line: str) -> None:
        if line.startswith("REPORT {"):
            reports.put(line.partition(" ")[2])

    env = {"AWSLAMBDARIC_LITE_APP_STREAM": "1", "GATES": str(tmp_path)}
    with LocalLambda(
        "app.app", task_root=tmp_path, env=env, url_mode="RESPONSE_STREAM", timeout_s=WAIT, on_log=on_log, memory_mb=512
    ) as function:
        assert CHROMIUM is not None
        line = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        folder = tmp_path / "profile"
        with subprocess.Popen(
            [*line, f"--user-data-dir={folder}", function.url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as browser:
            try:
                report = json.loads(reports.get(timeout=WAIT))
            finally:
                browser.terminate()
                (tmp_path / "never").touch()
    assert report == {"seen": [["one", "1"], ["two", "2"]]}
