"""Predicting over HTTP beside the stack of the system that ours replaces (peer.py): the same models, S3, DynamoDB and load, the two in turn.

    python run.py STACK LOAD WRITE [--repeats 5] [--seconds 3] [--clients 16]

STACK is the folder of the built binaries, `predict` and `automl-local` among them; LOAD the example `load` of local, WRITE the example
`predict` of shared/model. Ours is served by `automl-local up`, whose S3 and DynamoDB serve both. Two models: one of random trees, and one
that is trained over HTTP from a generated table.

cold    from the start of the process to its first prediction: processor time of the process, and seconds until the answer is there
        (ours: an instance that the gateway starts for the request; the peer's: uvicorn, asked until it answers)
memory  of the process after that prediction, now and at most
warm    processor time of the process for each request of one client
load    CLIENTS clients that send requests without a pause; uvicorn has as many workers as there are processors, or one, whichever has the
        lower p99

The processor's time is the process's own clock. What counts is the median of the repeats.
"""

import argparse
import http.client
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from hashlib import sha256
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(here))
from processes import processor_ms, running, say  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("stack")
parser.add_argument("load")
parser.add_argument("write")
parser.add_argument("--repeats", type=int, default=5)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--clients", type=int, default=16)
parser.add_argument("--trees", type=int, default=500)
parser.add_argument("--leaves", type=int, default=63)
parser.add_argument("--features", type=int, default=25)
arguments = parser.parse_args()

NAMES = {"bucket": "automl-local-models-000000000000", "table": "automl-local-training-jobs"}
# What is measured → its unit, and how many times less ours has to be (below that many units where there is no ratio).
BARS = {"cold CPU": ("ms", 15), "cold wall": ("ms", None), "memory": ("MB", 4), "peak memory": ("MB", None), "warm CPU": ("ms", 8), "p99": ("ms", 5), "p50": ("ms", None), "requests/s": ("", None)}
os.environ["NO_PROXY"] = "localhost,127.0.0.1"


def megabytes(pid):
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return [int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]


