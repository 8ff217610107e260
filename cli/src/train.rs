//! `automl train`: a table to a folder with the model, its manifest and the two reports.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _, stderr},
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use domain::{Family, Metric, Metrics, Monotone, Phase, ProblemType, Progress, TrainingSettings, asked_metric, default_time_budget};
use report::format_time;
use serde_json::json;
use trainer::{Clock, Options, Outcome};

/// How often the progress line changes within a phase.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

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
    #[arg(long, default_value = "auto", help = METRIC)]
    metric: String,
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
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

fn problem_type(text: &str) -> std::result::Result<ProblemType, String> {
    match text {
        "classification" => Ok(ProblemType::Classification),
        "regression" => Ok(ProblemType::Regression),
        _ => Err("use classification or regression".to_owned()),
    }
}

impl Arguments {
    fn settings(&self) -> Result<TrainingSettings> {
        let signs = [(&self.increasing, Monotone::Increasing), (&self.decreasing, Monotone::Decreasing)];
        Ok(TrainingSettings {
            metric: asked_metric(&self.metric)?,
            estimators: self.estimators.clone(),
            time_column: self.time_column.clone(),
            group_column: self.group_column.clone(),
            weight_column: self.weight_column.clone(),
            balance_classes: self.balance_classes,
            monotone: signs.into_iter().flat_map(|(names, sign)| names.iter().map(move |name| (name.clone(), sign))).collect(),
            max_model_mb: self.max_model_mb,
            max_trees: self.max_trees,
            candidates: self.candidates,
        })
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<String> {
    let clock = Clock::start();
    let mut line = ProgressLine::start();
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let parquet = scratch.path().join("data.parquet");
    let profile = table::ingest(&arguments.data, &parquet).with_context(|| arguments.data.display().to_string())?;
    let budget = arguments.budget.unwrap_or_else(|| default_time_budget(profile.rows));
    let options = Options {
        job: arguments.data.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned()),
        target: arguments.target.clone(),
        problem_type: arguments.problem,
        settings: arguments.settings()?,
        time_budget: Duration::from_secs(budget.into()),
        seed: arguments.seed,
        threads: arguments.threads.map_or_else(|| thread::available_parallelism().map_or(1, NonZeroUsize::get), NonZeroUsize::get),
        stop: Arc::default(),
    };
    let outcome = trainer::run(&parquet, &profile, &options, &arguments.out, clock, &mut |progress| line.show(&progress));
    line.end();
    let outcome = outcome?;
    if arguments.json { as_json(&outcome, clock) } else { as_text(&outcome, clock) }
}

fn as_json(outcome: &Outcome, clock: Clock) -> Result<String> {
    let result = json!({
        "problem_type": outcome.problem_type,
        "metrics": outcome.metrics,
        "seconds": clock.elapsed().as_secs_f64(),
        "model": outcome.artefacts.model,
        "model_sha256": outcome.model_sha256,
        "manifest": outcome.artefacts.manifest,
        "pickle": outcome.artefacts.pickle,
        "leaderboard": outcome.artefacts.leaderboard,
        "models_tried": outcome.leaderboard.models.len(),
        "stopped_early": outcome.leaderboard.stopped_early,
        "eda_report": outcome.artefacts.eda_report,
        "training_report": outcome.artefacts.training_report,
    });
    Ok(serde_json::to_string_pretty(&result)?)
}

fn as_text(outcome: &Outcome, clock: Clock) -> Result<String> {
    let metrics = &outcome.metrics;
    let early = if outcome.leaderboard.stopped_early { ", stopped early: more search no longer helped" } else { "" };
    let (tried, took) = (outcome.leaderboard.models.len(), format_time(clock.elapsed().as_secs_f64()));
    let mut text = format!("{}, the best of {tried} models, in {took}{early}\n", metrics.best_estimator);
    for (name, value) in named(metrics) {
        writeln!(text, "  {name:<18} {value:.4}")?;
    }
    for path in [&outcome.artefacts.model, &outcome.artefacts.training_report, &outcome.artefacts.eda_report] {
        writeln!(text, "{}", path.display())?;
    }
    Ok(text)
}

/// The metrics that are known, in the order of a report.
pub(crate) fn named(metrics: &Metrics) -> impl Iterator<Item = (&'static str, f64)> {
    let averages = [("precision", metrics.precision), ("recall", metrics.recall)];
    let measured = Metric::ALL.into_iter().map(|metric| (metric.title(), metrics.get(metric)));
    measured.chain(averages).filter_map(|(name, value)| Some((name, value?)))
}

/// One line on standard error that is written over while training goes on; a line a phase when standard error is no terminal.
struct ProgressLine {
    terminal: bool,
    phase: Option<Phase>,
    written: Instant,
}

impl ProgressLine {
    fn start() -> Self {
        Self { terminal: stderr().is_terminal(), phase: None, written: Instant::now() }
    }

    fn show(&mut self, progress: &Progress) {
        let entered = self.phase.replace(progress.phase) != Some(progress.phase);
        if !entered && (!self.terminal || self.written.elapsed() < PROGRESS_EVERY) {
            return;
        }
        self.written = Instant::now();
        let score = match (&progress.best_metric, progress.best_score, &progress.best_estimator) {
            (Some(metric), Some(score), Some(estimator)) => {
                format!(", {} models, best {metric} {score:.4} ({estimator})", progress.candidates_tried)
            }
            _ => String::new(),
        };
        let line = format!("{:>7} {}{score}", format_time(progress.elapsed_seconds), phase_name(progress.phase));
        // A progress line that cannot be written is not worth a failed training.
        let _ = if self.terminal { write!(stderr(), "\r\x1b[K{line}") } else { writeln!(stderr(), "{line}") };
    }

    fn end(&self) {
        if self.terminal && self.phase.is_some() {
            let _ = writeln!(stderr());
        }
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Loading => "loading",
        Phase::Exploring => "exploring",
        Phase::Preparing => "preparing",
        Phase::Training => "training",
        Phase::Evaluating => "evaluating",
        Phase::Exporting => "exporting",
        Phase::Reporting => "reporting",
    }
}
