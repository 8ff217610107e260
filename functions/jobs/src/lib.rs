//! The caller's training jobs: submit, look, tag, delete.

mod delete;
mod get;
mod job_response;
mod list;
mod patch;
mod train;

use std::{sync::Arc, time::Duration};

use api::{ApiError, internal};
use axum::{
    Router,
    routing::{get, post},
};
use cloud::{Batch, CloudError, Datasets, Jobs, Objects, SdkConfig, Setting, TrainerPlaces, presigned_url_lifetime};
use domain::{Job, UserId};

/// What the routes work on.
#[derive(Debug)]
pub struct App {
    objects: Objects,
    datasets: Datasets,
    jobs: Jobs,
    batch: Batch,
    datasets_bucket: String,
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
            batch: Batch::new(config, Setting::JobQueue.read()?, Setting::JobDefinition.read()?, places),
            url_lifetime: presigned_url_lifetime()?,
        })
    }

    /// The caller's job.
    async fn job(&self, user: &UserId, id: &str, what: &'static str) -> Result<Job, ApiError> {
        let Ok(job) = id.parse() else { return Err(ApiError::JobNotFound) };
        self.jobs.get(user, job).await.map_err(internal(what))?.ok_or(ApiError::JobNotFound)
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
        .route("/jobs", get(list::list))
        .route("/jobs/{id}", get(get::get).patch(patch::patch).delete(delete::delete))
        .with_state(Arc::new(app));
    api::finish(routes)
}
