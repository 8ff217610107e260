//! What each feature adds to a prediction: its Shapley value (Lundberg and Lee, 2017, "A unified approach to interpreting model
//! predictions").
//!
//! ```text
//! output[k] = base[k] + Σ contribution[k][i]        i over the features; a feature that the model does not use has 0
//! ```
//!
//! The outputs are the number, the probability of the second of two labels, or that of each label. A feature plays as one, with all its
//! inputs: the parts of a date, and what is looked up for a category. Members are explained one by one and weighted as their outputs are:
//!
//! 1. a member's scores, before its link, are divided exactly: those of trees with path-dependent expectations (`trees`), those of a
//!    linear model as coefficient × distance from the mean;
//! 2. the divided scores are carried through the link (`link`);
//! 3. where the pipeline is calibrated, the weighted sum of that is carried through the calibration in the same way.

mod link;
mod trees;

use crate::{Batch, Calibration, Fitted, Linear, Link, ModelError, Pipeline, evaluate::Encoder, pipeline::feature_of_input};
use link::Bend as _;
use trees::{Scratch, TreeGame};

/// Divides a pipeline's predictions among its features.
pub struct Explainer<'a> {
    encoder: Encoder<'a>,
    members: Vec<(f64, MemberExplainer<'a>)>,
    /// Before and after the calibration.
    sum: Vec<f64>,
    base: Vec<f64>,
    calibration: Option<Calibration>,
    features: usize,
}

impl<'a> Explainer<'a> {
    /// Makes the members ready. Fails when a tree contradicts itself or does not know how many rows reached its nodes.
    pub fn new(pipeline: &'a Pipeline) -> Result<Self, ModelError> {
        let (feature_of_input, features) = (feature_of_input(&pipeline.features, &pipeline.lookups), pipeline.features.len());
        let mut members = Vec::with_capacity(pipeline.members.len());
        let mut sum: Vec<f64> = Vec::new();
        for member in &pipeline.members {
            let (weight, explainer) =
                (f64::from(member.weight), MemberExplainer::new(&member.model, member.link, &feature_of_input, features)?);
            let of_member = explainer.base();
            sum.resize(of_member.len().max(sum.len()), 0.0);
            sum.iter_mut().zip(of_member).for_each(|(sum, value)| *sum += weight * value);
            members.push((weight, explainer));
        }
        let calibration = pipeline.calibration.filter(|_| pipeline.classes().is_some());
        let base = calibration.map_or_else(|| sum.clone(), |calibration| calibration.outputs(&sum));
        Ok(Self { encoder: Encoder::new(pipeline), members, sum, base, calibration, features })
    }

    /// What the outputs would be if no feature were known.
    pub fn base(&self) -> &[f64] {
        &self.base
    }

    /// For each row of the batch the contributions, row-major `outputs × features`.
    pub fn explain(&self, batch: &Batch) -> Vec<Vec<f64>> {
        let mut values = Vec::new();
        let explain = |row: usize| {
            self.encoder.encode(batch, row, &mut values);
            let mut contributions = vec![0.0; self.base.len() * self.features];
            self.members.iter().for_each(|(weight, member)| member.explain(&values, *weight, &mut contributions));
            if let Some(calibration) = &self.calibration {
                calibration.carry(&self.sum, &mut contributions, self.features);
            }
            contributions
        };
        (0..batch.rows).map(explain).collect()
    }
}

impl Calibration {
    /// Makes contributions to an ensemble's probabilities (row-major `outputs × features`), which are `base` when no feature is known,
    /// contributions to the calibrated ones. The outputs are those that [`Explainer`] explains.
    pub fn carry(&self, base: &[f64], contributions: &mut [f64], features: usize) {
        link::carry(self, base, contributions, features);
    }
}

/// Divides one member's outputs among the features.
pub struct MemberExplainer<'a> {
    game: Game<'a>,
    link: Link,
    /// The mean scores.
    base: Vec<f64>,
    features: usize,
}

enum Game<'a> {
    Trees(Vec<TreeGame<'a>>),
    /// With the feature of each input.
    Linear(&'a Linear, Vec<usize>),
}

impl<'a> MemberExplainer<'a> {
    /// For a model whose inputs belong to these of so many features. Fails as [`Explainer::new`] does.
    pub fn new(model: &'a Fitted, link: Link, feature_of_input: &[usize], features: usize) -> Result<Self, ModelError> {
        let (game, base) = match model {
            Fitted::Trees(forest) => {
                let mut base: Vec<f64> = forest.base.iter().map(|&score| f64::from(score)).collect();
                let mut games = Vec::with_capacity(forest.trees.len());
                for tree in &forest.trees {
                    let game = TreeGame::new(tree, feature_of_input, features)?;
                    let sum = base.get_mut(tree.output as usize);
                    *sum.ok_or_else(|| ModelError::Pipeline { reason: "a tree adds to a score that does not exist".to_owned() })? +=
                        game.mean;
                    games.push(game);
                }
                (Game::Trees(games), base)
            }
            Fitted::Linear(linear) => {
                let base = linear.intercepts.iter().map(|&score| f64::from(score)).collect();
                (Game::Linear(linear, feature_of_input.to_vec()), base)
            }
        };
        Ok(Self { game, link, base, features })
    }

    /// The outputs for the mean scores.
    pub fn base(&self) -> Vec<f64> {
        self.link.outputs(&self.base)
    }

    /// Adds the contributions to the outputs of a row of inputs, times `weight`, to `sums` (row-major `outputs × features`).
    pub fn explain(&self, values: &[f32], weight: f64, sums: &mut [f64]) {
        let mut scores = vec![0.0; self.base.len() * self.features];
        match &self.game {
            Game::Trees(games) => {
                let mut scratch = Scratch::default();
                for game in games {
                    let of_output = game.output() * self.features;
                    if let Some(scores) = scores.get_mut(of_output..of_output + self.features) {
                        game.divide(values, &mut scratch, scores);
                    }
                }
            }
            Game::Linear(linear, feature_of_input) => divide_linear(linear, values, feature_of_input, self.features, &mut scores),
        }
        if self.link != Link::Identity {
            link::carry(&self.link, &self.base, &mut scores, self.features);
        }
        sums.iter_mut().zip(scores).for_each(|(sum, contribution)| *sum += weight * contribution);
    }
}

/// A linear model's numbers are 0 at their mean, and so is the mean coefficient of its categories: what is added to the intercept is the
/// Shapley value, whatever the features know of each other (Lundberg and Lee, 2017, corollary 1).
fn divide_linear(linear: &Linear, values: &[f32], feature_of_input: &[usize], features: usize, scores: &mut [f64]) {
    let mut add = |input: u32, output: usize, value: f64| {
        let feature = feature_of_input.get(input as usize).filter(|&&feature| feature < features);
        if let Some(score) = feature.and_then(|feature| scores.get_mut(output * features + feature)) {
            *score += value;
        }
    };
    for term in &linear.numeric {
        let value = values.get(term.feature as usize).copied().unwrap_or(f32::NAN);
        let value = f64::from(term.scaled(value));
        term.coefficients.iter().enumerate().for_each(|(output, &coefficient)| add(term.feature, output, f64::from(coefficient) * value));
    }
    for (input, table) in &linear.categorical {
        let code = values.get(*input as usize).copied().unwrap_or(0.0) as usize;
        let coefficients = table.get(code).into_iter().flatten().enumerate();
        coefficients.for_each(|(output, &coefficient)| add(*input, output, f64::from(coefficient)));
    }
}
