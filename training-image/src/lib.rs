//! The steps of a training, on plain files: what the container does for a job and the command line for a file.
//!
//! ```text
//! data.parquet + profile ─▶ eda_report.html
//!                        ─▶ engine::train ─▶ model.onnx (checked against the trainer) ─▶ manifest.json, model.pkl
//!                                                                                     ─▶ training_report.html
//! ```
//!
//! The `container` feature adds the binary of the same package, which fetches the files, stores the results and keeps the job's item.

mod artefacts;
mod card;
mod clock;
mod error;
mod leaderboard;
mod memory;
mod prediction;
mod reference;
mod training_report;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{
    Leaderboard, Metrics, Phase, PreprocessingInfo, ProblemGuess, ProblemType, Profile, Progress, TargetFacts, Timestamp, TrainingSettings,
    exclusions, explain_problem_type, findings,
};
use model::{Label, Manifest, ModelCard, Task};
use report::{EdaTarget, TrainingReport};

use artefacts::{write, write_with};

pub use artefacts::{Artefacts, sha256};
pub use clock::Clock;
pub use error::{PredictionError, TrainingError, whole_message};
pub use memory::available as available_memory;
pub use prediction::{PredictedTable, ResultFiles, Wanted, predict};

/// What to train.
#[derive(Debug, Clone)]
pub struct Options {
    /// The job's identifier, or what else names this training in its report.
    pub job: String,
    /// The column to predict.
    pub target: String,
    /// What to learn, where that is not to be decided from the target.
    pub problem_type: Option<ProblemType>,
    /// What a person may decide.
    pub settings: TrainingSettings,
    /// What the whole job may take, from the clock's start to the last written file.
    pub time_budget: Duration,
    /// Seed of every random choice.
    pub seed: u64,
    /// Threads to compute with, at least 1.
    pub threads: usize,
    /// Bytes of memory that there are; a table that needs more is learned from a sample of its rows.
    pub memory: Option<u64>,
    /// Set, it makes the training end soon with the best model so far.
    pub stop: Arc<AtomicBool>,
}

/// A trained and stored model.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was learned.
    pub problem_type: ProblemType,
    /// Measured on rows that the measured models did not learn from.
    pub metrics: Metrics,
    /// How they were measured, against what, and what to beware of.
    pub card: ModelCard,
    /// The model's inputs and outputs, complete.
    pub preprocessing: PreprocessingInfo,
    /// The written files.
    pub artefacts: Artefacts,
    /// SHA-256 of the model file, in hex.
    pub model_sha256: String,
    /// Every model that was tried.
    pub leaderboard: Leaderboard,
    /// The largest difference between the stored model and the trainer's own evaluation on the hold-out.
    pub largest_difference: f32,
}

