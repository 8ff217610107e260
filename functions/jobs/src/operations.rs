//! The routes for the API's document.

use api::{
    PageRequest,
    openapi::{Link, Operation},
};
use serde_json::{Value, json};

use crate::{
    cancel::Cancelled,
    delete,
    job_response::JobResponse,
    leaderboard,
    list::{self, JobList},
    list_predictions::PredictionList,
    patch, predict_table,
    train::{self, Submitted},
};

/// What can be asked of a job.
const OF_A_JOB: [&str; 7] =
    ["get_job", "patch_job", "cancel_job", "get_leaderboard", "deploy_job", "get_model_info", "list_batch_predictions"];
const JOB: &str = "0d6c2b8e-5a37-4e0e-9d1c-7f3f0f1f2a11";
const PREDICTION: &str = "7b1f5f0e-1c52-4a5b-8f63-7f3f0f1f2a11";
const DATASET: &str = "5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11";

/// What this function answers.
pub fn operations() -> Vec<Operation> {
    let problem = json!({ "problem_type": "classification", "confidence": 0.99, "reason": "it has 2 distinct whole numbers" });
    vec![
        Operation::new("POST", "/train", "train", "Start a training job")
            .describe("Either starts a job or leaves none: one that the machines do not take is stored as failed, and the answer is 503.")
            .header("Idempotency-Key", "The same key and request give the same job for a day; with another request the answer is 409")
            .body::<train::Request>(json!({
                "dataset_id": DATASET,
                "target_column": "churn",
                "config": { "time_budget": 300, "metric": "roc_auc", "estimator_list": ["gradient_boosting", "linear"] },
                "label_mapping": { "0": "stays", "1": "leaves" },
            }))
            .answers::<Submitted>(
                "The job waits for its machine",
                json!({ "job_id": JOB, "status": "pending", "estimated_time": 300, "estimated_cost": cost(), "problem": problem }),
            )
            .leads_to(OF_A_JOB.map(|operation| Link::new(operation, "job_id", "/job_id")))
            .leads_to([Link::new("delete_job", "job_id", "/job_id")])
            .refuses(400, "The dataset has no such column or cannot be used, or a setting does not fit it")
            .refuses(404, "There is no such dataset")
            .refuses(409, "The key was used for another request")
            .refuses(503, "The machines did not take the job"),
        Operation::new("GET", "/jobs", "list_jobs", "List the jobs")
            .describe("Trainings, newest first. Predictions of tables are listed by their model.")
            .query::<list::Request>()
            .answers::<JobList>("A page of jobs", json!({ "jobs": [summary()], "next_token": null }))
            .leads_to(OF_A_JOB.map(|operation| Link::new(operation, "job_id", "/jobs/0/job_id")))
            .refuses(400, "The token is none of this list's"),
        Operation::new("GET", "/jobs/{job_id}", "get_job", "Get a job")
            .describe("Everything about a job, a training or a prediction of a table. The URLs are there once it is completed, each for an hour.")
            .answers_unchanged()
            .answers::<JobResponse>("The job", job())
            .refuses(404, "There is no such job"),
        Operation::new("GET", "/jobs/{job_id}/leaderboard", "get_leaderboard", "Get the models that a job tried")
            .describe("Best first, at most a thousand and those that the model consists of.")
            .answers_unchanged()
            .answers::<leaderboard::Answer>("The models", tried())
            .refuses(404, "There is no such job, or it has no leaderboard")
            .refuses(409, "It is not completed"),
        Operation::new("PATCH", "/jobs/{job_id}", "patch_job", "Change a job's tags and notes")
            .body::<patch::Request>(json!({ "tags": ["baseline"], "notes": "without the postcode" }))
            .answers_unchanged()
            .answers::<JobResponse>("The job as it is now", job())
            .refuses(400, "A tag is blank or too long")
            .refuses(404, "There is no such job"),
        Operation::new("POST", "/jobs/{job_id}/cancel", "cancel_job", "Cancel a job")
            .describe("Ends a job that waits or runs. Cancelling a cancelled job changes nothing.")
            .answers::<Cancelled>("It is cancelled", json!({ "job_id": JOB, "status": "cancelled", "message": "Job cancelled" }))
            .refuses(404, "There is no such job")
            .refuses(409, "It is finished"),
        Operation::new("DELETE", "/jobs/{job_id}", "delete_job", "Delete a job")
            .describe(
                "Ends it when it runs. Its dataset goes with it unless another job uses that; what a prediction reads stays, and so do the \
                 predictions of a model.",
            )
            .query::<delete::Request>()
            .answers::<delete::Answer>(
                "It is deleted",
                json!({
                    "message": "Job deleted successfully",
                    "job_id": JOB,
                    "deleted_resources": [format!("model: models/{JOB}/model.pkl"), format!("dataset metadata: {DATASET}")],
                    "kept_resources": [],
                }),
            )
            .refuses(404, "There is no such job"),
        Operation::new("POST", "/predict/{job_id}/batch", "predict_batch", "Predict a table")
            .describe(
                "Starts a job that predicts every row of a dataset, or of an object in the datasets bucket, with the model of a completed job, \
                 which need not be deployed. The results are CSV and Parquet, with the metrics of the rows whose target is there.",
            )
            .header("Idempotency-Key", "The same key and request give the same job for a day; with another request the answer is 409")
            .body::<predict_table::Request>(json!({ "dataset_id": DATASET, "keep": ["customer_id"] }))
            .answers::<predict_table::Submitted>(
                "The job waits for its machine",
                json!({ "job_id": PREDICTION, "model_job_id": JOB, "status": "pending" }),
            )
            .leads_to(["get_job", "cancel_job", "delete_job"].map(|operation| Link::new(operation, "job_id", "/job_id")))
            .refuses(400, "The job has no model, or the table cannot be predicted with it or lacks a column")
            .refuses(404, "There is no such job, dataset or object")
            .refuses(409, "The key was used for another request")
            .refuses(503, "The machines did not take the job"),
        Operation::new("GET", "/predict/{job_id}/batch", "list_batch_predictions", "List the tables that a model predicted")
            .describe("Newest first. They stay when the model's job is deleted.")
            .query::<PageRequest>()
            .answers::<PredictionList>("A page of predictions", json!({ "predictions": [predicted()], "next_token": null }))
            .leads_to(["get_job", "cancel_job", "delete_job"].map(|operation| Link::new(operation, "job_id", "/predictions/0/job_id")))
            .refuses(400, "The token is none of this list's")
            .refuses(404, "There is no such job"),
    ]
}

