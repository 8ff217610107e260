//! Where an upload begins, and whether the service is there.

mod health;
mod request_url;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use cloud::{CloudError, Datasets, Objects, SdkConfig, Setting, presigned_url_lifetime};

/// What the routes work on.
#[derive(Debug)]
pub struct App {
    objects: Objects,
    datasets: Datasets,
    bucket: String,
    url_lifetime: Duration,
}

impl App {
    /// The places that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        Ok(Self {
            objects: Objects::new(config),
            datasets: Datasets::new(config, Setting::DatasetsTable.read()?),
            bucket: Setting::DatasetsBucket.read()?,
            url_lifetime: presigned_url_lifetime()?,
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
        .route("/", get(health::welcome))
        .route("/health", get(health::health))
        .route("/upload", post(request_url::request_url))
        .route("/upload/request-url", post(request_url::request_url))
        .with_state(Arc::new(app));
    api::finish(routes)
}
