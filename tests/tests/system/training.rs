//! What the caller decides reaches the training, and what was tried can be looked at.

use std::time::Duration;

use reqwest::{Method, StatusCode, header::IF_NONE_MATCH};
use serde_json::{Value, json};
use system_tests::{Stack, churn};

const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn settings_reach_the_training_and_its_leaderboard() {
    let (_folder, stack) = Stack::fresh().await;
    let dataset_id = stack.dataset(&churn().csv).await;
    let config = json!({
        "time_budget": 60, "metric": "balanced_accuracy", "estimator_list": ["rf", "extra_tree"], "group_column": "tenure",
        "balance_classes": true, "monotone": { "charges": 1 }, "max_trees": 200, "seed": 7,
    });
    let job_id = train(&stack, &dataset_id, config).await.1["job_id"].as_str().unwrap().to_owned();
    let path = format!("/jobs/{job_id}");
    let job = stack.wait_for(&path, PATIENCE, |job| !job["completed_at"].is_null()).await;
    assert_eq!(job["status"], "completed", "{}", job["error_message"]);
    let settings = json!({
        "metric": "balanced_accuracy", "estimator_list": ["random_forest", "extra_trees"], "time_column": null, "group_column": "tenure",
        "weight_column": null, "balance_classes": true, "monotone": { "charges": "increasing" }, "max_model_mb": null, "max_trees": 200,
        "candidates": null,
    });
    assert_eq!((&job["settings"], &job["seed"]), (&settings, &json!(7)));
    assert_eq!(job["progress"]["best_metric"], "balanced_accuracy");
    assert_eq!(job["preprocessing_info"]["dropped_reasons"]["tenure"], "the group of the rows");

    let leaderboard = format!("{path}/leaderboard");
    let first = stack.request(Method::GET, &leaderboard).send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    let found: Value = first.json().await.unwrap();
    assert_eq!((&found["metric"], &found["interrupted"]), (&json!("balanced_accuracy"), &json!(false)));
    let models = found["models"].as_array().unwrap();
    assert_eq!(found["models_tried"].as_u64(), job["progress"]["candidates_tried"].as_u64());
    assert!(models.iter().all(|model| matches!(model["family"].as_str(), Some("random_forest" | "extra_trees"))), "{found}");
    let weights: f64 = models.iter().map(|model| model["weight"].as_f64().unwrap()).sum();
    assert!((weights - 1.0).abs() < 1e-6, "{weights}");
    let again = stack.request(Method::GET, &leaderboard).header(IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn settings_that_do_not_fit_start_no_job() {
    let (_folder, stack) = Stack::fresh().await;
    let dataset_id = stack.dataset(&churn().csv).await;
    for (config, says) in [
        (json!({ "metric": "speed" }), "config.metric: 'speed' is no metric that can be optimised; use one of auto, log_loss, "),
        (
            json!({ "estimator_list": ["svm"] }),
            "config.estimator_list: 'svm' is no family of models; use gradient_boosting (lgbm, xgboost), ",
        ),
        (json!({ "weight_column": "contract" }), "config.weight_column: 'contract' does not hold numbers"),
        (json!({ "time_column": "tenure", "group_column": "city" }), "config.group_column: it cannot be combined with time_column"),
    ] {
        let (status, refused) = train(&stack, &dataset_id, config).await;
        assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_setting")), "{refused}");
        assert!(refused["detail"].as_str().unwrap().starts_with(says), "{refused}");
    }
    assert_eq!(stack.get("/jobs").await["jobs"], json!([]));
}

async fn train(stack: &Stack, dataset_id: &str, config: Value) -> (StatusCode, Value) {
    stack.call(Method::POST, "/train", json!({ "dataset_id": dataset_id, "target_column": "churn", "config": config })).await
}
