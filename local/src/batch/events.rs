//! Changes of state as EventBridge events. Source: the Batch user guide, "AWS Batch events".

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::{sync::mpsc, time::sleep};
use uuid::Uuid;

use super::job::{Attempt, BatchJob};
use crate::{stack::timestamp, template::ACCOUNT};

/// How often an event is delivered again when it is not taken.
const RETRIES: u32 = 2;
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Tells of each change, in their order.
pub(super) async fn deliver<Told>(mut changes: mpsc::UnboundedReceiver<BatchJob>, tell: impl Fn(Bytes) -> Told)
where
    Told: Future<Output = anyhow::Result<()>>,
{
    while let Some(job) = changes.recv().await {
        let event = Bytes::from(event(&job));
        let mut attempts = 0;
        while let Err(error) = tell(event.clone()).await {
            tracing::warn!("the event of {} failed: {error:#}", job.job_name);
            if attempts == RETRIES {
                tracing::error!("the event of {} is given up", job.job_name);
                break;
            }
            attempts += 1;
            sleep(RETRY_DELAY * attempts).await;
        }
    }
}

fn event(job: &BatchJob) -> String {
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": ACCOUNT,
        "time": timestamp(),
        "region": "us-east-1",
        "resources": [format!("arn:aws:batch:us-east-1:{ACCOUNT}:job/{}", job.job_id)],
        "detail": detail(job),
    })
    .to_string()
}

/// The job as Batch describes it.
pub(super) fn detail(job: &BatchJob) -> serde_json::Value {
    let attempt = |attempt: &Attempt| {
        json!({
            "container": { "exitCode": attempt.exit_code },
            "startedAt": attempt.started_at,
            "stoppedAt": attempt.stopped_at,
            "statusReason": attempt.status_reason,
        })
    };
    json!({
        "jobArn": format!("arn:aws:batch:us-east-1:{ACCOUNT}:job/{}", job.job_id),
        "jobName": job.job_name,
        "jobId": job.job_id,
        "jobQueue": format!("arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/{}", job.job_queue),
        "jobDefinition": format!("arn:aws:batch:us-east-1:{ACCOUNT}:job-definition/{}:1", job.job_definition),
        "status": job.status,
        "statusReason": job.status_reason,
        "attempts": job.attempted.iter().map(attempt).collect::<Vec<_>>(),
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "stoppedAt": job.stopped_at,
        "retryStrategy": { "attempts": job.attempts, "evaluateOnExit": job.retries },
        "timeout": { "attemptDurationSeconds": job.timeout },
        "dependsOn": [],
        "parameters": job.parameters,
        "container": { "environment": job.environment, "exitCode": job.exit_code, "reason": job.container_reason },
    })
}
