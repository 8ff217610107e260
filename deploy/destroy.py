"""Removes a deployment with all that it holds: objects, tables, images, logs.

    python destroy.py ENVIRONMENT

Asks for the stack's name first. The tables leave a backup of their last 35 days.
"""

import sys

import boto3

import account


def empty(bucket):
    """Deletes every object of the bucket and every version of it."""
    pages = boto3.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    deleted = 0
    for page in pages:
        versions = [{"Key": of["Key"], "VersionId": of["VersionId"]} for of in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        if versions:
            refused = boto3.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True}).get("Errors")
            if refused:
                sys.exit(f"{bucket}: {refused[0]['Key']} cannot be deleted ({refused[0]['Message']}); nothing else was touched")
            deleted += len(versions)
            print(f"{bucket}: {deleted} objects deleted", flush=True)


def main(environment):
    stack = account.stack_name(environment)
    number = account.number()
    if not account.stack(stack):
        sys.exit(f"there is no stack {stack} in account {number}, region {account.region()}")
    tables = account.resources(stack, "AWS::DynamoDB::Table")
    database = boto3.client("dynamodb")
    protected = [table for table in tables if database.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled")]
    if protected:
        sys.exit(f"{', '.join(protected)} are protected: deploy with TableDeletionProtection=false first")
    buckets = account.resources(stack, "AWS::S3::Bucket")
    print(f"This deletes {stack} in account {number}: {', '.join(buckets + tables)}, and all else that belongs to it.")
    if input(f"Type {stack} to go on: ").strip() != stack:
        sys.exit("nothing was deleted")
    for bucket in buckets:
        empty(bucket)
    cloudformation = boto3.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    print("deleting the stack …", flush=True)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
    print(f"{stack} is gone")


if __name__ == "__main__":
    main(sys.argv[1])
