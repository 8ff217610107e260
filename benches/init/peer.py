"""The predict function of the system that ours replaces, behind the Lambda Runtime API: FastAPI by Mangum, boto3 and ONNX Runtime.

AWS's own Python client of the Runtime API needs a compiler to install; this loop does what that does, and no more.
"""

import http.client
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "serve"))
from mangum import Mangum  # noqa: E402
from peer import app  # noqa: E402

handler = Mangum(app, lifespan="off")
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    invocation = connection.getresponse()
    event = json.loads(invocation.read())
    answer = handler(event, None)
    connection.request("POST", f"/2018-06-01/runtime/invocation/{invocation.headers['Lambda-Runtime-Aws-Request-Id']}/response", json.dumps(answer))
    connection.getresponse().read()
