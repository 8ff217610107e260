//! One model that is tried: its configuration, its fit on each fold, and how well it predicts the rows that the folds judge.

use std::time::Instant;

use domain::{Family, Metric};
use model::{Calibration, Fitted, Forest, Link, Lookup, Node};
use rayon::prelude::*;

use crate::{
    apply::{Ensemble, Instead, outputs},
    boost::{
        self, Params,
        loss::{Loss, Objective},
    },
    clock::Deadline,
    judge::{Judged, LEAST, Weights, best_threshold},
    linear,
    log_sum::LogSum,
    matrix::{Matrix, Target},
    random::Random,
    split::{Arrangement, Split},
    statistics::View,
};

/// Outputs (rows × labels) up to which all probabilities of a candidate are kept and not only the true label's.
pub(super) const MOST_OUTPUTS: usize = 3_000_000;
/// Rows that predicting is timed on.
const TIMED_ROWS: usize = 64;

/// What all candidates learn from.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The inputs.
    pub matrix: Matrix,
    /// The same, binned.
    pub binned: boost::bins::Binned,
    /// The same with the categories in order, where some feature has many.
    pub in_order: Option<View>,
    /// The target; numbers standardised.
    pub target: Target,
    /// The target in its own units.
    pub actual: Target,
    /// How much each row counts in learning and choosing; all the same when absent.
    pub weights: Option<Vec<f32>>,
    /// How much each row counts in what is told of the model; all the same when absent.
    pub given_weights: Option<Vec<f32>>,
    /// What validation must not tear apart.
    pub arrangement: Arrangement,
    /// By input, the sign by which predictions must follow it; empty when none is asked for.
    pub monotone: Vec<i8>,
    /// What is optimised.
    pub metric: Metric,
    /// The rows that may be learned from, ascending.
    pub rows: Vec<u32>,
    /// What the numbers' mean was.
    pub mean: f64,
    /// What the numbers' standard deviation was, above 0.
    pub deviation: f64,
}

/// What is kept of a model's outputs for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// The number, in the target's units.
    Number,
    /// The probability of the second label.
    Second,
    /// That of the true label.
    Truth,
    /// Those of all labels.
    All,
}

impl Problem {
    /// Bins the inputs and standardises the target by the rows that may be learned from.
    pub(crate) fn new(matrix: Matrix, target: Target, rows: Vec<u32>, metric: Metric) -> Self {
        let binned = boost::bins::Binned::new(&matrix);
        let actual = target.clone();
        let (target, mean, deviation) = match target {
            Target::Numbers(values) => {
                let count = rows.len().max(1) as f64;
                let learned = || rows.iter().map(|&row| values[row as usize]);
                let mean = learned().map(|value| value / count).sum::<f64>();
                let spread = (learned().map(|value| (value - mean).powi(2) / count).sum::<f64>()).sqrt();
                let deviation = if spread > 0.0 && spread.is_finite() { spread } else { 1.0 };
                (Target::Numbers(values.iter().map(|value| (value - mean) / deviation).collect()), mean, deviation)
            }
            classes @ Target::Classes { .. } => (classes, 0.0, 1.0),
        };
        Self {
            in_order: View::in_order(&matrix, &binned),
            matrix,
            binned,
            target,
            actual,
            weights: None,
            given_weights: None,
            arrangement: Arrangement::Free,
            monotone: Vec::new(),
            metric,
            rows,
            mean,
            deviation,
        }
    }

    /// Objectives that suit the target, the usual one first.
    pub(crate) fn objectives(&self) -> Vec<Objective> {
        let Target::Numbers(values) = &self.actual else { return vec![Objective::Natural] };
        let mut objectives = vec![Objective::Natural];
        let count = self.rows.len().max(1) as f64;
        let of = |row: &u32| values[*row as usize];
        if self.rows.iter().all(|row| of(row) >= 0.0) {
            let skew = self.rows.iter().map(|row| ((of(row) - self.mean) / self.deviation).powi(3) / count).sum::<f64>();
            let whole = self.rows.iter().all(|row| of(row).fract() == 0.0);
            if whole || skew > 0.7 {
                objectives.extend([Objective::Poisson, Objective::Tweedie]);
            }
        }
        let kurtosis = self.rows.iter().map(|row| ((of(row) - self.mean) / self.deviation).powi(4) / count).sum::<f64>();
        if kurtosis > 5.0 || matches!(self.metric, Metric::Mae | Metric::Mape) {
            objectives.push(Objective::Huber);
        }
        if matches!(self.metric, Metric::Mae | Metric::Mape | Metric::MedianAe) {
            objectives.push(Objective::Absolute);
        }
        objectives
    }

