//! `GET /predict/{id}/batch`: the tables that were or are predicted with a job's model, newest first, each in short.

use std::sync::Arc;

use api::{ApiError, Caller, PageRequest, PathId, Query};
use axum::{Json, extract::State};
use domain::{Job, JobId, JobStatus, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{App, list::refused, prediction_answer::PredictionAnswer, progress::JobProgress};

const WHAT: &str = "Error listing predictions";

/// A page of predictions.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PredictionList {
    /// Newest first.
    predictions: Vec<PredictionSummary>,
    /// Gets the next page; `null` on the last one.
    next_token: Option<String>,
}

/// A prediction in short.
#[derive(Serialize, JsonSchema)]
struct PredictionSummary {
    job_id: JobId,
    status: JobStatus,
    /// The predicted file's name.
    dataset_name: Option<String>,
    /// Of its rows while it runs; 100 once it is completed.
    percent: u8,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    /// Accuracy or R², where the table has the target.
    primary_metric: Option<f64>,
    error_message: Option<String>,
    tags: Option<Vec<String>>,
    #[serde(flatten)]
    prediction: Option<PredictionAnswer>,
}

impl From<Job> for PredictionSummary {
    fn from(job: Job) -> Self {
        Self {
            percent: JobProgress::of(&job).percent,
            job_id: job.job_id,
            status: job.status,
            dataset_name: job.dataset_name,
            created_at: job.created_at,
            started_at: job.started_at,
            completed_at: job.completed_at,
            primary_metric: job.metrics.as_ref().and_then(domain::Metrics::primary),
            error_message: job.error_message,
            tags: job.tags,
            prediction: job.prediction.map(PredictionAnswer::from),
        }
    }
}

/// A deleted job's predictions are still there: only one that never was has none.
pub(crate) async fn list_predictions(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(page): Query<PageRequest>,
) -> Result<Json<PredictionList>, ApiError> {
    let model: JobId = id.parse().map_err(|_| ApiError::JobNotFound)?;
    let found = app.jobs.predictions(&user, model, page.limit, page.next_token.as_deref()).await.map_err(refused(WHAT))?;
    if found.items.is_empty() {
        app.job(&user, &id, WHAT).await?;
    }
    let predictions = found.items.into_iter().map(PredictionSummary::from).collect();
    Ok(Json(PredictionList { predictions, next_token: found.next.map(|token| token.encode()) }))
}
