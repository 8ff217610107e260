//! What belongs to no resource: the service's name and health, the API's document and its pages, and the answers to every path and method
//! that no other function has. Uses nothing of AWS.

mod docs;
mod elsewhere;
mod health;
mod operations;

use axum::{Router, routing::get};

pub use docs::DOCUMENT;
pub use operations::operations;

/// The routes.
pub fn router() -> Router {
    let routes = Router::new()
        .route("/", get(health::welcome))
        .route("/health", get(health::health))
        .route("/openapi.json", get(docs::document))
        .route("/docs", get(docs::swagger))
        .route("/redoc", get(docs::redoc))
        .fallback(elsewhere::answer);
    api::finish_front(routes)
}
