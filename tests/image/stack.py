"""A local stack whose trainer is the image, and a client of its API and of what it stores."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

FUNCTIONS = ["front", "upload", "datasets", "jobs", "deploy", "predict", "ingest", "job-events"]
# What podman and the stack need of our own environment; the container gets nothing of it.
OWN = ["PATH", "HOME", "TMPDIR", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"]
FINAL = ["completed", "failed", "cancelled"]


class Stack:
    def __init__(self, folder, built, image, memory):
        """Starts a stack in `folder` with the binaries of the folder `built`."""
        self.binaries, self.data = folder / "bin", folder / "data"
        self.binaries.mkdir(parents=True)
        for name in [*FUNCTIONS, "automl-local"]:
            os.link(built / name, self.binaries / name)
        shutil.copy(Path(__file__).with_name("trainer"), self.binaries / "trainer")
        (self.binaries / "image").write_text(image)
        self.limit_memory(memory)
        with (folder / "stack.log").open("w") as log:
            self.process = subprocess.Popen(
                [self.binaries / "automl-local", "up", "--port", "0", "--data", self.data],
                env={name: os.environ[name] for name in OWN if name in os.environ},
                stdout=subprocess.PIPE, stderr=log, text=True,
            )
        places = {}
        for line in self.process.stdout:
            what, _, place = line.strip().partition(" ")
            places[what] = place.strip().split(" ")[0]
            if what == "ready":
                break
        assert "ready" in places, f"the stack did not start; see {folder}/stack.log"
        self.api, self.database = places["ready"], places["DynamoDB"]

    def limit_memory(self, limit):
        """Sets what containers that start from now on may take."""
        (self.binaries / "memory").write_text(limit)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        status, answer = send(method, self.api + path, data, {"content-type": "application/json"})
        assert status == 200, f"{method} {path}: {status} {answer.decode(errors='replace')}"
        return json.loads(answer)

    def upload(self, filename, content):
        """Uploads a table and has it read; the dataset's identifier."""
        answer = self.call("POST", "/upload", {"filename": filename})
        status, refusal = send("PUT", answer["upload_url"], content, {"content-type": "text/csv"})
        assert status == 200, f"the upload is refused: {status} {refusal}"
        self.call("POST", f"/datasets/{answer['dataset_id']}/confirm")
        return answer["dataset_id"]

    def train(self, dataset, target, **config):
        """Starts a job; its identifier."""
        body = {"dataset_id": dataset, "target_column": target, "config": {"time_budget": 60, **config}}
        return self.call("POST", "/train", body)["job_id"]

    def wait(self, job, seconds):
        """The job once it has ended; fails when it is open for longer than that."""
        return until(seconds, f"the job {job} stays open", lambda: ended(self.call("GET", f"/jobs/{job}")))

    def item(self, job):
        """The job as it is stored, without DynamoDB's types of its texts."""
        # The local server wants a signature and does not check it.
        headers = {
            "x-amz-target": "DynamoDB_20120810.Scan", "content-type": "application/x-amz-json-1.0", "x-amz-date": "20260131T120000Z",
            "authorization": "AWS4-HMAC-SHA256 Credential=local/20260131/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        }
        ask = lambda target, body: json.loads(send(
            "POST", self.database, json.dumps(body).encode(), {**headers, "x-amz-target": f"DynamoDB_20120810.{target}"})[1])
        table = next(name for name in ask("ListTables", {})["TableNames"] if "jobs" in name)
        item = ask("GetItem", {"TableName": table, "Key": {"job_id": {"S": job}}, "ConsistentRead": True})["Item"]
        return {name: value["S"] for name, value in item.items() if "S" in value}

    def stored(self, job):
        """The files of the job's model and reports, by bucket and key."""
        storage = self.data / "s3"
        files = [file for kind in ("models", "reports") for file in storage.glob(f"*/{kind}/{job}/**/*") if file.is_file()]
        return {str(file.relative_to(storage)): file for file in files}


def ended(job):
    return job if job["status"] in FINAL else None


def send(method, url, data=None, headers=None):
    """Status and body, whatever the status."""
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def until(seconds, failure, found, pause=0.1):
    """What `found` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, failure
        time.sleep(pause)
    return result
