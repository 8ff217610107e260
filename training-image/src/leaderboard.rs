//! The leaderboard as a file and as an answer.

use domain::{Leaderboard, RankedModel};
use engine::Trained;

/// `interrupted`: the search was ended from outside.
pub(crate) fn of(trained: &Trained, interrupted: bool) -> Leaderboard {
    let models = trained.leaderboard.iter().map(|entry| RankedModel {
        name: entry.name.clone(),
        family: entry.family,
        score: entry.validation_score,
        fit_seconds: (entry.fit_seconds * 1e3).round() / 1e3,
        predict_seconds: (entry.predict_seconds * 1e6).round() / 1e6,
        bytes: entry.bytes as u64,
        trees: entry.trees as u64,
        nodes: entry.nodes as u64,
        rounds: entry.rounds,
        weight: entry.weight,
        parameters: entry.parameters.iter().cloned().collect(),
    });
    Leaderboard {
        metric: trained.metric,
        greater_is_better: trained.metric.greater_is_better(),
        stopped_early: trained.converged,
        interrupted,
        models: models.collect(),
    }
}
