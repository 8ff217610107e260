//! `POST /train`: submit a training job.

use std::sync::Arc;

use api::{ApiError, Body, Caller, Input, ReadInput, input, internal};
use axum::{Json, extract::State};
use cloud::{CloudError, ObjectPath, Submission, keys};
use domain::{
    Dataset, DatasetStatus, Job, JobId, JobStatus, Profile, TIME_BUDGET_SECONDS, TargetFacts, UserId, default_time_budget,
    detect_problem_type,
};
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error starting training";

pub(crate) struct Request {
    dataset_id: String,
    target_column: String,
    config: Config,
}

struct Config {
    time_budget: Option<u32>,
    metric: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { time_budget: None, metric: "auto".to_owned() }
    }
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let dataset_id = input.required("dataset_id", input::text);
        let target_column = input.required("target_column", input::text);
        let config = input.nullable("config", input::object);
        Some(Self { dataset_id: dataset_id?, target_column: target_column?, config: config?.unwrap_or_default() })
    }
}

impl ReadInput for Config {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let time_budget = input.nullable("time_budget", input::integer(TIME_BUDGET_SECONDS));
        let metric = input.with_default("metric", Self::default().metric, input::text);
        Some(Self { time_budget: time_budget?, metric: metric? })
    }
}

#[derive(Serialize)]
pub(crate) struct Submitted {
    job_id: JobId,
    status: JobStatus,
    estimated_time: u32,
}

pub(crate) async fn train(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Body(request): Body<Request>,
) -> Result<Json<Submitted>, ApiError> {
    let dataset = app.training_dataset(&user, &request.dataset_id).await?;
    if !dataset.columns.contains(&request.target_column) {
        return Err(ApiError::TargetNotFound(request.target_column));
    }
    let profile = app.profile(&dataset).await?;
    let Some(target) = profile.column(&request.target_column) else { return Err(ApiError::TargetNotFound(request.target_column)) };
    let problem_type = detect_problem_type(TargetFacts::of(target, profile.rows));
    let time_budget = request.config.time_budget.unwrap_or_else(|| default_time_budget(profile.rows));
    let job = Job::pending(dataset.dataset_id, user, dataset.filename, request.target_column, problem_type, time_budget);
    app.jobs.create(&job).await.map_err(internal(WHAT))?;
    app.submit(Submission { job: &job, time_budget, metric: &request.config.metric }).await.map_err(internal(WHAT))?;
    Ok(Json(Submitted { job_id: job.job_id, status: job.status, estimated_time: time_budget }))
}

impl App {
    async fn training_dataset(&self, user: &UserId, id: &str) -> Result<Dataset, ApiError> {
        let Ok(dataset) = id.parse() else { return Err(ApiError::TrainingDatasetNotFound) };
        let found = self.datasets.get(user, dataset).await.map_err(internal(WHAT))?;
        let dataset = found.ok_or(ApiError::TrainingDatasetNotFound)?;
        match dataset.status {
            DatasetStatus::Ready => Ok(dataset),
            DatasetStatus::Failed => Err(ApiError::NotATable(dataset.error.unwrap_or_default())),
        }
    }

    /// The profile of a dataset. Those of the system before this one have none until they are confirmed again.
    async fn profile(&self, dataset: &Dataset) -> Result<Profile, ApiError> {
        let path = ObjectPath::new(&self.datasets_bucket, keys::profile_key(dataset.dataset_id));
        match self.objects.get(&path).await {
            Ok(json) => serde_json::from_slice(&json).map_err(internal(WHAT)),
            Err(CloudError::MissingObject { .. }) => Err(ApiError::DatasetNotReady(dataset.dataset_id.to_string())),
            Err(error) => Err(internal(WHAT)(error)),
        }
    }

    /// Hands a stored job to Batch. One that Batch does not take ends as failed; one that was deleted meanwhile is ended.
    async fn submit(&self, submission: Submission<'_>) -> Result<(), CloudError> {
        let job = submission.job.job_id;
        match self.batch.submit(submission).await {
            Ok(batch_job_id) => {
                if !self.jobs.set_batch_job_id(job, &batch_job_id).await? {
                    self.batch.terminate(&batch_job_id, "the job was deleted").await?;
                }
                Ok(())
            }
            Err(error) => {
                self.jobs.fail(job, "Training failed: the job could not be submitted; start it again").await?;
                Err(error)
            }
        }
    }
}
