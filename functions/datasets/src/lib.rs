//! The caller's datasets: confirm an upload, look at what was read, delete.

mod confirm;
mod delete;
mod get;
mod list;
mod metadata;
mod operations;
mod profile;
mod relations;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use cloud::{CloudError, Datasets, Jobs, Objects, SdkConfig, Setting};
use ingest::Ingest;

pub use operations::operations;

/// What the routes work on.
#[derive(Debug)]
pub struct App {
    objects: Objects,
    datasets: Datasets,
    jobs: Jobs,
    ingest: Ingest,
    bucket: String,
}

impl App {
    /// The places that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        Ok(Self {
            objects: Objects::new(config),
            datasets: Datasets::new(config, Setting::DatasetsTable.read()?),
            jobs: Jobs::new(config, Setting::JobsTable.read()?),
            ingest: Ingest::from_env(config)?,
            bucket: Setting::DatasetsBucket.read()?,
        })
    }
}

/// The routes, ready to serve.
pub async fn init() -> Result<Router, CloudError> {
    let app = App::from_env(&cloud::config().await)?;
    app.datasets.warm().await;
    Ok(router(app))
}

/// The routes.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/datasets", get(list::list))
        .route("/datasets/{id}", get(get::get).delete(delete::delete))
        .route("/datasets/{id}/confirm", post(confirm::confirm))
        .route("/datasets/{id}/profile", get(profile::profile))
        .route("/datasets/{id}/preview", get(profile::preview))
        .with_state(Arc::new(app));
    api::finish(routes)
}
