//! `POST /jobs/{id}/cancel`: end a job that is not finished.

use std::sync::Arc;

use api::{ApiError, Caller, PathId, internal};
use axum::{Json, extract::State};
use domain::{JobId, JobStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error cancelling job";

/// A cancelled job.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Cancelled {
    job_id: JobId,
    status: JobStatus,
    message: &'static str,
}

pub(crate) async fn cancel(State(app): State<Arc<App>>, Caller(user): Caller, PathId(id): PathId) -> Result<Json<Cancelled>, ApiError> {
    let job = app.job(&user, &id, WHAT).await?;
    let job_id = job.job_id;
    if let Some(job) = app.jobs.cancel(&job).await.map_err(internal(WHAT))? {
        if let Some(batch_job_id) = &job.batch_job_id {
            app.end_container(job_id, batch_job_id, "the job was cancelled").await;
        }
    } else {
        let status = app.job(&user, &id, WHAT).await?.status;
        if status != JobStatus::Cancelled {
            return Err(ApiError::NotCancellable(status));
        }
    }
    Ok(Json(Cancelled { job_id, status: JobStatus::Cancelled, message: "Job cancelled" }))
}
