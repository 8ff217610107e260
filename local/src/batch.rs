//! AWS Batch on this machine: a queue that runs the real trainer binary, one job at a time.
//!
//! A job is kept in a file, so that a queued one runs after a restart, and one that ran when the stack ended is found and failed. Each
//! change of state goes to `job-events` as the event that EventBridge would send.

mod api;
mod events;
mod job;
mod run;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use tokio::sync::{Notify, mpsc};

pub use api::router;
use job::{BatchJob, Status};

use crate::lambda::Function;

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
    /// Opens the queue of `folder` and begins to run it. `environment` is added to each job's own.
    ///
    /// # Errors
    /// When the folder cannot be used or its queue cannot be read.
    pub fn start(
        folder: &Path,
        logs: &Path,
        trainer: PathBuf,
        environment: Vec<(String, String)>,
        job_events: Arc<Function>,
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
        let (events, deliveries) = mpsc::unbounded_channel();
        tokio::spawn(events::deliver(deliveries, job_events));
        let lost: Vec<String> = jobs.values().filter(|job| job.status.is_on_a_host()).map(|job| job.job_id.clone()).collect();
        let batch =
            Arc::new(Self { file, logs: logs.to_owned(), trainer, environment, jobs: Mutex::new(jobs), changed: Notify::new(), events });
        for job_id in lost {
            batch.change(&job_id, |job| job.end(Status::Failed, "Host EC2 (local) terminated.", None));
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
        self.locked(|jobs| jobs.insert(job_id.clone(), job.clone()));
        let _ = self.events.send(job);
        self.change(&job_id, |job| job.status = Status::Runnable);
        self.changed.notify_one();
    }

    /// Ends a job: at once when it waits, by its runner when it runs. `false` when there is none.
    fn terminate(&self, job_id: &str, reason: &str) -> bool {
        let known = self.change(job_id, |job| match job.status {
            Status::Submitted | Status::Runnable => job.end(Status::Failed, reason, None),
            Status::Starting | Status::Running => job.termination = Some(reason.to_owned()),
            Status::Succeeded | Status::Failed => {}
        });
        self.changed.notify_waiters();
        known
    }

    fn describe(&self, job_id: &str) -> Option<BatchJob> {
        self.locked(|jobs| jobs.get(job_id).cloned())
    }

    /// Changes a job, stores the queue, and tells if the state is another. `false` when there is no such job.
    fn change(&self, job_id: &str, change: impl FnOnce(&mut BatchJob)) -> bool {
        let changed = self.locked(|jobs| {
            let job = jobs.get_mut(job_id)?;
            let before = job.status;
            change(job);
            Some((job.status != before).then(|| job.clone()))
        });
        let Some(told) = changed else { return false };
        self.store();
        if let Some(job) = told {
            tracing::info!(
                job = job.job_name,
                "batch job {}{}",
                job.status,
                job.status_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
            );
            let _ = self.events.send(job);
        }
        true
    }

    fn store(&self) {
        let partial = self.file.with_extension("partial");
        let written = self
            .locked(|jobs| serde_json::to_vec_pretty(jobs))
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&partial, bytes))
            .and_then(|()| std::fs::rename(&partial, &self.file));
        if let Err(error) = written {
            tracing::error!("cannot store the queue in {}: {error}", self.file.display());
        }
    }

    fn locked<T>(&self, use_jobs: impl FnOnce(&mut BTreeMap<String, BatchJob>) -> T) -> T {
        use_jobs(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
