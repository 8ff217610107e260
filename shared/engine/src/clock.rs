//! The time budget of a training run, and the wish to end it early.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// When a run began, how long it may take, and whether it was asked to end.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    start: Instant,
    budget: Duration,
    /// Whether shares of the budget mean something; else work ends with the whole budget only, so that what is done does not depend on how
    /// long it takes.
    shared: bool,
    stop: Arc<AtomicBool>,
}

/// A moment after which work ends; a wish to end the run brings it at once.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    at: Instant,
    shared: bool,
    stop: Arc<AtomicBool>,
}

impl Clock {
    /// A clock that starts now. With `shared`, each part of the work has its share of the budget.
    pub(crate) fn start(budget: Duration, shared: bool, stop: Arc<AtomicBool>) -> Self {
        Self { start: Instant::now(), budget, shared, stop }
    }

    /// When a share of the budget is used up.
    pub(crate) fn at(&self, share: f64) -> Deadline {
        self.deadline(self.start, share)
    }

    /// A share of the budget from now on.
    pub(crate) fn within(&self, share: f64) -> Deadline {
        self.deadline(Instant::now(), share)
    }

    fn deadline(&self, from: Instant, share: f64) -> Deadline {
        let at = if self.shared { from + self.budget.mul_f64(share) } else { self.start + self.budget };
        Deadline { at, shared: self.shared, stop: Arc::clone(&self.stop) }
    }

    /// Whether parts of the work have shares of the budget.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Seconds since the start.
    pub(crate) fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The budget's share of this size, in seconds.
    pub(crate) fn share(&self, share: f64) -> f64 {
        self.budget.mul_f64(share).as_secs_f64()
    }
}

impl Deadline {
    /// So long from now, whatever happens.
    #[cfg(test)]
    pub(crate) fn after(time: Duration) -> Self {
        Self { at: Instant::now() + time, shared: true, stop: Arc::default() }
    }

    /// Whether it is over.
    pub(crate) fn passed(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || Instant::now() >= self.at
    }

    /// Whether shares of the budget mean something until then ([`Clock::is_shared`]).
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Seconds until then; 0 when it is over.
    pub(crate) fn left(&self) -> f64 {
        if self.stop.load(Ordering::Relaxed) { 0.0 } else { self.at.saturating_duration_since(Instant::now()).as_secs_f64() }
    }

    /// So many seconds earlier; the same moment where shares of the budget mean nothing.
    pub(crate) fn earlier_by(&self, seconds: f64) -> Self {
        let span = if self.shared { Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO) } else { Duration::ZERO };
        Self { at: self.at.checked_sub(span).unwrap_or(self.at), ..self.clone() }
    }

    /// The earlier of two.
    pub(crate) fn min(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }
}
