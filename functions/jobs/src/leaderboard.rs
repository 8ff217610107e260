//! `GET /jobs/{id}/leaderboard`: the models that a completed job tried, from the file that its trainer stored.

use std::sync::Arc;

use api::{ApiError, Caller, PathId, internal, revalidated};
use axum::{extract::State, http::HeaderMap, response::Response};
use cloud::{CloudError, ObjectPath};
use domain::{Job, JobStatus, Leaderboard};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error getting leaderboard";
/// The most models of an answer: an hour on a small table tries many thousands, and a function's answer has at most 6 MB.
const MOST_MODELS: usize = 1_000;

/// The models that a job tried, best first; of more than a thousand the best ones and those that the final model consists of.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobLeaderboard")]
pub(crate) struct Answer {
    /// How many were tried.
    models_tried: usize,
    #[serde(flatten)]
    leaderboard: Leaderboard,
}

impl Answer {
    fn of(mut leaderboard: Leaderboard) -> Self {
        let models_tried = leaderboard.models.len();
        let mut rank = 0;
        leaderboard.models.retain(|model| {
            rank += 1;
            rank <= MOST_MODELS || model.weight > 0.0
        });
        Self { models_tried, leaderboard }
    }
}

pub(crate) async fn leaderboard(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let job = app.job(&user, &id, WHAT).await?;
    if job.status != JobStatus::Completed {
        return Err(ApiError::NoLeaderboardYet(job.status));
    }
    let stored = app.stored_leaderboard(&job).await.map_err(internal(WHAT))?;
    revalidated(&headers, &Answer::of(stored.ok_or(ApiError::LeaderboardNotFound)?))
}

impl App {
    async fn stored_leaderboard(&self, job: &Job) -> Result<Option<Leaderboard>, CloudError> {
        let Some(path) = &job.files.leaderboard_path else { return Ok(None) };
        self.objects.json(&path.parse::<ObjectPath>()?).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Family, Metric, RankedModel};

    use super::*;

    #[test]
    fn an_answer_has_the_best_and_the_chosen_models() {
        let model = |rank: usize| RankedModel {
            name: format!("gradient_boosting_{rank}"),
            family: Family::GradientBoosting,
            score: rank as f64,
            fit_seconds: 0.1,
            predict_seconds: 0.01,
            bytes: 1_000,
            trees: 10,
            nodes: 100,
            rounds: Some(10.0),
            weight: if rank == 5_000 { 0.25 } else { 0.0 },
            parameters: BTreeMap::new(),
        };
        let models = (0..9_000).map(model).collect();
        let answer =
            Answer::of(Leaderboard { metric: Metric::Rmse, greater_is_better: false, stopped_early: false, interrupted: false, models });
        assert_eq!((answer.models_tried, answer.leaderboard.models.len()), (9_000, MOST_MODELS + 1));
        assert_eq!(answer.leaderboard.models.last().map(|model| model.name.as_str()), Some("gradient_boosting_5000"));
    }
}
