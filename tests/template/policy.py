"""What a deployment must have, whoever edits the template: checked on what it expands to, and against the code.

usage: policy.py EXPANDED.json PROJECT
"""

import json
import re
import sys
from pathlib import Path

# Of these calls AWS knows no resource.
WITHOUT_RESOURCE = {"batch:DescribeJobs", "ecr:GetAuthorizationToken", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
# Who may be called by anyone, with an issuer too: what is there, and what is not.
OPEN_ROUTES = {"GET /", "GET /health", "GET /openapi.json", "GET /docs", "GET /redoc", "$default"}
# Set by Lambda, by Batch, or by a person who runs a binary by hand.
SET_BY_OTHERS = re.compile(r"AWS_(REGION|DEFAULT_REGION|LAMBDA_\w+|ENDPOINT_URL_\w+|BATCH_\w+)$")
ALARMS = {"Errors", "Throttles", "Duration"}


class Template:
    """The expanded template's resources, by type."""

    def __init__(self, resources):
        self.resources = resources

    def of(self, kind):
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == f"AWS::{kind}"}

    def properties(self, kind):
        return {name: resource.get("Properties", {}) for name, resource in self.of(kind).items()}


def listed(value):
    return value if isinstance(value, list) else [value]


def text(value):
    """A resource's name, however it is written: references as `${Name}`."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Ref":
        return f"${{{argument}}}"
    if function == "Fn::GetAtt":
        return f"${{{'.'.join(listed(argument))}}}"
    return argument if isinstance(argument, str) else argument[0]


def statements(template):
    """Every statement of every policy that lets someone do something."""
    for name, role in template.properties("IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for kind in ["IAM::ManagedPolicy", "S3::BucketPolicy", "SQS::QueuePolicy", "SNS::TopicPolicy"]:
        for name, policy in template.properties(kind).items():
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def permissions(template):
    for name, role in template.properties("IAM::Role").items():
        for policy in role.get("ManagedPolicyArns", []):
            if not isinstance(policy, dict) or policy.get("Ref") not in template.of("IAM::ManagedPolicy"):
                yield f"{name} has a policy that is not of this template: {policy}"
    for name, statement in statements(template):
        if statement["Effect"] != "Allow":
            continue
        if statement.get("Principal") in ("*", {"AWS": "*"}):
            yield f"{name} lets everyone {statement['Action']}"
        actions = listed(statement["Action"])
        yield from (f"{name} may do all of {action}" for action in actions if "*" in action)
        for resource in map(text, listed(statement["Resource"])):
            if resource == "*":
                if not set(actions) <= WITHOUT_RESOURCE:
                    yield f"{name} may do {actions} to everything"
            elif re.search(r"\*.", resource) or re.search(r"(\.Arn\}|:::[^/]*)/?\*$", resource):
                yield f"{name} may do {actions} to {resource}, which is too much"


def functions(template):
    logs = template.properties("Logs::LogGroup")
    watched = {name: set() for name in template.of("Lambda::Function")}
    for alarm in template.properties("CloudWatch::Alarm").values():
        for dimension in alarm.get("Dimensions", []):
            if dimension["Name"] == "FunctionName":
                watched[dimension["Value"]["Ref"]].add(alarm["MetricName"])
    told = {text(config["FunctionName"])[2:-1]: config for config in template.properties("Lambda::EventInvokeConfig").values()}
    invoked = {text(grant["FunctionName"])[2:-1] for grant in template.properties("Lambda::Permission").values()
               if grant["Principal"] in ("s3.amazonaws.com", "events.amazonaws.com")}
    for name, function in template.properties("Lambda::Function").items():
        if text(function["Role"])[2:-5] not in template.of("IAM::Role"):
            yield f"{name} has no role of this template"
        if text(function.get("LoggingConfig", {}).get("LogGroup", ""))[2:-1] not in logs:
            yield f"{name} has no log group of this template"
        if "TracingConfig" not in function:
            yield f"{name} is not traced"
        if "ReservedConcurrentExecutions" not in function:
            yield f"{name} has no limit on what it costs at once"
        for missing in sorted(ALARMS - watched[name]):
            yield f"{name} has no alarm on {missing}"
        if name in invoked:
            config = told.get(name, {})
            if "OnFailure" not in config.get("DestinationConfig", {}) or "MaximumRetryAttempts" not in config:
                yield f"{name} loses events that it cannot handle"
    for name, group in logs.items():
        if "RetentionInDays" not in group:
            yield f"{name} is kept for ever"


def storage(template):
    for name, bucket in template.properties("S3::Bucket").items():
        blocked = bucket.get("PublicAccessBlockConfiguration", {})
        if [blocked.get(key) for key in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")] != [True] * 4:
            yield f"{name} can become public"
        for needed in ["BucketEncryption", "VersioningConfiguration", "LifecycleConfiguration"]:
            if needed not in bucket:
                yield f"{name} has no {needed}"
    for kind, policy, key in [("S3::Bucket", "S3::BucketPolicy", "Bucket"), ("SQS::Queue", "SQS::QueuePolicy", "Queues"),
                              ("SNS::Topic", "SNS::TopicPolicy", "Topics")]:
        guarded = set()
        for document in template.properties(policy).values():
            denied = [s for s in document["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"
                      and s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}]
            if denied:
                guarded |= {text(of)[2:-1] for of in listed(document[key])}
        yield from (f"{name} takes requests without TLS" for name in template.of(kind) if name not in guarded)
    for name, table in template.properties("DynamoDB::Table").items():
        if table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
            yield f"{name} cannot be restored to a point in time"
        if table.get("TimeToLiveSpecification", {}).get("Enabled") is not True:
            yield f"{name} keeps what has expired"
        if "DeletionProtectionEnabled" not in table:
            yield f"{name} cannot be protected from deletion"
    for name, queue in template.properties("SQS::Queue").items():
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
    for name, repository in template.properties("ECR::Repository").items():
        for needed in ["EncryptionConfiguration", "LifecyclePolicy", "ImageScanningConfiguration"]:
            if needed not in repository:
                yield f"{name} has no {needed}"


def training(template):
    for name, job in template.properties("Batch::JobDefinition").items():
        container = job["ContainerProperties"]
        rules = job.get("RetryStrategy", {}).get("EvaluateOnExit", [])
        if not rules or rules[-1] != {"OnReason": "*", "Action": "EXIT"}:
            yield f"{name} runs again when its program fails"
        if "Timeout" not in job:
            yield f"{name} may run for ever"
        if container.get("ReadonlyRootFilesystem") is not True:
            yield f"{name} may change its own image"
        if "LogConfiguration" not in container:
            yield f"{name} has no log"
    for name, group in template.properties("EC2::SecurityGroup").items():
        if group.get("SecurityGroupIngress"):
            yield f"{name} lets others in"


def routes(template, project):
    document = json.loads((project / "functions/front/openapi.json").read_text())
    methods = {"get", "post", "put", "patch", "delete"}
    in_code = {f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations if method in methods}
    # The pages that show the document are not in it.
    in_code |= {"GET /openapi.json", "GET /docs", "GET /redoc", "$default"}
    in_template = {route["RouteKey"]: route for route in template.properties("ApiGatewayV2::Route").values()}
    yield from (f"the code answers {route}, and the template has no such route" for route in sorted(in_code - in_template.keys()))
    yield from (f"the template has the route {route}, which no code answers" for route in sorted(in_template.keys() - in_code))
    for key, route in in_template.items():
        closed = route.get("AuthorizationType") == {"Fn::If": ["HasIssuer", "JWT", "NONE"]} and "AuthorizerId" in route
        if closed == (key in OPEN_ROUTES):
            yield f"{key} {'asks' if closed else 'does not ask'} for a token"


def variables(template, project):
    """Names of environment variables in the code, against those of the template and of a job's submission."""
    def read_in(*folders):
        sources = [source.read_text() for folder in folders for source in sorted(project.glob(f"{folder}/**/*.rs"))]
        # The unit tests at a file's end set what they like.
        return {name for source in sources for name in re.findall(
            r'(?:var(?:_os)?|variable|number)\("([A-Z][A-Z0-9_]+)"|Self::\w+ => "([A-Z][A-Z0-9_]+)"', source.split("#[cfg(test)]")[0]) for name in name if name}

    of_functions = read_in("functions/*/src", "shared/api/src", "shared/cloud/src")
    set_there = {name for function in template.properties("Lambda::Function").values() for name in function["Environment"]["Variables"]}
    yield from (f"the functions read {name}, which the template does not set"
                for name in sorted(of_functions - set_there) if not SET_BY_OTHERS.match(name))
    yield from (f"the template sets {name}, which no function reads" for name in sorted(set_there - of_functions))

    submission = (project / "shared/cloud/src/batch.rs").read_text()
    submitted = set(re.findall(r'\("([A-Z][A-Z0-9_]+)",', submission))
    environment = (project / "training-image/src/container/environment.rs").read_text().split("#[cfg(test)]")[0]
    of_trainer = set(re.findall(r'^\s+"([A-Z][A-Z0-9_]+)",$', environment, re.MULTILINE))
    yield from (f"the trainer reads {name}, which no submission sets" for name in sorted(of_trainer - submitted)
                if not SET_BY_OTHERS.match(name))
    # The region is read by what all programs share.
    yield from (f"a submission sets {name}, which the trainer does not read" for name in sorted(submitted - of_trainer - {"REGION"}))


def faults(resources, project):
    """Everything that is wrong, in words."""
    template = Template(resources)
    for check in [permissions, functions, storage, training]:
        yield from check(template)
    yield from routes(template, project)
    yield from variables(template, project)


if __name__ == "__main__":
    found = list(faults(json.loads(Path(sys.argv[1]).read_text())["Resources"], Path(sys.argv[2])))
    for fault in found:
        print(f"template: {fault}", file=sys.stderr)
    sys.exit(1 if found else print("the template has what it must have"))
