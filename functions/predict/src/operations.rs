//! The routes for the API's document.

use api::openapi::{Link, Operation};
use serde_json::json;

use crate::{answer::Answered, drift, features::Asked, info::ModelInfo, predict::Options};

const JOB: &str = "0d6c2b8e-5a37-4e0e-9d1c-7f3f0f1f2a11";

/// What this function answers.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new("POST", "/predict/{job_id}", "predict", "Predict one row or several")
            .describe(
                "Numbers may be sent as texts; a category that looks like a number may be sent as one; a category that the model never \
                 saw counts as unknown. Where the model knows dates or texts by their words, any may be sent; the choices of \
                 `GET /predict/{job_id}/info` are examples. Several rows are sent as `rows`, a list of what `features` is for one, or as \
                 CSV with the names of the columns in its first line, which is answered as CSV: one line for each row, in order, with \
                 `prediction`, for labels `probability_<label>` for each, with `explain` `base` and `contribution_<feature>` for each, and \
                 `warnings`.",
            )
            .query::<Options>()
            .body::<Asked>(json!({ "features": { "age": 41, "plan": "basic" } }))
            .or_text("text/csv")
            .answers::<Answered>(
                "The prediction, or all of them as `predictions`",
                json!({
                    "job_id": JOB,
                    "prediction": 1,
                    "label": "leaves",
                    "probability": 0.75,
                    "probabilities": { "0": 0.25, "1": 0.75 },
                    "warnings": [],
                    "inference_time_ms": 0.12,
                    "model_type": "gradient_boosting",
                }),
            )
            .refuses(400, "The model is not deployed, a feature is missing, a value is no number, the CSV cannot be read, or, with `strict`, there are warnings")
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
                        "age": {
                            "type": "numeric",
                            "input_type": "number",
                            "kind": "number",
                            "range": { "min": 18.0, "max": 61.0, "is_integer": true },
                            "default": 40,
                        },
                        "plan": {
                            "type": "categorical",
                            "input_type": "select",
                            "allowed_values": ["basic", "plus"],
                            "kind": "category",
                            "default": "basic",
                        },
                    },
                    "model_type": "gradient_boosting",
                    "deployed": true,
                    "example_request": { "features": { "age": 40, "plan": "basic" } },
                    "feature_columns": ["age", "plan"],
                }),
            )
            .leads_to([Link { body: Some("/example_request"), ..Link::new("predict", "job_id", "/job_id") }])
            .refuses(400, "The model is not deployed")
            .refuses(404, "There is no such job"),
        Operation::new("GET", "/predict/{job_id}/drift", "get_drift", "Compare the rows that were predicted with those that were learned from")
            .describe(
                "For each feature, and for the prediction, the population stability index: 0 where nothing has changed, from 0.1 on worth a \
                 look, from 0.25 on an alarm. Few rows differ by chance, which `by_chance` tells and `level` respects. Rows are counted as \
                 they are predicted; the latest minute may not be counted yet.",
            )
            .query::<drift::Request>()
            .answers::<drift::Answer>(
                "How far they are apart",
                json!({
                    "job_id": JOB,
                    "since": "2026-01-25T00:00:00.000000+00:00",
                    "rows": 2_000,
                    "prediction": {
                        "name": "prediction",
                        "psi": 0.01,
                        "by_chance": 0.01,
                        "level": "stable",
                        "bins": [{ "values": "stays", "training": 0.75, "predicted": 0.7 }, { "values": "leaves", "training": 0.25, "predicted": 0.3 }],
                    },
                    "features": [{
                        "name": "age",
                        "psi": 0.62,
                        "by_chance": 0.01,
                        "level": "major",
                        "bins": [{ "values": "up to 40", "training": 0.5, "predicted": 0.2 }, { "values": "above 40", "training": 0.5, "predicted": 0.8 }],
                    }],
                }),
            )
            .refuses(400, "The model is not deployed, or was trained before drift was measured")
            .refuses(404, "There is no such job"),
    ]
}
