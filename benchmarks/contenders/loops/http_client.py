"""The same loop on `http.client`: what the standard library's own transport costs."""

import http.client
import json
import os
import sys

sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
module, name = os.environ["_HANDLER"].split(".")
handler = getattr(__import__(module), name)

API = "/2018-06-01/runtime/invocation/"
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", API + "next")
    response = connection.getresponse()
    request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
    result = handler(json.loads(response.read()), None)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", f"{API}{request_id}/response", json.dumps(result).encode(), headers)
    connection.getresponse().read()
