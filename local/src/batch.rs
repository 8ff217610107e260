//! AWS Batch on this machine: a queue that runs the real trainer binary, one job at a time.
//!
//! A job is kept in a file, so that a queued one runs after a restart, and one that ran when the stack ended starts again. Each
//! change of state is told as the event that EventBridge would send.

mod api;
mod events;
mod job;
mod retry;
mod run;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

pub use api::router;
use job::{BatchJob, Status};
pub use retry::RetryRule;

/// The queue.
#[derive(Debug)]
pub struct Batch {
    file: PathBuf,
    logs: PathBuf,
    trainer: PathBuf,
    environment: Vec<(String, String)>,
    jobs: Mutex<BTreeMap<String, BatchJob>>,
    /// Something is to be run, or the running job is to be looked at.
    changed: Notify,
    events: mpsc::UnboundedSender<BatchJob>,
}

impl Batch {
    /// Opens the queue of `folder` and begins to run it. `environment` is added to each job's own; `tell` gets each change of state as an
    /// event, and gets it again when it fails.
    ///
    /// # Errors
    /// When the folder cannot be used or its queue cannot be read.
    pub fn start<Told>(
        folder: &Path,
        logs: &Path,
        trainer: PathBuf,
        environment: Vec<(String, String)>,
        tell: impl Fn(Bytes) -> Told + Send + 'static,
    ) -> anyhow::Result<Arc<Self>>
    where
        Told: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (events, deliveries) = mpsc::unbounded_channel();
        tokio::spawn(events::deliver(deliveries, tell));
        Self::open(folder, logs, trainer, environment, events)
    }

    /// Opens the queue and begins to run it; `events` gets each job whose state changed.
    fn open(
        folder: &Path,
        logs: &Path,
        trainer: PathBuf,
        environment: Vec<(String, String)>,
        events: mpsc::UnboundedSender<BatchJob>,
    ) -> anyhow::Result<Arc<Self>> {
        for needed in [folder, logs] {
            std::fs::create_dir_all(needed).with_context(|| format!("cannot create {}", needed.display()))?;
        }
        let file = folder.join("jobs.json");
        let jobs: BTreeMap<String, BatchJob> = match std::fs::read(&file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged; `make reset` starts anew", file.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        // Told again: the stack may have ended before the news was delivered.
        for failed in jobs.values().filter(|job| job.status == Status::Failed) {
            let _ = events.send(failed.clone());
        }
        let lost: Vec<String> = jobs.values().filter(|job| job.status.is_on_a_host()).map(|job| job.job_id.clone()).collect();
        let batch =
            Arc::new(Self { file, logs: logs.to_owned(), trainer, environment, jobs: Mutex::new(jobs), changed: Notify::new(), events });
        for job_id in lost {
            batch.change(&job_id, |job| job.end_or_retry("Host EC2 (local) terminated.", None));
        }
        tokio::spawn(Arc::clone(&batch).work());
        Ok(batch)
    }

    /// Runs what is queued, oldest first, for ever.
    async fn work(self: Arc<Self>) {
        loop {
            let next = self.locked(|jobs| {
                let queued = jobs.values().filter(|job| job.status == Status::Runnable);
                queued.min_by_key(|job| job.created_at).cloned()
            });
            match next {
                Some(job) => self.run(job).await,
                None => self.changed.notified().await,
            }
        }
    }

    /// Adds a job and tells of its first states.
    fn submit(&self, job: BatchJob) {
        let job_id = job.job_id.clone();
        self.locked(|jobs| {
            let _ = self.events.send(job.clone());
            jobs.insert(job_id.clone(), job);
        });
        self.change(&job_id, |job| job.status = Status::Runnable);
        self.changed.notify_one();
    }

    /// Ends a job: at once when it waits, by its runner when it runs. `false` when there is none.
    fn terminate(&self, job_id: &str, reason: &str) -> bool {
        let known = self.change(job_id, |job| {
            if job.status.is_queued() {
                job.end(Status::Failed, reason, None);
            } else if job.status.is_on_a_host() {
                job.termination = Some(reason.to_owned());
            }
        });
        self.changed.notify_waiters();
        known
    }

    /// Ends a job that waits, and lets one that runs go on. `false` when there is none.
    fn cancel(&self, job_id: &str, reason: &str) -> bool {
        self.change(job_id, |job| {
            if job.status.is_queued() {
                job.end(Status::Failed, reason, None);
            }
        })
    }

    fn describe(&self, job_id: &str) -> Option<BatchJob> {
        self.locked(|jobs| jobs.get(job_id).cloned())
    }

    /// Changes a job, stores the queue, and tells if the state is another. `false` when there is no such job.
    fn change(&self, job_id: &str, change: impl FnOnce(&mut BatchJob)) -> bool {
        // One lock over all of it, so that file and events have the order of the changes.
        self.locked(|jobs| {
            let Some(job) = jobs.get_mut(job_id) else { return false };
            let before = job.status;
            change(job);
            if job.status != before {
                let reason = job.status_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                tracing::info!("batch job {} ({job_id}) {}{reason}", job.job_name, job.status);
                let _ = self.events.send(job.clone());
            }
            if let Err(error) = self.store(jobs) {
                tracing::error!("cannot store the queue in {}: {error}", self.file.display());
            }
            true
        })
    }

    fn store(&self, jobs: &BTreeMap<String, BatchJob>) -> std::io::Result<()> {
        let partial = self.file.with_extension("partial");
        std::fs::write(&partial, serde_json::to_vec_pretty(jobs)?)?;
        std::fs::rename(&partial, &self.file)
    }

    fn locked<T>(&self, use_jobs: impl FnOnce(&mut BTreeMap<String, BatchJob>) -> T) -> T {
        use_jobs(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
