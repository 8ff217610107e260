//! `POST /train`: submit a training job.

mod config;

use std::{collections::BTreeMap, sync::Arc};

use api::{ApiError, Body, Caller, Input, ReadInput, input, internal};
use axum::{Json, extract::State, http::HeaderMap};
use domain::{
    ColumnKind, ColumnProfile, Cost, DEFAULT_SEED, Dataset, DatasetStatus, Job, JobId, JobStatus, ProblemGuess, ProblemType, Profile,
    TargetFacts, UserId, default_time_budget, explain_problem_type,
};
use schemars::JsonSchema;
use serde::Serialize;

use self::config::{Config, Learned};
use crate::{App, submission::idempotency_key};

const WHAT: &str = "Error starting training";

/// What to train.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "TrainRequest")]
pub(crate) struct Request {
    /// A confirmed dataset.
    dataset_id: String,
    /// The column to predict.
    target_column: String,
    /// More, where the defaults do not fit.
    #[schemars(with = "Option<Config>")]
    config: Config,
    /// What the classes of a numeric target are called.
    label_mapping: Option<BTreeMap<String, String>>,
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let dataset_id = input.required("dataset_id", input::text);
        let target_column = input.required("target_column", input::text);
        let config = input.nullable("config", input::object);
        let label_mapping = input.nullable("label_mapping", input::entries(input::text));
        Some(Self {
            dataset_id: dataset_id?,
            target_column: target_column?,
            config: config?.unwrap_or_default(),
            label_mapping: label_mapping?.map(|labels| labels.into_iter().collect()),
        })
    }
}

/// A job that was handed to Batch.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Submitted {
    job_id: JobId,
    status: JobStatus,
    /// Seconds that the job may take.
    estimated_time: u32,
    /// What the whole budget costs.
    estimated_cost: Cost,
    /// What is learned, and why.
    problem: ProblemGuess,
}

impl Submitted {
    fn of(job: &Job, problem: ProblemGuess) -> Self {
        let estimated_time = job.time_budget.unwrap_or_default();
        Self { job_id: job.job_id, status: job.status, estimated_time, estimated_cost: Cost::of(estimated_time.into()), problem }
    }
}

pub(crate) async fn train(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    headers: HeaderMap,
    Body(request): Body<Request>,
) -> Result<Json<Submitted>, ApiError> {
    let key = idempotency_key(&headers, &user, &request)?;
    let dataset = app.ready_dataset(&user, &request.dataset_id, WHAT).await?;
    let profile = app.profile(&dataset, WHAT).await?;
    let Some(target) = profile.column(&request.target_column) else { return Err(ApiError::TargetNotFound(request.target_column)) };
    let problem = problem(request.config.problem_type, target, profile.rows)?;
    if let Some(labels) = &request.label_mapping {
        check_labels(labels, target, problem.problem_type).map_err(ApiError::InvalidLabels)?;
    }
    let settings = request.config.settings(Learned { profile: &profile, target, problem_type: problem.problem_type })?;
    let time_budget = request.config.time_budget.unwrap_or_else(|| default_time_budget(profile.rows));
    let job = Job::pending(dataset.dataset_id, user.clone(), dataset.filename, request.target_column, problem.problem_type, time_budget);
    let seed = request.config.seed.unwrap_or(DEFAULT_SEED);
    let job = Job { label_mapping: request.label_mapping, settings, seed, ..job };
    let job = app.start(job, &request.config.metric, key.as_ref(), WHAT).await?;
    Ok(Json(Submitted::of(&job, problem)))
}

