//! Starting a job: once for each `Idempotency-Key`; one that Batch does not take is never left waiting.

use std::fmt::Debug;

use api::{ApiError, internal};
use axum::http::HeaderMap;
use cloud::{Creation, IdempotencyKey, Submission};
use domain::{Job, UserId, limits::MAX_IDEMPOTENCY_KEY_BYTES};

use crate::App;

/// The key of the header, bound to the user and to what is asked.
pub(crate) fn idempotency_key(headers: &HeaderMap, user: &UserId, asked: &impl Debug) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().map(str::trim).map_err(|_| ApiError::InvalidIdempotencyKey)?;
    if key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY_BYTES {
        return Err(ApiError::InvalidIdempotencyKey);
    }
    Ok(Some(IdempotencyKey::new(user, key, format!("{asked:?}").as_bytes())))
}

impl App {
    /// Stores a job and hands it to Batch; the job of before where the key has one. `what` was not done where that fails.
    pub(crate) async fn start(&self, job: Job, metric: &str, key: Option<&IdempotencyKey>, what: &'static str) -> Result<Job, ApiError> {
        match key {
            None => self.jobs.create(&job).await.map_err(internal(what))?,
            Some(key) => match self.jobs.create_once(&job, key).await.map_err(internal(what))? {
                Creation::Created => {}
                Creation::Repeated(known) => {
                    let known = self.jobs.get(&job.user_id, known).await.map_err(internal(what))?;
                    return known.ok_or(ApiError::IdempotentJobDeleted);
                }
                Creation::OtherRequest => return Err(ApiError::IdempotencyConflict),
            },
        }
        self.submit(&job, metric, key, what).await?;
        Ok(job)
    }

    /// Hands a stored job to Batch. One that Batch does not take ends as failed and leaves its key free; one that was cancelled or deleted
    /// meanwhile is ended.
    async fn submit(&self, job: &Job, metric: &str, key: Option<&IdempotencyKey>, what: &'static str) -> Result<(), ApiError> {
        let submission = Submission { job, time_budget: job.time_budget.unwrap_or_default(), metric };
        match self.batch.submit(&self.queue, submission).await {
            Ok(batch_job_id) => {
                if !self.jobs.set_batch_job_id(job.job_id, &batch_job_id).await.map_err(internal(what))? {
                    self.end_container(job.job_id, &batch_job_id, "the job was ended while it was submitted").await;
                }
                Ok(())
            }
            Err(error) => {
                let reason = format!("{} failed: the job could not be submitted ({error}); start it again", job.work());
                self.jobs.fail(job.job_id, &reason).await.map_err(internal(what))?;
                if let Some(key) = key {
                    self.jobs.forget(key).await.map_err(internal(what))?;
                }
                Err(ApiError::NotSubmitted { work: job.work(), job: job.job_id, error: Box::new(error) })
            }
        }
    }
}
