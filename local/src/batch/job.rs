//! A job of the queue.

use std::{collections::BTreeMap, fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::retry::{RetryRule, is_retried};

/// Batch's states of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    Submitted,
    Runnable,
    Starting,
    Running,
    Succeeded,
    Failed,
}

impl Status {
    pub(super) fn is_queued(self) -> bool {
        matches!(self, Self::Submitted | Self::Runnable)
    }

    pub(super) fn is_on_a_host(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Submitted => "SUBMITTED",
            Self::Runnable => "RUNNABLE",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        })
    }
}

/// A variable of a job's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
}

/// One start of a job's process that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) started_at: Option<u64>,
    pub(super) stopped_at: u64,
    pub(super) exit_code: Option<i32>,
    pub(super) status_reason: String,
}

/// A submitted job and where it stands. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BatchJob {
    pub(super) job_id: String,
    pub(super) job_name: String,
    pub(super) job_queue: String,
    pub(super) job_definition: String,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) environment: Vec<Variable>,
    /// Seconds that an attempt may take.
    pub(super) timeout: Option<u64>,
    /// How often it is started at most.
    pub(super) attempts: u32,
    /// Which ends of an attempt are followed by another one.
    #[serde(default)]
    pub(super) retries: Vec<RetryRule>,
    /// Those that have ended.
    pub(super) attempted: Vec<Attempt>,
    pub(super) status: Status,
    pub(super) status_reason: Option<String>,
    pub(super) exit_code: Option<i32>,
    /// What the container says of its end, beside the exit code.
    pub(super) container_reason: Option<String>,
    pub(super) created_at: u64,
    pub(super) started_at: Option<u64>,
    pub(super) stopped_at: Option<u64>,
    /// The reason for which its end was asked while it ran.
    pub(super) termination: Option<String>,
}

impl BatchJob {
    pub(super) fn end(&mut self, status: Status, reason: &str, exit_code: Option<i32>) {
        if self.status.is_on_a_host() {
            self.end_attempt(reason, exit_code);
        }
        self.status = status;
        self.status_reason = Some(reason.to_owned());
        self.exit_code = exit_code;
        self.stopped_at = Some(now());
    }

    /// The attempt under way ended by itself: another one follows where the rules say so and attempts are left.
    pub(super) fn end_or_retry(&mut self, reason: &str, exit_code: Option<i32>) {
        if self.next_attempt() < self.attempts && is_retried(&self.retries, reason, self.container_reason.as_deref(), exit_code) {
            self.end_attempt(reason, exit_code);
            self.status = Status::Runnable;
        } else {
            self.end(Status::Failed, reason, exit_code);
        }
    }

    /// The number of the attempt that runs, or is the next to.
    pub(super) fn next_attempt(&self) -> u32 {
        u32::try_from(self.attempted.len()).map_or(u32::MAX, |ended| ended.saturating_add(1))
    }

    pub(super) fn end_attempt(&mut self, reason: &str, exit_code: Option<i32>) {
        let attempt = Attempt { started_at: self.started_at, stopped_at: now(), exit_code, status_reason: reason.to_owned() };
        self.attempted.push(attempt);
    }
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
