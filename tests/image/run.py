"""The trainer's image at work: `run.py IMAGE BINARIES [KILLS] [SEED]`, with the local stack's binaries. `make test-image` builds both.

What it is made of, a whole job over HTTP, jobs with little memory, and jobs that are killed.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import kills
from stack import Stack, send

# Of the image that is deployed; one that is not optimised is larger.
LARGEST_MB = 40
WORK = Path("target/image-test/run")
ROWS = 400
TARGET = "churn"
STACKS = 4
# Models that a job tries: enough for all that a job does, few enough for fifty jobs.
CANDIDATES = 20


def main(image, built, number_of_kills=50, seed=1):
    shutil.rmtree(WORK, ignore_errors=True)
    stacks = []
    try:
        step("the image", the_image, image)
        stacks.append(Stack(WORK / "0", built, image, "512m"))
        seconds = step("a whole job, in 512 MB", a_whole_job, stacks[0])
        step("a job in too little memory", too_little_memory, stacks[0])
        stacks += [Stack(WORK / str(number), built, image, "512m") for number in range(1, STACKS)]
        training = {"target": TARGET, "candidates": CANDIDATES}
        # Several share two processors.
        step("killed jobs", kills.run, stacks, table(), training, number_of_kills, seconds * STACKS / 2, seed)
    finally:
        for stack in stacks:
            stack.stop()


def the_image(image):
    about = json.loads(podman("image", "inspect", image))[0]
    megabytes = about["Size"] / 1e6
    config = about["Config"]
    print(f"  {megabytes:.1f} MB for {about['Architecture']}, user {config['User']}, volumes {list(config['Volumes'])}")
    if os.environ.get("OPTIMISED"):
        assert megabytes < LARGEST_MB, f"the image has {megabytes:.1f} MB, more than {LARGEST_MB}"
    assert int(config["User"].split(":")[0]) > 0, "the image runs as root"

    container = podman("create", image).strip()
    archive = subprocess.run(["podman", "export", container], capture_output=True, check=True).stdout
    podman("rm", "--volumes", container)
    names = subprocess.run(["tar", "-tv"], input=archive, capture_output=True, check=True).stdout.decode().splitlines()
    print("  " + "\n  ".join(name for name in names if not name.startswith("d")))
    programs = [name for name in names if "bin/" in name and not name.startswith("d")]
    assert len(programs) == 1, f"the image has more programs than the trainer: {programs}"
    for shell in ("/bin/sh", "sh", "/bin/bash", "/busybox/sh"):
        assert run(image, "--entrypoint", shell).returncode == 127, f"the image has {shell}"

    alone = run(image)
    assert alone.returncode == 1 and "set the environment variables JOB_ID" in alone.stderr, alone.stderr


def a_whole_job(stack):
    """From an upload to a prediction; how many seconds the job takes."""
    dataset = stack.upload("churn.csv", table())
    started = time.monotonic()
    job = stack.train(dataset, TARGET, candidates=CANDIDATES)
    ended = stack.wait(job, 120)
    seconds = time.monotonic() - started
    assert ended["status"] == "completed", ended["error_message"]
    kills.check(stack, job, ended)
    for name, url in ended.items():
        if name.endswith("_download_url") and url:
            status, content = send("GET", url)
            assert status == 200 and content, f"{name}: {status}"
    metrics = ended["metrics"]
    print(f"  {seconds:.1f} s, {ended['progress']['candidates_tried']} models tried, best {metrics['best_estimator']}")
    stack.call("POST", f"/jobs/{job}/deploy", {"deploy": True})
    row = {"contract": "monthly", "tenure": 3, "charges": 100, "city": "Oslo"}
    answer = stack.call("POST", f"/predict/{job}", {"features": row})
    print(f"  {row} → {answer['label']} ({answer['probability']:.2f})")
    assert answer["label"] == "yes", answer
    return seconds


def too_little_memory(stack):
    dataset = stack.upload("churn.csv", table())
    stack.limit_memory("16m")
    job = stack.train(dataset, TARGET)
    ended = stack.wait(job, 120)
    stack.limit_memory("512m")
    print(f"  {ended['status']}: {ended['error_message']}")
    kills.check(stack, job, ended)
    assert ended["status"] == "failed" and "memory" in ended["error_message"], ended


def table():
    """Customers who leave or stay, the same every time."""
    numbers = random.Random(1)
    lines = ["customer,contract,tenure,charges,city,churn"]
    for row in range(ROWS):
        contract = numbers.choice(["monthly", "yearly", "two years"])
        tenure, charges = numbers.randrange(72), round(numbers.uniform(20, 120))
        risk = 0.02 * charges - 0.04 * tenure + (1.5 if contract == "monthly" else -0.5)
        churn = "yes" if risk + numbers.uniform(-1, 1) > 0.5 else "no"
        city = numbers.choice(["Oslo", "São Paulo", "東京", '"New York, NY"'])
        lines.append(f"C-{row:05},{contract},{tenure},{'' if row % 17 == 0 else charges},{city},{churn}")
    return "\n".join(lines).encode()


def run(image, *options):
    return subprocess.run(["podman", "run", "--rm", "--read-only", *options, image], capture_output=True, text=True)


def podman(*arguments):
    return subprocess.run(["podman", *arguments], capture_output=True, check=True, text=True).stdout


def step(name, work, *arguments):
    print(f"{name} …", flush=True)
    started = time.monotonic()
    result = work(*arguments)
    print(f"  {time.monotonic() - started:.1f} s", flush=True)
    return result


if __name__ == "__main__":
    # So that the stacks end when this does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