    pub(crate) fn loss(&self, objective: Objective) -> Loss<'_> {
        Loss::new(objective, &self.target, self.weights.as_deref(), self.mean / self.deviation)
    }

    /// How scores become outputs.
    pub(crate) fn link(&self, objective: Objective) -> Link {
        match &self.target {
            Target::Numbers(_) if objective.is_exponential() => Link::Exponential,
            Target::Numbers(_) => Link::Identity,
            Target::Classes { .. } if objective == Objective::Shares => Link::Shares,
            Target::Classes { count: 2, .. } => Link::Sigmoid,
            Target::Classes { .. } => Link::Softmax,
        }
    }

    fn kept(&self) -> Kept {
        match &self.target {
            Target::Numbers(_) => Kept::Number,
            Target::Classes { count: 2, .. } => Kept::Second,
            Target::Classes { count, .. } if self.metric == Metric::LogLoss && count * self.rows.len() > MOST_OUTPUTS => Kept::Truth,
            Target::Classes { .. } => Kept::All,
        }
    }

    /// What is kept of row-major outputs for some rows.
    fn keep(&self, rows: &[u32], outputs: Vec<f32>) -> Vec<f32> {
        match (&self.target, self.kept()) {
            (Target::Numbers(_), _) => outputs.iter().map(|&output| (f64::from(output) * self.deviation + self.mean) as f32).collect(),
            (_, Kept::Second) => outputs.into_iter().skip(1).step_by(2).collect(),
            (Target::Classes { classes, count }, Kept::Truth) => {
                let truth = |(position, &row): (usize, &u32)| outputs[position * count + classes[row as usize] as usize];
                rows.iter().enumerate().map(truth).collect()
            }
            _ => outputs,
        }
    }

    /// Figures that are kept for each row.
    pub(crate) fn width(&self) -> usize {
        match (&self.target, self.kept()) {
            (Target::Classes { count, .. }, Kept::All) => *count,
            _ => 1,
        }
    }

    /// A model of the standardised target as one of the target itself.
    pub(crate) fn in_units(&self, model: Fitted, link: Link) -> Fitted {
        let (factor, start_factor, shift) = match link {
            Link::Identity => (self.deviation, self.deviation, self.mean),
            Link::Exponential => (1.0, 1.0, self.deviation.ln()),
            _ => return model,
        };
        let step = |value: &mut f32| *value = (f64::from(*value) * factor) as f32;
        let start = |value: &mut f32| *value = (f64::from(*value) * start_factor + shift) as f32;
        match model {
            Fitted::Trees(mut forest) => {
                forest.base.iter_mut().for_each(start);
                for node in forest.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                    if let Node::Leaf { value } = node {
                        step(value);
                    }
                }
                Fitted::Trees(forest)
            }
            Fitted::Linear(mut linear) => {
                linear.intercepts.iter_mut().for_each(start);
                linear.numeric.iter_mut().flat_map(|scaled| &mut scaled.coefficients).for_each(step);
                linear.categorical.iter_mut().flat_map(|(_, table)| table.iter_mut().flatten()).for_each(step);
                Fitted::Linear(linear)
            }
        }
    }
}

/// Rows that are judged, and how.
#[derive(Debug)]
pub(crate) struct Bench {
    metric: Metric,
    kept: Kept,
    actual: Target,
    weights: Option<Vec<f32>>,
}