def children(parent, name):
    """The running child processes of that name."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                command, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, its_parent = rest.split()[:2]
        if (command, int(its_parent)) == (name, parent) and state != "Z":
            found.append(int(pid))
    return found


def call(method, url, body=None, content_type="application/json"):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=120)
    connection.request(method, f"{parts.path}?{parts.query}", body, {"content-type": content_type})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"{method} {url}: {answer.status} {text.decode()[:500]}")
    return json.loads(text) if text else None


class Ours:
    def __init__(self, pid, api):
        self.pid, self.api = pid, api

    @contextmanager
    def instance(self, case):
        """An instance that was started for the first request, and what that took."""
        for pid in children(self.pid, "predict"):
            os.kill(pid, signal.SIGKILL)
        while children(self.pid, "predict"):
            time.sleep(0.01)
        # Until the last of its threads has gone, too.
        time.sleep(0.1)
        start = time.perf_counter()
        case.ask(self.api)
        wall = (time.perf_counter() - start) * 1e3
        [pid] = children(self.pid, "predict")
        yield self.api, pid, wall

    @contextmanager
    def server(self, _):
        yield self.api


class Peer:
    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    @contextmanager
    def instance(self, case, workers=1):
        port = free_port()
        api = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "uvicorn", "peer:app", "--port", str(port), "--workers", str(workers), "--no-access-log", "--log-level", "warning"]
        start = time.perf_counter()
        with running(command, os.path.join(self.folder, "peer.log"), cwd=here, env=self.environment) as process:
            while True:
                try:
                    case.ask(api)
                    break
                except ConnectionRefusedError:
                    if process.poll() is not None:
                        sys.exit(f"uvicorn does not start:\n{open(os.path.join(self.folder, 'peer.log')).read()[-1000:]}")
                    time.sleep(0.002)
            yield api, process.pid, (time.perf_counter() - start) * 1e3

    @contextmanager
    def server(self, case, workers):
        with self.instance(case, workers) as (api, _, _):
            yield api


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Case:
    """A deployed model and a row for it."""

    def __init__(self, name, job, features, folder):
        self.name, self.job = name, job
        self.body = os.path.join(folder, f"{job}.json")
        with open(self.body, "w") as out:
            json.dump({"features": features}, out)

    def ask(self, api):
        with open(self.body) as body:
            return call("POST", f"{api}/predict/{self.job}", body.read())

    def load(self, api, clients, seconds):
        done = subprocess.run([arguments.load, urlsplit(api).netloc, f"/predict/{self.job}", self.body, str(clients), str(seconds)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{api} under load: {done.stderr[-500:]}")
        return json.loads(done.stdout)


def table():
    """5,000 customers, of whom those leave whose columns add up."""
    chance = random.Random(1)
    lines = [",".join([f"x{number}" for number in range(15)] + [f"kind{number}" for number in range(5)] + ["leaves"])]
    for _ in range(5_000):
        numbers = [round(chance.gauss(0, 1), 3) for _ in range(15)]
        kinds = [chance.randrange(6) for _ in range(5)]
        score = sum(numbers[:5]) + numbers[5] * numbers[6] + kinds[0] - 2.5 + (kinds[1] == 2) + chance.gauss(0, 1.5)
        lines.append(",".join([str(number) for number in numbers] + ["abcdef"[kind] for kind in kinds] + ["yes" if score > 0 else "no"]))
    return "\n".join(lines) + "\n"


def trained(api, folder):
    """A model of the whole service: upload, training, deployment."""
    upload = call("POST", f"{api}/upload", json.dumps({"filename": "customers.csv"}))
    call("PUT", upload["upload_url"], table(), "text/csv")
    call("POST", f"{api}/datasets/{upload['dataset_id']}/confirm")
    train = {"dataset_id": upload["dataset_id"], "target_column": "leaves", "config": {"time_budget": 60}}
    job = call("POST", f"{api}/train", json.dumps(train))["job_id"]
    while (state := call("GET", f"{api}/jobs/{job}"))["status"] != "completed":
        if state["status"] not in ("pending", "running"):
            sys.exit(f"training ended as {state['status']}: {state['error_message']}")
        time.sleep(1)
    call("POST", f"{api}/jobs/{job}/deploy", json.dumps({"deploy": True}))
    example = call("GET", f"{api}/predict/{job}/info")["example_request"]
    return Case("trained", job, example["features"], folder)


def random_trees(like, storage, database, folder):
    """A model of random trees, its job made from that of a trained one."""
    written = subprocess.run([arguments.write, "write", folder, *map(str, (arguments.trees, arguments.leaves, arguments.features)), "1"], capture_output=True, text=True)
    if written.returncode:
        sys.exit(written.stderr[-500:])
    with open(os.path.join(folder, "model.onnx"), "rb") as file:
        model = file.read()
    job, names = str(uuid.UUID(int=random.Random(1).getrandbits(128), version=4)), [f"x{number}" for number in range(arguments.features)]
    item = database.get_item(TableName=NAMES["table"], Key={"job_id": {"S": like.job}})["Item"]
    key = f"models/{job}/model.onnx"
    item |= {"job_id": {"S": job}, "onnx_model_path": {"S": f"s3://{NAMES['bucket']}/{key}"}, "model_sha256": {"S": sha256(model).hexdigest()}}
    info = item["preprocessing_info"]["M"]
    info["feature_columns"] = {"L": [{"S": name} for name in names]}
    info["feature_types"] = {"M": {name: {"S": "numeric"} for name in names}}
    info |= {name: {"M": {}} for name in ("categorical_mappings", "numeric_stats")}
    storage.put_object(Bucket=NAMES["bucket"], Key=key, Body=model)
    database.put_item(TableName=NAMES["table"], Item=item)
    return Case(f"{arguments.trees} trees", job, {name: 0.5 for name in names}, folder)


def agree(case, ours, peer):
    with peer.instance(case) as (api, _, _):
        mine, theirs = (case.ask(where) for where in (ours.api, api))
    apart = max(abs(mine["probabilities"][label] - theirs["probabilities"][label]) for label in theirs["probabilities"])
    if mine["prediction"] != theirs["prediction"] or apart > 1e-5:
        sys.exit(f"the answers differ: {mine} and {theirs}")


def instance_figures(case, side):
    """Cold and warm: processor time, seconds and memory of one process."""
    with side.instance(case) as (api, pid, wall):
        time.sleep(0.05)
        cold, (resident, peak) = processor_ms(pid), megabytes(pid)
        case.load(api, 1, 0.5)
        before = processor_ms(pid)
        requests = case.load(api, 1, arguments.seconds)["requests"]
        warm = (processor_ms(pid) - before) / requests
    return {"cold CPU": cold, "cold wall": wall, "memory": resident, "peak memory": peak, "warm CPU": warm}


def load_figures(case, side, *workers):
    with side.server(case, *workers) as api:
        case.load(api, arguments.clients, 1)
        load = case.load(api, arguments.clients, arguments.seconds)
    return {"p50": load["p50_ms"], "p99": load["p99_ms"], "requests/s": load["requests"] / arguments.seconds}


def medians(rounds):
    return {metric: statistics.median(figures[metric] for figures in rounds) for metric in rounds[0]}


def measured(case, ours, peer):
    """The medians of both sides."""
    agree(case, ours, peer)
    workers = sorted({1, os.cpu_count()})
    instances, loads, theirs = ([], []), [], {count: [] for count in workers}
    for turn in range(arguments.repeats):
        say(f"{case.name}: {turn + 1} of {arguments.repeats}")
        for side, found in zip((ours, peer), instances):
            found.append(instance_figures(case, side))
        loads.append(load_figures(case, ours))
        for count in workers:
            theirs[count].append(load_figures(case, peer, count))
    best = min((medians(rounds) for rounds in theirs.values()), key=lambda load: load["p99"])
    return medians(instances[0]) | medians(loads), medians(instances[1]) | best


def announced(process):
    """The endpoints that the stack prints."""
    found = {}
    for line in process.stdout:
        words = line.split()
        if words[:1] == ["ready"]:
            return found
        if len(words) > 1:
            found[words[0]] = words[1]
    sys.exit("the stack does not start")


def main(folder):
    with running([os.path.join(arguments.stack, "automl-local"), "up", "--port", "0", "--data", folder], os.path.join(folder, "stack.log"), stdout=subprocess.PIPE, text=True) as process:
        places = announced(process)
        environment = os.environ | {
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local-secret",
            "AWS_ENDPOINT_URL_S3": places["S3"],
            "AWS_ENDPOINT_URL_DYNAMODB": places["DynamoDB"],
            "DYNAMODB_JOBS_TABLE": NAMES["table"],
        }
        os.environ.update(environment)
        storage = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
        say("training a model over HTTP (about a minute)")
        of_table = trained(places["API"], folder)
        of_random_trees = random_trees(of_table, storage, boto3.client("dynamodb"), folder)
        ours, peer = Ours(process.pid, places["API"]), Peer(folder, environment)
        return {case.name: measured(case, ours, peer) for case in (of_random_trees, of_table)}


# What was started is stopped when this is told to stop, too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
with tempfile.TemporaryDirectory() as folder:
    found = main(folder)
results = []
print(f"{arguments.clients} clients at a time for p50, p99 and requests/s; ratio: how many times better ours is, bar: how many times it has to be")
print(f"{'':12}{'':12}{'ours':>10}{'Python':>10}{'':4}{'ratio':>8}{'bar':>6}")
for case, (mine, theirs) in found.items():
    for metric, (unit, bar) in BARS.items():
        ratio = mine[metric] / theirs[metric] if metric == "requests/s" else theirs[metric] / mine[metric]
        verdict = "" if bar is None else f"{bar:6}  " + ("held" if ratio >= bar else "MISSED")
        print(f"{case:12}{metric:12}{mine[metric]:10.3f}{theirs[metric]:10.3f} {unit:3}{ratio:8.1f}{verdict}")
        results.append({"case": case, "metric": metric, "ours": mine[metric], "peer": theirs[metric], "peer_name": "FastAPI", "ratio": mine[metric] / theirs[metric], "unit": unit})
os.makedirs("target/bench", exist_ok=True)
with open("target/bench/serve.json", "w") as out:
    json.dump(results, out, indent=1)
