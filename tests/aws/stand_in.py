"""Batch, which the emulator has only in name: ours, run as it is on a developer's machine.

It runs the trainer as the user whose policies are those of the trainer's role. Its events go to the functions that EventBridge's rules
name; not through EventBridge, which takes events in AWS's name from nobody else.
"""

import json
import os
import signal
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from deployment import Deployment
from emulator import REGION

USER = "trainer"


class Batch:
    """Runs from its creation to `stop`."""

    def __init__(self, program: Path, trainer: Path, port: int, deployment: Deployment, folder: Path):
        """Serves on `port`, and runs `trainer`."""
        self.events = []
        self.log = folder / "batch.log"
        self.server = event_server(self.events, deployment)
        Thread(target=self.server.serve_forever, daemon=True).start()
        variables = deployment.function("jobs")["Environment"]["Variables"]
        self.emulator, self.key = deployment.emulator, trainer_key(deployment)
        account = {
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.key["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.key["aws_secret_access_key"],
            "AWS_ENDPOINT_URL": deployment.emulator.endpoint,
            "SSL_CERT_FILE": str(deployment.emulator.certificate),
        }
        events = f"http://127.0.0.1:{self.server.server_port}/"
        names = [variables["BATCH_JOB_QUEUE"], variables["BATCH_JOB_DEFINITION"]]
        self.process = subprocess.Popen(
            [program, str(port), trainer, folder / "batch", events, *names, *(f"{name}={value}" for name, value in account.items())],
            env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=self.log.open("w"), stderr=subprocess.STDOUT,
        )

    def states(self, job_id: str) -> list[str]:
        """What was told of one of our jobs, in the order in which it was told."""
        details = [event["detail"] for event, _ in self.events]
        return [detail["status"] for detail in details if detail["parameters"]["job_id"] == job_id]

    def client(self, service: str):
        """A client with the trainer's key."""
        return self.emulator.client(service, self.key)

    def kill_trainer(self):
        """Ends what runs without a warning."""
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                os.kill(int(child), signal.SIGKILL)

    def stop(self):
        """Ends it and what it runs."""
        self.process.terminate()
        self.process.wait()
        self.server.shutdown()
        self.server.server_close()


def event_server(events: list, deployment: Deployment) -> ThreadingHTTPServer:
    """Keeps each event that is posted, and whom it was passed on to."""
    bridge, functions = deployment.emulator.client("events"), deployment.emulator.client("lambda")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told = targets(bridge, event)
            events.append((event, told))
            for function in told:
                functions.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def targets(bridge, event: dict) -> list[str]:
    """The ARNs of what the rules whose pattern the event has lead to."""
    rules = [rule for rule in bridge.list_rules()["Rules"] if rule.get("EventPattern") and rule["State"] == "ENABLED"]
    matching = [rule for rule in rules if bridge.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]]
    return [target["Arn"] for rule in matching for target in bridge.list_targets_by_rule(Rule=rule["Name"])["Targets"]]


def trainer_key(deployment: Deployment) -> dict:
    """A key of a user who may do what the trainer may: only ECS can take the role itself."""
    identities = deployment.emulator.client("iam")
    role = deployment.trainer_role()
    identities.create_user(UserName=USER)
    for name in identities.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = identities.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        identities.put_user_policy(UserName=USER, PolicyName=name, PolicyDocument=json.dumps(policy))
    key = identities.create_access_key(UserName=USER)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
