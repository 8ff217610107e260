"""Deploys the template to the emulator, as CloudFormation would, but for what the emulator does not have."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import urllib3
from botocore.exceptions import WaiterError

from emulator import ACCOUNT, REGION, Emulator

STACK = "automl"
CODE = "code"
PARAMETERS = {
    "Architecture": "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64",
    "AlarmEmail": "alarms@example.com",
    "JobEmail": "jobs@example.com",
    "MaxUploadSize": "1000000",
}
EXPAND = Path(__file__).parent.parent / "template" / "expand.py"

# What the emulator is not given, and why.
LEFT_OUT = {
    "AWS::Batch::ComputeEnvironment": "its CloudFormation has no Batch",
    "AWS::Batch::JobQueue": "its CloudFormation has no Batch; ours stands in, as its own completes jobs without running them",
    "AWS::Batch::JobDefinition": "as the queue",
    "AWS::Budgets::Budget": "its CloudFormation has no budgets",
}


class Deployment:
    """What the template became."""

    def __init__(self, emulator: Emulator, template: Path, functions: Path, folder: Path):
        """Deploys `template` with the zip files below `functions`."""
        self.emulator = emulator
        expanded = expand(template, folder / "template.json")
        self.left_out = {name: resource for name, resource in expanded["Resources"].items() if resource["Type"] in LEFT_OUT}
        storage = emulator.client("s3")
        storage.create_bucket(Bucket=CODE)
        for resource in resources_of(expanded, "AWS::Lambda::Function"):
            key = f"{resource['Metadata']['BuildProperties']['Binary']}/bootstrap.zip"
            storage.upload_file(str(functions / key), CODE, key)
            resource["Properties"]["Code"] = {"S3Bucket": CODE, "S3Key": key}
        storage.put_object(Bucket=CODE, Key="template.json", Body=json.dumps(without(expanded, self.left_out)))
        self.template = f"{emulator.endpoint}/{CODE}/template.json"
        self.update({})
        pages = emulator.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        self.resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        (self.api,) = self.of_type("AWS::ApiGatewayV2::Api")
        self.host = f"{self.api}.execute-api.{emulator.address}"

    def update(self, parameters: dict):
        """Makes the stack, or gives it other parameters; says what was refused if that cannot be done."""
        stacks = self.emulator.client("cloudformation")
        values = [{"ParameterKey": name, "ParameterValue": value} for name, value in {**PARAMETERS, **parameters}.items()]
        request = {"StackName": STACK, "TemplateURL": self.template, "Parameters": values, "Capabilities": ["CAPABILITY_IAM"]}
        exists = STACK in [stack["StackName"] for stack in stacks.describe_stacks()["Stacks"]]
        change, done = (stacks.update_stack, "stack_update_complete") if exists else (stacks.create_stack, "stack_create_complete")
        change(**request)
        try:
            stacks.get_waiter(done).wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        except WaiterError as error:
            events = stacks.describe_stack_events(StackName=STACK)["StackEvents"]
            failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
            reasons = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed]
            raise RuntimeError("the stack is not made:\n" + "\n".join(reasons)) from error

    def of_type(self, wanted: str) -> list[str]:
        """Physical names."""
        return [resource["PhysicalResourceId"] for resource in self.resources if resource["ResourceType"] == wanted]

    def physical(self, logical: str) -> str:
        """A resource's physical name."""
        (found,) = [resource["PhysicalResourceId"] for resource in self.resources if resource["LogicalResourceId"] == logical]
        return found

    def function(self, binary: str) -> dict:
        """The configuration of the function that is made of a binary."""
        (name,) = [name for name in self.of_type("AWS::Lambda::Function") if name.endswith(f"-{binary}")]
        return self.emulator.client("lambda").get_function_configuration(FunctionName=name)

    def function_arn(self, name: str) -> str:
        """The ARN of a function."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"

    def integrations(self) -> dict[str, str]:
        """The ARN of the function that answers each route."""
        apis = self.emulator.client("apigatewayv2")
        functions = {found["IntegrationId"]: found["IntegrationUri"] for found in apis.get_integrations(ApiId=self.api)["Items"]}
        routes = apis.get_routes(ApiId=self.api)["Items"]
        return {route["RouteKey"]: functions[route["Target"].removeprefix("integrations/")] for route in routes}

    def trainer_role(self) -> str:
        """The name of the role that jobs have."""
        (definition,) = [resource for resource in self.left_out.values() if resource["Type"] == "AWS::Batch::JobDefinition"]
        return self.physical(definition["Properties"]["ContainerProperties"]["JobRoleArn"]["Fn::GetAtt"][0])

    def call(self, method: str, path: str, body=None, headers=None) -> urllib3.BaseHTTPResponse:
        """A request to the API; a body that is no text is sent as JSON."""
        headers = {"Host": self.host, **(headers or {})}
        if body is not None and not isinstance(body, (bytes, str)):
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        return self.emulator.pool.request(method, self.emulator.endpoint + path, body=body, headers=headers, redirect=False)

    def get_by_path(self, path: str) -> urllib3.BaseHTTPResponse:
        """A request for a path that the emulator, asked under the API's own host name, takes for one of its own."""
        return self.emulator.pool.request("GET", f"{self.emulator.endpoint}/_aws/execute-api/{self.api}/$default{path}")


def expand(template: Path, expanded: Path) -> dict:
    """The template as SAM deploys it."""
    environment = {**os.environ, "AWS_DEFAULT_REGION": REGION}
    subprocess.run([sys.executable, EXPAND, template, expanded], check=True, env=environment)
    return json.loads(expanded.read_text())


def resources_of(template: dict, wanted: str) -> list[dict]:
    """The resources of a type."""
    return [resource for resource in template["Resources"].values() if resource["Type"] == wanted]


def without(template: dict, left_out: dict) -> dict:
    """The template less these resources; whatever refers to one gets the ARN that it would have."""
    arns = {name: arn(resource) for name, resource in left_out.items()}
    resources = {name: resource for name, resource in template["Resources"].items() if name not in left_out}
    return replaced({**template, "Resources": resources}, arns)


def arn(resource: dict):
    """The ARN of a queue or a job definition."""
    properties = resource["Properties"]
    queue, definition = properties.get("JobQueueName"), properties.get("JobDefinitionName")
    kind, name, revision = ("job-queue/", queue, "") if queue else ("job-definition/", definition, ":1")
    return {"Fn::Join": ["", [f"arn:aws:batch:{REGION}:{ACCOUNT}:{kind}", name, revision]]}


def replaced(value, arns: dict):
    """The value with all references to what is left out replaced."""
    if isinstance(value, list):
        return [replaced(item, arns) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in arns:
        return arns[value["Ref"]]
    if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in arns:
        return arns[value["Fn::GetAtt"][0]]
    return {key: replaced(item, arns) for key, item in value.items()}
