//! Predictions of deployed models. Links no table reader, no trainer: its dependency tree is a cold start.

mod answer;
mod csv;
mod drift;
mod error;
mod explain;
mod features;
mod info;
mod metrics;
mod models;
mod operations;
mod predict;
mod windows;

use std::sync::Arc;

use api::{ApiError, internal};
use axum::{
    Router,
    routing::{get, post},
};
use cloud::{CloudError, Deployment, Jobs, Objects, SdkConfig, Setting};
use domain::{Job, JobId, UserId};

use models::Models;
use windows::Windows;

pub use operations::operations;

/// What the routes work on.
#[derive(Debug)]
pub struct App {
    jobs: Jobs,
    models: Models,
    windows: Windows,
}

impl App {
    /// The places that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        let jobs = Jobs::new(config, Setting::JobsTable.read()?);
        Ok(Self { windows: Windows::new(jobs.clone()), jobs, models: Models::new(Objects::new(config)) })
    }

    /// The caller's job.
    async fn job(&self, user: &UserId, id: &str, what: &'static str) -> Result<Job, ApiError> {
        let Ok(job) = id.parse() else { return Err(ApiError::JobNotFound) };
        self.jobs.get(user, job).await.map_err(internal(what))?.ok_or(ApiError::JobNotFound)
    }

    /// The same as far as predicting needs it. What is held of a job that was deleted goes.
    async fn deployment(&self, user: &UserId, id: &str, what: &'static str) -> Result<Deployment, ApiError> {
        let Ok(job_id) = id.parse() else { return Err(ApiError::JobNotFound) };
        let found = self.jobs.deployment(job_id).await.map_err(internal(what))?;
        if found.is_none() {
            self.forget(job_id);
        }
        found.filter(|job| job.user_id == *user).ok_or(ApiError::JobNotFound)
    }

    /// Drops what is held of a job.
    fn forget(&self, job: JobId) {
        self.models.forget(job);
        self.windows.forget(job);
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
        .route("/predict/{id}", post(predict::predict))
        .route("/predict/{id}/info", get(info::info))
        .route("/predict/{id}/drift", get(drift::drift));
    api::finish(routes.with_state(Arc::new(app)))
}