/// Trains on the table in `parquet`, whose profile is `profile`, and writes reports, model and manifest into the folder `out`, which is
/// made when it is missing. `clock` runs since the job's start; the search gets what it leaves of the budget, less a reserve for writing
/// and checking the model.
pub fn run(
    parquet: &Path,
    profile: &Profile,
    options: &Options,
    out: &Path,
    clock: Clock,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome, TrainingError> {
    let target = profile.column(&options.target).ok_or_else(|| engine::EngineError::MissingTarget(options.target.clone()))?;
    let mut news = News { clock, latest: None, on_progress };

    artefacts::make_folder(out)?;

    news.enter(Phase::Exploring);
    let guess = explain_problem_type(TargetFacts::of(target, profile.rows));
    let problem = match options.problem_type.filter(|asked| *asked != guess.problem_type) {
        Some(problem_type) => ProblemGuess { problem_type, confidence: 1.0, reason: "that was asked for".to_owned() },
        None => guess,
    };
    let relations = table::relations(parquet, profile, &options.target, problem.problem_type)?;
    let left_out = exclusions(profile, &options.target, &relations);
    let mut found = findings(profile, Some((&options.target, problem.problem_type)), &relations);
    for (name, holds) in options.settings.columns_of_rows() {
        let of_column = found.iter_mut().filter(|finding| finding.column.as_deref() == Some(name));
        of_column.for_each(|finding| finding.action = format!("no feature: it holds {holds}"));
    }
    let eda_target = EdaTarget { name: &options.target, problem, relations: &relations, left_out: &left_out };
    write(out, Artefacts::EDA_REPORT, report::eda_report(profile, Some(&eda_target), &found))?;

    news.enter(Phase::Preparing);
    let sampled = options.memory.and_then(|bytes| memory::rows_that_fit(profile, &options.target, bytes));
    let frame = match sampled {
        Some(rows) => table::read_sample(parquet, usize::try_from(rows).unwrap_or(usize::MAX))?,
        None => table::read_parquet(parquet)?,
    };
    let engine_options = engine::Options {
        target: options.target.clone(),
        problem_type: options.problem_type,
        left_out,
        settings: options.settings.clone(),
        time_budget: clock.left_for_training(options.time_budget),
        seed: options.seed,
        threads: options.threads,
        stop: Arc::clone(&options.stop),
    };
    let trained = engine::train(&frame, profile, &engine_options, &mut |progress| news.forward(progress))?;
    let interrupted = options.stop.load(Ordering::Relaxed);

    news.enter(Phase::Exporting);
    let created_at = Timestamp::now();
    let told = TrainingReport { findings: found, ..training_report::of(&trained, &frame, profile, options, created_at) };
    let reference = reference::of(&trained, &frame)?;
    drop(frame);
    let card = card::of(&told, options);
    let manifest = Manifest {
        format_version: model::FORMAT_VERSION,
        problem_type: trained.problem_type,
        target: options.target.clone(),
        features: trained.pipeline.features.clone(),
        labels: labels(&trained.pipeline.task),
        threshold: trained.pipeline.threshold,
        numeric_stats: trained.preprocessing.numeric_stats.clone(),
        metrics: trained.metrics.clone(),
        importances: trained.importances.clone(),
        data_fingerprint: profile.fingerprint.clone(),
        created_at,
        product_version: env!("CARGO_PKG_VERSION").to_owned(),
        card: Some(card.clone()),
        reference: Some(reference),
    };
    let leaderboard = leaderboard::of(&trained, interrupted);
    let onnx = model::write_onnx(&trained.pipeline, &manifest)?;
    let largest_difference = model::check_parity(&trained.pipeline, &onnx, &trained.sample)?;
    drop(trained.pipeline);
    write(out, Artefacts::MODEL, &onnx)?;
    write_with(out, Artefacts::PICKLE, |file| model::write_pickle(&onnx, &manifest, file))?;
    write(out, Artefacts::MANIFEST, serde_json::to_vec_pretty(&manifest)?)?;
    write(out, Artefacts::LEADERBOARD, serde_json::to_vec_pretty(&leaderboard)?)?;

    news.enter(Phase::Reporting);
    write(out, Artefacts::TRAINING_REPORT, report::training_report(&told))?;

    Ok(Outcome {
        problem_type: trained.problem_type,
        metrics: trained.metrics,
        card,
        preprocessing: trained.preprocessing,
        artefacts: Artefacts::in_folder(out),
        model_sha256: artefacts::sha256(&onnx),
        leaderboard,
        largest_difference,
    })
}

/// Tells the caller of each phase, with the best score so far and the job's own clock.
struct News<'a> {
    clock: Clock,
    latest: Option<Progress>,
    on_progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl News<'_> {
    fn enter(&mut self, phase: Phase) {
        let progress = match &self.latest {
            Some(latest) => Progress { phase, ..latest.clone() },
            None => Progress::entering(phase, 0.0),
        };
        self.forward(progress);
    }

    fn forward(&mut self, progress: Progress) {
        let progress = Progress { elapsed_seconds: self.clock.elapsed().as_secs_f64(), ..progress };
        self.latest = Some(progress.clone());
        (self.on_progress)(progress);
    }
}

fn labels(task: &Task) -> Vec<Label> {
    match task {
        Task::Regression => Vec::new(),
        Task::Classification { labels } => labels.clone(),
    }
}
