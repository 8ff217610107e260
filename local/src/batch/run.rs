//! Running one job: attempts, time-out, termination.

use std::{
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Batch,
    job::{BatchJob, Status, now},
};
use crate::lambda::copy_log;

/// What a job has between the request to end and the end.
const GRACE: Duration = Duration::from_secs(30);

/// How an attempt ended.
enum End {
    Exited(ExitStatus),
    TimedOut,
    Terminated(String),
    NotStarted(std::io::Error),
}

impl Batch {
    /// Runs a queued job to its end.
    pub(super) async fn run(&self, job: BatchJob) {
        let id = job.job_id.as_str();
        for attempt in 1..=job.attempts.max(1) {
            self.change(id, |job| {
                job.status = Status::Starting;
                job.attempted = attempt;
            });
            match self.attempt(&job, attempt).await {
                End::Exited(status) if status.success() => {
                    self.change(id, |job| job.end(Status::Succeeded, "Essential container in task exited", Some(0)));
                    return;
                }
                End::Exited(status) if attempt < job.attempts => {
                    tracing::warn!(job = job.job_name, "attempt {attempt} ended with {status}; the next one follows");
                    self.change(id, |job| job.status = Status::Runnable);
                }
                End::Exited(status) => {
                    self.change(id, |job| job.end(Status::Failed, "Essential container in task exited", exit_code(status)));
                }
                End::TimedOut => {
                    self.change(id, |job| job.end(Status::Failed, "Job attempt duration exceeded timeout", None));
                    return;
                }
                End::Terminated(reason) => {
                    self.change(id, |job| job.end(Status::Failed, &reason, None));
                    return;
                }
                End::NotStarted(error) => {
                    let reason = format!("CannotStartContainerError: {}: {error}", self.trainer.display());
                    self.change(id, |job| job.end(Status::Failed, &reason, None));
                    return;
                }
            }
        }
    }

    async fn attempt(&self, job: &BatchJob, attempt: u32) -> End {
        let mut process = match self.spawn(job, attempt) {
            Ok(process) => process,
            Err(error) => return End::NotStarted(error),
        };
        self.change(&job.job_id, |job| {
            job.status = Status::Running;
            job.started_at = Some(now());
        });
        let deadline = job.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        loop {
            // Registered before the look at the job, so that a request between the two is not missed.
            let changed = self.changed.notified();
            if let Some(reason) = self.describe(&job.job_id).and_then(|job| job.termination) {
                end(&mut process).await;
                return End::Terminated(reason);
            }
            tokio::select! {
                status = process.wait() => return status.map_or_else(End::NotStarted, End::Exited),
                () = changed => {}
                () = until(deadline) => {
                    end(&mut process).await;
                    return End::TimedOut;
                }
            }
        }
    }

    fn spawn(&self, job: &BatchJob, attempt: u32) -> std::io::Result<Child> {
        let mut process = Command::new(&self.trainer)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(job.environment.iter().map(|variable| (&variable.name, &variable.value)))
            .env("AWS_BATCH_JOB_ID", &job.job_id)
            .env("AWS_BATCH_JOB_ATTEMPT", attempt.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let log: Arc<std::path::Path> = self.logs.join(format!("{}.log", job.job_id)).into();
        if let Some(stdout) = process.stdout.take() {
            tokio::spawn(copy_log(job.job_name.clone(), stdout, Arc::clone(&log)));
        }
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(copy_log(job.job_name.clone(), stderr, log));
        }
        Ok(process)
    }
}

/// Asks the process to end, and ends it when it does not.
async fn end(process: &mut Child) {
    if let Some(pid) = process.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if timeout(GRACE, process.wait()).await.is_err() {
        let _ = process.kill().await;
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A process that a signal ended has the code that a shell gives it.
fn exit_code(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}
