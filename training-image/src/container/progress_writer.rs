//! Progress from the training thread to the job's item. The thread only replaces the latest news and never waits; a task writes them at
//! most once a second.

use std::time::Duration;

use cloud::Jobs;
use domain::{JobId, Progress};
use tokio::{sync::watch, time::sleep};

const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// Writes the latest news until the sender is gone or the job does not run any more. News that cannot be written is logged: training goes
/// on without it.
pub(crate) async fn write_latest(jobs: Jobs, job_id: JobId, mut news: watch::Receiver<Option<Progress>>) {
    while news.changed().await.is_ok() {
        let latest = news.borrow_and_update().clone();
        if let Some(progress) = latest {
            match jobs.report_progress(job_id, &progress).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "progress was not written"),
            }
        }
        sleep(BETWEEN_WRITES).await;
    }
}
