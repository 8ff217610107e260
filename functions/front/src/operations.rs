//! The routes for the API's document, but those of the document itself.

use api::openapi::Operation;
use serde_json::json;

use crate::health::{Health, Welcome};

/// What this function answers.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/", "welcome", "Get the service's name")
            .answers::<Welcome>("The name", json!({ "message": "AWS AutoML Lite API", "version": "1.1.0", "status": "healthy" })),
        Operation::new("GET", "/health", "health", "Ask whether the service is there")
            .answers::<Health>("It is", json!({ "status": "healthy", "service": "automl-api", "region": "eu-west-1" })),
    ]
}
