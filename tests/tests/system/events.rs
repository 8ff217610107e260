//! Each function binary, started by itself behind the Lambda Runtime API, answers the sample event of each of its triggers as Lambda would
//! hand it over. Storage is that of a running stack, the identifiers in the events are those of what it has.

use std::{cell::RefCell, collections::BTreeSet, fs, path::PathBuf, time::Duration};

use local::{
    lambda::{Function, InvocationError},
    template::{Route, Template},
};
use reqwest::Url;
use serde_json::{Value, json};
use system_tests::{Stack, binaries, flowers};

/// The identifiers in the sample events.
const DATASET: &str = "11111111-1111-4111-8111-111111111111";
const JOB: &str = "22222222-2222-4222-8222-222222222222";

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "events"].iter().collect()
}

/// Every sample event as `function/name`.
fn events() -> BTreeSet<String> {
    let names = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let of = |function: String| names(folder().join(&function)).map(move |file| format!("{function}/{}", file.trim_end_matches(".json")));
    names(folder()).flat_map(of).collect()
}

fn event(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

/// Functions on the storage of a stack, and what the events are to be about.
struct Samples<'a> {
    stack: &'a Stack,
    logs: tempfile::TempDir,
    dataset_id: String,
    job_id: String,
    asked: RefCell<BTreeSet<String>>,
}

impl Samples<'_> {
    /// The function's answer to the event.
    async fn answer(&self, name: &str) -> Value {
        let (function, _) = name.split_once('/').unwrap();
        self.asked.borrow_mut().insert(name.to_owned());
        let log = self.logs.path().join(format!("{function}.log"));
        let event = event(name).replace(DATASET, &self.dataset_id).replace(JOB, &self.job_id);
        let event = event.replace("automl-dev-datasets-123456789012", "automl-local-datasets-000000000000");
        let running = Function::new(function, &binaries(), self.stack.environment(), Duration::from_secs(30), 512, log.clone());
        let answer = running.invoke(event.into()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}\n{}", fs::read_to_string(&log).unwrap_or_default()));
        running.stop().await;
        serde_json::from_slice(&answer).unwrap()
    }

    /// The body of an answer that must have the status.
    async fn body(&self, name: &str, status: u16) -> Value {
        let answer = self.answer(name).await;
        assert_eq!(answer["statusCode"], status, "{name}: {answer}");
        let body = answer["body"].as_str().unwrap_or_default();
        serde_json::from_str(body).unwrap_or_else(|_| body.into())
    }
}

#[test]
fn there_is_a_sample_event_for_every_trigger() {
    let routes: BTreeSet<String> = events()
        .iter()
        .filter_map(|name| Some(serde_json::from_str::<Value>(&event(name)).unwrap()["routeKey"].as_str()?.to_owned()))
        .collect();
    let template = Template::read().unwrap();
    let wanted: BTreeSet<String> = template
        .functions
        .values()
        .flat_map(|function| &function.routes)
        .map(|route| match route {
            Route::Path { method, path } => format!("{method} {path}"),
            Route::Default => "$default".to_owned(),
        })
        .collect();
    assert_eq!(routes, wanted);
    for other in ["ingest/object-created", "job-events/batch-state-change", "job-events/schedule"] {
        assert!(events().contains(other), "{other}");
    }
}

#[tokio::test]
async fn every_function_answers_its_sample_events() {
    let (_folder, stack) = Stack::fresh().await;
    let table = flowers();
    let dataset_id = stack.upload("flowers.csv", table.csv.into_bytes()).await;
    let logs = tempfile::tempdir().unwrap();
    let mut samples = Samples { stack: &stack, logs, dataset_id, job_id: String::new(), asked: RefCell::default() };
    // Each in its order: what a later one needs, an earlier one made.
    for name in ["front/root", "front/health", "front/document", "front/docs", "front/redoc", "front/preflight", "upload/upload"] {
        samples.body(name, 200).await;
    }
    let upload = samples.body("upload/request-url", 200).await;
    let url: Url = upload["upload_url"].as_str().unwrap().parse().unwrap();
    assert!(url.path().ends_with("/flowers.csv"), "{url}");
    // The storage event has been here already, or confirm is first: the table is read once.
    samples.answer("ingest/object-created").await;
    let confirmed = samples.body("datasets/confirm", 200).await;
    assert_eq!(confirmed["dataset_id"].as_str(), Some(&*samples.dataset_id));
    assert_eq!(samples.body("datasets/list", 200).await["datasets"][0]["filename"], "flowers.csv");
    for name in ["datasets/get", "datasets/profile", "datasets/preview"] {
        samples.body(name, 200).await;
    }
    samples.job_id = samples.body("jobs/train", 200).await["job_id"].as_str().unwrap().to_owned();
    let path = format!("/jobs/{}", samples.job_id);
    let job = stack.wait_for(&path, Duration::from_secs(120), |job| !job["completed_at"].is_null()).await;
    assert_eq!(job["status"], "completed", "{job}");
    // Late news of Batch and the sweep find the job done.
    assert_eq!(samples.answer("job-events/batch-state-change").await, Value::Null);
    assert_eq!(samples.answer("job-events/schedule").await, Value::Null);
    assert_eq!(samples.body("jobs/list", 200).await["jobs"][0]["job_id"].as_str(), Some(&*samples.job_id));
    assert_eq!(samples.body("jobs/get", 200).await["status"], "completed");
    assert_eq!(samples.body("jobs/patch", 200).await["tags"], json!(["flowers"]));
    samples.body("jobs/leaderboard", 200).await;
    samples.body("jobs/cancel", 409).await;
    assert_eq!(samples.body("deploy/deploy", 200).await["deployed"], true);
    let prediction = samples.body("predict/predict", 200).await;
    assert!(prediction["prediction"].is_number() && prediction["explanation"].is_object(), "{prediction}");
    let csv = samples.body("predict/predict-csv", 200).await;
    assert!(csv.as_str().is_some_and(|csv| csv.starts_with("prediction,")), "{csv}");
    samples.body("predict/info", 200).await;
    samples.body("predict/drift", 200).await;
    samples.body("jobs/predict-table", 200).await;
    assert!(samples.body("jobs/predictions", 200).await["predictions"][0].is_object());
    samples.body("datasets/delete", 200).await;
    samples.body("jobs/delete", 200).await;
    assert_eq!(samples.asked.into_inner(), events());
}

#[tokio::test]
async fn an_event_that_is_none_is_an_error_and_the_function_lives_on() {
    let (folder, stack) = Stack::fresh().await;
    let log = folder.path().join("job-events.log");
    let function = Function::new("job-events", &binaries(), stack.environment(), Duration::from_secs(30), 512, log);
    let refused = function.invoke("[1, 2]".into()).await;
    assert!(matches!(refused, Err(InvocationError::Failed { .. })), "{refused:?}");
    function.invoke(event("job-events/batch-state-change").into()).await.unwrap();
    function.stop().await;
}
