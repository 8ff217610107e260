//! Where an upload begins.

mod filename;
mod operations;
mod request_url;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::post};
use cloud::{CloudError, Datasets, Objects, SdkConfig, Setting, max_upload_bytes, presigned_url_lifetime};

pub use operations::operations;

/// What the routes work on.
#[derive(Debug)]
pub struct App {
    objects: Objects,
    datasets: Datasets,
    bucket: String,
    url_lifetime: Duration,
    max_upload_bytes: u64,
}

impl App {
    /// The places that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        Ok(Self {
            objects: Objects::new(config),
            datasets: Datasets::new(config, Setting::DatasetsTable.read()?),
            bucket: Setting::DatasetsBucket.read()?,
            url_lifetime: presigned_url_lifetime()?,
            max_upload_bytes: max_upload_bytes()?,
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
        .route("/upload", post(request_url::request_url))
        .route("/upload/request-url", post(request_url::request_url))
        .with_state(Arc::new(app));
    api::finish(routes)
}