/// What is learned: what the caller asks for, or what the target's values say.
fn problem(asked: Option<ProblemType>, target: &ColumnProfile, rows: u64) -> Result<ProblemGuess, ApiError> {
    let guess = explain_problem_type(TargetFacts::of(target, rows));
    let is_numeric = matches!(target.kind, ColumnKind::Integer | ColumnKind::Float);
    match asked {
        None => Ok(guess),
        Some(ProblemType::Regression) if !is_numeric => Err(ApiError::NotNumeric(target.name.clone())),
        Some(problem_type) => Ok(ProblemGuess { problem_type, confidence: 1.0, reason: "it was asked for".to_owned() }),
    }
}

/// What is wrong with names for the target's classes.
fn check_labels(labels: &BTreeMap<String, String>, target: &ColumnProfile, problem_type: ProblemType) -> Result<(), String> {
    let is_numeric = matches!(target.kind, ColumnKind::Integer | ColumnKind::Float);
    if !is_numeric || problem_type != ProblemType::Classification {
        return Err(format!("it names the classes of a numeric target, and '{}' has none; leave it out", target.name));
    }
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let known: Vec<&str> = target.top_values.iter().map(|top| top.value.as_str()).collect();
    let all_are_known = known.len() as u64 == target.unique;
    for class in labels.keys() {
        let Some(value) = number(class) else { return Err(format!("'{class}' is no number; its keys are the target's values")) };
        if all_are_known && !known.iter().any(|known| number(known) == Some(value)) {
            return Err(format!("'{}' never is {class}; it is one of {}", target.name, known.join(", ")));
        }
    }
    Ok(())
}

impl App {
    /// The user's dataset, which was read. `what` was not done where that cannot be found out.
    pub(crate) async fn ready_dataset(&self, user: &UserId, id: &str, what: &'static str) -> Result<Dataset, ApiError> {
        let Ok(dataset) = id.parse() else { return Err(ApiError::TrainingDatasetNotFound) };
        let found = self.datasets.get(user, dataset).await.map_err(internal(what))?;
        let dataset = found.ok_or(ApiError::TrainingDatasetNotFound)?;
        match dataset.status {
            DatasetStatus::Ready => Ok(dataset),
            DatasetStatus::Failed => Err(ApiError::NotATable(dataset.error.unwrap_or_default())),
        }
    }

    /// The profile of a dataset. Those of the system before this one have none until they are confirmed again.
    pub(crate) async fn profile(&self, dataset: &Dataset, what: &'static str) -> Result<Profile, ApiError> {
        let found = self.objects.profile(&self.datasets_bucket, dataset.dataset_id).await.map_err(internal(what))?;
        found.ok_or_else(|| ApiError::DatasetNotReady(dataset.dataset_id.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use domain::TopValue;

    use super::*;

    fn target(kind: ColumnKind, values: &[&str]) -> ColumnProfile {
        ColumnProfile {
            name: "y".to_owned(),
            kind,
            unique: values.len() as u64,
            unique_exact: true,
            top_values: values.iter().map(|value| TopValue { value: (*value).to_owned(), count: 1 }).collect(),
            ..ColumnProfile::default()
        }
    }

    fn problem(labels: &[&str], target: &ColumnProfile) -> Option<String> {
        let labels = labels.iter().map(|class| ((*class).to_owned(), "name".to_owned())).collect();
        check_labels(&labels, target, ProblemType::Classification).err()
    }

    #[test]
    fn classes_are_named_by_their_values() {
        let target = target(ColumnKind::Float, &["0", "1.5"]);
        assert_eq!(problem(&["0.0", "1.50"], &target), None);
        assert!(problem(&["2"], &target).unwrap().contains("one of 0, 1.5"));
        assert!(problem(&["no"], &target).unwrap().contains("'no' is no number"));
    }

    #[test]
    fn texts_and_quantities_have_no_numbers_to_name() {
        assert!(problem(&["0"], &target(ColumnKind::Text, &["0", "a"])).unwrap().contains("leave it out"));
        let quantity = target(ColumnKind::Float, &["0", "1.5"]);
        assert!(check_labels(&BTreeMap::new(), &quantity, ProblemType::Regression).is_err());
    }
}
