"""Runs the functions, as `make build` makes them, on an emulator of AWS that is not ours, and uses them as clients do.

usage: run.py TEMPLATE FUNCTIONS BATCH TRAINER FOLDER
"""

import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import checks
import flow
import interface
import tokens
import uploads
import wiring
from deployment import LEFT_OUT, Deployment
from emulator import Emulator, free_port
from stand_in import Batch


def main(template: Path, functions: Path, program: Path, trainer: Path, folder: Path) -> bool:
    """Starts everything in a new `folder`, and stops it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    emulator = Emulator(folder, f"http://127.0.0.1:{port}")
    batch = None
    try:
        print(f"emulator at {emulator.endpoint}, on loopback alone")
        deployment = Deployment(emulator, template, functions, folder)
        tell_deployment(deployment)
        batch = Batch(program, trainer, port, deployment, folder)
        passed = all_of(deployment, batch)
        if not passed:
            print_logs(emulator, batch)
        return passed
    finally:
        if batch:
            batch.stop()
        emulator.stop()


def all_of(deployment: Deployment, batch: Batch) -> bool:
    """Whether everything holds."""
    passed = [
        scenario(interface.requests_of_the_right_and_the_wrong_form, deployment),
        scenario(interface.browsers_on_other_origins, deployment),
        scenario(uploads.a_url_takes_what_it_was_signed_for_and_nothing_else, deployment),
        scenario(uploads.a_form_takes_what_it_was_signed_for_and_nothing_else, deployment),
        scenario(uploads.nobody_reads_or_writes_without_a_url, deployment),
        scenario(wiring.whoever_invokes_a_function_is_permitted_to, deployment),
    ]
    job = scenario(flow.from_table_to_predictions, deployment, batch)
    if job is None:
        return False
    passed += [
        scenario(interface.a_job_is_seen_and_changed, deployment, job),
        scenario(flow.a_table_is_predicted, deployment, job),
        scenario(flow.a_job_that_its_owner_cancels_ends_at_once, deployment, batch, job),
        scenario(flow.a_job_whose_container_is_lost_is_failed, deployment, batch, job),
        scenario(flow.whoever_subscribes_is_told_how_a_job_ended, deployment, job),
        scenario(wiring.the_trainer_may_do_its_work_and_no_more, deployment, batch, job),
        scenario(tokens.who_has_a_token_sees_what_is_theirs, deployment, job),
        scenario(flow.what_is_deleted_is_gone, deployment, job),
    ]
    return all(passed)


def scenario(run, *arguments):
    """What it returns; nothing when it fails."""
    print(f"{run.__module__}: {run.__name__.replace('_', ' ')} …", end=" ", flush=True)
    begun, before = time.monotonic(), checks.done
    try:
        result = run(*arguments)
    except Exception:
        print("FAILED")
        traceback.print_exc()
        return None
    print(f"{checks.done - before} checks, {time.monotonic() - begun:.1f} s")
    return result or True


def tell_deployment(deployment: Deployment):
    """Which types are there and which are not."""
    types = sorted({resource["ResourceType"] for resource in deployment.resources})
    print(f"deployed {len(deployment.resources)} resources of {len(types)} types")
    for kind in sorted({resource["Type"] for resource in deployment.left_out.values()}):
        print(f"  not {kind}: {LEFT_OUT[kind]}")


def print_logs(emulator: Emulator, batch: Batch):
    """Everything that the functions, the trainer, Batch and the emulator wrote."""
    logs = emulator.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for event in logs.filter_log_events(logGroupName=name)["events"]:
            print(f"{name}: {event['message'].rstrip()}", file=sys.stderr)
    for file in [batch.log, emulator.log]:
        print(f"---- {file}\n{file.read_text(errors='replace')}", file=sys.stderr)


def interrupted(*_):
    """Lets everything be stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    sys.exit(0 if main(*(Path(argument).resolve() for argument in sys.argv[1:])) else 1)
