//! `DELETE /datasets/{id}`: the upload, the table and the item. Jobs that were trained on it keep their models.

use std::sync::Arc;

use api::{ApiError, Caller, PathId, internal, never_stored};
use axum::{extract::State, response::Response};
use cloud::{CloudError, keys};
use domain::DatasetId;
use serde::Serialize;

use crate::App;

#[derive(Serialize)]
struct Answer {
    message: &'static str,
    dataset_id: DatasetId,
    deleted_resources: Vec<String>,
}

pub(crate) async fn delete(State(app): State<Arc<App>>, Caller(user): Caller, PathId(id): PathId) -> Result<Response, ApiError> {
    let dataset_id = app.dataset(&user, id).await?.dataset_id;
    let deleted_resources = app.delete(dataset_id).await.map_err(internal("Error deleting dataset"))?;
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
