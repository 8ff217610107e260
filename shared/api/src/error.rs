//! Everything that a request can be refused for.
//!
//! A handler returns an [`ApiError`]. Its text is what the client reads: it says what is wrong and holds nothing internal. Status and
//! machine-readable code come from one `match` ([`ApiError::kind`]). The source of an internal failure goes to the log only, under the
//! request's identifier, which the client sees as well:
//!
//! ```json
//! {"detail": "Job not found", "code": "job_not_found", "request_id": "8f5a…"}
//! ```
//!
//! Input that does not fit has a list of [`Issue`]s as its `detail`, with status 422.

use std::{error::Error, sync::Arc};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    JobId, JobStatus, Work,
    limits::{MAX_IDEMPOTENCY_KEY_BYTES, MAX_TAG_CHARS},
};
use serde::Serialize;

use crate::Issue;

/// A refused request.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No route has this path.
    #[error("Not Found")]
    UnknownRoute,
    /// The path has routes, of other methods.
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    /// The body or the query does not have the expected form.
    #[error("the request does not have the expected form")]
    Invalid(Vec<Issue>),
    /// A list's token is none that a list gave.
    #[error("next_token is not one that this list gave")]
    InvalidToken,
    /// A file name that cannot be one of a table.
    #[error("{0}")]
    InvalidFilename(String),
    /// Nothing was uploaded for this dataset, or it is someone else's.
    #[error("No files found for dataset {0}")]
    UploadNotFound(String),
    /// The uploaded file is not a table.
    #[error("{0}")]
    NotATable(String),
    /// Jobs were trained on the dataset.
    #[error("Dataset is used by {} job(s): {}. Delete them first, or repeat with ?force=true", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    DatasetInUse(Vec<JobId>),
    /// There is no such dataset of the caller.
    #[error("Dataset {0} not found")]
    DatasetNotFound(String),
    /// There is no such dataset of the caller to train on.
    #[error("Dataset not found")]
    TrainingDatasetNotFound,
    /// The dataset has no typed table yet.
    #[error("Dataset {0} has not been read yet; confirm it first with POST /datasets/{0}/confirm")]
    DatasetNotReady(String),
    /// The dataset has no such column.
    #[error("Target column '{0}' not found in dataset")]
    TargetNotFound(String),
    /// A regression of what holds no numbers.
    #[error("config.problem_type: '{0}' does not hold numbers, so it cannot be a regression; leave it out or ask for classification")]
    NotNumeric(String),
    /// A field of `config` that asks for what cannot be done with the table.
    #[error("config.{setting}: {problem}")]
    InvalidSetting {
        /// The field.
        setting: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Names for classes that the target cannot have.
    #[error("label_mapping: {0}")]
    InvalidLabels(String),
    /// The header is empty or too long.
    #[error("Idempotency-Key must have 1 to {} visible ASCII characters", MAX_IDEMPOTENCY_KEY_BYTES)]
    InvalidIdempotencyKey,
    /// The key came with another request before.
    #[error("This Idempotency-Key was used for another request; use a new key")]
    IdempotencyConflict,
    /// The job that a key belongs to was deleted.
    #[error("The job that this Idempotency-Key started was deleted; use a new key")]
    IdempotentJobDeleted,
    /// Batch did not take a job.
    #[error("Error starting {}: {error}. Job {job} is stored as failed; try again", .work.to_string().to_lowercase())]
    NotSubmitted {
        /// What it was to do.
        work: Work,
        /// The job, which is failed.
        job: JobId,
        /// What Batch said.
        error: Box<dyn Error + Send + Sync>,
    },
    /// There is no such job of the caller.
    #[error("Job not found")]
    JobNotFound,
    /// A tag without text.
    #[error("Tags cannot be empty or whitespace")]
    BlankTag,
    /// A tag that is too long.
    #[error("Each tag must be {} characters or less", MAX_TAG_CHARS)]
    LongTag,
    /// Only a completed job can be deployed.
    #[error("Cannot deploy job with status '{0}'. Only completed jobs can be deployed.")]
    NotCompleted(JobStatus),
    /// Only a completed job has a leaderboard.
    #[error("No leaderboard for job with status '{0}'. Only completed jobs have one.")]
    NoLeaderboardYet(JobStatus),
    /// A completed job whose leaderboard was never stored, or is gone.
    #[error("Leaderboard not found: the job is a prediction or was trained before there were any, or its file has expired")]
    LeaderboardNotFound,
    /// Only a job that is not finished can be cancelled.
    #[error("Cannot cancel job with status '{0}'. Only pending and running jobs can be cancelled.")]
    NotCancellable(JobStatus),
    /// A completed job without a model file.
    #[error("No ONNX model available for this job. Only jobs with ONNX export can be deployed.")]
    NothingToDeploy,
    /// A prediction of a model that is not deployed.
    #[error("Model is not deployed. Deploy the model first using POST /jobs/{{job_id}}/deploy")]
    NotDeployed,
    /// A question about a model that is not deployed.
    #[error("Model is not deployed")]
    NoDeployment,
    /// A deployed model of before drift was looked at.
    #[error("The model does not know what its training rows looked like: it was trained before drift was measured. Train it again")]
    NoReference,
    /// A deployed job without a model file.
    #[error("No ONNX model available for this job")]
    NoModel,
    /// A prediction without some of the model's features.
    #[error("Missing required features: [{}]", quoted(.0))]
    MissingFeatures(Vec<String>),
    /// A prediction with a job that has no model yet, or never will.
    #[error("Cannot predict with job with status '{0}'. Only completed jobs have a model.")]
    NoModelYet(JobStatus),
    /// A prediction with a job that is a prediction itself.
    #[error("Job {0} is a prediction; predict with the job that trained its model")]
    NotATraining(JobId),
    /// There is no such object that the caller may have predicted.
    #[error("object_key: there is no object '{key}' of yours; {allowed}")]
    ObjectNotFound {
        /// The key as it came.
        key: String,
        /// Which keys there may be.
        allowed: String,
    },
    /// The object to predict is empty.
    #[error("object_key: the object '{0}' is empty; put a table there")]
    EmptyObject(String),
    /// Columns that cannot be kept beside predictions.
    #[error("keep: {0}")]
    InvalidKeep(String),
    /// A feature's value that is no number.
    #[error("Cannot convert '{value}' to number for feature '{feature}'")]
    NotANumber {
        /// The value as it came.
        value: String,
        /// The numeric feature.
        feature: String,
    },
    /// A feature's value that is no date.
    #[error("Cannot convert '{value}' to a date for feature '{feature}'; write it as 2024-12-31 or 2024-12-31T18:30:00")]
    NotADate {
        /// The value as it came.
        value: String,
        /// The feature.
        feature: String,
    },
    /// Something is wrong with one of several rows (1-based).
    #[error("Row {row}: {error}")]
    InRow {
        /// The row.
        row: usize,
        /// What is wrong with it.
        error: Box<Self>,
    },
    /// Rows that a model can only guess at, where the caller wants none.
    #[error("{0}; leave out strict=true to have it predicted all the same")]
    Doubtful(String),
    /// More rows than are explained at once.
    #[error("explain=true takes at most {most} rows, not {rows}; send fewer at a time")]
    TooManyExplained {
        /// How many came.
        rows: usize,
        /// The limit.
        most: usize,
    },
    /// A body of CSV that is no table.
    #[error("{0}")]
    InvalidCsv(String),
    /// Something behind us failed.
    #[error("{what}: {error}")]
    Internal {
        /// What was not done: `Error starting training`.
        what: &'static str,
        /// Why it did not work. Its own text is shown, its sources are not.
        error: Box<dyn Error + Send + Sync>,
    },
}

