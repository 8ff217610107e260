//! `GET /` and `GET /health`: the service is there.

use axum::Json;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Welcome {
    message: &'static str,
    version: &'static str,
    status: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    service: &'static str,
    region: String,
}

pub(crate) async fn welcome() -> Json<Welcome> {
    // The version is that of the interface, which clients have known before this implementation of it.
    Json(Welcome { message: "AWS AutoML Lite API", version: "1.1.0", status: "healthy" })
}

pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "healthy", service: "automl-api", region: cloud::region() })
}
