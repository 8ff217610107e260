//! `DELETE /jobs/{id}`: the job, its files and, unless another job uses it, its dataset.

use std::{error::Error, sync::Arc};

use api::{ApiError, Caller, Input, PathId, Query, ReadInput, input, internal, never_stored};
use axum::{extract::State, response::Response};
use cloud::{CloudError, ObjectPath, keys};
use domain::{Job, JobId, limits::MAX_PAGE};
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error deleting job";

pub(crate) struct Request {
    delete_data: bool,
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self { delete_data: input.with_default("delete_data", true, input::boolean)? })
    }
}

#[derive(Serialize)]
struct Answer {
    message: &'static str,
    job_id: JobId,
    deleted_resources: Vec<String>,
}

pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(request): Query<Request>,
) -> Result<Response, ApiError> {
    let job = app.job(&user, &id, WHAT).await?;
    app.stop(&job).await;
    let deleted_resources = if request.delete_data { app.delete_data(&job).await } else { Vec::new() };
    app.jobs.delete(job.job_id).await.map_err(internal(WHAT))?;
    Ok(never_stored(Answer { message: "Job deleted successfully", job_id: job.job_id, deleted_resources }))
}

impl App {
    /// Ends the training of a job that is not finished.
    async fn stop(&self, job: &Job) {
        if let Some(batch_job_id) = job.batch_job_id.as_ref().filter(|_| !job.status.is_final())
            && let Err(error) = self.batch.terminate(batch_job_id, "the job was deleted").await
        {
            tracing::warn!(job = %job.job_id, error = &error as &dyn Error, "the training was not ended");
        }
    }

    /// Deletes what can be deleted, in the order in which clients know it; what fails is logged and not listed.
    async fn delete_data(&self, job: &Job) -> Vec<String> {
        let files = &job.files;
        let mut deleted = Vec::new();
        for (what, path) in [
            ("model", &files.model_path),
            ("onnx_model", &files.onnx_model_path),
            ("manifest", &files.manifest_path),
            ("eda_report", files.eda_report_path.as_ref().map_or(&files.report_path, |_| &files.eda_report_path)),
            ("training_report", &files.training_report_path),
        ] {
            if let Some(path) = path
                && let Some(key) = logged(job, what, self.delete_file(path).await)
            {
                deleted.push(format!("{what}: {key}"));
            }
        }
        if logged(job, "other jobs", self.is_used_elsewhere(job).await) == Some(false) {
            deleted.extend(self.delete_dataset(job).await);
        }
        deleted
    }

    async fn delete_file(&self, path: &str) -> Result<String, CloudError> {
        let path: ObjectPath = path.parse()?;
        self.objects.delete(&path).await?;
        Ok(path.key().to_owned())
    }

    /// Whether another job of the owner was trained on the same dataset.
    async fn is_used_elsewhere(&self, job: &Job) -> Result<bool, CloudError> {
        let mut token = None;
        loop {
            let page = self.jobs.list(&job.user_id, MAX_PAGE, token.as_ref()).await?;
            if page.items.iter().any(|other| other.dataset_id == job.dataset_id && other.job_id != job.job_id) {
                return Ok(true);
            }
            token = page.next;
            if token.is_none() {
                return Ok(false);
            }
        }
    }

    async fn delete_dataset(&self, job: &Job) -> Vec<String> {
        let dataset = job.dataset_id;
        let mut deleted = Vec::new();
        for (what, prefix) in [("dataset files", keys::upload_prefix(dataset)), ("table files", keys::table_prefix(dataset))] {
            let count = logged(job, what, self.objects.delete_prefix(&self.datasets_bucket, &prefix).await);
            deleted.extend(count.filter(|count| *count > 0).map(|count| format!("{what}: {count}")));
        }
        if logged(job, "dataset metadata", self.datasets.delete(dataset).await).is_some() {
            deleted.push(format!("dataset metadata: {dataset}"));
        }
        deleted
    }
}

fn logged<T>(job: &Job, what: &str, outcome: Result<T, CloudError>) -> Option<T> {
    outcome.map_err(|error| tracing::warn!(job = %job.job_id, error = &error as &dyn Error, "{what} was not deleted")).ok()
}
