//! How far a job is and what it costs, from what its trainer told last.

use domain::{Cost, Job, JobStatus, Phase, Progress, Timestamp, Work};
use schemars::JsonSchema;
use serde::Serialize;

/// How far a job is.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct JobProgress {
    /// The trainer's current step; `null` before it starts.
    phase: Option<Phase>,
    /// Of the time budget while it runs, or of a prediction's rows; 100 once it is completed.
    pub(crate) percent: u8,
    /// Seconds since the trainer started.
    elapsed_seconds: f64,
    /// Seconds of the time budget that are left: the job may end sooner. Of a prediction, what its other rows will take.
    remaining_seconds: f64,
    /// Candidate models fitted so far.
    candidates_tried: u32,
    /// Validation score of the best model so far, in the metric's own direction.
    best_score: Option<f64>,
    /// The metric of `best_score`.
    best_metric: Option<String>,
    /// The model that has it.
    best_estimator: Option<String>,
    /// How many rows have been predicted; `null` for a training.
    rows_done: Option<u64>,
    /// How many rows there are to predict; `null` for a training.
    rows: Option<u64>,
}

impl JobProgress {
    pub(crate) fn of(job: &Job) -> Self {
        let budget = f64::from(job.time_budget.unwrap_or_default());
        let news = job.progress.as_ref();
        let elapsed_seconds = match (job.started_at, job.completed_at) {
            (Some(started), Some(ended)) => ended.seconds_since(started).max(0.0),
            _ => news.map_or(0.0, |news| news.elapsed_seconds),
        };
        let left = (budget - elapsed_seconds).max(0.0);
        let (share, left) = match job.work() {
            Work::Prediction => {
                let share = news.map_or(0.0, share_of_rows);
                (share, if share > 0.0 { left.min(elapsed_seconds * (1.0 - share) / share) } else { left })
            }
            Work::Training => (if budget > 0.0 { elapsed_seconds / budget } else { 0.0 }, left),
        };
        let percent = (100.0 * share).clamp(0.0, 99.0) as u8;
        Self {
            phase: news.map(|news| news.phase),
            percent: if job.status == JobStatus::Completed { 100 } else { percent },
            elapsed_seconds,
            remaining_seconds: if job.status.is_final() { 0.0 } else { left },
            candidates_tried: news.map_or(0, |news| news.candidates_tried),
            best_score: news.and_then(|news| news.best_score),
            best_metric: news.and_then(|news| news.best_metric.clone()),
            best_estimator: news.and_then(|news| news.best_estimator.clone()),
            rows_done: news.and_then(|news| news.rows_done),
            rows: news.and_then(|news| news.rows),
        }
    }
}

/// The share of the rows that are predicted, from 0 to 1.
fn share_of_rows(news: &Progress) -> f64 {
    match (news.rows_done, news.rows) {
        (Some(done), Some(rows)) if rows > 0 => (done as f64 / rows as f64).min(1.0),
        _ => 0.0,
    }
}

/// What a job has cost, or will cost at most while it is not finished.
pub(crate) fn cost(job: &Job) -> Option<Cost> {
    let seconds = |from: Timestamp, to: Timestamp| to.seconds_since(from).max(0.0);
    match (job.started_at, job.completed_at) {
        (Some(started), Some(ended)) => Some(Cost::of(seconds(started, ended))),
        (None, Some(_)) => None,
        _ => Some(Cost::of(job.time_budget?.into())),
    }
}

#[cfg(test)]
mod tests {
    use domain::{DatasetId, PredictionSource, ProblemType, UserId};

    use super::*;

    fn pending() -> Job {
        Job::pending(DatasetId::random(), UserId::default(), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60)
    }

    fn running() -> Job {
        let progress = Progress {
            best_score: Some(0.5),
            best_metric: Some("rmse".to_owned()),
            best_estimator: Some("gradient_boosting".to_owned()),
            candidates_tried: 7,
            ..Progress::entering(Phase::Training, 15.0)
        };
        Job { status: JobStatus::Running, started_at: Some(Timestamp::now().seconds_ago(20)), progress: Some(progress), ..pending() }
    }

    #[test]
    fn a_job_begins_with_its_whole_budget() {
        let progress = JobProgress::of(&pending());
        assert_eq!((progress.phase, progress.percent, progress.remaining_seconds), (None, 0, 60.0));
        assert_eq!(cost(&pending()), Some(Cost::of(60.0)));
    }

    #[test]
    fn a_running_job_is_as_far_as_its_trainer_said() {
        let progress = JobProgress::of(&running());
        assert_eq!((progress.phase, progress.percent, progress.remaining_seconds), (Some(Phase::Training), 25, 45.0));
        assert_eq!((progress.candidates_tried, progress.best_score), (7, Some(0.5)));
        assert_eq!(cost(&running()), Some(Cost::of(60.0)));
    }

    #[test]
    fn a_prediction_is_as_far_as_its_rows() {
        let (source, table) = (PredictionSource::Object("inputs/default/a.csv".to_owned()), DatasetId::random());
        let waiting = running().predicting(source, table, "a.csv".to_owned(), Vec::new());
        let progress = JobProgress::of(&waiting);
        assert_eq!((progress.percent, progress.remaining_seconds, progress.rows), (0, 3_600.0, None));
        let news = Progress { rows_done: Some(25), rows: Some(100), ..Progress::entering(Phase::Predicting, 10.0) };
        let progress = JobProgress::of(&Job { status: JobStatus::Running, progress: Some(news), ..waiting });
        assert_eq!((progress.percent, progress.remaining_seconds), (25, 30.0));
        assert_eq!((progress.phase, progress.rows_done, progress.rows), (Some(Phase::Predicting), Some(25), Some(100)));
    }

    #[test]
    fn a_job_over_its_budget_is_not_done() {
        let mut job = running();
        job.progress.as_mut().unwrap().elapsed_seconds = 75.0;
        let progress = JobProgress::of(&job);
        assert_eq!((progress.percent, progress.remaining_seconds), (99, 0.0));
    }

    #[test]
    fn a_finished_job_took_what_it_took() {
        let now = Timestamp::now();
        let job = Job { status: JobStatus::Completed, started_at: Some(now.seconds_ago(90)), completed_at: Some(now), ..running() };
        let progress = JobProgress::of(&job);
        assert_eq!((progress.percent, progress.elapsed_seconds, progress.remaining_seconds), (100, 90.0, 0.0));
        assert_eq!(cost(&job), Some(Cost::of(90.0)));
        let never_started = Job { status: JobStatus::Cancelled, completed_at: Some(now), ..pending() };
        assert_eq!(cost(&never_started), None);
    }
}
