"""One small application in each framework, which describes its request in the same JSON."""

STARLETTE = """
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

async def tell(request):
    return JSONResponse({
        "method": request.method, "path": request.url.path, "query": request.url.query,
        "body": (await request.body()).decode("latin-1"), "cookies": request.cookies,
        "x": request.headers.getlist("x-many"), "client": request.client.host, "scheme": request.url.scheme,
        "started": request.state.started, "function": request.scope["aws.context"].function_name,
        "event": sorted(request.scope["aws.event"]),
    })

async def many(request):
    response = PlainTextResponse("ok", headers={"x-a": "1"})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    response.headers.append("x-a", "2")
    return response

async def binary(request):
    return Response(bytes(range(256)), media_type="application/octet-stream")

async def stream(request):
    async def chunks():
        for number in range(3):
            yield f"{number}\\n"
        if request.query_params.get("fail"):
            raise ValueError("in the middle")
    return StreamingResponse(chunks(), media_type="text/plain")

async def fail(request):
    raise ValueError("no")

async def background(request):
    return PlainTextResponse("ok", background=BackgroundTask(print, "in the background"))

@asynccontextmanager
async def lifespan(app):
    print("startup")
    yield {"started": True}
    print("shutdown")

app = Starlette(routes=[
    Route("/tell/{rest:path}", tell, methods=["GET", "POST"]), Route("/many", many), Route("/binary", binary),
    Route("/stream", stream), Route("/fail", fail), Route("/background", background),
], lifespan=lifespan)
"""

FLASK = """
from flask import Flask, Response, jsonify, request
app = Flask(__name__)

@app.route("/tell/<path:rest>", methods=["GET", "POST"])
def tell(rest):
    return jsonify(
        method=request.method, path=request.path, query=request.query_string.decode(),
        body=request.get_data().decode("latin-1"), cookies=request.cookies.to_dict(),
        x=[request.headers["x-many"]] if "x-many" in request.headers else [],
        client=request.remote_addr, scheme=request.scheme,
        function=request.environ["apig_wsgi.context"].function_name,
        event=sorted(request.environ["apig_wsgi.full_event"]),
    )

@app.route("/many")
def many():
    response = Response("ok", mimetype="text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    response.headers.add("x-a", "1")
    response.headers.add("x-a", "2")
    return response

@app.route("/binary")
def binary():
    return Response(bytes(range(256)), mimetype="application/octet-stream")

@app.route("/stream")
def stream():
    def chunks():
        for number in range(3):
            yield f"{number}\\n"
        if request.args.get("fail"):
            raise ValueError("in the middle")
    from flask import stream_with_context
    return Response(stream_with_context(chunks()), mimetype="text/plain")
"""

FASTAPI = """
from fastapi import FastAPI, Request
app = FastAPI()

@app.post("/items/{number}")
async def item(number: int, request: Request, q: str = "none"):
    return {"number": number, "q": q, "json": await request.json()}
"""

DJANGO = """
import django
from django.conf import settings
from django.http import JsonResponse
from django.urls import path
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", DEBUG=False)
django.setup()

def tell(request, rest):
    return JsonResponse({"method": request.method, "path": request.path, "query": request.META["QUERY_STRING"],
                         "body": request.body.decode()})

urlpatterns = [path("tell/<path:rest>", tell)]
from django.core.{gateway} import get_{gateway}_application
app = get_{gateway}_application()
"""
