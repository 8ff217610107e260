//! Running one attempt of a job: its end, time-out, termination.

use std::{
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
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
use crate::lambda::{copy_log, without_own_account};

const EXITED: &str = "Essential container in task exited";
const TAKEN_AWAY: &str = "Your Spot Task was interrupted.";
/// The exit code of a process that SIGTERM ended: 128 + 15. From outside, it means here what it means there: the machine is needed.
const TERMINATED: i32 = 143;

/// What a job has between the request to end and the end.
const GRACE: Duration = Duration::from_secs(30);

/// How an attempt ended.
enum End {
    Exited(ExitStatus),
    /// With the exit code.
    TimedOut(Option<i32>),
    /// With the reason that was given and the exit code.
    Terminated(String, Option<i32>),
    NotStarted(std::io::Error),
}

impl Batch {
    /// Runs a queued job until it ends or is queued again.
    pub(super) async fn run(&self, job: BatchJob) {
        let id = job.job_id.as_str();
        if !self.claim(id) {
            return;
        }
        match self.attempt(&job).await {
            End::Exited(status) if status.success() => {
                self.change(id, |job| job.end(Status::Succeeded, EXITED, Some(0)));
            }
            End::Exited(status) => {
                let code = exit_code(status);
                // Nobody here asked for it.
                let reason = if code == Some(TERMINATED) { TAKEN_AWAY } else { EXITED };
                self.change(id, |job| job.end_or_retry(reason, code));
            }
            End::TimedOut(code) => {
                self.change(id, |job| job.end(Status::Failed, "Job attempt duration exceeded timeout", code));
            }
            End::Terminated(reason, code) => {
                self.change(id, |job| job.end(Status::Failed, &reason, code));
            }
            End::NotStarted(error) => {
                let reason = format!("CannotStartContainerError: {}: {error}", self.trainer.display());
                self.change(id, |job| {
                    job.container_reason = Some(reason);
                    job.end_or_retry("Task failed to start", None);
                });
            }
        }
    }

    /// Takes a job from the queue; `false` when it was ended meanwhile.
    fn claim(&self, job_id: &str) -> bool {
        let mut is_ours = false;
        self.change(job_id, |job| {
            is_ours = job.status == Status::Runnable;
            if is_ours {
                job.status = Status::Starting;
                job.container_reason = None;
            }
        });
        is_ours
    }

    async fn attempt(&self, job: &BatchJob) -> End {
        let mut process = match self.spawn(job) {
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
                return End::Terminated(reason, end(&mut process).await);
            }
            tokio::select! {
                status = process.wait() => return status.map_or_else(End::NotStarted, End::Exited),
                () = changed => {}
                () = until(deadline) => {
                    return End::TimedOut(end(&mut process).await);
                }
            }
        }
    }

    fn spawn(&self, job: &BatchJob) -> std::io::Result<Child> {
        let mut process = without_own_account(&mut Command::new(&self.trainer))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(job.environment.iter().map(|variable| (&variable.name, &variable.value)))
            .env("AWS_BATCH_JOB_ID", &job.job_id)
            .env("AWS_BATCH_JOB_ATTEMPT", job.next_attempt().to_string())
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

/// Asks the process and its children to end, and ends them when they do not; the exit code.
async fn end(process: &mut Child) -> Option<i32> {
    // The process leads a group of its own.
    let group = process.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    let tell = |signal| group.map(|group| killpg(group, signal));
    tell(Signal::SIGTERM);
    if let Ok(ended) = timeout(GRACE, process.wait()).await {
        return ended.ok().and_then(exit_code);
    }
    tell(Signal::SIGKILL);
    process.wait().await.ok().and_then(exit_code)
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
