"""Builds the functions and the trainer's image and deploys both.

    python deploy.py ENVIRONMENT

ENVIRONMENT is a section of samconfig.toml, `dev` or `prod`, which has the stack's name and the parameters. The image goes first where its
repository exists already: an older image would not know what newer functions ask of it.
"""

import os
import subprocess
import sys
import time

import account


def sam(*command, environment):
    subprocess.run(["sam", *command, "--config-env", environment], check=True)


def push_image(repository, architecture):
    """Builds the image and pushes it as `latest`, and under the time, so that jobs can go back to it."""
    docker = account.container_tool()
    tag = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    subprocess.run(["make", "image", f"ARCH={architecture}", f"TAG={repository}:{tag}"], check=True)
    registry, user, password = account.registry_login(repository)
    subprocess.run([docker, "login", "--username", user, "--password-stdin", registry], input=password, text=True, check=True)
    subprocess.run([docker, "tag", f"{repository}:{tag}", f"{repository}:latest"], check=True)
    for name in (tag, "latest"):
        subprocess.run([docker, "push", f"{repository}:{name}"], check=True)
    print(f"pushed {repository}:{tag}", flush=True)


def main(environment):
    stack = account.stack_name(environment)
    number = account.number()
    account.container_tool()
    print(f"deploying {stack} to account {number}, region {account.region()}", flush=True)
    sam("build", environment=environment)
    before = account.outputs(stack)
    if before:
        push_image(before["TrainerRepositoryUri"], before["Architecture"])
    # A person confirms the changes; a pipeline was allowed to by whoever started it.
    sam("deploy", *([] if sys.stdin.isatty() else ["--no-confirm-changeset"]), environment=environment)
    after = account.outputs(stack)
    if not after:
        sys.exit(f"{stack} was not deployed")
    if not before:
        push_image(after["TrainerRepositoryUri"], after["Architecture"])
    print(f"ready {after['ApiUrl']}")


if __name__ == "__main__":
    os.environ.setdefault("SAM_CLI_TELEMETRY", "0")
    try:
        main(sys.argv[1])
    except subprocess.CalledProcessError as failed:
        sys.exit(f"'{' '.join(failed.cmd[:3])} …' failed; what was deployed before is as it was, or is finished by deploying again")
