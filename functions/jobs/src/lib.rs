//! The caller's jobs, trainings and predictions of tables: submit, look, tag, cancel, delete.

mod cancel;
mod delete;
mod get;
mod job_response;
mod leaderboard;
mod list;
mod list_predictions;
mod operations;
mod patch;
mod predict_table;
mod prediction_answer;
mod progress;
mod submission;
mod train;

use std::{error::Error, sync::Arc, time::Duration};

use api::{ApiError, internal};
use axum::{
    Router,
    routing::{get, post},
};
use cloud::{Batch, CloudError, Datasets, Jobs, Objects, SdkConfig, Setting, TrainerPlaces, TrainingQueue, presigned_url_lifetime};
use domain::{Job, JobId, UserId};

pub use operations::operations;

/// What the routes work on.
#[derive(Debug)]
pub struct App {
    objects: Objects,
    datasets: Datasets,
    jobs: Jobs,
    batch: Batch,
    queue: TrainingQueue,
    datasets_bucket: String,
    models_bucket: String,
    reports_bucket: String,
    url_lifetime: Duration,
}

impl App {
    /// The places that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        let places = TrainerPlaces::from_env()?;
        Ok(Self {
            objects: Objects::new(config),
            datasets: Datasets::new(config, Setting::DatasetsTable.read()?),
            jobs: Jobs::new(config, &places.jobs_table),
            datasets_bucket: places.datasets_bucket.clone(),
            models_bucket: places.models_bucket.clone(),
            reports_bucket: places.reports_bucket.clone(),
            batch: Batch::new(config),
            queue: TrainingQueue::from_env(places)?,
            url_lifetime: presigned_url_lifetime()?,
        })
    }

    /// The caller's job.
    async fn job(&self, user: &UserId, id: &str, what: &'static str) -> Result<Job, ApiError> {
        let Ok(job) = id.parse() else { return Err(ApiError::JobNotFound) };
        self.jobs.get(user, job).await.map_err(internal(what))?.ok_or(ApiError::JobNotFound)
    }

    /// Has Batch end a job's container. Where that fails, the trainer ends by itself as soon as it looks at its job.
    async fn end_container(&self, job: JobId, batch_job_id: &str, reason: &str) {
        if let Err(error) = self.batch.terminate(batch_job_id, reason).await {
            tracing::warn!(%job, error = &error as &dyn Error, "the container was not ended");
        }
    }
}

/// The routes, ready to serve.
pub async fn init() -> Result<Router, CloudError> {
    let app = App::from_env(&cloud::config().await)?;
    app.jobs.warm().await;
    Ok(router(app))
}

/// The routes.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/train", post(train::train))
        .route("/predict/{id}/batch", post(predict_table::predict_table).get(list_predictions::list_predictions))
        .route("/jobs", get(list::list))
        .route("/jobs/{id}/cancel", post(cancel::cancel))
        .route("/jobs/{id}/leaderboard", get(leaderboard::leaderboard))
        .route("/jobs/{id}", get(get::get).patch(patch::patch).delete(delete::delete))
        .with_state(Arc::new(app));
    api::finish(routes)
}