/// For `map_err`: something behind us failed. `what` was not done for it, as in `Error starting training`.
pub fn internal<E: Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> ApiError {
    move |error| ApiError::Internal { what, error: Box::new(error) }
}

impl ApiError {
    /// Status and code of each error.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownRoute => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"),
            Self::InvalidToken => (StatusCode::BAD_REQUEST, "invalid_token"),
            Self::InvalidFilename(_) => (StatusCode::BAD_REQUEST, "invalid_filename"),
            Self::UploadNotFound(_) => (StatusCode::NOT_FOUND, "upload_not_found"),
            Self::NotATable(_) => (StatusCode::BAD_REQUEST, "not_a_table"),
            Self::DatasetInUse(_) => (StatusCode::CONFLICT, "dataset_in_use"),
            Self::DatasetNotFound(_) | Self::TrainingDatasetNotFound => (StatusCode::NOT_FOUND, "dataset_not_found"),
            Self::DatasetNotReady(_) => (StatusCode::BAD_REQUEST, "dataset_not_ready"),
            Self::TargetNotFound(_) => (StatusCode::BAD_REQUEST, "target_not_found"),
            Self::NotNumeric(_) => (StatusCode::BAD_REQUEST, "target_not_numeric"),
            Self::InvalidSetting { .. } => (StatusCode::BAD_REQUEST, "invalid_setting"),
            Self::InvalidLabels(_) => (StatusCode::BAD_REQUEST, "invalid_label_mapping"),
            Self::InvalidIdempotencyKey => (StatusCode::BAD_REQUEST, "invalid_idempotency_key"),
            Self::IdempotencyConflict | Self::IdempotentJobDeleted => (StatusCode::CONFLICT, "idempotency_key_used"),
            Self::NotSubmitted { work: Work::Training, .. } => (StatusCode::SERVICE_UNAVAILABLE, "training_unavailable"),
            Self::NotSubmitted { work: Work::Prediction, .. } => (StatusCode::SERVICE_UNAVAILABLE, "prediction_unavailable"),
            Self::JobNotFound => (StatusCode::NOT_FOUND, "job_not_found"),
            Self::BlankTag | Self::LongTag => (StatusCode::BAD_REQUEST, "invalid_tag"),
            Self::NotCompleted(_) | Self::NoModelYet(_) => (StatusCode::BAD_REQUEST, "job_not_completed"),
            Self::NotATraining(_) => (StatusCode::BAD_REQUEST, "not_a_training"),
            Self::ObjectNotFound { .. } => (StatusCode::NOT_FOUND, "object_not_found"),
            Self::EmptyObject(_) => (StatusCode::BAD_REQUEST, "empty_object"),
            Self::InvalidKeep(_) => (StatusCode::BAD_REQUEST, "invalid_keep"),
            Self::NoLeaderboardYet(_) => (StatusCode::CONFLICT, "job_not_completed"),
            Self::LeaderboardNotFound => (StatusCode::NOT_FOUND, "leaderboard_not_found"),
            Self::NotCancellable(_) => (StatusCode::CONFLICT, "job_finished"),
            Self::NoReference => (StatusCode::BAD_REQUEST, "no_reference"),
            Self::NothingToDeploy | Self::NoModel => (StatusCode::BAD_REQUEST, "no_model"),
            Self::NotDeployed | Self::NoDeployment => (StatusCode::BAD_REQUEST, "not_deployed"),
            Self::MissingFeatures(_) => (StatusCode::BAD_REQUEST, "missing_features"),
            Self::NotANumber { .. } => (StatusCode::BAD_REQUEST, "not_a_number"),
            Self::NotADate { .. } => (StatusCode::BAD_REQUEST, "not_a_date"),
            Self::InRow { error, .. } => error.kind(),
            Self::Doubtful(_) => (StatusCode::BAD_REQUEST, "doubtful_input"),
            Self::TooManyExplained { .. } => (StatusCode::BAD_REQUEST, "too_many_rows"),
            Self::InvalidCsv(_) => (StatusCode::BAD_REQUEST, "invalid_csv"),
            Self::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        }
    }

    /// The answer to a request of that identifier. Internal failures are logged with all their sources.
    pub(crate) fn answer(&self, request_id: Option<&str>) -> Response {
        let (status, code) = self.kind();
        if let Self::Internal { what, error } = self {
            tracing::error!(request_id, "{what}: {}", Chain(error.as_ref()));
        }
        if let Self::NotSubmitted { job, error, .. } = self {
            tracing::error!(request_id, %job, "the job was not submitted: {}", Chain(error.as_ref()));
        }
        let detail = match self {
            Self::Invalid(issues) => Detail::Issues(issues),
            other => Detail::Text(other.to_string()),
        };
        (status, Json(Refusal { detail, code, request_id })).into_response()
    }
}

