//! `automl train`: a table to a folder with the model, its manifest and the two reports.

mod live;
pub(crate) mod result;

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use domain::{Family, Metric, Monotone, ProblemType, TrainingSettings, UnknownMetric, asked_metric, default_time_budget};
use trainer::{Clock, Options};

use self::{
    live::Live,
    result::{Finished, as_json, as_text},
};
use crate::interrupt;

pub(crate) const EXAMPLES: &str = "\
Examples:
  automl train --data customers.csv --target churned
  automl train --data houses.parquet --target price --budget 300 --metric mae --out price-model
  automl train --data visits.csv --target cost --time-column date --estimators gradient_boosting,linear
  automl train --data customers.csv --target churned --json > result.json

DIR then holds model.onnx, model.pkl, manifest.json, leaderboard.json, eda_report.html and training_report.html.
The search ends when its budget does, or before that when more of it no longer helps. Ctrl-C (or SIGTERM) ends it too and
writes the best model so far; a second one gives up.";

const METRIC: &str = "What to optimise: auto, log_loss, roc_auc, pr_auc, accuracy, balanced_accuracy, f1, f1_macro, mcc, r2, rmse, mae, \
                      mape or rmsle";
const ESTIMATORS: &str = "Families of models to try, separated by commas: gradient_boosting, extra_trees_boosting, random_forest, \
                          extra_trees, linear; all by default";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The table to learn from.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The column to predict.
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// Seconds for everything; by default 120 to 1200, by the number of rows.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    budget: Option<u32>,
    /// The folder for the model and the reports; it is made when it does not exist.
    #[arg(long, value_name = "DIR", default_value = "model")]
    out: PathBuf,
    /// Seed of every random choice.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Threads to compute with; by default as many as there are processors.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// What to learn: classification or regression; by default decided from the target.
    #[arg(long, value_name = "TYPE", value_parser = problem_type)]
    problem: Option<ProblemType>,
    #[arg(long, default_value = "auto", help = METRIC, value_parser = AskedMetric::parse)]
    metric: AskedMetric,
    #[arg(long, value_name = "LIST", value_delimiter = ',', help = ESTIMATORS)]
    estimators: Vec<Family>,
    /// Judge on rows that come later by this column.
    #[arg(long, value_name = "COLUMN")]
    time_column: Option<String>,
    /// Never learn from and judge on rows of the same value of this column.
    #[arg(long, value_name = "COLUMN", conflicts_with = "time_column")]
    group_column: Option<String>,
    /// How much each row counts.
    #[arg(long, value_name = "COLUMN")]
    weight_column: Option<String>,
    /// Let every label count the same, however rare.
    #[arg(long)]
    balance_classes: bool,
    /// Predictions must never fall when this column rises; may be repeated.
    #[arg(long, value_name = "COLUMN")]
    increasing: Vec<String>,
    /// Predictions must never rise when this column rises; may be repeated.
    #[arg(long, value_name = "COLUMN")]
    decreasing: Vec<String>,
    /// The largest model file, in megabytes.
    #[arg(long, value_name = "MB")]
    max_model_mb: Option<f64>,
    /// The most trees of the model.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_trees: Option<u32>,
    /// How many models to try: with it, the same table and seed give the same model, bit for bit, as long as the budget suffices.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    candidates: Option<u32>,
    /// Print the result, or the error, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is to be optimised; none for `auto`.
#[derive(Debug, Clone, Copy)]
struct AskedMetric(Option<Metric>);

impl AskedMetric {
    fn parse(text: &str) -> std::result::Result<Self, UnknownMetric> {
        asked_metric(text).map(Self)
    }
}

fn problem_type(text: &str) -> std::result::Result<ProblemType, String> {
    match text {
        "classification" => Ok(ProblemType::Classification),
        "regression" => Ok(ProblemType::Regression),
        _ => Err("use classification or regression".to_owned()),
    }
}

impl Arguments {
    fn settings(&self) -> TrainingSettings {
        let signs = [(&self.increasing, Monotone::Increasing), (&self.decreasing, Monotone::Decreasing)];
        TrainingSettings {
            metric: self.metric.0,
            estimators: self.estimators.clone(),
            time_column: self.time_column.clone(),
            group_column: self.group_column.clone(),
            weight_column: self.weight_column.clone(),
            balance_classes: self.balance_classes,
            monotone: signs.into_iter().flat_map(|(names, sign)| names.iter().map(move |name| (name.clone(), sign))).collect(),
            max_model_mb: self.max_model_mb,
            max_trees: self.max_trees,
            candidates: self.candidates,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<String> {
    let clock = Clock::start();
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let stop = interrupt::stop_flag(scratch.path().to_owned())?;
    let live = Live::start(clock, Arc::clone(&stop));
    let parquet = scratch.path().join("data.parquet");
    let profile = table::ingest(&arguments.data, &parquet).with_context(|| arguments.data.display().to_string())?;
    let budget = Duration::from_secs(arguments.budget.unwrap_or_else(|| default_time_budget(profile.rows)).into());
    live.budget(budget);
    let options = Options {
        job: arguments.data.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned()),
        target: arguments.target.clone(),
        problem_type: arguments.problem,
        settings: arguments.settings(),
        time_budget: budget,
        seed: arguments.seed,
        memory: trainer::available_memory(),
        threads: arguments.threads.map_or_else(|| thread::available_parallelism().map_or(1, NonZeroUsize::get), NonZeroUsize::get),
        stop,
    };
    let outcome = trainer::run(&parquet, &profile, &options, &arguments.out, clock, &mut |progress| live.show(progress));
    drop(live);
    let finished =
        Finished { outcome: &outcome?, seconds: clock.elapsed().as_secs_f64(), interrupted: options.stop.load(Ordering::Relaxed) };
    if arguments.json { as_json(&finished) } else { as_text(&finished) }
}
