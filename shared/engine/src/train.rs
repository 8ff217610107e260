//! Training from end to end: prepare, hold out, search, measure.

use std::time::{Duration, Instant};

use domain::{Exclusion, Metrics, Phase, PreprocessingInfo, ProblemType, Profile, Progress};
use model::{Batch, Pipeline, Predictions, Task};
use rayon::{ThreadPoolBuilder, prelude::*};
use table::Frame;

use crate::{
    EngineError,
    clock::Clock,
    encode::batch,
    evaluate::{Outcome, evaluate},
    matrix::Target,
    prepare::{Prepared, label_text},
    random::Random,
    search::{LeaderboardEntry, News, Problem, search},
    split::holdout,
};

/// When measuring must end, as a share of the budget.
const EVALUATION_END: f64 = 0.95;
/// Rows that are predicted at once; the first lot is always measured.
const LOT: usize = 32;
/// Measured rows up to which their inputs are kept.
const HOLDOUT_INPUTS: usize = 1_000;

/// What a caller decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The column to predict.
    pub target: String,
    /// What to learn, where that is not to be decided from the target.
    pub problem_type: Option<ProblemType>,
    /// Columns that are left out, and why.
    pub left_out: Vec<(String, Exclusion)>,
    /// The most that training may take, by the clock.
    pub time_budget: Duration,
    /// Decides every random choice.
    pub seed: u64,
    /// Worker threads, at least 1.
    pub threads: usize,
}

/// A trained model and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The model.
    pub pipeline: Pipeline,
    /// Classification or regression.
    pub problem_type: ProblemType,
    /// Measured on the hold-out with `pipeline` itself.
    pub metrics: Metrics,
    /// Share of each feature, descending, summing to 1.
    pub importances: Vec<(String, f64)>,
    /// Every model that was tried, best first.
    pub leaderboard: Vec<LeaderboardEntry>,
    /// Folds of the validation; with 1, a fifth of the rows that were learned from validated the others.
    pub folds: usize,
    /// The model's inputs and labels, for clients.
    pub preprocessing: PreprocessingInfo,
    /// The inputs of the first thousand or so rows that were measured, to check a stored model with; the hold-out is in random order.
    pub holdout: Batch,
    /// The hold-out against its predictions.
    pub outcome: Outcome,
    /// Rows that were learned from.
    pub train_rows: usize,
    /// Rows that were measured.
    pub holdout_rows: usize,
    /// Rows without a usable target.
    pub dropped_rows: usize,
}

/// Trains a model of a table's column within a time budget.
///
/// `on_progress` hears of each phase and of each model that was tried; its elapsed seconds count from this call. A tiny budget gives a
/// small model, not an error. The result depends on the seed and not on the number of threads, as far as time does not cut it short.
pub fn train(
    frame: &Frame,
    profile: &Profile,
    options: &Options,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Trained, EngineError> {
    let clock = Clock::start(options.time_budget);
    let threads = ThreadPoolBuilder::new().num_threads(options.threads.max(1)).build()?;
    threads.install(|| train_on(frame, profile, options, clock, on_progress))
}

fn train_on(
    frame: &Frame,
    profile: &Profile,
    options: &Options,
    clock: Clock,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Trained, EngineError> {
    let mut reporter = Reporter { clock, latest: None, on_progress };
    reporter.enter(Phase::Preparing);
    let prepared = Prepared::new(frame, profile, options)?;
    let split = holdout(&prepared.target, options.seed);
    let problem = Problem::new(prepared.matrix(frame, &split.learn)?, prepared.target.select(&split.learn));

    reporter.enter(Phase::Training);
    let found = search(&problem, options.seed, clock, &mut |news| reporter.hear(news));
    let task = match prepared.problem_type {
        ProblemType::Classification => Task::Classification { labels: prepared.labels.clone() },
        ProblemType::Regression => Task::Regression,
    };
    let pipeline = Pipeline { task, features: prepared.features.clone(), members: found.members };

    reporter.enter(Phase::Evaluating);
    let mut rows = split.watch;
    Random::labelled(options.seed, 0).shuffle(&mut rows);
    let measured = measure(frame, &prepared, &pipeline, &rows, clock.at(EVALUATION_END))?;
    let (metrics, outcome) = evaluate(&measured.target, &measured.predictions, prepared.labels.iter().map(label_text).collect());

    let mut importances: Vec<(String, f64)> = prepared.features.iter().map(|feature| feature.name.clone()).zip(found.importances).collect();
    importances.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(Trained {
        problem_type: prepared.problem_type,
        metrics: Metrics { training_time: clock.elapsed(), best_estimator: found.best_estimator, ..metrics },
        importances,
        leaderboard: found.leaderboard,
        folds: found.folds,
        preprocessing: prepared.info(profile),
        outcome,
        train_rows: split.learn.len(),
        holdout_rows: measured.target.len(),
        dropped_rows: frame.rows - prepared.rows.len(),
        holdout: measured.batch,
        pipeline,
    })
}

struct Measured {
    batch: Batch,
    target: Target,
    predictions: Predictions,
}

/// Predicts the given rows, lot by lot, as many as there is time for.
fn measure(frame: &Frame, prepared: &Prepared, pipeline: &Pipeline, rows: &[u32], end: Instant) -> Result<Measured, EngineError> {
    let predict = |(lot, rows): (usize, &[u32])| {
        if lot > 0 && Instant::now() >= end {
            return Ok(None);
        }
        let batch = batch(frame, &prepared.features, &prepared.table_rows(rows))?;
        let predictions = pipeline.predict(&batch);
        Ok(Some(Measured { batch, target: prepared.target.select(rows), predictions }))
    };
    let lots: Vec<Option<Measured>> = rows.par_chunks(LOT).enumerate().map(predict).collect::<Result<_, EngineError>>()?;
    let nothing =
        || Measured { batch: Batch::default(), target: prepared.target.select(&[]), predictions: pipeline.predict(&Batch::default()) };
    Ok(lots.into_iter().flatten().reduce(Measured::join).unwrap_or_else(nothing))
}

impl Measured {
    fn join(mut self, next: Self) -> Self {
        if self.batch.rows < HOLDOUT_INPUTS {
            self.batch.rows += next.batch.rows;
            self.batch.numbers.extend(next.batch.numbers);
            self.batch.texts.iter_mut().zip(next.batch.texts).for_each(|(texts, more)| texts.extend(more));
        }
        self.target.extend(next.target);
        match (&mut self.predictions, next.predictions) {
            (Predictions::Numbers(numbers), Predictions::Numbers(more)) => numbers.extend(more),
            (Predictions::Classes { labels, probabilities }, Predictions::Classes { labels: more, probabilities: more_probabilities }) => {
                labels.extend(more);
                probabilities.extend(more_probabilities);
            }
            _ => {}
        }
        self
    }
}

struct Reporter<'a> {
    clock: Clock,
    latest: Option<News>,
    on_progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl Reporter<'_> {
    fn enter(&mut self, phase: Phase) {
        let latest = self.latest.as_ref();
        let progress = Progress {
            phase,
            elapsed_seconds: self.clock.elapsed(),
            best_score: latest.map(|news| news.score),
            best_metric: latest.map(|news| news.metric.to_owned()),
            best_estimator: latest.map(|news| news.name.clone()),
            candidates_tried: latest.map_or(0, |news| u32::try_from(news.fitted).unwrap_or(u32::MAX)),
        };
        (self.on_progress)(progress);
    }

    fn hear(&mut self, news: News) {
        self.latest = Some(news);
        self.enter(Phase::Training);
    }
}