/// The answer, and the error itself for [`crate::finish`], which adds the request's identifier.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.kind().0.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[derive(Serialize)]
struct Refusal<'a> {
    detail: Detail<'a>,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Text(String),
    Issues(&'a [Issue]),
}

/// An error and its sources, one after the other.
struct Chain<'a>(&'a (dyn Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_features_are_listed_in_order() {
        let error = ApiError::MissingFeatures(vec!["b".to_owned(), "a c".to_owned()]);
        assert_eq!(error.to_string(), "Missing required features: ['b', 'a c']");
    }

    #[test]
    fn the_hint_to_deploy_names_the_route() {
        assert!(ApiError::NotDeployed.to_string().ends_with("POST /jobs/{job_id}/deploy"));
    }

    #[test]
    fn the_log_has_every_source_and_the_client_none_of_them() {
        #[derive(Debug, thiserror::Error)]
        #[error("GetItem of job 7 failed")]
        struct Call(#[source] std::io::Error);
        let error = internal("Error getting job status")(Call(std::io::Error::other("10.0.0.7 refused")));
        assert_eq!(error.to_string(), "Error getting job status: GetItem of job 7 failed");
        let ApiError::Internal { error, .. } = error else { panic!("it is internal") };
        assert_eq!(Chain(error.as_ref()).to_string(), "GetItem of job 7 failed: 10.0.0.7 refused");
    }
}
