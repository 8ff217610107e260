//! `GET /datasets`: the caller's datasets, newest first.

use std::sync::Arc;

use api::{ApiError, Caller, PageRequest, Query, internal};
use axum::{Json, extract::State};
use cloud::CloudError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{App, metadata::DatasetMetadata};

#[derive(Serialize, JsonSchema)]
pub(crate) struct DatasetList {
    /// Newest first.
    datasets: Vec<DatasetMetadata>,
    /// Gets the next page; `null` on the last one.
    next_token: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Query(request): Query<PageRequest>,
) -> Result<Json<DatasetList>, ApiError> {
    let page = app.datasets.list(&user, request.limit, request.next_token.as_deref()).await.map_err(|error| match error {
        CloudError::InvalidToken => ApiError::InvalidToken,
        error => internal("Error listing datasets")(error),
    })?;
    Ok(Json(DatasetList {
        datasets: page.items.into_iter().map(DatasetMetadata::from).collect(),
        next_token: page.next.map(|token| token.encode()),
    }))
}
