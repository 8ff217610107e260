//! Events that others subscribe to, on a bus of our own on `EventBridge`.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use domain::Job;
use serde_json::json;

use crate::{CloudError, error::failed};

const SOURCE: &str = "automl";
const JOB_FINISHED: &str = "Job Finished";

/// An `EventBridge` bus.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    name: String,
}

/// The bus did not take the event.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl EventBus {
    /// The bus of that name.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        Self { client: Client::new(config), name: name.into() }
    }

    /// Tells that a job has ended. May be told twice, as any event may.
    pub async fn tell_finished(&self, job: &Job) -> Result<(), CloudError> {
        let detail = json!({
            "job_id": job.job_id,
            "user_id": job.user_id,
            "work": job.work().to_string(),
            "status": job.status,
            "reason": job.error_message.as_deref().unwrap_or_default(),
            "dataset_id": job.dataset_id,
            "dataset_name": job.dataset_name,
            "target_column": job.target_column,
            "completed_at": job.completed_at,
        });
        let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(SOURCE).detail_type(JOB_FINISHED);
        let answer = self.client.put_events().entries(entry.detail(detail.to_string()).build()).send().await;
        let subject = || format!("job {}", job.job_id);
        // The call succeeds also where its entry is refused.
        let refused = answer.map_err(failed("PutEvents", subject()))?.entries.unwrap_or_default();
        match refused.into_iter().find_map(|entry| entry.error_message.or(entry.error_code)) {
            Some(reason) => Err(failed("PutEvents", subject())(Refused(reason))),
            None => Ok(()),
        }
    }
}
