//! The calls of Batch's REST interface that our functions make. Source: the Batch API reference, version 2016-08-10.

use std::{collections::BTreeMap, future::ready, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Batch,
    events::detail,
    job::{BatchJob, Status, Variable, now},
};
use crate::template::{ACCOUNT, Training};

/// Batch's endpoint, which knows one queue and one job definition.
pub fn router(batch: Arc<Batch>, training: Training) -> Router {
    let submit = move |State(batch): State<Arc<Batch>>, Json(submission): Json<Submission>| ready(submit(&batch, &training, submission));
    Router::new()
        .route("/v1/submitjob", post(submit))
        .route("/v1/describejobs", post(describe))
        .route("/v1/terminatejob", post(terminate))
        .route("/v1/canceljob", post(cancel))
        .with_state(batch)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    job_name: String,
    job_queue: String,
    job_definition: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    container_overrides: Option<Overrides>,
    timeout: Option<Timeout>,
    retry_strategy: Option<RetryStrategy>,
}

#[derive(Deserialize)]
struct Overrides {
    #[serde(default)]
    environment: Vec<Variable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timeout {
    attempt_duration_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct RetryStrategy {
    attempts: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Termination {
    job_id: String,
    reason: String,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<String>,
}

fn submit(batch: &Batch, training: &Training, submission: Submission) -> Response {
    if name_of(&submission.job_queue) != training.queue || name_of(&submission.job_definition) != training.definition {
        return refusal(&format!("there is no queue {} with a definition {}", submission.job_queue, submission.job_definition));
    }
    let timeout = submission.timeout.and_then(|timeout| timeout.attempt_duration_seconds);
    if timeout.is_some_and(|seconds| seconds < 60) {
        return refusal("Job attempt duration must be at least 60 seconds");
    }
    let overrides = submission.container_overrides.map(|overrides| overrides.environment).unwrap_or_default();
    let mut environment = training.environment.clone();
    environment.extend(overrides.into_iter().map(|Variable { name, value }| (name, value)));
    let environment = environment.into_iter().map(|(name, value)| Variable { name, value }).collect();
    let job = BatchJob {
        job_id: Uuid::new_v4().to_string(),
        job_name: submission.job_name,
        job_queue: submission.job_queue,
        job_definition: submission.job_definition,
        parameters: submission.parameters,
        environment,
        timeout: Some(timeout.unwrap_or(training.timeout)),
        attempts: submission.retry_strategy.and_then(|strategy| strategy.attempts).unwrap_or(training.attempts),
        retries: training.retries.clone(),
        attempted: Vec::new(),
        status: Status::Submitted,
        status_reason: None,
        exit_code: None,
        container_reason: None,
        created_at: now(),
        started_at: None,
        stopped_at: None,
        termination: None,
    };
    let answer = json!({
        "jobArn": format!("arn:aws:batch:us-east-1:{ACCOUNT}:job/{}", job.job_id),
        "jobName": job.job_name,
        "jobId": job.job_id,
    });
    batch.submit(job);
    Json(answer).into_response()
}

/// The name in an ARN or a `name:revision`, or the name itself.
fn name_of(reference: &str) -> &str {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.split(':').next().unwrap_or(name)
}

async fn describe(State(batch): State<Arc<Batch>>, Json(wanted): Json<Jobs>) -> Json<Value> {
    let jobs: Vec<Value> = wanted.jobs.iter().filter_map(|id| batch.describe(id)).map(|job| detail(&job)).collect();
    Json(json!({ "jobs": jobs }))
}

async fn terminate(State(batch): State<Arc<Batch>>, Json(Termination { job_id, reason }): Json<Termination>) -> Response {
    ended(batch.terminate(&job_id, &reason), &job_id)
}

async fn cancel(State(batch): State<Arc<Batch>>, Json(Termination { job_id, reason }): Json<Termination>) -> Response {
    ended(batch.cancel(&job_id, &reason), &job_id)
}

fn ended(is_known: bool, job_id: &str) -> Response {
    if is_known { Json(json!({})).into_response() } else { refusal(&format!("Job {job_id} does not exist")) }
}

/// Batch's form of a request that it cannot serve.
fn refusal(message: &str) -> Response {
    (StatusCode::BAD_REQUEST, [("x-amzn-errortype", "ClientException")], Json(json!({ "message": message }))).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tokio::sync::mpsc;
    use tower::ServiceExt as _;

    use super::*;

    /// An endpoint with a queue `training` and a definition `trainer`.
    fn endpoint(folder: &tempfile::TempDir) -> Router {
        let (events, _) = mpsc::unbounded_channel();
        let trainer = folder.path().join("none");
        let batch = Batch::open(&folder.path().join("batch"), &folder.path().join("logs"), trainer, Vec::new(), events).unwrap();
        let environment = [("KEPT", "definition"), ("CHANGED", "definition")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let training = Training {
            queue: "training".to_owned(),
            definition: "trainer".to_owned(),
            attempts: 2,
            retries: Vec::new(),
            timeout: 120,
            environment: environment.into(),
        };
        router(batch, training)
    }

    async fn call(endpoint: &Router, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        let answer = endpoint.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        (status, serde_json::from_slice(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap())
    }

    async fn submitted(endpoint: &Router, more: Value) -> Value {
        let mut submission = json!({ "jobName": "a", "jobQueue": "training", "jobDefinition": "trainer" });
        submission.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) = call(endpoint, "/v1/submitjob", submission).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        call(endpoint, "/v1/describejobs", json!({ "jobs": [answer["jobId"]] })).await.1["jobs"][0].clone()
    }

    #[tokio::test]
    async fn a_submission_takes_from_the_definition_what_it_does_not_say() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = endpoint(&folder);
        let plain = submitted(&endpoint, json!({})).await;
        assert_eq!((&plain["retryStrategy"]["attempts"], &plain["timeout"]["attemptDurationSeconds"]), (&json!(2), &json!(120)));
        let overrides = json!({
            "containerOverrides": { "environment": [{ "name": "CHANGED", "value": "submission" }] },
            "retryStrategy": { "attempts": 1 },
            "timeout": { "attemptDurationSeconds": 60 },
        });
        let own = submitted(&endpoint, overrides).await;
        assert_eq!((&own["retryStrategy"]["attempts"], &own["timeout"]["attemptDurationSeconds"]), (&json!(1), &json!(60)));
        let environment = json!([{ "name": "CHANGED", "value": "submission" }, { "name": "KEPT", "value": "definition" }]);
        assert_eq!(own["container"]["environment"], environment);
    }

    #[tokio::test]
    async fn what_does_not_exist_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = endpoint(&folder);
        for (queue, definition) in [("other", "trainer"), ("training", "other")] {
            let submission = json!({ "jobName": "a", "jobQueue": queue, "jobDefinition": definition });
            let (status, answer) = call(&endpoint, "/v1/submitjob", submission).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(answer["message"].as_str().unwrap().contains("other"), "{answer}");
        }
        let (status, _) = call(&endpoint, "/v1/terminatejob", json!({ "jobId": "none", "reason": "r" })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_reference_is_a_name_an_arn_or_a_revision() {
        let arn = "arn:aws:batch:us-east-1:000000000000:job-definition/trainer:3";
        for reference in ["trainer", "trainer:3", arn, "arn:aws:batch:us-east-1:000000000000:job-queue/trainer"] {
            assert_eq!(name_of(reference), "trainer", "{reference}");
        }
    }
}