impl Bench {
    /// For these rows of a problem.
    pub(crate) fn new(problem: &Problem, rows: &[u32]) -> Self {
        let weights = problem.weights.as_ref().map(|weights| rows.iter().map(|&row| weights[row as usize]).collect());
        let actual = problem.actual.select(rows);
        let metric = if is_defined(problem.metric, &actual) { problem.metric } else { Metric::default_of(problem.metric.problem_type()) };
        Self { metric, kept: problem.kept(), actual, weights }
    }

    /// The metric that was asked for, or the usual one where the judged rows do not have that: one label alone has no ROC curve.
    pub(crate) fn metric(&self) -> Metric {
        self.metric
    }

    fn weights(&self) -> Weights<'_> {
        self.weights.as_deref().map_or(Weights::Equal, Weights::Each)
    }

    /// All outputs from what was kept of them; `None` when only the true label's was.
    pub(crate) fn outputs(&self, kept: &[f32]) -> Option<Vec<f32>> {
        match self.kept {
            Kept::Number | Kept::All => Some(kept.to_vec()),
            Kept::Second => Some(kept.iter().flat_map(|&p| [1.0 - p, p]).collect()),
            Kept::Truth => None,
        }
    }

    /// How far from the best what was kept of some predictions is: less is better.
    pub(crate) fn loss(&self, kept: &[f32]) -> f64 {
        let weights = self.weights();
        if self.metric == Metric::LogLoss && self.kept != Kept::All {
            let second = |row: usize, p: f32| match &self.actual {
                Target::Classes { classes, .. } if self.kept == Kept::Second && classes[row] == 0 => 1.0 - p,
                _ => p,
            };
            let (mut sum, mut total) = (LogSum::EMPTY, 0.0);
            for (row, &p) in kept.iter().enumerate() {
                sum.add(f64::from(second(row, p)).clamp(LEAST, 1.0), weights.of(row));
                total += weights.of(row);
            }
            return if total > 0.0 { -sum.value() / total } else { f64::INFINITY };
        }
        match self.kept {
            Kept::Second if self.metric.judges_labels() => {
                let outputs = self.outputs(kept).unwrap_or_default();
                best_threshold(&self.actual, &outputs, self.metric, weights).1
            }
            Kept::Second => {
                let outputs = self.outputs(kept).unwrap_or_default();
                Judged::new(&self.actual, &outputs, 0.5).loss(self.metric, weights)
            }
            _ => Judged::new(&self.actual, kept, 0.5).loss(self.metric, weights),
        }
    }

    /// The threshold to choose the second label by, once probabilities are calibrated, where the metric asks for one.
    pub(crate) fn threshold(&self, kept: &[f32], calibration: Option<Calibration>) -> Option<f32> {
        if self.kept != Kept::Second || !self.metric.judges_labels() {
            return None;
        }
        let mut outputs = self.outputs(kept)?;
        if let Some(calibration) = calibration {
            outputs.chunks_mut(2).for_each(|row| calibration.apply(row));
        }
        Some(best_threshold(&self.actual, &outputs, self.metric, self.weights()).0)
    }
}

/// Whether a metric can judge rows with these values.
fn is_defined(metric: Metric, actual: &Target) -> bool {
    let outputs = match actual {
        Target::Numbers(values) => vec![0.0; values.len()],
        Target::Classes { classes, count } => vec![1.0 / *count as f32; classes.len() * count],
    };
    Judged::new(actual, &outputs, 0.5).value(metric, Weights::Equal).is_some()
}

/// Which model, and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Config {
    /// Trees.
    Trees(Params),
    /// A linear model with this penalty.
    Linear(f64),
}

impl Config {
    /// The family of the model.
    pub(crate) fn family(&self) -> Family {
        match self {
            Self::Trees(Params { forest: true, extra_trees: true, .. }) => Family::ExtraTrees,
            Self::Trees(Params { forest: true, .. }) => Family::RandomForest,
            Self::Trees(Params { extra_trees: true, .. }) => Family::ExtraTreesBoosting,
            Self::Trees(_) => Family::GradientBoosting,
            Self::Linear(_) => Family::Linear,
        }
    }

