//! What Batch tells of its jobs, so that a job whose container died does not wait for ever.
//!
//! The trainer writes its own end into the job's item. Where it could not (no memory, no time, no machine, no image), Batch's event is the
//! only news: a job that Batch calls failed and that is not finished is failed, with a reason that its owner understands.

mod event;
mod reason;

use std::error::Error;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use cloud::{CloudError, Jobs, SdkConfig, Setting};
use serde_json::Value;

use event::FailedJob;

/// The table of jobs.
#[derive(Debug, Clone)]
pub struct JobEvents {
    jobs: Jobs,
}

impl JobEvents {
    /// The table that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        Ok(Self { jobs: Jobs::new(config, Setting::JobsTable.read()?) })
    }

    /// Takes note of a job that failed; other events change nothing.
    pub async fn on_event(&self, event: EventBridgeEvent<Value>) -> Result<(), CloudError> {
        let Some(failed) = FailedJob::of(event) else { return Ok(()) };
        let reason = reason::in_words(&failed.detail);
        let noted = self
            .jobs
            .fail(failed.job_id, &reason)
            .await
            .inspect_err(|error| tracing::error!(job = %failed.job_id, error = error as &dyn Error, "the failure was not noted"))?;
        tracing::info!(job = %failed.job_id, noted, "{reason}");
        Ok(())
    }
}
