"""`POST /predict/{id}` on the stack of the system that ours replaces: FastAPI, boto3 and ONNX Runtime, served by uvicorn.

    uvicorn peer:app

It does what ours does: the job's item is read for each request, its model fetched once, values are checked and converted by the same rules.
Each library is used as its documentation has it: a plain function where calls block, a resource for the table, a session with its defaults.
"""

import os
import time

import boto3
import numpy
import onnxruntime
from botocore.config import Config
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

TABLE = os.environ["DYNAMODB_JOBS_TABLE"]
app = FastAPI()
database = boto3.resource("dynamodb").Table(TABLE)
storage = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
sessions = {}


class Request(BaseModel):
    features: dict[str, int | float | str]


class Answer(BaseModel):
    job_id: str
    prediction: int | float | str
    probability: float | None
    probabilities: dict[str, float] | None
    inference_time_ms: float
    model_type: str


def session(job_id, path):
    if job_id not in sessions:
        bucket, key = path.removeprefix("s3://").split("/", 1)
        model = storage.get_object(Bucket=bucket, Key=key)["Body"].read()
        sessions[job_id] = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return sessions[job_id]


def number(feature, value):
    try:
        return float(value)
    except ValueError:
        raise HTTPException(400, f"Cannot convert '{value}' to number for feature '{feature}'")


@app.post("/predict/{job_id}")
def predict(job_id: str, request: Request) -> Answer:
    item = database.get_item(Key={"job_id": job_id}, ConsistentRead=True).get("Item")
    if item is None:
        raise HTTPException(404, "Job not found")
    if not item.get("deployed"):
        raise HTTPException(400, "Model is not deployed. Deploy the model first using POST /jobs/{job_id}/deploy")
    path = item.get("onnx_model_path")
    if path is None:
        raise HTTPException(400, "No ONNX model available for this job")
    info = item["preprocessing_info"]
    columns = info["feature_columns"]
    missing = [column for column in columns if column not in request.features]
    if missing:
        raise HTTPException(400, f"Missing required features: {missing}")
    model = session(job_id, path)
    kinds = info["feature_types"]
    numbers = [number(column, request.features[column]) for column in columns if kinds[column] == "numeric"]
    inputs = {"numeric": numpy.array([numbers], dtype=numpy.float32)} if numbers else {}
    for column in columns:
        if kinds[column] != "numeric":
            inputs[f"category:{column}"] = numpy.array([[str(request.features[column])]], dtype=object)
    start = time.perf_counter()
    labels, probabilities = model.run(["label", "probabilities"], inputs)
    took = time.perf_counter() - start
    return Answer(
        job_id=job_id,
        prediction=int(labels[0]),
        probability=float(probabilities[0].max()),
        probabilities={str(label): float(probability) for label, probability in enumerate(probabilities[0])},
        inference_time_ms=round(took * 1000, 2),
        model_type=item["metrics"]["best_estimator"],
    )
