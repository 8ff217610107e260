//! `GET /predict/{id}/drift`: how far the rows of the last days are from those that the model learned from.

use std::sync::Arc;

use api::{ApiError, Caller, Input, PathId, Query, ReadInput, input, internal};
use axum::{Json, extract::State};
use domain::{Drift, JobId, Timestamp};
use model::{Distribution, Feature};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error getting drift";
const DEFAULT_DAYS: u32 = 7;
const MOST_DAYS: u32 = 30;
const SECONDS_OF_DAY: u32 = 86_400;

/// Which rows are compared.
#[derive(Debug, Clone, Copy, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Request {
    /// The last so many days of UTC, today included.
    #[schemars(default = "default_days", range(min = 1, max = 30))]
    days: u32,
}

fn default_days() -> u32 {
    DEFAULT_DAYS
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self { days: input.with_default("days", DEFAULT_DAYS, input::integer(1..=MOST_DAYS))? })
    }
}

/// How far predicted rows are from those that the model learned from.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Drift")]
pub(crate) struct Answer {
    job_id: JobId,
    /// The begin of the first day.
    since: Timestamp,
    /// Predicted rows since then.
    rows: u64,
    /// Of what the model said, against what it said of rows that it did not learn from.
    prediction: Compared,
    /// Of the features against the training rows, those that moved most first.
    features: Vec<Compared>,
}

/// A distribution then and now.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "DriftOf")]
struct Compared {
    name: String,
    #[serde(flatten)]
    drift: Drift,
    bins: Vec<BinShares>,
}

/// The shares of rows in a bin.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct BinShares {
    /// What falls into it.
    values: String,
    /// Of the rows then.
    training: f64,
    /// Of the rows now.
    predicted: f64,
}

pub(crate) async fn drift(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(request): Query<Request>,
) -> Result<Json<Answer>, ApiError> {
    let job = app.deployment(&user, &id, WHAT).await?;
    if !job.deployed {
        return Err(ApiError::NoDeployment);
    }
    let path = job.onnx_model_path.as_deref().ok_or(ApiError::NoModel)?;
    let model = app.models.get(&job, path).await.map_err(internal(WHAT))?;
    let reference = model.manifest().reference.as_ref().ok_or(ApiError::NoReference)?;
    let since = Timestamp::now().midnight().seconds_ago((request.days - 1) * SECONDS_OF_DAY);
    let counted = app.jobs.counts_since(job.job_id, since).await.map_err(internal(WHAT))?;
    let size = reference.distributions().map(Distribution::size).sum();
    let (mut rows, mut bins) = (0, vec![0; size]);
    for counts in counted.iter().filter(|counts| counts.bins.len() == size) {
        rows += counts.rows;
        bins.iter_mut().zip(&counts.bins).for_each(|(sum, count)| *sum += count);
    }
    let mut bins = bins.into_iter();
    let mut compared = |distribution: &Distribution| {
        let now: Vec<u64> = bins.by_ref().take(distribution.size()).collect();
        Compared::of(distribution, &now, &model.manifest().features)
    };
    let mut features: Vec<Compared> = reference.features.iter().map(&mut compared).collect();
    let prediction = compared(&reference.prediction);
    features.sort_by(|one, other| other.drift.psi.total_cmp(&one.drift.psi));
    Ok(Json(Answer { job_id: job.job_id, since, rows, prediction, features }))
}

impl Compared {
    fn of(then: &Distribution, now: &[u64], features: &[Feature]) -> Self {
        let share = |count: u64, all: &[u64]| count as f64 / all.iter().sum::<u64>().max(1) as f64;
        let shares = then.labels(features).into_iter().zip(then.counts.iter().zip(now)).map(|(values, (&was, &is))| BinShares {
            values,
            training: share(was, &then.counts),
            predicted: share(is, now),
        });
        Self { name: then.name.clone(), drift: Drift::between(&then.counts, now), bins: shares.collect() }
    }
}

#[cfg(test)]
mod tests {
    use domain::DriftLevel;

    use super::*;

    #[test]
    fn shares_stand_beside_each_other() {
        let then = Distribution::of_texts("plan", [Some("a"), Some("a"), Some("b"), None].into_iter());
        let compared = Compared::of(&then, &[1, 0, 3, 4], &[]);
        let shares: Vec<_> = compared.bins.iter().map(|bin| (bin.values.as_str(), bin.training, bin.predicted)).collect();
        assert_eq!(shares, [("a", 0.5, 0.125), ("b", 0.25, 0.0), ("others", 0.0, 0.375), ("missing or unknown", 0.25, 0.5)]);
        assert_eq!(compared.drift.level, DriftLevel::TooFewRows);
        assert!(Compared::of(&then, &[0; 4], &[]).bins.iter().all(|bin| bin.predicted == 0.0));
    }
}
