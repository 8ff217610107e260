//! Counts predicted rows by the bins of their models' references, and stores them now and then: at most once a minute for each model, so
//! that at a low rate every request is stored and at a high one few are delayed by it.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cloud::{DayCounts, Jobs};
use domain::{JobId, Timestamp};
use tokio::time::timeout;

/// Between two writes for a model.
const PAUSE: Duration = Duration::from_mins(1);
/// What a write may take before the answer goes out without it.
const PATIENCE: Duration = Duration::from_millis(500);
/// Models that are counted at a time.
const MOST_MODELS: usize = 100;

/// What this process has counted today.
#[derive(Debug)]
pub(crate) struct Windows {
    jobs: Jobs,
    /// Tells this process from others.
    process: String,
    open: Mutex<BTreeMap<JobId, Window>>,
}

/// The day of one model.
#[derive(Debug)]
struct Window {
    counts: DayCounts,
    /// The last attempt.
    written: Option<Instant>,
    has_news: bool,
}

impl Windows {
    /// Stores into the table of jobs.
    pub(crate) fn new(jobs: Jobs) -> Self {
        Self { jobs, process: JobId::random().to_string(), open: Mutex::default() }
    }

    /// Adds `rows` rows, which fell into these bins. What cannot be stored is tried again with the next rows; no prediction fails for it.
    pub(crate) async fn add(&self, job: JobId, rows: u64, bins: &[u64]) {
        let due = add(&mut self.open(), job, Timestamp::now().midnight(), rows, bins);
        for counts in due {
            let stored = timeout(PATIENCE, self.jobs.store_counts(job, &self.process, &counts)).await;
            match stored {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => tracing::warn!(%job, error = &error as &dyn Error, "counts for drift were not stored"),
                Err(_) => tracing::warn!(%job, "counts for drift were not stored: the table did not answer in time"),
            }
            if let Some(window) = self.open().get_mut(&job).filter(|window| window.counts.day == counts.day) {
                window.has_news = true;
            }
        }
    }

    /// Drops what is held of a job.
    pub(crate) fn forget(&self, job: JobId) {
        self.open().remove(&job);
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<JobId, Window>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds rows to a model's window; what is to be stored by now: the day so far, and before that what is left of a day that has ended.
fn add(open: &mut BTreeMap<JobId, Window>, job: JobId, day: Timestamp, rows: u64, bins: &[u64]) -> Vec<DayCounts> {
    let mut due = Vec::new();
    let other_bins = |window: &Window| window.counts.day != day || window.counts.bins.len() != bins.len();
    if open.get(&job).is_some_and(other_bins) {
        due.extend(open.remove(&job).filter(|ended| ended.has_news).map(|ended| ended.counts));
    }
    if open.len() >= MOST_MODELS && !open.contains_key(&job) {
        let oldest = open.iter().min_by_key(|(_, window)| window.written).map(|(job, _)| *job);
        oldest.and_then(|oldest| open.remove(&oldest));
    }
    let window = open.entry(job).or_insert_with(|| Window {
        counts: DayCounts { day, rows: 0, bins: vec![0; bins.len()] },
        written: None,
        has_news: false,
    });
    window.counts.rows += rows;
    window.counts.bins.iter_mut().zip(bins).for_each(|(count, more)| *count += more);
    window.has_news = true;
    if window.written.is_none_or(|written| written.elapsed() >= PAUSE) {
        window.written = Some(Instant::now());
        window.has_news = false;
        due.push(window.counts.clone());
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    #[test]
    fn the_first_rows_are_stored_at_once_and_more_of_them_later() {
        let (mut open, job, today) = (BTreeMap::new(), JobId::random(), day("2026-01-31"));
        let first = add(&mut open, job, today, 1, &[1, 0]);
        assert_eq!(first, [DayCounts { day: today, rows: 1, bins: vec![1, 0] }]);
        assert!(add(&mut open, job, today, 2, &[0, 2]).is_empty());
        open.get_mut(&job).unwrap().written = Instant::now().checked_sub(PAUSE);
        assert_eq!(add(&mut open, job, today, 1, &[1, 0]), [DayCounts { day: today, rows: 4, bins: vec![2, 2] }]);
    }

    #[test]
    fn a_new_day_begins_anew_and_leaves_nothing_behind() {
        let (mut open, job, today, tomorrow) = (BTreeMap::new(), JobId::random(), day("2026-01-31"), day("2026-02-01"));
        add(&mut open, job, today, 1, &[1, 0]);
        add(&mut open, job, today, 1, &[0, 1]);
        let due = add(&mut open, job, tomorrow, 1, &[1, 0]);
        let of = |day, rows, bins: &[u64]| DayCounts { day, rows, bins: bins.to_vec() };
        assert_eq!(due, [of(today, 2, &[1, 1]), of(tomorrow, 1, &[1, 0])]);
    }

    #[test]
    fn a_process_counts_only_so_many_models() {
        let (mut open, today) = (BTreeMap::new(), day("2026-01-31"));
        for _ in 0..MOST_MODELS + 20 {
            add(&mut open, JobId::random(), today, 1, &[1]);
        }
        assert_eq!(open.len(), MOST_MODELS);
    }
}
