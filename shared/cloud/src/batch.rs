//! Jobs on AWS Batch.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_batch::{
    Client,
    types::{ContainerOverrides, JobTimeout, KeyValuePair},
};
use domain::Job;

use crate::{CloudError, Setting, error::failed, region};

/// How much longer than its budget a job may take, in seconds: fetching, reports, uploading.
const TIMEOUT_MARGIN: u32 = 600;
/// The most jobs that Batch describes in one answer.
const DESCRIBED_AT_ONCE: usize = 100;
/// How much of a job's identifier its name on Batch shows.
const SHORT_ID: usize = 8;

/// The Batch client.
#[derive(Debug, Clone)]
pub struct Batch {
    client: Client,
}

/// A Batch queue and what to start on it.
#[derive(Debug, Clone)]
pub struct TrainingQueue {
    queue: String,
    definition: String,
    places: TrainerPlaces,
}

/// Where the trainer reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainerPlaces {
    /// The bucket of tables.
    pub datasets_bucket: String,
    /// The bucket of models.
    pub models_bucket: String,
    /// The bucket of reports.
    pub reports_bucket: String,
    /// The table of jobs.
    pub jobs_table: String,
}

/// A job to submit.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The stored job.
    pub job: &'a Job,
    /// Seconds that its work may take.
    pub time_budget: u32,
    /// The metric that the caller asked for; `auto` where there is nothing to choose.
    pub metric: &'a str,
}

/// What Batch knows of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchJob {
    /// Batch's own status: `SUBMITTED` … `SUCCEEDED`, `FAILED`.
    pub status: String,
    /// Why it has it.
    pub status_reason: Option<String>,
    /// The container's exit code once it ended.
    pub exit_code: Option<i32>,
    /// What the container's host says of its end.
    pub container_reason: Option<String>,
}

impl TrainerPlaces {
    /// The places that the environment names.
    pub fn from_env() -> Result<Self, CloudError> {
        Ok(Self {
            datasets_bucket: Setting::DatasetsBucket.read()?,
            models_bucket: Setting::ModelsBucket.read()?,
            reports_bucket: Setting::ReportsBucket.read()?,
            jobs_table: Setting::JobsTable.read()?,
        })
    }
}

impl TrainingQueue {
    /// The queue and the definition that the environment names; each job is told the `places`.
    pub fn from_env(places: TrainerPlaces) -> Result<Self, CloudError> {
        Ok(Self { queue: Setting::JobQueue.read()?, definition: Setting::JobDefinition.read()?, places })
    }

    fn environment(&self, Submission { job, time_budget, .. }: Submission<'_>) -> Vec<KeyValuePair> {
        let variables = [
            ("DATASET_ID", job.dataset_id.to_string()),
            ("TARGET_COLUMN", job.target_column.clone()),
            ("JOB_ID", job.job_id.to_string()),
            ("TIME_BUDGET", time_budget.to_string()),
            ("S3_BUCKET_DATASETS", self.places.datasets_bucket.clone()),
            ("S3_BUCKET_MODELS", self.places.models_bucket.clone()),
            ("S3_BUCKET_REPORTS", self.places.reports_bucket.clone()),
            ("DYNAMODB_JOBS_TABLE", self.places.jobs_table.clone()),
            ("REGION", region()),
        ];
        variables.into_iter().map(|(name, value)| KeyValuePair::builder().name(name).value(value).build()).collect()
    }
}

impl Batch {
    /// A client of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Submits a job to the queue; Batch's identifier of it.
    pub async fn submit(&self, to: &TrainingQueue, submission: Submission<'_>) -> Result<String, CloudError> {
        let id = submission.job.job_id.to_string();
        let timeout = i32::try_from(submission.time_budget.saturating_add(TIMEOUT_MARGIN)).unwrap_or(i32::MAX);
        let overrides = ContainerOverrides::builder().set_environment(Some(to.environment(submission)));
        let answer = self
            .client
            .submit_job()
            .job_name(format!("{}-{}", submission.job.work().to_string().to_lowercase(), id.get(..SHORT_ID).unwrap_or(&id)))
            .job_queue(&to.queue)
            .job_definition(&to.definition)
            .set_parameters(Some(parameters(submission).into()))
            .container_overrides(overrides.build())
            .timeout(JobTimeout::builder().attempt_duration_seconds(timeout).build())
            .send()
            .await
            .map_err(failed("SubmitJob", format!("job {id}")))?;
        answer.job_id.ok_or_else(|| failed("SubmitJob", format!("job {id}"))(std::io::Error::other("Batch named no job")))
    }

    /// Ends a job that has not finished; on a finished one it does nothing.
    pub async fn terminate(&self, batch_job_id: &str, reason: &str) -> Result<(), CloudError> {
        let request = self.client.terminate_job().job_id(batch_job_id).reason(reason);
        request.send().await.map_err(failed("TerminateJob", batch_job_id))?;
        Ok(())
    }

    /// What Batch knows of jobs, by its own identifiers. It forgets them some days after their end.
    pub async fn describe(&self, batch_job_ids: &[String]) -> Result<HashMap<String, BatchJob>, CloudError> {
        let mut known = HashMap::new();
        for some in batch_job_ids.chunks(DESCRIBED_AT_ONCE) {
            let answer = self.client.describe_jobs().set_jobs(Some(some.to_vec())).send().await;
            let jobs = answer.map_err(failed("DescribeJobs", format!("{} jobs", some.len())))?.jobs.unwrap_or_default();
            known.extend(jobs.into_iter().filter_map(|job| {
                let container = job.container.as_ref();
                let of_batch = BatchJob {
                    status: job.status.as_ref().map(|status| status.as_str().to_owned()).unwrap_or_default(),
                    status_reason: job.status_reason.clone(),
                    exit_code: container.and_then(|container| container.exit_code),
                    container_reason: container.and_then(|container| container.reason.clone()),
                };
                Some((job.job_id?, of_batch))
            }));
        }
        Ok(known)
    }
}

fn parameters(Submission { job, time_budget, metric }: Submission<'_>) -> [(String, String); 5] {
    [
        ("dataset_id".to_owned(), job.dataset_id.to_string()),
        ("target_column".to_owned(), job.target_column.clone()),
        ("job_id".to_owned(), job.job_id.to_string()),
        ("time_budget".to_owned(), time_budget.to_string()),
        ("metric".to_owned(), metric.to_owned()),
    ]
}
