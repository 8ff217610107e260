//! Schemathesis reads the served document and makes up requests, right and wrong ones and chains of them: no failure of the server, no
//! answer that the document does not describe.

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};
use system_tests::{Stack, flowers};
use tokio::process::Command;

/// Requests that are made up for each operation and phase.
const EXAMPLES: &str = "60";

#[tokio::test]
async fn no_made_up_request_breaks_the_interface() {
    let Ok(python) = std::env::var("AUTOML_PYTHON") else {
        println!("not tried: AUTOML_PYTHON names no Python beside which schemathesis is (`make test` does)");
        return;
    };
    let (folder, stack) = Stack::fresh().await;
    let config = folder.path().join("schemathesis.toml");
    std::fs::write(&config, settings(&stack).await).unwrap();
    let run = Command::new(PathBuf::from(python).with_file_name("schemathesis"))
        .arg("--config-file")
        .arg(&config)
        .args(["run", &format!("{}/openapi.json", stack.url), "--no-color", "--max-examples", EXAMPLES, "--seed", "1"])
        .current_dir(folder.path())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(250), run).await.expect("it ends").unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("Stateful") && !report.contains("❌"), "every phase ran");
}

/// Identifiers that exist, and one that does not; what is deleted is always the same, so that the rest has something to work on. A request
/// whose form is right may still ask for what is not there: 400 is an answer to that.
async fn settings(stack: &Stack) -> String {
    let nobody = "00000000-0000-4000-8000-000000000000".to_owned();
    let (mut datasets, mut jobs) = (vec![nobody.clone()], vec![nobody]);
    for _ in 0..4 {
        datasets.push(stack.dataset(&flowers().csv).await);
    }
    for number in 0..4 {
        let job = stack.train(&datasets[1], "kind").await;
        let job_id = job["job_id"].as_str().unwrap().to_owned();
        if number % 2 == 0 {
            stack.post(&format!("/jobs/{job_id}/deploy"), json!({ "deploy": true })).await;
        }
        jobs.push(job_id);
    }
    let targets = ["kind", "petal_length", "sepal_length", "none"];
    [
        format!("[dictionaries.datasets]\nvalues = {}", json!(datasets)),
        format!("[dictionaries.jobs]\nvalues = {}", json!(jobs)),
        format!("[dictionaries.doomed_datasets]\nvalues = {}", json!([datasets.last()])),
        format!("[dictionaries.doomed_jobs]\nvalues = {}", json!([jobs.last()])),
        format!("[dictionaries.targets]\nvalues = {}", json!(targets)),
        "[parameters]".to_owned(),
        "\"path.dataset_id\" = { dictionary = \"datasets\", probability = 0.8 }".to_owned(),
        "\"path.job_id\" = { dictionary = \"jobs\", probability = 0.8 }".to_owned(),
        "\"body.dataset_id\" = { dictionary = \"datasets\", probability = 0.8 }".to_owned(),
        "\"body.target_column\" = { dictionary = \"targets\", probability = 0.8 }".to_owned(),
        "[[operations]]\ninclude-name = \"DELETE /datasets/{dataset_id}\"".to_owned(),
        "parameters = { \"path.dataset_id\" = { dictionary = \"doomed_datasets\", probability = 0.8 } }".to_owned(),
        "[[operations]]\ninclude-name = \"DELETE /jobs/{job_id}\"".to_owned(),
        "parameters = { \"path.job_id\" = { dictionary = \"doomed_jobs\", probability = 0.8 } }".to_owned(),
        "[checks]\npositive_data_acceptance = { expected-statuses = [\"2xx\", \"3xx\", 400, 404, 409, 503] }".to_owned(),
    ]
    .join("\n")
}

#[tokio::test]
async fn the_examples_of_the_document_are_accepted() {
    let (_folder, stack) = Stack::fresh().await;
    let document = stack.get("/openapi.json").await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let example = operation["requestBody"]["content"]["application/json"]["example"].clone();
            if example.is_null() {
                continue;
            }
            let method = method.to_uppercase().parse().unwrap();
            let (status, answer) = stack.call(method, &path.replace("{job_id}", "7"), example).await;
            assert!(matches!(status.as_u16(), 200 | 404), "{path}: {status} {answer}");
            assert_ne!(answer["detail"], Value::String("Not Found".to_owned()), "{path}");
        }
    }
}
