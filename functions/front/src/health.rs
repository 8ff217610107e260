//! `GET /` and `GET /health`: the service is there.

use std::env;

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

/// The service's name.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Welcome {
    message: &'static str,
    version: &'static str,
    status: &'static str,
}

/// The service is there.
#[derive(Serialize, JsonSchema)]
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
    let region = env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned());
    Json(Health { status: "healthy", service: "automl-api", region })
}
