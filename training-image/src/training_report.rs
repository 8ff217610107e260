//! From what the engine tells to what the training report shows.

use domain::{Profile, Timestamp};
use engine::Trained;
use report::{Configuration, Holdout, LeaderboardRow, TrainingReport};

use crate::Options;

pub(crate) fn of(trained: &Trained, profile: &Profile, options: &Options, created_at: Timestamp) -> TrainingReport {
    let leaderboard = trained.leaderboard.iter().map(|entry| LeaderboardRow {
        name: entry.name.clone(),
        parameters: entry
            .rounds
            .map(|rounds| ("rounds".to_owned(), rounds.round()))
            .into_iter()
            .chain(entry.parameters.iter().map(|(name, value)| ((*name).to_owned(), *value)))
            .collect(),
        score: entry.validation_score,
        fit_seconds: entry.fit_seconds,
        weight: entry.weight,
    });
    TrainingReport {
        job: options.job.clone(),
        target: options.target.clone(),
        problem_type: trained.problem_type,
        metrics: trained.metrics.clone(),
        validation_metric: trained.leaderboard.first().map_or_else(|| "score".to_owned(), |entry| entry.metric.clone()),
        leaderboard: leaderboard.collect(),
        importances: trained.importances.clone(),
        holdout: holdout(trained),
        preprocessing: trained.preprocessing.clone(),
        configuration: Configuration {
            time_budget: options.time_budget.as_secs_f64(),
            rows: profile.rows,
            columns: profile.columns.len() as u64,
            train_rows: trained.train_rows as u64,
            holdout_rows: trained.holdout_rows as u64,
            dropped_rows: trained.dropped_rows as u64,
            seed: options.seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_fingerprint: profile.fingerprint.clone(),
        },
        created_at,
    }
}

fn holdout(trained: &Trained) -> Holdout {
    match &trained.outcome {
        engine::Outcome::Pairs(pairs) => Holdout::Pairs(pairs.clone()),
        engine::Outcome::Confusion { labels, counts } => Holdout::Confusion { labels: labels.clone(), counts: counts.clone() },
    }
}
