//! `GET /datasets/{id}`: what was read.

use std::sync::Arc;

use api::{ApiError, Caller, PathId, internal};
use axum::{Json, extract::State};
use domain::{Dataset, UserId};

use crate::{App, metadata::DatasetMetadata};

pub(crate) async fn get(State(app): State<Arc<App>>, Caller(user): Caller, PathId(id): PathId) -> Result<Json<DatasetMetadata>, ApiError> {
    Ok(Json(app.dataset(&user, id).await?.into()))
}

impl App {
    /// The caller's dataset.
    pub(crate) async fn dataset(&self, user: &UserId, id: String) -> Result<Dataset, ApiError> {
        let Ok(dataset) = id.parse() else { return Err(ApiError::DatasetNotFound(id)) };
        let found = self.datasets.get(user, dataset).await.map_err(internal("Error getting dataset"))?;
        found.ok_or(ApiError::DatasetNotFound(id))
    }
}
