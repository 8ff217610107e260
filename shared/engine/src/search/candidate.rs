//! One model that is tried: its configuration, its fit on each fold, and how well it predicts the rows that the folds watch.

use std::time::Instant;

use model::{Fitted, Forest, Linear, Link, Node};
use rayon::prelude::*;

use crate::{
    boost::{self, Params, bins::Binned, loss},
    linear,
    matrix::{Matrix, Target},
    random::Random,
    split::Split,
};

/// What all candidates learn from.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The features.
    pub matrix: Matrix,
    /// The same, binned.
    pub binned: Binned,
    /// The target; numbers standardised.
    pub target: Target,
    /// What the numbers' mean was.
    pub mean: f64,
    /// What the numbers' standard deviation was, above 0.
    pub deviation: f64,
}

impl Problem {
    /// Bins the features and standardises the target.
    pub(crate) fn new(matrix: Matrix, target: Target) -> Self {
        let binned = Binned::new(&matrix);
        let (target, mean, deviation) = match target {
            Target::Numbers(values) => {
                let count = values.len().max(1) as f64;
                let mean = values.iter().map(|value| value / count).sum::<f64>();
                let spread = (values.iter().map(|value| (value - mean).powi(2) / count).sum::<f64>()).sqrt();
                let deviation = if spread > 0.0 && spread.is_finite() { spread } else { 1.0 };
                (Target::Numbers(values.iter().map(|value| (value - mean) / deviation).collect()), mean, deviation)
            }
            classes @ Target::Classes { .. } => (classes, 0.0, 1.0),
        };
        Self { matrix, binned, target, mean, deviation }
    }

    /// How scores become outputs.
    pub(crate) fn link(&self) -> Link {
        match &self.target {
            Target::Numbers(_) => Link::Identity,
            Target::Classes { count: 2, .. } => Link::Sigmoid,
            Target::Classes { .. } => Link::Softmax,
        }
    }

    /// The metric that candidates are compared by; smaller is better.
    pub(crate) fn metric(&self) -> &'static str {
        match &self.target {
            Target::Numbers(_) => "rmse",
            Target::Classes { .. } => "log_loss",
        }
    }

    /// The metric of some predictions: standardised numbers, or the probability of the true label.
    pub(crate) fn score(&self, rows: &[u32], predictions: &[f32]) -> f64 {
        let count = rows.len().max(1) as f64;
        match &self.target {
            Target::Numbers(values) => {
                let squares =
                    rows.iter().zip(predictions).map(|(&row, &prediction)| (values[row as usize] - f64::from(prediction)).powi(2));
                (squares.sum::<f64>() / count).sqrt() * self.deviation
            }
            Target::Classes { .. } => predictions.iter().map(|&p| -f64::from(p).max(1e-7).ln()).sum::<f64>() / count,
        }
    }

    /// What `score` takes, from row-major outputs.
    fn predictions(&self, rows: &[u32], outputs: Vec<f32>) -> Vec<f32> {
        match &self.target {
            Target::Numbers(_) => outputs,
            Target::Classes { classes, count } => {
                let truth = |(position, &row): (usize, &u32)| outputs[position * count + classes[row as usize] as usize];
                rows.iter().enumerate().map(truth).collect()
            }
        }
    }

    /// A model of the standardised target as one of the target itself.
    fn in_units(&self, model: Fitted) -> Fitted {
        if self.link() != Link::Identity {
            return model;
        }
        let step = |value: &mut f32| *value = (f64::from(*value) * self.deviation) as f32;
        let start = |value: &mut f32| *value = (f64::from(*value) * self.deviation + self.mean) as f32;
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

/// Which model, and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Config {
    /// Trees.
    Boosting(Params),
    /// A linear model with this penalty.
    Linear(f64),
}

impl Config {
    /// The kind of model, by its usual name.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Boosting(Params { extra_trees: true, .. }) => "extra_trees_boosting",
            Self::Boosting(_) => "gradient_boosting",
            Self::Linear(_) => "linear",
        }
    }

    /// The parameters by their usual names, for the leaderboard.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::Boosting(params) => vec![
                ("learning_rate", params.learning_rate),
                ("num_leaves", params.num_leaves as f64),
                ("min_data_in_leaf", params.min_data_in_leaf as f64),
                ("lambda_l1", params.lambda_l1),
                ("lambda_l2", params.lambda_l2),
                ("feature_fraction", params.feature_fraction),
                ("bagging_fraction", params.bagging_fraction),
            ],
            Self::Linear(penalty) => vec![("penalty", *penalty)],
        }
    }
}

