"""From a table to predictions, as a client goes, with what happens behind the API."""

import json
import random

from checks import answer, eventually, same, true
from deployment import Deployment
from stand_in import Batch

TABLE = "kinds.csv"
COLUMNS = ["length", "width", "colour", "kind"]
FEATURES = {"length": 4.2, "width": "3.1", "colour": "red"}
# Longer than any of it takes on a slow machine.
PATIENCE = 120


def from_table_to_predictions(deployment: Deployment, batch: Batch) -> dict:
    """The whole way; the job."""
    dataset_id = upload(deployment)
    # Nobody confirms: the storage's event has to reach the function.
    dataset = eventually("the dataset is ready", PATIENCE, lambda: found(deployment, f"/datasets/{dataset_id}"))
    same("rows", dataset["row_count"], 200)
    same("columns", dataset["columns"], COLUMNS)
    confirmed = answer(deployment.call("POST", f"/datasets/{dataset_id}/confirm"))
    same("a confirmation finds the work done", confirmed["uploaded_at"], dataset["uploaded_at"])

    job = train(deployment, dataset_id)
    same("a new job", (job["status"], job["estimated_time"]), ("pending", 60))
    job = finished(deployment, job["job_id"])
    same("how the job ended", (job["status"], job["error_message"]), ("completed", None))
    same("its labels", job["preprocessing_info"]["target_mapping"], {"0": "lily", "1": "rose"})
    same("what Batch told", batch.states(job["job_id"]), ["SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"])
    told = {function for _, functions in batch.events for function in functions}
    same("whom Batch told", told, {deployment.function("job-events")["FunctionArn"]})
    downloads(deployment, job)
    predictions(deployment, job["job_id"])
    return job


def upload(deployment: Deployment) -> str:
    """Sends the table as a browser does; the dataset's identifier."""
    place = answer(deployment.call("POST", "/upload", {"filename": TABLE}))
    sent = deployment.emulator.pool.request("PUT", place["upload_url"], body=table(), headers={"Content-Type": "text/csv"})
    same("the upload", (sent.status, sent.data), (200, b""))
    return place["dataset_id"]


def table() -> bytes:
    """Flowers of two kinds, which their numbers tell apart but for some."""
    numbers = random.Random(7)
    rows = [",".join(COLUMNS)]
    for row in range(200):
        kind = row % 2
        length, width = (numbers.gauss(centre, 0.8) for centre in (3 + kind, 1 + 2 * kind))
        rows.append(f"{length:.2f},{width:.2f},{numbers.choice(['red', 'blue'])},{['lily', 'rose'][kind]}")
    return "\n".join(rows).encode() + b"\n"


def train(deployment: Deployment, dataset_id: str) -> dict:
    """Begins a training."""
    request = {"dataset_id": dataset_id, "target_column": "kind", "config": {"time_budget": 60}}
    return answer(deployment.call("POST", "/train", request))


def found(deployment: Deployment, path: str):
    """The answer when there is one."""
    response = deployment.call("GET", path)
    return answer(response) if response.status != 404 else None


def finished(deployment: Deployment, job_id: str) -> dict:
    """The job when it has ended."""

    def look():
        job = answer(deployment.call("GET", f"/jobs/{job_id}"))
        return job if job["status"] in ("completed", "failed", "cancelled") else None

    return eventually(f"job {job_id} ends", PATIENCE, look)


def downloads(deployment: Deployment, job: dict):
    """What the job made can be fetched by its URLs, and is listed for browsers."""
    beginnings = {"eda_report_download_url": b"<!", "training_report_download_url": b"<!", "model_download_url": b"\x80"}
    beginnings["onnx_model_download_url"] = b"\x08"
    for name, beginning in beginnings.items():
        got = deployment.emulator.pool.request("GET", job[name], headers={"Origin": "https://front.example"})
        true(f"{name} leads to the file", got.status == 200 and got.data.startswith(beginning), (got.status, got.data[:200]))
        same(f"a browser may read {name}", got.headers.get("access-control-allow-origin"), "*")


