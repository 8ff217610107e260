//! Each function binary, started by itself behind the Lambda Runtime API, answers its sample event. Storage is that of a running stack.

use std::{path::Path, time::Duration};

use local::lambda::{Function, InvocationError};
use reqwest::Url;
use serde_json::{Value, json};
use system_tests::{Stack, binaries};

/// The function's answer to `events/<name>.json`.
async fn answer(stack: &Stack, name: &str) -> Value {
    let event = std::fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../events")).join(format!("{name}.json"))).unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let function = Function::new(name, &binaries(), stack.environment(), Duration::from_secs(30), 512, log.path().to_owned());
    let answer = function.invoke(event.into()).await;
    let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}\n{}", std::fs::read_to_string(log.path()).unwrap_or_default()));
    function.stop().await;
    serde_json::from_slice(&answer).unwrap()
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn every_function_answers_its_sample_event() {
    let (_folder, stack) = Stack::fresh().await;

    let upload = answer(&stack, "upload").await;
    assert_eq!(upload["statusCode"], 200);
    let url: Url = body(&upload)["upload_url"].as_str().unwrap().parse().unwrap();
    assert!(url.path().ends_with("/customers.csv"), "{url}");

    let datasets = answer(&stack, "datasets").await;
    assert_eq!((&datasets["statusCode"], &body(&datasets)["datasets"]), (&json!(200), &json!([])));
    let jobs = answer(&stack, "jobs").await;
    assert_eq!((&jobs["statusCode"], &body(&jobs)["jobs"]), (&json!(200), &json!([])));
    for name in ["deploy", "predict"] {
        let answer = answer(&stack, name).await;
        assert_eq!((&answer["statusCode"], &body(&answer)["detail"]), (&json!(404), &json!("Job not found")), "{name}");
    }
    // An object that is gone again, and a job that does not exist: nothing to do, and no error.
    answer(&stack, "ingest").await;
    answer(&stack, "job-events").await;
}

#[tokio::test]
async fn an_event_that_is_none_is_an_error_and_the_function_lives_on() {
    let (folder, stack) = Stack::fresh().await;
    let log = folder.path().join("job-events.log");
    let function = Function::new("job-events", &binaries(), stack.environment(), Duration::from_secs(30), 512, log);
    let refused = function.invoke("[1, 2]".into()).await;
    assert!(matches!(refused, Err(InvocationError::Failed { .. })), "{refused:?}");
    let event = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/job-events.json")).unwrap();
    function.invoke(event.into()).await.unwrap();
    function.stop().await;
}
