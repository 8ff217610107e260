//! `GET /datasets`: the caller's datasets, newest first.

use std::sync::Arc;

use api::{ApiError, Caller, PageRequest, Query, internal};
use axum::{Json, extract::State};
use serde::Serialize;

use crate::{App, metadata::DatasetMetadata};

#[derive(Serialize)]
pub(crate) struct DatasetList {
    datasets: Vec<DatasetMetadata>,
    next_token: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Query(request): Query<PageRequest>,
) -> Result<Json<DatasetList>, ApiError> {
    let token = request.token()?;
    let page = app.datasets.list(&user, request.limit, token.as_ref()).await.map_err(internal("Error listing datasets"))?;
    Ok(Json(DatasetList {
        datasets: page.items.into_iter().map(DatasetMetadata::from).collect(),
        next_token: page.next.map(|token| token.encode()),
    }))
}
