//! What happens to jobs on their machines, so that none waits for ever.
//!
//! The trainer writes its own end into the job's item. Where it could not (no memory, no time, no machine, no image), Batch's event is the
//! first news; where that event was lost or never came, the sweep, which a schedule starts every minute, finds the job and asks Batch.
//! Both only ever end a job that is not finished, with a reason that its owner understands.

mod event;
mod reason;
mod sweep;

use std::error::Error;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use cloud::{Batch, CloudError, Jobs, Objects, SdkConfig, Setting, keys};
use domain::{JobId, JobStatus};
use serde_json::Value;

use event::{End, EndedJob, News};

/// What the function works on.
#[derive(Debug, Clone)]
pub struct JobEvents {
    jobs: Jobs,
    batch: Batch,
    objects: Objects,
    datasets_bucket: String,
    models_bucket: String,
    reports_bucket: String,
}

impl JobEvents {
    /// The places that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        Ok(Self {
            jobs: Jobs::new(config, Setting::JobsTable.read()?),
            batch: Batch::new(config),
            objects: Objects::new(config),
            datasets_bucket: Setting::DatasetsBucket.read()?,
            models_bucket: Setting::ModelsBucket.read()?,
            reports_bucket: Setting::ReportsBucket.read()?,
        })
    }

    /// Takes note of a job that ended, or looks at all that have not; other events change nothing.
    pub async fn on_event(&self, event: EventBridgeEvent<Value>) -> Result<(), CloudError> {
        match News::of(event) {
            News::Ended(ended) => self.on_end(ended).await,
            News::Schedule => self.sweep().await,
            News::Other => Ok(()),
        }
    }

    async fn on_end(&self, EndedJob { job_id, batch_job_id, end }: EndedJob) -> Result<(), CloudError> {
        if let Some(job) = self.jobs.find(job_id).await? {
            let cause = match &end {
                End::Failed(ending) => reason::in_words(job.work(), ending),
                End::Succeeded => reason::WITHOUT_RESULT.to_owned(),
            };
            self.note_end(job_id, &batch_job_id, &reason::of_failed(job.work(), &cause)).await?;
        }
        self.remove_orphans(job_id).await
    }

    async fn note_end(&self, job_id: JobId, batch_job_id: &str, reason: &str) -> Result<(), CloudError> {
        let noted = self
            .jobs
            .fail_as(job_id, batch_job_id, reason)
            .await
            .inspect_err(|error| tracing::error!(job = %job_id, error = error as &dyn Error, "the end was not noted"))?;
        if noted {
            tracing::info!(job = %job_id, "{reason}");
        }
        Ok(())
    }

    /// A trainer may store its results while its job is deleted or cancelled: once it has ended, they go.
    async fn remove_orphans(&self, job: JobId) -> Result<(), CloudError> {
        let known = self.jobs.find(job).await?;
        if known.is_none_or(|job| job.status == JobStatus::Cancelled) {
            self.objects.delete_prefix(&self.models_bucket, &keys::model_key(job, "")).await?;
            self.objects.delete_prefix(&self.reports_bucket, &keys::report_key(job, "")).await?;
            self.objects.delete_prefix(&self.datasets_bucket, &keys::prediction_key(job, "")).await?;
        }
        Ok(())
    }
}
