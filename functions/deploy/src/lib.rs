//! Lets the prediction endpoint answer for a job, or not.

mod deploy;
mod operations;

use std::sync::Arc;

use axum::{Router, routing::post};
use cloud::{CloudError, Jobs, SdkConfig, Setting};

pub use operations::operations;

/// What the route works on.
#[derive(Debug)]
pub struct App {
    jobs: Jobs,
}

impl App {
    /// The table that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        Ok(Self { jobs: Jobs::new(config, Setting::JobsTable.read()?) })
    }
}

/// The route, ready to serve.
pub async fn init() -> Result<Router, CloudError> {
    let app = App::from_env(&cloud::config().await)?;
    app.jobs.warm().await;
    Ok(router(app))
}

/// The route.
pub fn router(app: App) -> Router {
    api::finish(Router::new().route("/jobs/{id}/deploy", post(deploy::deploy)).with_state(Arc::new(app)))
}
