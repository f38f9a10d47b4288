"""The MCP client talks to an MCP server that is a function, over streamable HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awslambdaric_lite.emulator import LocalLambda
from tests.emulator.waiting import WAIT
from tests.process.lite import write_app

if TYPE_CHECKING:
    from awslambdaric_lite.emulator.frontend.url import InvokeMode

mcp = pytest.importorskip("mcp.client.client", reason="mcp 2 is not installed")

SERVER = """
from mcp.server.mcpserver import Context, MCPServer
server = MCPServer("adder")
@server.tool()
async def add(a: int, b: int, context: Context) -> int:
    await context.report_progress(1, 2)
    await context.report_progress(2, 2)
    return a + b
app = server.streamable_http_app(stateless_http={stateless})
"""


@pytest.mark.parametrize("stateless", [True, False], ids=["stateless", "stateful"])
@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
def test_client_calls_tool(tmp_path: Path, mode: InvokeMode, stateless: bool) -> None:
    """The client lists tools, calls one twice with its progress, and no warning names a task of the server."""
    write_app(tmp_path, SERVER.format(stateless=stateless))
    lines: list[str] = []
    stream = "1" if mode == "RESPONSE_STREAM" else "0"
    with LocalLambda(
        "app.app",
        task_root=tmp_path,
        env={"AWSLAMBDARIC_LITE_APP_STREAM": stream},
        url_mode=mode,
        timeout_s=WAIT,
        init_timeout_s=WAIT,
        memory_mb=1024,
        on_log=lines.append,
    ) as function:
        progress: list[tuple[float, float | None]] = []

        async def note(done: float, total: float | None, message: str | None) -> None:
            progress.append((done, total))

        async def talk() -> list[object]:
            async with mcp.Client(f"{function.url}mcp") as client:
                tools = await client.list_tools()
                results = [await client.call_tool("add", {"a": 2, "b": b}, progress_callback=note) for b in (3, 4)]
                return [[tool.name for tool in tools.tools], *(result.content[0].text for result in results)]

        answers = asyncio.run(asyncio.wait_for(talk(), WAIT))
    assert answers == [["add"], "5", "6"]
    assert progress == [(1, 2), (2, 2)] * 2
    assert not [line for line in lines if "outlives" in line or "ERROR" in line]
