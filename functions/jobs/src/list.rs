//! `GET /jobs`: the caller's trainings, newest first, each in short. Predictions are listed by their model.

use std::sync::Arc;

use api::{ApiError, Caller, Input, PageRequest, Query, ReadInput, input, internal};
use axum::{Json, extract::State};
use cloud::{CloudError, JobFilter};
use domain::{DatasetId, Job, JobId, JobStatus, ProblemType, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

/// Which jobs are wanted.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct Request {
    #[schemars(flatten)]
    page: PageRequest,
    #[schemars(flatten)]
    filter: Filter,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Filter {
    /// Those that stand there.
    status: Option<JobStatus>,
    /// Those that learn from this dataset.
    dataset_id: Option<DatasetId>,
    /// Those with this tag.
    tag: Option<String>,
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let page = PageRequest::read(input);
        let status = input.nullable("status", input::one_of(&JobStatus::ALL));
        let dataset_id = input.nullable("dataset_id", input::id);
        let tag = input.nullable("tag", input::text);
        Some(Self { page: page?, filter: Filter { status: status?, dataset_id: dataset_id?, tag: tag? } })
    }
}

/// A page of jobs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct JobList {
    /// Newest first.
    jobs: Vec<JobSummary>,
    /// Gets the next page; `null` on the last one.
    next_token: Option<String>,
}

/// A job in short.
#[derive(Serialize, JsonSchema)]
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
    /// Accuracy or R².
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
    Query(Request { page, filter: Filter { status, dataset_id, tag } }): Query<Request>,
) -> Result<Json<JobList>, ApiError> {
    let filter = JobFilter { status, dataset_id, tag };
    let found = app.jobs.list(&user, &filter, page.limit, page.next_token.as_deref()).await;
    let page = found.map_err(refused("Error listing jobs"))?;
    Ok(Json(JobList { jobs: page.items.into_iter().map(JobSummary::from).collect(), next_token: page.next.map(|token| token.encode()) }))
}

/// Why a page of a list is not given; `what` was not done where that is no fault of the request.
pub(crate) fn refused(what: &'static str) -> impl FnOnce(CloudError) -> ApiError {
    move |error| match error {
        CloudError::InvalidToken => ApiError::InvalidToken,
        error => internal(what)(error),
    }
}
