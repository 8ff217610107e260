"""What the AWS account has, and what this machine has to work with."""

import base64
import os
import shutil
import subprocess
import sys
import tomllib

import boto3
import botocore.exceptions

# The variable of AWS's newer programs, which its Python libraries and SAM do not read.
if "AWS_REGION" in os.environ:
    os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])


def stack_name(environment):
    with open("samconfig.toml", "rb") as file:
        sections = tomllib.load(file)
    try:
        return sections[environment]["global"]["parameters"]["stack_name"]
    except KeyError:
        known = ", ".join(name for name in sections if name not in ("version", "default"))
        sys.exit(f"samconfig.toml has no environment {environment}; it has {known}")


def number():
    """The account's number; says what is missing where nobody is logged in."""
    try:
        return boto3.client("sts").get_caller_identity()["Account"]
    except botocore.exceptions.NoRegionError:
        sys.exit("no region is set: export AWS_REGION=eu-west-1, or the one that you want")
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as refused:
        sys.exit(f"AWS does not know who you are ({refused}): log in with 'aws sso login' or 'aws configure', or set AWS_PROFILE")


def region():
    return boto3.session.Session().region_name


def stack(name):
    """The deployed stack; None where there is none."""
    try:
        return boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except botocore.exceptions.ClientError as refused:
        if "does not exist" in str(refused):
            return None
        raise


def outputs(name):
    """The stack's outputs by name, empty before it has any."""
    found = stack(name)
    return {output["OutputKey"]: output["OutputValue"] for output in (found or {}).get("Outputs", [])}


def resources(name, kind):
    """Physical names of the stack's resources of a type."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    return [resource["PhysicalResourceId"] for page in pages for resource in page["StackResourceSummaries"] if resource["ResourceType"] == kind]


def container_tool():
    """The first that works, as `make image` takes it: docker may be a client without its engine."""
    for tool in ("docker", "podman"):
        if shutil.which(tool) and subprocess.run([tool, "info"], capture_output=True).returncode == 0:
            return tool
    sys.exit("neither docker (with its engine) nor podman is here: the trainer's image needs one to be built and pushed")


def registry_login(repository):
    token = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(token["authorizationToken"]).decode().split(":", 1)
    return repository.split("/")[0], user, password
