//! The model card from what the training report tells.

use std::collections::BTreeMap;

use domain::ProblemType;
use model::{Baseline, ModelCard};
use report::TrainingReport;

use crate::Options;

/// Versions that the build script found, `name=version` between semicolons.
const BUILT_WITH: &str = env!("BUILT_WITH");

/// This product, the compiler and the libraries that compute, with their versions.
pub(crate) fn versions() -> BTreeMap<String, String> {
    let built_with = BUILT_WITH.split(';').filter_map(|one| one.split_once('='));
    let all = [("automl", env!("CARGO_PKG_VERSION"))].into_iter().chain(built_with);
    all.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

pub(crate) fn of(report: &TrainingReport, options: &Options) -> ModelCard {
    let configuration = &report.configuration;
    let baseline = |(name, metrics): &(String, domain::Metrics)| Baseline { name: name.clone(), metrics: metrics.clone() };
    ModelCard {
        intended_use: intended_use(report),
        beware: report::beware(report),
        validation: report.validation,
        judged_rows: configuration.judged_rows,
        calibration: report.calibration,
        baselines: report.baselines.iter().map(baseline).collect(),
        training_rows: configuration.train_rows,
        dropped_rows: configuration.dropped_rows,
        dropped_columns: report.preprocessing.dropped_reasons.clone(),
        settings: options.settings.clone(),
        seed: configuration.seed,
        time_budget: configuration.time_budget,
        versions: configuration.versions.clone(),
    }
}

fn intended_use(report: &TrainingReport) -> String {
    let what = match report.problem_type {
        ProblemType::Classification => "which label",
        ProblemType::Regression => "which number",
    };
    format!(
        "Predicts {what} '{}' has, for rows that come about in the same way and at about the same time as those of the training table. How \
         it does on other rows, and what its errors do to the people concerned, was not looked at.",
        report.target
    )
}