    /// Whether another seed gives another model.
    pub(crate) fn is_random(&self) -> bool {
        matches!(self, Self::Trees(params) if params.is_random())
    }

    /// The parameters by their usual names, for the leaderboard.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let figure = |name: &str, value: f64| (name.to_owned(), format!("{}", (value * 1e4).round() / 1e4));
        match self {
            Self::Trees(params) => {
                let mut all = vec![
                    figure("num_leaves", params.num_leaves as f64),
                    figure("min_data_in_leaf", params.min_data_in_leaf as f64),
                    figure("feature_fraction", params.feature_fraction * params.feature_fraction_bynode),
                    figure("bagging_fraction", params.bagging_fraction),
                ];
                if !params.forest {
                    all.insert(0, figure("learning_rate", params.learning_rate));
                    all.extend([figure("lambda_l1", params.lambda_l1), figure("lambda_l2", params.lambda_l2)]);
                }
                if params.in_order {
                    all.push(("categories".to_owned(), "in order".to_owned()));
                }
                if !matches!(params.objective, Objective::Natural | Objective::Shares) {
                    all.push(("objective".to_owned(), params.objective.name().to_owned()));
                }
                all
            }
            Self::Linear(penalty) => vec![figure("penalty", *penalty)],
        }
    }
}

/// A split of the rows with what was learned of its learned rows for all models.
#[derive(Debug)]
pub(crate) struct Fold {
    /// The rows.
    pub split: Split,
    /// Whether it only judges: the model keeps no fits of later deals.
    pub only_judges: bool,
    view: View,
}

impl Fold {
    /// Learns the statistics of the split's learned rows.
    pub(crate) fn new(problem: &Problem, split: Split, seed: u64) -> Self {
        let view = View::with_statistics(&problem.matrix, &problem.binned, &problem.target, problem.weights.as_deref(), &split.learn, seed);
        Self { split, only_judges: false, view }
    }
}

/// A model fitted on one fold.
#[derive(Debug, Clone)]
pub(crate) struct FoldFit {
    /// In the target's units; its inputs past those of the features are `lookups`.
    pub model: Fitted,
    /// How its scores become outputs.
    pub link: Link,
    /// What its fold added to the inputs.
    pub lookups: Vec<Lookup>,
    /// Boosting rounds, or trees for each output.
    pub rounds: usize,
    /// Share of each input, the lookups' among them.
    pub importances: Vec<f64>,
    /// Seconds that it took.
    pub seconds: f64,
    predictions: Vec<f32>,
}

/// A configuration fitted on all folds.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Unique among the candidates.
    pub name: String,
    /// What was fitted.
    pub config: Config,
    /// One per fold of the first deal, until forgotten.
    pub fits: Vec<FoldFit>,
    /// What is kept of the predictions for the judged rows, fold after fold, until forgotten.
    pub predictions: Vec<f32>,
    /// Its loss on them.
    pub loss: f64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Seconds that predicting a thousand rows takes all its fits.
    pub predict_seconds: f64,
    /// Nodes of its trees.
    pub nodes: usize,
    /// Its trees.
    pub trees: usize,
    /// Boosting rounds, the mean over the folds; none for other models.
    pub rounds: Option<f64>,
}

