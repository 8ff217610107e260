"""Each rule of the policy finds the fault that it is for: the real template with one thing changed.

usage: policy_test.py EXPANDED.json PROJECT
"""

import copy
import json
import sys
import tempfile
from pathlib import Path

from policy import faults

EXPANDED, PROJECT = Path(sys.argv[1]), Path(sys.argv[2])


def role(resources, name="PredictRole"):
    return resources[name]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]


def drop(name, *path):
    def change(resources):
        *parents, last = path
        at = resources[name]["Properties"]
        for parent in parents:
            at = at[parent]
        del at[last]
    return change


def put(name, value, *path):
    def change(resources):
        *parents, last = path
        at = resources[name]["Properties"]
        for parent in parents:
            at = at[parent]
        at[last] = value
    return change


def grant(statement, name="PredictRole"):
    return lambda resources: role(resources, name).append({"Effect": "Allow", **statement})


CASES = {
    "may do all of s3:*": grant({"Action": "s3:*", "Resource": {"Fn::Sub": "${ModelsBucket.Arn}/models/*"}}),
    "to everything": grant({"Action": "s3:GetObject", "Resource": "*"}),
    "which is too much": grant({"Action": "s3:GetObject", "Resource": {"Fn::Sub": "${ModelsBucket.Arn}/*"}}),
    "to arn:aws:s3:::a-*/models, which is too much": grant({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-*/models"}),
    "not of this template": put("PredictRole", ["arn:aws:iam::aws:policy/AmazonS3FullAccess"], "ManagedPolicyArns"),
    "lets everyone s3:GetObject": lambda resources: resources["ModelsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": {"Fn::Sub": "${ModelsBucket.Arn}/models/*"}}),
    "UploadFunction has no role": put("UploadFunction", {"Fn::GetAtt": ["Other", "Arn"]}, "Role"),
    "UploadFunction has no log group": drop("UploadFunction", "LoggingConfig"),
    "UploadFunction is not traced": drop("UploadFunction", "TracingConfig"),
    "UploadFunction has no limit": drop("UploadFunction", "ReservedConcurrentExecutions"),
    "PredictFunction has no alarm on Throttles": lambda resources: resources.pop("PredictThrottles"),
    "IngestFunction loses events": drop("IngestFunctionEventInvokeConfig", "DestinationConfig"),
    "TrainerLogs is kept for ever": drop("TrainerLogs", "RetentionInDays"),
    "DatasetsBucket can become public": put("DatasetsBucket", False, "PublicAccessBlockConfiguration", "BlockPublicPolicy"),
    "ReportsBucket has no BucketEncryption": drop("ReportsBucket", "BucketEncryption"),
    "ModelsBucket has no LifecycleConfiguration": drop("ModelsBucket", "LifecycleConfiguration"),
    "ModelsBucket takes requests without TLS": lambda resources: resources.pop("ModelsBucketPolicy"),
    "JobsTopic takes requests without TLS": lambda resources: resources.pop("JobsTopicPolicy"),
    "JobsTable cannot be restored": put("JobsTable", False, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
    "DatasetsTable keeps what has expired": drop("DatasetsTable", "TimeToLiveSpecification"),
    "JobsTable cannot be protected": drop("JobsTable", "DeletionProtectionEnabled"),
    "LostEvents is not encrypted": drop("LostEvents", "SqsManagedSseEnabled"),
    "TrainerRepository has no LifecyclePolicy": drop("TrainerRepository", "LifecyclePolicy"),
    "runs again when its program fails": lambda resources: resources["TrainerDefinition"]["Properties"]["RetryStrategy"]["EvaluateOnExit"].pop(),
    "may run for ever": drop("TrainerDefinition", "Timeout"),
    "may change its own image": drop("TrainerDefinition", "ContainerProperties", "ReadonlyRootFilesystem"),
    "lets others in": put("TrainerSecurityGroup", [{"IpProtocol": "-1"}], "SecurityGroupIngress"),
    "the code answers PATCH /jobs/{job_id}": lambda resources: resources.pop("PatchJobRoute"),
    "which no code answers": put("PatchJobRoute", "PUT /jobs/{job_id}", "RouteKey"),
    "GET /jobs does not ask for a token": drop("ListJobsRoute", "AuthorizationType"),
    "the functions read EVENT_BUS": lambda resources: [
        function["Properties"]["Environment"]["Variables"].pop("EVENT_BUS")
        for function in resources.values() if function["Type"] == "AWS::Lambda::Function"],
    "sets COLOUR, which no function reads": put("JobsFunction", "red", "Environment", "Variables", "COLOUR"),
}


def found(change, project=PROJECT):
    resources = copy.deepcopy(json.loads(EXPANDED.read_text())["Resources"])
    change(resources)
    return list(faults(resources, project))


for expected, change in CASES.items():
    told = found(change)
    assert any(expected in fault for fault in told), f"'{expected}' is not among {told}"

# What only the code can be changed for: a trainer that reads what no submission sets.
with tempfile.TemporaryDirectory() as folder:
    for part in ["functions", "shared", "training-image"]:
        for source in PROJECT.glob(f"{part}/**/*"):
            if source.suffix in (".rs", ".json") and source.is_file() and "target" not in source.parts:
                copied = Path(folder) / source.relative_to(PROJECT)
                copied.parent.mkdir(parents=True, exist_ok=True)
                copied.write_bytes(source.read_bytes())
    batch = Path(folder) / "shared/cloud/src/batch.rs"
    batch.write_text(batch.read_text().replace('("TIME_BUDGET",', '("TIME",'))
    told = found(lambda resources: None, Path(folder))
    for expected in ["the trainer reads TIME_BUDGET", "a submission sets TIME, which"]:
        assert any(expected in fault for fault in told), f"'{expected}' is not among {told}"

print(f"the policy finds each of {len(CASES) + 2} faults")
