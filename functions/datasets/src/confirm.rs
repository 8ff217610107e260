//! `POST /datasets/{id}/confirm`: the upload is complete; read it, if the storage event has not done so.

use std::sync::Arc;

use api::{ApiError, Caller, PathId, internal};
use axum::{Json, extract::State};
use cloud::Claim;
use domain::{DatasetId, DatasetStatus};

use crate::{App, metadata::DatasetMetadata};

const WHAT: &str = "Error confirming upload";

pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
) -> Result<Json<DatasetMetadata>, ApiError> {
    let Ok(dataset) = id.parse::<DatasetId>() else { return Err(ApiError::UploadNotFound(id)) };
    let claim = app.datasets.claim(dataset).await.map_err(internal(WHAT))?;
    if claim != Claim::Unknown && claim != Claim::Owned(user.clone()) {
        return Err(ApiError::UploadNotFound(id));
    }
    let read = app.ingest.ingest_upload(dataset, &user).await.map_err(internal(WHAT))?;
    let dataset = read.ok_or(ApiError::UploadNotFound(id))?;
    if dataset.status == DatasetStatus::Failed {
        return Err(ApiError::NotATable(dataset.error.unwrap_or_default()));
    }
    Ok(Json(app.with_columns(dataset, WHAT).await?.into()))
}