impl Candidate {
    /// Fits a configuration on every fold; those in `done` are not fitted again. `None` when one cannot be fitted.
    pub(crate) fn fit(
        problem: &Problem,
        config: Config,
        folds: &[Fold],
        bench: &Bench,
        done: Vec<FoldFit>,
        seed: u64,
        deadline: &Deadline,
    ) -> Option<Self> {
        let start = Instant::now();
        let (skip, before) = (done.len(), done.iter().map(|fit| fit.seconds).sum::<f64>());
        let rest: Vec<Option<FoldFit>> = (skip..folds.len())
            .into_par_iter()
            .map(|fold| fit(problem, &config, &folds[fold], Random::labelled(seed, fold as u64).bits(), deadline))
            .collect();
        let fits: Vec<FoldFit> = done.into_iter().map(Some).chain(rest).collect::<Option<_>>()?;
        let predictions: Vec<f32> = fits.iter().flat_map(|fit| fit.predictions.iter().copied()).collect();
        let loss = bench.loss(&predictions);
        let rounds: usize = fits.iter().map(|fit| fit.rounds).sum();
        let rounds = matches!(config, Config::Trees(_)).then(|| rounds as f64 / fits.len().max(1) as f64);
        let fits: Vec<FoldFit> = fits.into_iter().zip(folds).filter(|(_, fold)| !fold.only_judges).map(|(fit, _)| fit).collect();
        let (nodes, trees) = fits.iter().map(|fit| size(&fit.model)).fold((0, 0), |all, next| (all.0 + next.0, all.1 + next.1));
        let name = config.family().name().to_owned();
        let seconds = before + start.elapsed().as_secs_f64();
        let predict_seconds = predict_seconds(problem, &fits, folds);
        loss.is_finite().then_some(Self { name, config, fits, predictions, loss, seconds, predict_seconds, nodes, trees, rounds })
    }

    /// Gives its memory back; only what the leaderboard shows stays.
    pub(crate) fn forget(&mut self) {
        self.fits = Vec::new();
        self.predictions = Vec::new();
    }
}

/// Fits a configuration on one fold.
pub(crate) fn fit(problem: &Problem, config: &Config, fold: &Fold, seed: u64, deadline: &Deadline) -> Option<FoldFit> {
    let start = Instant::now();
    let Split { learn, watch } = &fold.split;
    match config {
        Config::Trees(params) => {
            let (loss, link) = (problem.loss(params.objective), problem.link(params.objective));
            let View { binned, lookups } = problem.in_order.as_ref().filter(|_| params.in_order).unwrap_or(&fold.view);
            let data = boost::Data { binned, loss, learn, watch, monotone: &problem.monotone };
            let boosted = boost::boost(data, params, seed, deadline);
            Some(FoldFit {
                predictions: problem.keep(watch, boosted.watched),
                model: problem.in_units(Fitted::Trees(boosted.forest), link),
                link,
                lookups: lookups.clone(),
                rounds: boosted.rounds,
                importances: boosted.gains,
                seconds: start.elapsed().as_secs_f64(),
            })
        }
        Config::Linear(penalty) => fit_linear(problem, *penalty, learn, watch, deadline),
    }
}

/// Fits a linear model to the rows of `learn`; it predicts those of `watch`.
pub(super) fn fit_linear(problem: &Problem, penalty: f64, learn: &[u32], watch: &[u32], deadline: &Deadline) -> Option<FoldFit> {
    let start = Instant::now();
    let (loss, link) = (problem.loss(Objective::Natural), problem.link(Objective::Natural));
    let model = linear::fit(&problem.matrix, &problem.target, problem.weights.as_deref(), learn, penalty, deadline)?;
    let scores = linear::scores(&model, &problem.matrix, watch);
    Some(FoldFit {
        predictions: problem.keep(watch, loss.member_outputs(&scores)),
        importances: linear::influence(&model, &problem.matrix, learn),
        model: problem.in_units(Fitted::Linear(model), link),
        link,
        lookups: Vec::new(),
        rounds: 0,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// What predicting a thousand rows takes, seen on a few.
fn predict_seconds(problem: &Problem, fits: &[FoldFit], folds: &[Fold]) -> f64 {
    let rows: Vec<u32> = folds.iter().flat_map(|fold| fold.split.watch.iter().copied()).take(TIMED_ROWS).collect();
    let all = Ensemble { fits: fits.iter().map(|fit| (fit, 1.0)).collect(), calibration: None };
    let start = Instant::now();
    outputs(&all, &problem.matrix, &rows, &Instead::Nothing);
    start.elapsed().as_secs_f64() * 1_000.0 / rows.len().max(1) as f64
}

/// Nodes and trees.
pub(super) fn size(model: &Fitted) -> (usize, usize) {
    match model {
        Fitted::Trees(Forest { trees, .. }) => (trees.iter().map(|tree| tree.nodes.len()).sum(), trees.len()),
        Fitted::Linear(_) => (0, 0),
    }
}
