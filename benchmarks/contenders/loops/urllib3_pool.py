"""The same loop on `urllib3`, this project's HTTP client elsewhere: why the runtime does not use it."""

import json
import os
import sys

import urllib3

sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
module, name = os.environ["_HANDLER"].split(".")
handler = getattr(__import__(module), name)

API = "/2018-06-01/runtime/invocation/"
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
pool = urllib3.HTTPConnectionPool(host, int(port), timeout=None, retries=False)
while True:
    response = pool.request("GET", API + "next")
    request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
    result = handler(json.loads(response.data), None)
    headers = {"Content-Type": "application/json"}
    pool.request("POST", f"{API}{request_id}/response", body=json.dumps(result).encode(), headers=headers)
