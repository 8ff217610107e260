//! `GET /datasets/{id}`: what was read.

use std::sync::Arc;

use api::{ApiError, Caller, PathId, internal};
use axum::{Json, extract::State};
use domain::{Dataset, DatasetId, Profile, UserId};

use crate::{App, metadata::DatasetMetadata};

const WHAT: &str = "Error getting dataset";

pub(crate) async fn get(State(app): State<Arc<App>>, Caller(user): Caller, PathId(id): PathId) -> Result<Json<DatasetMetadata>, ApiError> {
    let dataset = app.dataset(&user, id).await?;
    Ok(Json(app.with_columns(dataset, WHAT).await?.into()))
}

impl App {
    /// The caller's dataset.
    pub(crate) async fn dataset(&self, user: &UserId, id: String) -> Result<Dataset, ApiError> {
        let Ok(dataset) = id.parse() else { return Err(ApiError::DatasetNotFound(id)) };
        let found = self.datasets.get(user, dataset).await.map_err(internal(WHAT))?;
        found.ok_or(ApiError::DatasetNotFound(id))
    }

    /// The dataset with its columns, which those of a very wide table are only in its profile.
    pub(crate) async fn with_columns(&self, mut dataset: Dataset, what: &'static str) -> Result<Dataset, ApiError> {
        if dataset.columns_in_profile {
            dataset.take_columns_from(&self.profile(dataset.dataset_id, what).await?);
        }
        Ok(dataset)
    }

    /// What was found in a dataset's file. Those of the system before this one have no profile until they are confirmed again.
    pub(crate) async fn profile(&self, dataset: DatasetId, what: &'static str) -> Result<Profile, ApiError> {
        let found = self.objects.profile(&self.bucket, dataset).await.map_err(internal(what))?;
        found.ok_or_else(|| ApiError::DatasetNotReady(dataset.to_string()))
    }
}
