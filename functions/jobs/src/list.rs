//! `GET /jobs`: the caller's jobs, newest first, each in short.

use std::sync::Arc;

use api::{ApiError, Caller, PageRequest, Query, internal};
use axum::{Json, extract::State};
use domain::{DatasetId, Job, JobId, JobStatus, ProblemType, Timestamp};
use serde::Serialize;

use crate::App;

#[derive(Serialize)]
pub(crate) struct JobList {
    jobs: Vec<JobSummary>,
    next_token: Option<String>,
}

#[derive(Serialize)]
struct JobSummary {
    job_id: JobId,
    dataset_id: DatasetId,
    status: JobStatus,
    target_column: String,
    problem_type: Option<ProblemType>,
    dataset_name: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    tags: Option<Vec<String>>,
    primary_metric: Option<f64>,
    training_time: Option<f64>,
    best_estimator: Option<String>,
}

impl From<Job> for JobSummary {
    fn from(job: Job) -> Self {
        Self {
            job_id: job.job_id,
            dataset_id: job.dataset_id,
            status: job.status,
            target_column: job.target_column,
            problem_type: job.problem_type,
            dataset_name: job.dataset_name,
            created_at: job.created_at,
            updated_at: job.updated_at,
            started_at: job.started_at,
            completed_at: job.completed_at,
            tags: job.tags,
            primary_metric: job.metrics.as_ref().and_then(domain::Metrics::primary),
            training_time: job.metrics.as_ref().map(|metrics| metrics.training_time),
            best_estimator: job.metrics.map(|metrics| metrics.best_estimator),
        }
    }
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Query(request): Query<PageRequest>,
) -> Result<Json<JobList>, ApiError> {
    let token = request.token()?;
    let page = app.jobs.list(&user, request.limit, token.as_ref()).await.map_err(internal("Error listing jobs"))?;
    Ok(Json(JobList { jobs: page.items.into_iter().map(JobSummary::from).collect(), next_token: page.next.map(|token| token.encode()) }))
}
