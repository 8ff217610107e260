//! Training from end to end: prepare, search, judge on rows that were not learned from, fit on all rows.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use domain::{
    CalibrationOutcome, Exclusion, Metric, Metrics, Phase, PreprocessingInfo, ProblemType, Profile, Progress, TrainingSettings, Validation,
};
use model::{Batch, Pipeline, Task, feature_of_input};
use rayon::ThreadPoolBuilder;
use table::Frame;

use crate::{
    EngineError,
    apply::{Ensemble, Instead, Ready, outputs},
    clock::{Clock, Deadline},
    encode::batch,
    evaluate::{Baseline, Outcome, ignorant, metrics, outcome},
    explain::{self, Explained},
    judge::Weights,
    matrix::Target,
    prepare::{Prepared, label_text},
    random::Random,
    search::{Asked, FoldFit, Found, LeaderboardEntry, News, Problem, Times, keeps_all, search},
    split::{Arrangement, Split, holdout},
};

/// Rows below which validation judges every row once, and no row is held out.
const HOLDOUT_ROWS: usize = 5_000;
/// When the search must end at the latest, as a share of the budget; it ends earlier by what judging and the fits on all rows will take. And
/// when each of those and the explanations must end.
const SEARCH_END: f64 = 0.86;
const JUDGING_END: f64 = 0.88;
const INTERVALS_END: f64 = 0.89;
const FITS_END: f64 = 0.92;
const EXPLANATION_END: f64 = 0.95;
/// What a linear model may take of the budget that is a baseline only.
const BASELINE_SHARE: f64 = 0.01;
/// Held-out rows that are judged at once.
const LOT: usize = 2_048;
/// Rows with which the stored model is compared with the trained one.
const CHECKED_ROWS: usize = 1_000;

/// What a caller decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// The column to predict.
    pub target: String,
    /// What to learn, where that is not to be decided from the target.
    pub problem_type: Option<ProblemType>,
    /// Columns that are left out, and why.
    pub left_out: Vec<(String, Exclusion)>,
    /// What a person may decide.
    pub settings: TrainingSettings,
    /// The most that training may take, by the clock.
    pub time_budget: Duration,
    /// Decides every random choice.
    pub seed: u64,
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Set, it makes the training end soon with the best model so far.
    pub stop: Arc<AtomicBool>,
}

/// A trained model and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The model.
    pub pipeline: Pipeline,
    /// Classification or regression.
    pub problem_type: ProblemType,
    /// What was optimised.
    pub metric: Metric,
    /// Measured on rows that the measured models did not learn from.
    pub metrics: Metrics,
    /// How.
    pub validation: Validation,
    /// Whether the probabilities are calibrated, and why; `None` for regression.
    pub calibration: Option<CalibrationOutcome>,
    /// What one gets without effort, on the same rows.
    pub baselines: Vec<Baseline>,
    /// Share of each feature in what the trees and coefficients do, descending, summing to 1.
    pub importances: Vec<(String, f64)>,
    /// How the predictions depend on the features.
    pub explained: Explained,
    /// Every model that was tried, best first.
    pub leaderboard: Vec<LeaderboardEntry>,
    /// The best validation score so far, by seconds.
    pub history: Vec<(f64, f64)>,
    /// Whether the search ended because more of it no longer helped.
    pub converged: bool,
    /// Folds of the validation; with 1, a fifth of the rows that were learned from validated the others.
    pub folds: usize,
    /// The model's inputs and labels, for clients.
    pub preprocessing: PreprocessingInfo,
    /// The inputs of a thousand or so rows, to check a stored model with.
    pub sample: Batch,
    /// The judged rows against their predictions.
    pub outcome: Outcome,
    /// The judged rows' positions in the table (0-based), in the order of `outcome`.
    pub judged_rows: Vec<usize>,
    /// Rows that the model learned from in the end.
    pub train_rows: usize,
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
    let clock = Clock::start(options.time_budget, options.settings.candidates.is_none(), Arc::clone(&options.stop));
    let threads = ThreadPoolBuilder::new().num_threads(options.threads.max(1)).build()?;
    threads.install(|| train_on(frame, profile, options, &clock, on_progress))
}

