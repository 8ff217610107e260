"""How long each function takes to start and to answer its first event, behind a Lambda Runtime API of this script's.

    python run.py STACK RELEASE EVENTS [--repeats 15]

STACK is the folder of the binaries that the local stack consists of, RELEASE that of the functions to measure, EVENTS the folder of sample
events. S3 and DynamoDB are those of the local stack, on which a model is trained first, so that each event has something to be about.

init     from the start of the process until it asks for its first event: seconds, and the processor's time of the process
first    from then until its first event is answered: the same

`predict` is measured beside the function that it replaces (peer.py), the two in turn. Medians of the repeats. TLS is not among it: the
stack's endpoints have none.
"""

import argparse
import http.server
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

here = Path(__file__).parent
sys.path.insert(0, str(here.parent))
from processes import processor_ms, running, say  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("stack", type=Path)
parser.add_argument("release", type=Path)
parser.add_argument("events", type=Path)
parser.add_argument("--repeats", type=int, default=15)
arguments = parser.parse_args()

# The first event of each function.
EVENTS = {
    "front": "health", "upload": "request-url", "datasets": "list", "jobs": "get", "deploy": "deploy", "predict": "predict",
    "ingest": "object-created", "job-events": "schedule",
}
BARS = {"init": 25, "first CPU": 60}
DATASET, JOB = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
os.environ["NO_PROXY"] = "localhost,127.0.0.1"


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Gives one event to whoever asks, and tells when that and the answer came."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.events, self.answered = queue.Queue(), queue.Queue(), queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A function that was ended leaves its question."""

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.put(time.perf_counter())
        event = self.server.events.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1e3) + 30_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)) if self.headers["Content-Length"] else self.chunks()
        self.server.answered.put((time.perf_counter(), self.path, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_):
        pass


def start(command, environment, event, log):
    """One start and one event: milliseconds."""
    api = RuntimeApi()
    environment = environment | {
        "AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_LAMBDA_LOG_GROUP_NAME": "f", "AWS_LAMBDA_LOG_STREAM_NAME": "f",
    }
    begin = time.perf_counter()
    with running(command, log, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            asked = api.asked.get(timeout=60)
            at_rest = processor_ms(process.pid)
            handed = time.perf_counter()
            api.events.put(event)
            answered, path, body = api.answered.get(timeout=60)
            used = processor_ms(process.pid)
        except queue.Empty:
            sys.exit(f"{command} does not answer:\n{Path(log).read_text()[-2000:]}")
    api.shutdown()
    api.server_close()
    answer = json.loads(body) if body else None
    if not path.endswith("/response") or (answer and answer.get("statusCode", 200) != 200):
        sys.exit(f"{command} answers {path} {body[:500]}")
    return {"init": (asked - begin) * 1e3, "init CPU": at_rest, "first": (answered - handed) * 1e3, "first CPU": used - at_rest}


def call(method, url, body=None, content_type="application/json"):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": content_type}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def flowers():
    chance = random.Random(1)
    rows = [(kind, [round(kind * 1.2 + chance.random(), 2), round(kind * 0.8 + chance.random(), 2), round(5 + chance.random(), 2)])
            for kind in (1 + row % 3 for row in range(300))]
    return "petal_length,petal_width,sepal_length,kind\n" + "".join(f"{','.join(map(str, values))},{kind}\n" for kind, values in rows)


def deployed(api):
    """A dataset and a deployed model of it."""
    upload = call("POST", f"{api}/upload/request-url", {"filename": "flowers.csv"})
    call("PUT", upload["upload_url"], flowers().encode(), "text/csv")
    dataset = upload["dataset_id"]
    call("POST", f"{api}/datasets/{dataset}/confirm")
    job = call("POST", f"{api}/train", {"dataset_id": dataset, "target_column": "kind", "config": {"time_budget": 60}})["job_id"]
    while (state := call("GET", f"{api}/jobs/{job}"))["status"] in ("pending", "running"):
        time.sleep(0.2)
    if state["status"] != "completed":
        sys.exit(f"the training {state['status']}: {state['error_message']}")
    call("POST", f"{api}/jobs/{job}/deploy", {"deploy": True})
    return dataset, job


def stack_environment(lines):
    """What the functions of a stack have in their environment, from what it prints of itself and the names that it has by the template."""
    urls = {line.split()[0]: line.split()[1] for line in lines if line.startswith("  ") and "http" in line}
    names = {f"S3_BUCKET_{what.upper()}": f"automl-local-{what}-000000000000" for what in ("datasets", "models", "reports")}
    return urls["API"], {
        "PATH": os.environ["PATH"], "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key(lines, "key "), "AWS_SECRET_ACCESS_KEY": key(lines, "secret "),
        "AWS_ENDPOINT_URL_S3": urls["S3"], "AWS_ENDPOINT_URL_DYNAMODB": urls["DynamoDB"],
        "AWS_ENDPOINT_URL_BATCH": urls["Batch"], "AWS_ENDPOINT_URL_EVENTBRIDGE": urls["Batch"],
        "DYNAMODB_DATASETS_TABLE": "automl-local-datasets", "DYNAMODB_JOBS_TABLE": "automl-local-training-jobs",
        "BATCH_JOB_QUEUE": "automl-local-training", "BATCH_JOB_DEFINITION": "automl-local-trainer", "EVENT_BUS": "automl-local",
    } | names


def key(lines, word):
    [line] = [line for line in lines if line.startswith("  S3 ")]
    return line.split(word)[1].split(",")[0].strip()


with tempfile.TemporaryDirectory() as folder:
    command = [arguments.stack / "automl-local", "up", "--port", "0", "--data", f"{folder}/data"]
    with running(command, f"{folder}/stack.log", stdout=subprocess.PIPE, text=True) as stack:
        lines = []
        while not (lines and lines[-1].startswith("ready")):
            line = stack.stdout.readline()
            if not line:
                sys.exit("the local stack does not start")
            lines.append(line.rstrip())
        api, environment = stack_environment(lines)
        say("training a model")
        dataset, job = deployed(api)

        measured = {}
        log = f"{folder}/functions.log"
        for function, event in EVENTS.items():
            say(function)
            event = (arguments.events / function / f"{event}.json").read_text()
            event = event.replace(DATASET, dataset).replace(JOB, job).replace("automl-dev-datasets-123456789012", "automl-local-datasets-000000000000")
            sides = {"ours": [arguments.release / function]}
            if function == "predict":
                event = event.replace("explain=true", "").replace('"explain": "true"', "")
                sides["peer"] = [sys.executable, here / "peer.py"]
            for repeat in range(arguments.repeats + 1):
                for side, command in sides.items():
                    figures = start(command, environment, event.encode(), log)
                    # The first only brings the files into the system's cache.
                    for name, value in figures.items() if repeat else ():
                        measured.setdefault((function, name), {}).setdefault(side, []).append(value)

results, bad = [], []
for (function, name), sides in measured.items():
    ours = statistics.median(sides["ours"])
    peer = statistics.median(sides["peer"]) if "peer" in sides else None
    ratio = ours / peer if peer else None
    results.append({"case": function, "metric": name, "ours": ours, "peer": peer, "peer_name": "FastAPI, Mangum, boto3, ONNX Runtime" if peer else None,
                    "ratio": ratio, "unit": "ms"})
    if ours > BARS.get(name, ours):
        bad.append(f"{function}: {name} {ours:.1f} ms, of {BARS[name]} at most")

print(f"{'':12}" + "".join(f"{name:>12}" for name in ("init", "init CPU", "first", "first CPU")) + "   ms, medians")
by = {(result["case"], result["metric"]): result for result in results}
for function in EVENTS:
    print(f"{function:12}" + "".join(f"{by[function, name]['ours']:12.1f}" for name in ("init", "init CPU", "first", "first CPU")))
print(f"{'in Python':12}" + "".join(f"{by['predict', name]['peer']:12.1f}" for name in ("init", "init CPU", "first", "first CPU")))
Path("target/bench/init.json").write_text(json.dumps(results, indent=1))
for line in bad:
    print(f"over the bar: {line}", file=sys.stderr)
sys.exit(1 if bad else 0)