/// A model fitted on one fold.
#[derive(Debug, Clone)]
pub(crate) struct FoldFit {
    /// In the target's units.
    pub model: Fitted,
    /// Boosting rounds.
    pub rounds: usize,
    /// Share of each feature.
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
    /// One per fold, until forgotten.
    pub fits: Vec<FoldFit>,
    /// Predictions for the watched rows, fold after fold, until forgotten.
    pub predictions: Vec<f32>,
    /// Its metric on them.
    pub score: f64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Nodes of its trees.
    pub nodes: usize,
    /// Boosting rounds, the mean over the folds; none for other models.
    pub rounds: Option<f64>,
}

impl Candidate {
    /// Fits a configuration on every fold; those in `done` are not fitted again. `None` when one cannot be fitted.
    pub(crate) fn fit(
        problem: &Problem,
        config: Config,
        folds: &[Split],
        done: Vec<FoldFit>,
        seed: u64,
        deadline: Instant,
    ) -> Option<Self> {
        let start = Instant::now();
        let (skip, before) = (done.len(), done.iter().map(|fit| fit.seconds).sum::<f64>());
        let rest: Vec<Option<FoldFit>> = (skip..folds.len())
            .into_par_iter()
            .map(|fold| fit(problem, &config, &folds[fold], Random::labelled(seed, fold as u64).bits(), deadline))
            .collect();
        let fits: Vec<FoldFit> = done.into_iter().map(Some).chain(rest).collect::<Option<_>>()?;
        let predictions: Vec<f32> = fits.iter().flat_map(|fit| fit.predictions.iter().copied()).collect();
        let rows: Vec<u32> = folds.iter().flat_map(|fold| fold.watch.iter().copied()).collect();
        let score = problem.score(&rows, &predictions);
        let nodes = fits.iter().map(|fit| nodes(&fit.model)).sum();
        let rounds: usize = fits.iter().map(|fit| fit.rounds).sum();
        let rounds = matches!(config, Config::Boosting(_)).then(|| rounds as f64 / fits.len().max(1) as f64);
        let name = config.kind().to_owned();
        Some(Self { name, config, fits, predictions, score, seconds: before + start.elapsed().as_secs_f64(), nodes, rounds })
    }

    /// Gives its memory back; only what the leaderboard shows stays.
    pub(crate) fn forget(&mut self) {
        self.fits = Vec::new();
        self.predictions = Vec::new();
    }
}

/// Fits a configuration on one fold.
pub(crate) fn fit(problem: &Problem, config: &Config, fold: &Split, seed: u64, deadline: Instant) -> Option<FoldFit> {
    let start = Instant::now();
    let Split { learn, watch } = fold;
    match config {
        Config::Boosting(params) => {
            let data = boost::Data { binned: &problem.binned, target: &problem.target, learn, watch };
            let boosted = boost::boost(data, params, seed, deadline);
            Some(FoldFit {
                predictions: problem.predictions(watch, boosted.watched),
                model: problem.in_units(Fitted::Trees(boosted.forest)),
                rounds: boosted.rounds,
                importances: boosted.gains,
                seconds: start.elapsed().as_secs_f64(),
            })
        }
        Config::Linear(penalty) => {
            let model = linear::fit(&problem.matrix, &problem.target, learn, *penalty, deadline)?;
            let scores = linear::scores(&model, &problem.matrix, watch);
            let positions: Vec<u32> = (0..watch.len() as u32).collect();
            Some(FoldFit {
                predictions: problem.predictions(watch, loss::outputs(&problem.target, &positions, &scores)),
                importances: linear::influence(&model, &problem.matrix, learn),
                model: problem.in_units(Fitted::Linear(model)),
                rounds: 0,
                seconds: start.elapsed().as_secs_f64(),
            })
        }
    }
}

fn nodes(model: &Fitted) -> usize {
    match model {
        Fitted::Trees(Forest { trees, .. }) => trees.iter().map(|tree| tree.nodes.len()).sum(),
        Fitted::Linear(Linear { .. }) => 0,
    }
}