def predictions(deployment: Deployment, job_id: str):
    """Deploys the model, and asks it."""
    path = f"/predict/{job_id}"
    refusal = answer(deployment.call("POST", path, {"features": FEATURES}), 400)
    true("a model that is not deployed says so", refusal["detail"].startswith("Model is not deployed"), refusal)
    deployed = answer(deployment.call("POST", f"/jobs/{job_id}/deploy", {"deploy": True}))
    same("deployment", deployed, {"job_id": job_id, "deployed": True, "message": "Model successfully deployed"})

    info = answer(deployment.call("GET", f"{path}/info"))
    same("inputs", info["feature_columns"], COLUMNS[:-1])
    answer(deployment.call("POST", path, info["example_request"]))
    predicted = answer(deployment.call("POST", path, {"features": FEATURES}))
    probabilities = predicted["probabilities"]
    true("the answer is a code of a label", predicted["prediction"] in (0, 1), predicted)
    same("whose probabilities are told", set(probabilities), {"0", "1"})
    true("probabilities sum to one", abs(sum(probabilities.values()) - 1) < 1e-6, predicted)
    same("the answer's own", predicted["probability"], max(probabilities.values()))
    unknown = answer(deployment.call("POST", path, {"features": {**FEATURES, "colour": "never seen"}}))
    true("a category that it never saw is no error", unknown["prediction"] in (0, 1), unknown)
    for features, detail in [
        ({"colour": "red"}, "Missing required features: ['length', 'width']"),
        ({**FEATURES, "width": "wide"}, "Cannot convert 'wide' to number for feature 'width'"),
    ]:
        same("what is wrong with the features", answer(deployment.call("POST", path, {"features": features}), 400)["detail"], detail)


def a_table_is_predicted(deployment: Deployment, job: dict):
    """By a job of the same trainer."""
    answered = answer(deployment.call("POST", f"/predict/{job['job_id']}/batch", {"dataset_id": job["dataset_id"]}))
    prediction = finished(deployment, answered["job_id"])
    same("how the prediction ended", (prediction["status"], prediction["error_message"]), ("completed", None))
    csv = deployment.emulator.pool.request("GET", prediction["csv_download_url"])
    same("a line for each row", len(csv.data.splitlines()), 201)
    listed = answer(deployment.call("GET", f"/predict/{job['job_id']}/batch"))
    true("it is listed", answered["job_id"] in json.dumps(listed), listed)


def a_job_that_its_owner_cancels_ends_at_once(deployment: Deployment, batch: Batch, job: dict):
    """And its container with it."""
    job_id = train(deployment, job["dataset_id"])["job_id"]
    eventually("it runs", PATIENCE, lambda: answer(deployment.call("GET", f"/jobs/{job_id}"))["status"] == "running")
    answer(deployment.call("POST", f"/jobs/{job_id}/cancel"))
    cancelled = finished(deployment, job_id)
    same("status", cancelled["status"], "cancelled")
    eventually("Batch ended it", PATIENCE, lambda: "FAILED" in batch.states(job_id))
    same("it stays as it was", answer(deployment.call("GET", f"/jobs/{job_id}"))["status"], "cancelled")


def a_job_whose_container_is_lost_is_failed(deployment: Deployment, batch: Batch, job: dict):
    """The trainer has no time to say so: Batch's event has to reach the function."""
    job_id = train(deployment, job["dataset_id"])["job_id"]
    eventually("it runs", PATIENCE, lambda: answer(deployment.call("GET", f"/jobs/{job_id}"))["status"] == "running")
    batch.kill_trainer()
    lost = finished(deployment, job_id)
    same("status", lost["status"], "failed")
    true("the reason is told", lost["error_message"], lost)


def whoever_subscribes_is_told_how_a_job_ended(deployment: Deployment, job: dict):
    """By the topic, which has it from the bus."""
    queues, topics = deployment.emulator.client("sqs"), deployment.emulator.client("sns")
    queue = queues.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = [topic for topic in deployment.of_type("AWS::SNS::Topic") if topic.endswith("-jobs")]
    permitted = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [permitted]})})
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    job_id = train(deployment, job["dataset_id"])["job_id"]
    answer(deployment.call("POST", f"/jobs/{job_id}/cancel"))

    def told():
        received = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        return [message["Body"] for message in received if job_id in message["Body"]]

    message = eventually("a message comes", PATIENCE, told)[0]
    same("what it says", message.strip('"'), f"Training of {TABLE}, job {job_id}: cancelled. Training was cancelled")


def what_is_deleted_is_gone(deployment: Deployment, job: dict):
    """Item, model, reports and dataset."""
    path = f"/jobs/{job['job_id']}"
    deleted = answer(deployment.call("DELETE", f"{path}?delete_data=true"))
    true("the model is among it", any(what.startswith("model: ") for what in deleted["deleted_resources"]), deleted)
    same("the job", answer(deployment.call("GET", path), 404)["detail"], "Job not found")
    gone = deployment.emulator.pool.request("GET", job["onnx_model_download_url"])
    same("the model", gone.status, 404)
