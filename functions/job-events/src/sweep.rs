//! Finds the jobs whose end nobody told: lost events, a submission that broke off, a machine that left no trace.

use std::error::Error;

use cloud::{BatchJob, CloudError};
use domain::{Job, Timestamp};

use crate::{
    JobEvents, metrics,
    reason::{Ending, FORGOTTEN, NEVER_SUBMITTED, WITHOUT_RESULT, in_words, of_failed},
};

/// Seconds that a submission takes at most: the function's own time-out.
const SUBMISSION_SECONDS: f64 = 30.0;
/// Seconds after which a job that Batch does not know is lost: it answers from replicas, which a new job may not have reached.
const UNKNOWN_SECONDS: f64 = 60.0;
/// Seconds beyond its budget after which a job that is still open is stuck.
const WAITING_SECONDS: f64 = 3_600.0;

impl JobEvents {
    /// Ends every open job whose container has ended or never was.
    pub(crate) async fn sweep(&self) -> Result<(), CloudError> {
        let open = self.jobs.open().await?;
        let submitted: Vec<String> = open.iter().filter_map(|job| job.batch_job_id.clone()).collect();
        let known = self.batch.describe(&submitted).await?;
        let now = Timestamp::now();
        metrics::count_stuck(open.iter().filter(|job| is_stuck(job, now)).count());
        for job in &open {
            let of_batch = job.batch_job_id.as_ref().and_then(|id| known.get(id));
            let Some(cause) = verdict(job, of_batch, now) else { continue };
            let reason = of_failed(job.work(), &cause);
            if let Err(error) = self.end_lost(job, &reason).await {
                tracing::error!(job = %job.job_id, error = &error as &dyn Error, "a lost job was not ended");
            }
        }
        Ok(())
    }

    async fn end_lost(&self, job: &Job, reason: &str) -> Result<(), CloudError> {
        let noted = match &job.batch_job_id {
            Some(batch_job_id) => self.jobs.fail_as(job.job_id, batch_job_id, reason).await?,
            None => self.jobs.fail(job.job_id, reason).await?,
        };
        tracing::info!(job = %job.job_id, noted, "swept: {reason}");
        match self.jobs.find(job.job_id).await? {
            Some(ended) if noted => self.settle(&ended).await,
            _ => Ok(()),
        }
    }
}

/// Whether a job is open for longer than its work and waiting for a machine should take: not lost, but worth a look.
fn is_stuck(job: &Job, now: Timestamp) -> bool {
    now.seconds_since(job.created_at) > f64::from(job.time_budget.unwrap_or_default()) + WAITING_SECONDS
}

/// Why an open job is lost; `None` when it is not.
fn verdict(job: &Job, of_batch: Option<&BatchJob>, now: Timestamp) -> Option<String> {
    let age = now.seconds_since(job.created_at);
    match (&job.batch_job_id, of_batch) {
        (None, _) => (age > SUBMISSION_SECONDS).then(|| NEVER_SUBMITTED.to_owned()),
        (Some(_), None) => (age > UNKNOWN_SECONDS).then(|| FORGOTTEN.to_owned()),
        (Some(_), Some(of_batch)) => match of_batch.status.as_str() {
            "FAILED" => Some(in_words(
                job.work(),
                &Ending {
                    status_reason: of_batch.status_reason.clone().unwrap_or_default(),
                    container_reason: of_batch.container_reason.clone().unwrap_or_default(),
                    exit_code: of_batch.exit_code,
                },
            )),
            // The trainer writes its result before it ends.
            "SUCCEEDED" => Some(WITHOUT_RESULT.to_owned()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use domain::{DatasetId, ProblemType, UserId};

    use super::*;

    fn job(age: u32, batch_job_id: Option<&str>) -> Job {
        let job = Job::pending(DatasetId::random(), UserId::default(), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60);
        Job { created_at: Timestamp::now().seconds_ago(age), batch_job_id: batch_job_id.map(str::to_owned), ..job }
    }

    fn of_batch(status: &str) -> BatchJob {
        BatchJob {
            status: status.to_owned(),
            status_reason: Some("Task failed to start".to_owned()),
            exit_code: None,
            container_reason: Some("CannotPullContainerError: no such image".to_owned()),
        }
    }

    fn judged(job: &Job, of_batch: Option<&BatchJob>) -> String {
        verdict(job, of_batch, Timestamp::now()).unwrap_or_default()
    }

    #[test]
    fn a_job_that_may_still_come_is_left_alone() {
        for (job, of_batch) in [
            (job(10, None), None),
            (job(30, Some("b")), None),
            (job(90_000, Some("b")), Some(of_batch("RUNNING"))),
            (job(90_000, Some("b")), Some(of_batch("RUNNABLE"))),
        ] {
            assert_eq!(judged(&job, of_batch.as_ref()), "");
        }
    }

    #[test]
    fn a_job_is_stuck_an_hour_after_its_budget() {
        let now = Timestamp::now();
        assert!(!is_stuck(&job(3_600, Some("b")), now));
        assert!(is_stuck(&job(3_700, Some("b")), now), "a budget of 60 s");
    }

    #[test]
    fn a_lost_job_ends_with_its_reason() {
        assert_eq!(judged(&job(40, None), None), NEVER_SUBMITTED);
        assert_eq!(judged(&job(70, Some("b")), None), FORGOTTEN);
        assert_eq!(judged(&job(5, Some("b")), Some(&of_batch("SUCCEEDED"))), WITHOUT_RESULT);
        assert!(judged(&job(5, Some("b")), Some(&of_batch("FAILED"))).contains("no such image"));
    }
}