fn train_on(
    frame: &Frame,
    profile: &Profile,
    options: &Options,
    clock: &Clock,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Trained, EngineError> {
    let mut reporter = Reporter { clock, latest: None, on_progress };
    reporter.enter(Phase::Preparing);
    let prepared = Prepared::new(frame, profile, options)?;
    let held_out = held_out(&prepared, options.seed);
    let learn = held_out.as_ref().map_or_else(|| (0..prepared.target.len() as u32).collect(), |split| split.learn.clone());
    let problem = Problem {
        weights: prepared.weights.clone(),
        given_weights: prepared.given_weights.clone(),
        arrangement: prepared.arrangement.clone(),
        monotone: prepared.monotone.clone(),
        ..Problem::new(prepared.matrix(frame)?, prepared.target.clone(), learn, prepared.metric)
    };

    reporter.enter(Phase::Training);
    let asked = Asked { settings: &options.settings, seed: options.seed, judge: held_out.is_none() };
    let times = Times { latest: clock.at(SEARCH_END), fits_end: clock.at(FITS_END) };
    let found = search(&problem, &asked, clock, times, &mut |news| reporter.hear(news))?;

    reporter.enter(Phase::Evaluating);
    let mut watched = held_out.as_ref().map_or_else(Vec::new, |split| split.watch.clone());
    Random::labelled(options.seed, 0).shuffle(&mut watched);
    let judged = judge(&problem, &found, &watched, &clock.at(JUDGING_END));
    let threshold = found.threshold.unwrap_or(0.5);
    let weights_of =
        |rows: &[u32]| problem.given_weights.as_ref().map(|all| rows.iter().map(|&row| all[row as usize]).collect::<Vec<f32>>());
    let weights = weights_of(&judged.rows);
    let weights = weights.as_deref().map_or(Weights::Equal, Weights::Each);
    let actual = prepared.target.select(&judged.rows);
    let measured = metrics(&actual, &judged.outputs, threshold, weights, Some((options.seed, &clock.at(INTERVALS_END))));
    let outcome = outcome(&actual, &judged.outputs, threshold, prepared.labels.iter().map(label_text).collect());

    let wholes = found.fit_on_all_rows(&problem, &options.settings, options.seed, clock, &clock.at(FITS_END));
    let baseline_end = clock.within(BASELINE_SHARE).min(clock.at(EXPLANATION_END));
    let baselines = baselines(&problem, &found, &judged, &actual, weights, &baseline_end);
    let of_input = feature_of_input(&prepared.features, &[]);
    let assembled = found.assemble(&wholes, problem.matrix.columns.len(), &options.settings);
    let mut importances: Vec<(String, f64)> = prepared.features.iter().map(|feature| (feature.name.clone(), 0.0)).collect();
    assembled.importances.iter().zip(&of_input).for_each(|(share, &feature)| importances[feature].1 += share);
    let features = explain::Features { names: &importances, all: &prepared.features, of_input: &of_input, shares: &assembled.importances };
    let explained = explain::explain(&problem, &found, &judged.groups, features, &clock.at(EXPLANATION_END), options.seed);
    importances.sort_by(|a, b| b.1.total_cmp(&a.1));

    let task = match prepared.problem_type {
        ProblemType::Classification => Task::Classification { labels: prepared.labels.clone() },
        ProblemType::Regression => Task::Regression,
    };
    let pipeline = Pipeline {
        task,
        features: prepared.features.clone(),
        lookups: assembled.lookups,
        calibration: found.calibrated.as_ref().map(|calibrated| calibrated.whole),
        threshold: found.threshold,
        members: assembled.members,
    };
    let mut sampled: Vec<u32> = held_out.map_or_else(|| (0..prepared.target.len() as u32).collect(), |split| split.watch);
    Random::labelled(options.seed, 0).shuffle(&mut sampled);
    sampled.truncate(CHECKED_ROWS);
    let deals = found.folds.len().div_ceil(found.fold_count().max(1));
    let validation = if judged.held_out { Validation::HoldOut } else { Validation::Folds { folds: found.fold_count(), deals } };
    let judged_rows = prepared.table_rows(&judged.rows);
    Ok(Trained {
        problem_type: prepared.problem_type,
        metric: found.metric,
        metrics: Metrics { training_time: clock.elapsed(), best_estimator: found.best_estimator(), ..measured },
        validation,
        calibration: found.calibration,
        baselines,
        importances,
        explained,
        leaderboard: found.leaderboard,
        history: found.history,
        converged: found.converged,
        folds: found.folds.len(),
        preprocessing: prepared.info(frame, profile),
        sample: batch(frame, &prepared.features, &prepared.table_rows(&sampled))?.0,
        outcome,
        judged_rows,
        train_rows: prepared.rows.len(),
        dropped_rows: frame.rows - prepared.rows.len(),
        pipeline,
    })
}

/// A fifth of the rows, unless there are few and each can be judged by models that did not learn from it.
fn held_out(prepared: &Prepared, seed: u64) -> Option<Split> {
    let in_time = matches!(prepared.arrangement, Arrangement::Times(_));
    let enough = prepared.target.len() >= HOLDOUT_ROWS || !keeps_all(&prepared.target);
    (in_time || enough).then(|| holdout(&prepared.target, &prepared.arrangement, seed)).filter(|split| !split.watch.is_empty())
}

/// Rows that were not learned from, and what was predicted for them.
pub(crate) struct JudgedRows<'a> {
    /// The rows.
    rows: Vec<u32>,
    /// Row-major.
    outputs: Vec<f32>,
    /// Whether the search never saw them.
    held_out: bool,
    /// Some of the rows with the fits that did not learn from them.
    groups: Vec<(Vec<u32>, Ensemble<'a>)>,
}

/// `held_out` is in random order: as many of its rows are judged as there is time for, a first lot in any case.
fn judge<'a>(problem: &Problem, found: &'a Found, held_out: &[u32], end: &Deadline) -> JudgedRows<'a> {
    if let ([], Some((rows, outputs))) = (held_out, &found.judged) {
        let of_fold = |fold: usize| (found.folds[fold].split.watch.clone(), found.fits_of_fold(fold));
        let groups = (0..found.fold_count()).map(of_fold).collect();
        return JudgedRows { rows: rows.clone(), outputs: outputs.clone(), held_out: false, groups };
    }
    let fits = found.all_fits();
    let ready = Ready::new(&fits);
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for lot in held_out.chunks(LOT) {
        if !rows.is_empty() && end.passed() {
            break;
        }
        all.extend(ready.outputs(&problem.matrix, lot, &Instead::Nothing));
        rows.extend_from_slice(lot);
    }
    JudgedRows { groups: vec![(rows.clone(), fits)], rows, outputs: all, held_out: true }
}

