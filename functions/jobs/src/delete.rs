//! `DELETE /jobs/{id}`: the job, its files and, unless another job uses it, the dataset that it learned from. What a prediction reads is
//! not its own and stays; so do the predictions of a model that is deleted, which have their results.

use std::{error::Error, sync::Arc};

use api::{ApiError, Caller, Input, PathId, Query, ReadInput, input, internal, never_stored};
use axum::{extract::State, response::Response};
use cloud::{CloudError, ObjectPath, keys};
use domain::{Job, JobId, Prediction, PredictionSource};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error deleting job";
/// How many of the other jobs on a dataset an answer names.
const NAMED_JOBS: u32 = 5;

#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct Request {
    /// Whether its files and its dataset go too.
    #[schemars(default = "yes")]
    delete_data: bool,
}

fn yes() -> bool {
    true
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self { delete_data: input.with_default("delete_data", true, input::boolean)? })
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobDeleted")]
pub(crate) struct Answer {
    message: &'static str,
    job_id: JobId,
    /// What was removed.
    deleted_resources: Vec<String>,
    /// What was not, and why.
    kept_resources: Vec<String>,
}

/// What a deletion did.
#[derive(Default)]
struct Done {
    deleted: Vec<String>,
    kept: Vec<String>,
}

impl Done {
    /// Notes that something is gone or, with the reason in the log, that it is not.
    fn note<T>(&mut self, job: &Job, what: &str, outcome: Result<T, CloudError>, name: impl FnOnce(T) -> Option<String>) {
        match outcome {
            Ok(gone) => self.deleted.extend(name(gone).map(|name| format!("{what}: {name}"))),
            Err(error) => {
                tracing::warn!(job = %job.job_id, error = &error as &dyn Error, "{what} was not deleted");
                self.kept.push(format!("{what}: it could not be deleted"));
            }
        }
    }
}

pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(request): Query<Request>,
) -> Result<Response, ApiError> {
    let mut job = app.job(&user, &id, WHAT).await?;
    // An unfinished job is cancelled first: from then on its trainer stores nothing, and a submission under way ends what it submitted.
    if let Some(cancelled) = app.jobs.cancel(&job).await.map_err(internal(WHAT))? {
        job = cancelled;
        if let Some(batch_job_id) = &job.batch_job_id {
            app.end_container(job.job_id, batch_job_id, "the job was deleted").await;
        }
    }
    let Done { deleted, kept } = if request.delete_data {
        app.delete_data(&job).await
    } else {
        Done { kept: vec!["files and dataset: delete_data is false".to_owned()], ..Done::default() }
    };
    app.jobs.delete(job.job_id).await.map_err(internal(WHAT))?;
    let message = "Job deleted successfully";
    Ok(never_stored(Answer { message, job_id: job.job_id, deleted_resources: deleted, kept_resources: kept }))
}

impl App {
    async fn delete_data(&self, job: &Job) -> Done {
        match &job.prediction {
            Some(prediction) => self.delete_results(job, prediction).await,
            None => self.delete_training(job).await,
        }
    }

    /// Deletes the results of a prediction, those of a trainer that did not come to its end included.
    async fn delete_results(&self, job: &Job, prediction: &Prediction) -> Done {
        let mut done = Done::default();
        let outcome = prediction.outcome.as_ref();
        for (what, path) in [("csv", outcome.map(|outcome| &outcome.csv_path)), ("parquet", outcome.map(|outcome| &outcome.parquet_path))] {
            if let Some(path) = path {
                done.note(job, what, self.delete_file(path).await, Some);
            }
        }
        let left = self.objects.delete_prefix(&self.datasets_bucket, &keys::prediction_key(job.job_id, "")).await;
        done.note(job, "unfinished files", left, |count| (count > 0).then(|| count.to_string()));
        done.kept.push(match &prediction.source {
            PredictionSource::Dataset(dataset) => format!("dataset {dataset}: a prediction only reads it"),
            PredictionSource::Object(key) => format!("object {key}: a prediction only reads it"),
        });
        done
    }

    /// Deletes what can be deleted of a training, in the order in which clients know it.
    async fn delete_training(&self, job: &Job) -> Done {
        let files = &job.files;
        let mut done = Done::default();
        for (what, path) in [
            ("model", &files.model_path),
            ("onnx_model", &files.onnx_model_path),
            ("manifest", &files.manifest_path),
            ("leaderboard", &files.leaderboard_path),
            ("eda_report", files.eda_report_path.as_ref().map_or(&files.report_path, |_| &files.eda_report_path)),
            ("training_report", &files.training_report_path),
        ] {
            if let Some(path) = path {
                done.note(job, what, self.delete_file(path).await, Some);
            }
        }
        // What a trainer stored that did not come to its end.
        for (bucket, prefix) in
            [(&self.models_bucket, keys::model_key(job.job_id, "")), (&self.reports_bucket, keys::report_key(job.job_id, ""))]
        {
            let left = self.objects.delete_prefix(bucket, &prefix).await;
            done.note(job, "unfinished files", left, |count| (count > 0).then(|| count.to_string()));
        }
        match self.other_jobs(job).await {
            Ok(others) if others.is_empty() => self.delete_dataset(job, &mut done).await,
            Ok(others) => {
                let names: Vec<String> = others.iter().map(ToString::to_string).collect();
                done.kept.push(format!("dataset {}: used by {}", job.dataset_id, names.join(", ")));
            }
            Err(error) => {
                tracing::warn!(job = %job.job_id, error = &error as &dyn Error, "the dataset's jobs are unknown");
                done.kept.push(format!("dataset {}: it is not known whether other jobs use it", job.dataset_id));
            }
        }
        done
    }

    async fn delete_file(&self, path: &str) -> Result<String, CloudError> {
        let path: ObjectPath = path.parse()?;
        self.objects.delete(&path).await?;
        Ok(path.key().to_owned())
    }

    /// Some of the owner's other jobs that the same dataset must stay for.
    async fn other_jobs(&self, job: &Job) -> Result<Vec<JobId>, CloudError> {
        let jobs = self.jobs.jobs_of(&job.user_id, job.dataset_id, NAMED_JOBS).await?;
        Ok(jobs.into_iter().filter(|other| *other != job.job_id).collect())
    }

    async fn delete_dataset(&self, job: &Job, done: &mut Done) {
        let dataset = job.dataset_id;
        for (what, prefix) in [("dataset files", keys::upload_prefix(dataset)), ("table files", keys::table_prefix(dataset))] {
            let count = self.objects.delete_prefix(&self.datasets_bucket, &prefix).await;
            done.note(job, what, count, |count| (count > 0).then(|| count.to_string()));
        }
        done.note(job, "dataset metadata", self.datasets.delete(dataset).await, |()| Some(dataset.to_string()));
    }
}
