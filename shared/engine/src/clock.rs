//! The time budget of a training run.

use std::time::{Duration, Instant};

/// When a run began and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    budget: Duration,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start(budget: Duration) -> Self {
        Self { start: Instant::now(), budget }
    }

    /// The moment when a share of the budget is used up.
    pub(crate) fn at(&self, share: f64) -> Instant {
        self.start + self.budget.mul_f64(share)
    }

    /// Seconds since the start.
    pub(crate) fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The budget's share of this size.
    pub(crate) fn share(&self, share: f64) -> Duration {
        self.budget.mul_f64(share)
    }
}
