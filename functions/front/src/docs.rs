//! `GET /openapi.json`, `/docs` and `/redoc`. The pages carry their scripts and styles and may load nothing from elsewhere.

use aide::{redoc::Redoc, swagger::Swagger};
use axum::{
    http::{
        HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{Html, IntoResponse},
};

/// The API's document, which `make openapi` writes from the types of all functions.
pub const DOCUMENT: &str = include_str!("../openapi.json");

const TITLE: &str = "AWS AutoML Lite API";
/// Relative, so that it is found behind any prefix.
const DOCUMENT_URL: &str = "openapi.json";
const FOR_A_WHILE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
const OWN_PARTS_ONLY: (HeaderName, HeaderValue) = (
    CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; worker-src blob:",
    ),
);

pub(crate) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json")), FOR_A_WHILE], DOCUMENT)
}

pub(crate) async fn swagger() -> impl IntoResponse {
    ([FOR_A_WHILE, OWN_PARTS_ONLY], Html(Swagger::new(DOCUMENT_URL).with_title(TITLE).html()))
}

pub(crate) async fn redoc() -> impl IntoResponse {
    ([FOR_A_WHILE, OWN_PARTS_ONLY], Html(Redoc::new(DOCUMENT_URL).with_title(TITLE).html()))
}
