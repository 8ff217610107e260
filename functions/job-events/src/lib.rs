//! What happens to jobs on their machines, so that none waits for ever.
//!
//! The trainer writes its own end into the job's item. Where it could not (no memory, no time, no machine, no image), Batch's event is the
//! first news; where that event was lost or never came, the sweep, which a schedule starts every minute, finds the job and asks Batch.
//! Both only ever end a job that is not finished, with a reason that its owner understands. Whatever ended a job, it is told on a bus that
//! others subscribe to, and counted.

mod event;
mod metrics;
mod reason;
mod sweep;

use std::error::Error;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use cloud::{Batch, CloudError, EventBus, Jobs, Objects, SdkConfig, Setting, keys};
use domain::{Job, JobId, JobStatus};
use serde_json::Value;

use event::{End, EndedJob, News};

/// What the function works on.
#[derive(Debug, Clone)]
pub struct JobEvents {
    jobs: Jobs,
    batch: Batch,
    bus: EventBus,
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
            bus: EventBus::new(config, Setting::EventBus.read()?),
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
        let Some(job) = self.jobs.find(job_id).await? else { return self.remove_results(job_id).await };
        if job.batch_job_id.as_ref().is_some_and(|known| *known != batch_job_id) {
            return Ok(());
        }
        let cause = match &end {
            End::Failed(ending) => reason::in_words(job.work(), ending),
            End::Succeeded => reason::WITHOUT_RESULT.to_owned(),
        };
        self.note_end(job_id, &batch_job_id, &reason::of_failed(job.work(), &cause)).await?;
        match self.jobs.find(job_id).await? {
            Some(job) => self.settle(&job).await,
            None => self.remove_results(job_id).await,
        }
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

    /// What is left to do for a job whose container is gone: to remove what nobody gets, and to tell others.
    async fn settle(&self, job: &Job) -> Result<(), CloudError> {
        if matches!(job.status, JobStatus::Failed | JobStatus::Cancelled) {
            self.remove_results(job.job_id).await?;
        }
        if job.status.is_final() {
            self.bus.tell_finished(job).await?;
            metrics::count_finished(job.status);
        }
        Ok(())
    }

    /// A trainer may store results, or some of them, while its job is deleted, cancelled or over: once it has ended, they go.
    async fn remove_results(&self, job: JobId) -> Result<(), CloudError> {
        self.objects.delete_prefix(&self.models_bucket, &keys::model_key(job, "")).await?;
        self.objects.delete_prefix(&self.reports_bucket, &keys::report_key(job, "")).await?;
        self.objects.delete_prefix(&self.datasets_bucket, &keys::prediction_key(job, "")).await?;
        Ok(())
    }
}
