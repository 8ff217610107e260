//! The routes for the API's document.

use api::openapi::{Link, Operation};
use serde_json::json;

use crate::{answer::Answer, features::Features, info::ModelInfo};

const JOB: &str = "0d6c2b8e-5a37-4e0e-9d1c-7f3f0f1f2a11";

/// What this function answers.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new("POST", "/predict/{job_id}", "predict", "Predict one row")
            .describe(
                "Numbers may be sent as texts; a category that looks like a number may be sent as one; a category that the model never \
                 saw counts as unknown. Where the model knows dates or texts by their words, any may be sent; the choices of \
                 `GET /predict/{job_id}/info` are examples.",
            )
            .body::<Features>(json!({ "features": { "age": 41, "plan": "basic" } }))
            .answers::<Answer>(
                "The prediction",
                json!({
                    "job_id": JOB,
                    "prediction": 1,
                    "label": "leaves",
                    "probability": 0.75,
                    "probabilities": { "0": 0.25, "1": 0.75 },
                    "inference_time_ms": 0.12,
                    "model_type": "gradient_boosting",
                }),
            )
            .refuses(400, "The model is not deployed, a feature is missing, or a value is no number")
            .refuses(404, "There is no such job"),
        Operation::new("GET", "/predict/{job_id}/info", "get_model_info", "Get what a deployed model needs")
            .answers::<ModelInfo>(
                "Its features and an example",
                json!({
                    "job_id": JOB,
                    "problem_type": "classification",
                    "target_column": "churn",
                    "dataset_name": "customers.csv",
                    "feature_count": 2,
                    "feature_info": {
                        "age": { "type": "numeric", "input_type": "number" },
                        "plan": { "type": "categorical", "input_type": "select", "allowed_values": ["basic", "plus"] },
                    },
                    "model_type": "gradient_boosting",
                    "deployed": true,
                    "example_request": { "features": { "age": 0, "plan": "basic" } },
                    "feature_columns": ["age", "plan"],
                }),
            )
            .leads_to([Link { body: Some("/example_request"), ..Link::new("predict", "job_id", "/job_id") }])
            .refuses(400, "The model is not deployed")
            .refuses(404, "There is no such job"),
    ]
}