/// The mean or the majority, and the best linear model: where the search tried none, a small one, if it can be fitted in time.
fn baselines(
    problem: &Problem,
    found: &Found,
    judged: &JudgedRows<'_>,
    actual: &Target,
    weights: Weights<'_>,
    end: &Deadline,
) -> Vec<Baseline> {
    let of = |name: &str, outputs: &[f32]| Baseline { name: name.to_owned(), metrics: metrics(actual, outputs, 0.5, weights, None) };
    let ignorant = ignorant(&problem.actual, &problem.rows, judged.rows.len());
    let name = if matches!(actual, Target::Numbers(_)) { "mean" } else { "majority" };
    let mut baselines = vec![of(name, &ignorant)];
    let fitted = if found.linear.is_empty() { found.linear_baseline(problem, judged.held_out, end) } else { Vec::new() };
    let fits = if fitted.is_empty() { &found.linear } else { &fitted };
    let outputs = linear_outputs(problem, found, judged, fits);
    if outputs.len() == ignorant.len() {
        baselines.push(of("linear", &outputs));
    }
    baselines
}

/// What linear models predict for the judged rows, each those that it did not learn from; nothing when there is no model.
fn linear_outputs(problem: &Problem, found: &Found, judged: &JudgedRows<'_>, fits: &[FoldFit]) -> Vec<f32> {
    if fits.is_empty() {
        return Vec::new();
    }
    if judged.held_out {
        let share = 1.0 / fits.len() as f64;
        let all = Ensemble { fits: fits.iter().map(|fit| (fit, share)).collect(), calibration: None };
        return outputs(&all, &problem.matrix, &judged.rows, &Instead::Nothing);
    }
    let width = problem.target.labels().max(1);
    let mut of_row = vec![Vec::new(); problem.target.len()];
    for (fold, fit) in found.folds.iter().take(found.fold_count()).zip(fits) {
        let alone = Ensemble { fits: vec![(fit, 1.0)], calibration: None };
        let outputs = outputs(&alone, &problem.matrix, &fold.split.watch, &Instead::Nothing);
        fold.split.watch.iter().zip(outputs.chunks(width)).for_each(|(&row, output)| of_row[row as usize] = output.to_vec());
    }
    judged.rows.iter().flat_map(|&row| std::mem::take(&mut of_row[row as usize])).collect()
}

struct Reporter<'a> {
    clock: &'a Clock,
    latest: Option<News>,
    on_progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl Reporter<'_> {
    fn enter(&mut self, phase: Phase) {
        let latest = self.latest.as_ref();
        let progress = Progress {
            best_score: latest.map(|news| news.score),
            best_metric: latest.map(|news| news.metric.to_string()),
            best_estimator: latest.map(|news| news.name.clone()),
            candidates_tried: latest.map_or(0, |news| u32::try_from(news.fitted).unwrap_or(u32::MAX)),
            ..Progress::entering(phase, self.clock.elapsed())
        };
        (self.on_progress)(progress);
    }

    fn hear(&mut self, news: News) {
        self.latest = Some(news);
        self.enter(Phase::Training);
    }
}
