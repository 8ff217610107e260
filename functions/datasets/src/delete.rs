//! `DELETE /datasets/{id}`: the upload, the table and the item. Jobs that were trained on it keep their models, and keep it, as do predictions
//! of it that are not finished, unless the caller insists.

use std::sync::Arc;

use api::{ApiError, Caller, Input, PathId, Query, ReadInput, input, internal, never_stored};
use axum::{extract::State, response::Response};
use cloud::{CloudError, keys};
use domain::{DatasetId, limits::MAX_PAGE};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error deleting dataset";

#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct Request {
    /// Whether to delete it although jobs were trained on it.
    #[schemars(default)]
    force: bool,
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self { force: input.with_default("force", false, input::boolean)? })
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DatasetDeleted")]
pub(crate) struct Answer {
    message: &'static str,
    dataset_id: DatasetId,
    /// What was removed.
    deleted_resources: Vec<String>,
}

pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(request): Query<Request>,
) -> Result<Response, ApiError> {
    let dataset_id = app.dataset(&user, id).await?.dataset_id;
    if !request.force {
        let jobs = app.jobs.jobs_of(&user, dataset_id, MAX_PAGE).await.map_err(internal(WHAT))?;
        if !jobs.is_empty() {
            return Err(ApiError::DatasetInUse(jobs));
        }
    }
    let deleted_resources = app.delete(dataset_id).await.map_err(internal(WHAT))?;
    Ok(never_stored(Answer { message: "Dataset deleted successfully", dataset_id, deleted_resources }))
}

impl App {
    /// Deletes the item last: while it is there, the deletion can be repeated.
    async fn delete(&self, dataset: DatasetId) -> Result<Vec<String>, CloudError> {
        let files = self.objects.delete_prefix(&self.bucket, &keys::upload_prefix(dataset)).await?;
        let tables = self.objects.delete_prefix(&self.bucket, &keys::table_prefix(dataset)).await?;
        self.datasets.delete(dataset).await?;
        let counted = [("dataset files", files), ("table files", tables)].into_iter().filter(|(_, count)| *count > 0);
        let mut deleted: Vec<String> = counted.map(|(what, count)| format!("{what}: {count}")).collect();
        deleted.push(format!("dataset metadata: {dataset}"));
        Ok(deleted)
    }
}
