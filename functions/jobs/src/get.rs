//! `GET /jobs/{id}`: everything about a job, kept by clients as long as it does not change.

use std::sync::Arc;

use api::{ApiError, Caller, PathId, internal, revalidated};
use axum::{extract::State, http::HeaderMap, response::Response};

use crate::App;

const WHAT: &str = "Error getting job status";

pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let job = app.job(&user, &id, WHAT).await?;
    revalidated(&headers, &app.job_response(job).await.map_err(internal(WHAT))?)
}
