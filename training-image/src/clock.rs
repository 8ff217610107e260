//! The job's clock: how long it has run and how much of its budget is left for the search.

use std::time::{Duration, Instant};

/// Of the budget, kept for writing and checking the model and the report …
const RESERVED_SHARE: f64 = 0.05;
/// … but not more than this.
const LARGEST_RESERVE: Duration = Duration::from_secs(30);
/// What the search gets at least, however late it starts: a model late is better than none.
const SHORTEST_TRAINING: Duration = Duration::from_secs(1);

/// Runs since the job's start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.started.elapsed()
    }

    /// What is left of `budget` for the search.
    pub fn left_for_training(self, budget: Duration) -> Duration {
        left_for_training(budget, self.elapsed())
    }
}

fn left_for_training(budget: Duration, elapsed: Duration) -> Duration {
    let reserve = budget.mul_f64(RESERVED_SHARE).min(LARGEST_RESERVE);
    budget.saturating_sub(elapsed).saturating_sub(reserve).max(SHORTEST_TRAINING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_gets_what_loading_and_export_leave() {
        let seconds = Duration::from_secs_f64;
        let expected = [(60.0, 0.0, 57.0), (60.0, 7.0, 50.0), (3_600.0, 10.0, 3_560.0), (60.0, 59.0, 1.0), (60.0, 90.0, 1.0)];
        for (budget, elapsed, left) in expected {
            assert_eq!(left_for_training(seconds(budget), seconds(elapsed)), seconds(left), "{budget} s, {elapsed} s gone");
        }
    }
}
