"""Trainers that are killed at random moments, as Spot does: each job ends, with a reason, and leaves whole files or none."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from select import select

from stack import until

# What a machine that is taken away leaves between SIGTERM and SIGKILL.
GRACE = 30
# Attributes of a completed job's item that name its files.
FILES = ["onnx_model_path", "model_path", "manifest_path", "leaderboard_path", "eda_report_path", "training_report_path"]


def run(stacks, table, training, kills, seconds_of_job, seed):
    """Kills so many jobs, each stack's one after the other; prints what became of them."""
    moments = random.Random(seed)
    plans = [plan(moments, seconds_of_job) for _ in range(kills)]
    print(f"  {kills} jobs on {len(stacks)} stacks, seed {seed}")

    def of_stack(number):
        stack = stacks[number]
        dataset = stack.upload("table.csv", table)
        return [kill(stack, dataset, training, plan) for plan in plans[number::len(stacks)]]

    with ThreadPoolExecutor(len(stacks)) as pool:
        ends = [end for ends in pool.map(of_stack, range(len(stacks))) for end in ends]
    print_table(ends)


def plan(moments, seconds_of_job):
    """What a kill is aimed at, when SIGTERM is sent, counted from there, and how long after it SIGKILL."""
    kind = moments.choice(["fetching", "searching", "storing"])
    latest, grace = {"fetching": (0.5, 0.1), "searching": (1.1 * seconds_of_job, 1.5), "storing": (0.06, 0.03)}[kind]
    return kind, moments.uniform(0, latest), moments.uniform(0, grace) if moments.random() < 0.4 else GRACE


def kill(stack, dataset, training, plan):
    """One job: started, killed, looked at. What was planned, whether it was there to be killed, how it ended and why."""
    kind, delay, grace = plan
    job = stack.train(dataset, **training)
    trainer = until(30, f"the container of {job} does not start", lambda: trainer_of(job), 0.005)
    if kind == "storing":
        until(90, f"{job} neither stores nor ends", lambda: stack.stored(job) or ends_within(0, trainer), 0.001)
    time.sleep(delay)
    hit = not ends_within(0, trainer)
    # Storing takes less time than podman takes to start.
    if kind == "storing":
        tell(trainer, signal.SIGTERM)
    else:
        subprocess.run(["podman", "kill", "--signal", "TERM", f"trainer-{job}"], capture_output=True)
    killed = not ends_within(grace, trainer)
    if killed:
        tell(trainer, signal.SIGKILL)
    ended = stack.wait(job, 60)
    assert ends_within(30, trainer), f"the container of {job} stays"
    os.close(trainer)
    left = check(stack, job, ended)
    sent = ("TERM, then KILL" if killed else "TERM") if hit else "nothing, it had ended"
    print(f"    {kind:9} {delay:6.3f} s: {sent:21} {ended['status']}, {left} files", flush=True)
    return kind, sent, ended["status"], left, ended["error_message"] or ""


def check(stack, job, ended):
    """Fails unless the job has ended with all its files, or with a reason and without any in its item; no file is a part of one.

    How many files there are: a job may end between storing them and telling so.
    """
    item, stored = stack.item(job), stack.stored(job)
    named = [item[name].removeprefix("s3://") for name in FILES if name in item]
    for name, file in stored.items():
        content = file.read_bytes()
        assert is_whole(name, content), f"{name}, of {len(content)} bytes, is no whole file ({ended['status']})"
    if ended["status"] == "completed":
        assert len(named) == len(FILES), f"{job} is completed and its item names {named}"
        assert set(named) == set(stored), f"{job} names {named} and has {sorted(stored)}"
        content = stored[item["onnx_model_path"].removeprefix("s3://")].read_bytes()
        assert sha256(content).hexdigest() == item["model_sha256"], f"the model of {job} is another one"
        assert not ended["error_message"], f"{job} is completed: {ended['error_message']}"
    else:
        assert ended["status"] == "failed", f"{job} is {ended['status']}"
        assert ended["error_message"], f"{job} failed without a reason"
        assert not named and "model_sha256" not in item, f"{job} failed, and its item names {named}"
    return len(stored)


def is_whole(name, content):
    match Path(name).suffix:
        case ".json":
            return isinstance(json.loads(content), dict | list)
        case ".html":
            return content.rstrip().endswith(b"</html>")
        case ".pkl":
            return content.endswith(b".")
        case ".onnx":
            return is_protobuf(content)
    return False


def is_protobuf(content):
    """Whether the bytes are fields of a protobuf message up to the last byte."""
    def number(at):
        value = shift = 0
        while True:
            byte = content[at]
            value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                return value, at
    at = 0
    try:
        while at < len(content):
            tag, at = number(at)
            match tag & 7:
                case 0: _, at = number(at)
                case 1: at += 8
                case 2:
                    length, at = number(at)
                    at += length
                case 5: at += 4
                case _: return False
    except IndexError:
        return False
    return at == len(content) > 0


def trainer_of(job):
    """A handle of the process in the job's container, once it runs."""
    variable = f"JOB_ID={job}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_trainer = os.readlink(process / "exe").endswith("/usr/local/bin/trainer")
            if is_trainer and variable in (process / "environ").read_bytes().split(b"\0"):
                return os.pidfd_open(int(process.name))
        except OSError:
            continue
    return None


def ends_within(seconds, trainer):
    return bool(select([trainer], [], [], seconds)[0])


def tell(trainer, what):
    try:
        signal.pidfd_send_signal(trainer, what)
    except ProcessLookupError:
        pass


def print_table(ends):
    print(f"  {'aimed at':9} {'sent':21} {'status':9} {'files':>5} {'jobs':>4}  reason")
    for (kind, sent, status, left, reason), jobs in sorted(Counter(ends).items()):
        print(f"  {kind:9} {sent:21} {status:9} {left:5} {jobs:4}  {reason}")