fn predicted() -> Value {
    json!({
        "job_id": PREDICTION,
        "status": "completed",
        "dataset_name": "new_customers.csv",
        "percent": 100,
        "created_at": "2026-02-01T12:00:00.123456+00:00",
        "started_at": "2026-02-01T12:00:20.123456+00:00",
        "completed_at": "2026-02-01T12:00:31.123456+00:00",
        "primary_metric": 0.81,
        "error_message": null,
        "tags": null,
        "model_job_id": JOB,
        "predicted_dataset_id": DATASET,
        "object_key": null,
        "keep": ["customer_id"],
        "rows": 120_000,
        "judged_rows": 118_500,
        "unknown_targets": 0,
        "unread_cells": [],
    })
}

fn cost() -> Value {
    json!({
        "vcpu_seconds": 600.0,
        "memory_gb_seconds": 2400.0,
        "usd": 0.00777,
        "price_list": "AWS Fargate, Linux on ARM, us-east-1, on demand (Spot costs less)",
    })
}

fn tried() -> Value {
    json!({
        "models_tried": 118,
        "metric": "roc_auc",
        "greater_is_better": true,
        "stopped_early": false,
        "interrupted": false,
        "models": [{
            "name": "gradient_boosting_17", "family": "gradient_boosting", "score": 0.87, "fit_seconds": 1.9, "predict_seconds": 0.012, "bytes": 768_000, "trees": 640, "nodes": 19200,
            "rounds": 128.0, "weight": 0.6, "parameters": { "learning_rate": "0.05", "num_leaves": "31" },
        }],
    })
}

fn summary() -> Value {
    json!({
        "job_id": JOB,
        "dataset_id": DATASET,
        "status": "completed",
        "target_column": "churn",
        "problem_type": "classification",
        "dataset_name": "customers.csv",
        "created_at": "2026-01-31T12:00:00.123456+00:00",
        "updated_at": "2026-01-31T12:05:00.123456+00:00",
        "started_at": "2026-01-31T12:00:20.123456+00:00",
        "completed_at": "2026-01-31T12:05:00.123456+00:00",
        "tags": ["baseline"],
        "primary_metric": 0.83,
        "training_time": 271.4,
        "best_estimator": "gradient_boosting",
    })
}

fn job() -> Value {
    let metrics = json!({
        "accuracy": 0.83, "f1_score": 0.82, "precision": 0.82, "recall": 0.83, "log_loss": 0.39, "roc_auc": 0.87,
        "r2_score": null, "rmse": null, "mae": null, "training_time": 271.4, "best_estimator": "gradient_boosting",
    });
    let settings = json!({
        "metric": "roc_auc", "estimator_list": ["gradient_boosting", "linear"], "time_column": null, "group_column": null,
        "weight_column": null, "balance_classes": false, "monotone": {}, "max_model_mb": null, "max_trees": null,
    });
    let progress = json!({
        "phase": "reporting", "percent": 100, "elapsed_seconds": 280.0, "remaining_seconds": 0.0, "candidates_tried": 118,
        "best_score": 0.38, "best_metric": "log_loss", "best_estimator": "gradient_boosting", "rows_done": null, "rows": null,
    });
    let inputs = json!({
        "feature_columns": ["age", "plan"],
        "feature_count": 2,
        "dropped_columns": ["customer_id"],
        "dropped_count": 1,
        "dropped_reasons": { "customer_id": "identifier" },
        "feature_types": { "age": "numeric", "plan": "categorical" },
        "categorical_mappings": { "plan": { "basic": 0, "plus": 1 } },
        "numeric_stats": { "age": { "min": 18.0, "max": 93.0, "is_integer": true } },
        "text_words": {},
        "target_mapping": { "0": "stays", "1": "leaves" },
    });
    let mut job = summary();
    if let Some(fields) = job.as_object_mut() {
        for name in ["primary_metric", "training_time", "best_estimator"] {
            fields.remove(name);
        }
        for (name, value) in [
            ("time_budget", json!(300)),
            ("label_mapping", json!({ "0": "stays", "1": "leaves" })),
            ("settings", settings),
            ("seed", json!(42)),
            ("progress", progress),
            ("cost", cost()),
            ("metrics", metrics),
            ("error_message", Value::Null),
            ("notes", Value::Null),
            ("deployed", json!(false)),
            ("deployed_at", Value::Null),
            ("preprocessing_info", inputs),
            ("prediction", Value::Null),
            ("csv_download_url", Value::Null),
            ("parquet_download_url", Value::Null),
        ] {
            fields.insert(name.to_owned(), value);
        }
        for name in ["model", "onnx_model", "report", "eda_report", "training_report"] {
            fields.insert(format!("{name}_download_url"), json!("https://bucket.s3.eu-west-1.amazonaws.com/…?X-Amz-Signature=…"));
        }
    }
    job
}
