"""Who may do what."""

import json

from botocore.exceptions import ClientError

from checks import same, true
from deployment import Deployment
from stand_in import Batch


def whoever_invokes_a_function_is_permitted_to(deployment: Deployment):
    """The emulator invokes without being permitted; AWS does not."""
    functions = deployment.emulator.client("lambda")
    permitted = {}
    for name in deployment.of_type("AWS::Lambda::Function"):
        statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
        principals = {statement["Principal"]["Service"] for statement in statements if "Condition" in statement}
        permitted[deployment.function_arn(name)] = principals

    for integration in deployment.integrations().values():
        true("the API is permitted", "apigateway.amazonaws.com" in permitted[integration], integration)
    bridge = deployment.emulator.client("events")
    rules = [rule["Name"] for rule in bridge.list_rules()["Rules"]]
    targets = [target["Arn"] for rule in rules for target in bridge.list_targets_by_rule(Rule=rule)["Targets"]]
    true("there are rules", targets)
    for target in targets:
        true("rules are permitted", "events.amazonaws.com" in permitted[target], target)
    storage = deployment.emulator.client("s3")
    notified = [
        notification["LambdaFunctionArn"]
        for bucket in deployment.of_type("AWS::S3::Bucket")
        for notification in storage.get_bucket_notification_configuration(Bucket=bucket).get("LambdaFunctionConfigurations", [])
    ]
    same("buckets that notify", len(notified), 1)
    true("the bucket is permitted", "s3.amazonaws.com" in permitted[notified[0]], permitted)


def the_trainer_may_do_its_work_and_no_more(deployment: Deployment, batch: Batch, job: dict):
    """That it may do its work is seen by the work; the rest is refused."""
    variables = deployment.function("jobs")["Environment"]["Variables"]
    storage, tables = batch.client("s3"), batch.client("dynamodb")
    datasets, models = variables["S3_BUCKET_DATASETS"], variables["S3_BUCKET_MODELS"]
    table = {"Bucket": datasets, "Key": f"tables/{job['dataset_id']}/data.parquet"}
    item = {"TableName": variables["DYNAMODB_JOBS_TABLE"], "Key": {"job_id": {"S": job["job_id"]}}}
    same("it reads its job", tables.get_item(**item)["Item"]["status"]["S"], "completed")
    storage.head_object(**table)
    for what, call in [
        ("changing a table", lambda: storage.put_object(**table, Body=b"x")),
        ("deleting a table", lambda: storage.delete_object(**table)),
        ("listing all models", lambda: storage.list_objects_v2(Bucket=models)),
        ("deleting a job", lambda: tables.delete_item(**item)),
        ("listing all jobs", lambda: tables.scan(TableName=item["TableName"])),
        ("reading datasets' items", lambda: tables.scan(TableName=variables["DYNAMODB_DATASETS_TABLE"])),
        ("beginning jobs", lambda: batch.client("lambda").invoke(FunctionName=deployment.function("jobs")["FunctionName"])),
    ]:
        true(f"{what} is refused", (code := refusal(call)) in ("AccessDenied", "AccessDeniedException"), code)


def refusal(call):
    """The code with which a call was refused."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None
