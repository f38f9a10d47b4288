"""Applications that stream through a function URL; each waits for its client in the middle of its response.

`reached(name)` waits until the test has created a file of that name in the folder that `GATES` names.
"""

REACHED = """
import os, time
def reached(name):
    while not os.path.exists(os.path.join(os.environ["GATES"], name)):
        time.sleep(0.005)
def chunks():
    yield "first\\n"
    reached("first")
    yield "second\\n"
"""
ASYNC = """
import asyncio
async def async_chunks():
    yield "first\\n"
    await asyncio.to_thread(reached, "first")
    yield "second\\n"
"""
DJANGO = """
import django
from django.conf import settings
from django.http import StreamingHttpResponse
from django.urls import path
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", DEBUG=False)
django.setup()
def ticks(request):
    response = StreamingHttpResponse({chunks}(), status=202, headers={{"x-a": "1", "content-type": "text/plain"}})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
urlpatterns = [path("ticks", ticks)]
from django.core.{gateway} import get_{gateway}_application
app = get_{gateway}_application()
"""
FALCON = """
import falcon{module}
class Ticks:
    {coroutine}def on_get(self, request, response):
        response.status = 202
        response.content_type = "text/plain"
        response.set_header("x-a", "1")
        response.set_cookie("a", "1", secure=False)
        response.set_cookie("b", "2", secure=False)
        response.stream = ({coroutine2}chunk.encode() {coroutine}for chunk in {chunks}())
app = falcon{module}.App()
app.add_route("/ticks", Ticks())
"""
REGULAR = {
    "starlette": ASYNC
    + """
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
async def ticks(request):
    response = StreamingResponse(async_chunks(), 202, {"x-a": "1"}, "text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
app = Starlette(routes=[Route("/ticks", ticks)])
""",
    "fastapi": """
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
app = FastAPI()
@app.get("/ticks")
def ticks():
    response = StreamingResponse(chunks(), 202, {"x-a": "1"}, "text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
""",
    "flask": """
from flask import Flask, Response
app = Flask(__name__)
@app.get("/ticks")
def ticks():
    response = Response(chunks(), 202, {"x-a": "1"}, "text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
""",
    "django, wsgi": DJANGO.format(gateway="wsgi", chunks="chunks"),
    "django, asgi": ASYNC + DJANGO.format(gateway="asgi", chunks="async_chunks"),
    "asgi": ASYNC
    + """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    headers = [(b"content-type", b"text/plain"), (b"x-a", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    async for chunk in async_chunks():
        await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
    await send({"type": "http.response.body"})
""",
    "wsgi": """
def app(environ, start_response):
    headers = [("content-type", "text/plain"), ("x-a", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    start_response("202 Accepted", headers)
    return (chunk.encode() for chunk in chunks())
""",
}
FURTHER = {
    "litestar": ASYNC
    + """
from litestar import Litestar, get
from litestar.datastructures import Cookie
from litestar.response import Stream
@get("/ticks", status_code=202, media_type="text/plain")
async def ticks() -> Stream:
    return Stream(async_chunks, headers={"x-a": "1"}, cookies=[Cookie("a", value="1"), Cookie("b", value="2")])
app = Litestar([ticks])
""",
    "quart": ASYNC
    + """
from quart import Quart, Response
app = Quart(__name__)
@app.get("/ticks")
async def ticks():
    response = Response(async_chunks(), 202, {"x-a": "1"}, "text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
""",
    "falcon, wsgi": FALCON.format(module="", coroutine="", coroutine2="", chunks="chunks"),
    "falcon, asgi": ASYNC
    + FALCON.format(module=".asgi", coroutine="async ", coroutine2="", chunks="async_chunks").replace(
        "import falcon.asgi", "import falcon, falcon.asgi"
    ),
    "bottle": """
from bottle import Bottle, response
app = Bottle()
@app.get("/ticks")
def ticks():
    response.status = 202
    response.content_type = "text/plain"
    response.set_header("x-a", "1")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return chunks()
""",
    "pyramid": """
from pyramid.config import Configurator
from pyramid.response import Response
def ticks(request):
    response = Response(app_iter=(chunk.encode() for chunk in chunks()), status=202, content_type="text/plain")
    response.headers["x-a"] = "1"
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
with Configurator() as config:
    config.add_route("ticks", "/ticks")
    config.add_view(ticks, route_name="ticks")
    app = config.make_wsgi_app()
""",
    "sanic": """
from sanic import Sanic
app = Sanic("ticks")
@app.get("/ticks")
async def ticks(request):
    import asyncio
    response = await request.respond(content_type="text/plain", status=202, headers={"x-a": "1"})
    response.add_cookie("a", "1", secure=False)
    response.add_cookie("b", "2", secure=False)
    await response.send("first\\n")
    await asyncio.to_thread(reached, "first")
    await response.send("second\\n")
    await response.eof()
""",
}
