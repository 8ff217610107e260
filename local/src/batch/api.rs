//! The calls of Batch's REST interface that our functions make. Source: the Batch API reference, version 2016-08-10.

use std::{collections::BTreeMap, sync::Arc};

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
use crate::template::ACCOUNT;

/// Batch's endpoint.
pub fn router(batch: Arc<Batch>) -> Router {
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

async fn submit(State(batch): State<Arc<Batch>>, Json(submission): Json<Submission>) -> Response {
    let timeout = submission.timeout.and_then(|timeout| timeout.attempt_duration_seconds);
    if timeout.is_some_and(|seconds| seconds < 60) {
        return refusal("Job attempt duration must be at least 60 seconds");
    }
    let job = BatchJob {
        job_id: Uuid::new_v4().to_string(),
        job_name: submission.job_name,
        job_queue: submission.job_queue,
        job_definition: submission.job_definition,
        parameters: submission.parameters,
        environment: submission.container_overrides.map(|overrides| overrides.environment).unwrap_or_default(),
        timeout,
        attempts: submission.retry_strategy.and_then(|strategy| strategy.attempts).unwrap_or(1),
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
