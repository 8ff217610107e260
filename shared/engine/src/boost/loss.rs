//! Loss functions: start scores, gradients and hessians, the loss itself, and outputs from scores. Numbers are standardised; *y₊* is the
//! number above its own zero in the same unit, so that counts and amounts keep their zero.
//!
//! | objective | target | output | gradient | hessian |
//! | --- | --- | --- | --- | --- |
//! | squared | number | s | s − y | 1 |
//! | absolute | number | s | sign(s − y) | 1, leaves hold medians |
//! | Huber | number | s | s − y, cut off at ±δ | 1 |
//! | Poisson | number ≥ 0 | eˢ | eˢ − y₊ | eˢ |
//! | Tweedie (p = 1.5) | number ≥ 0 | eˢ | e^(s/2) − y₊ e^(−s/2) | (e^(s/2) + y₊ e^(−s/2)) / 2 |
//! | logistic | two labels | 1 / (1 + e⁻ˢ) | p − y | p (1 − p) |
//! | softmax | K labels | softmax | p − y | p (1 − p) K / (K − 1) |
//! | shares | labels | the score itself | s − y | 1 |
//!
//! Every row's gradient, hessian and loss count as much as its weight. Sources: Friedman, 2001 (squared, absolute, Huber, logistic);
//! Jørgensen, 1987 (Tweedie's deviance).

use domain::Monotone;
use model::SHARE_FLOOR;
use rayon::prelude::*;

use crate::{log_sum::LogSum, matrix::Target};

/// The least probability that a start score or a loss assumes.
const LEAST: f64 = 1e-7;
/// Scores of the exponential objectives stay within e^±this of the target's unit.
const MOST_LOG: f32 = 30.0;

/// Rows whose derivatives are computed at a time.
const AT_ONCE: usize = 32;
/// Rows whose losses one thread sums.
const LOSSES_AT_ONCE: usize = 4_096;

/// Scores by output and row.
pub(crate) type Scores = Vec<Vec<f32>>;

/// What trees are fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Objective {
    /// Half the squared error, or the log loss of labels.
    Natural,
    /// The absolute error.
    Absolute,
    /// The squared error near the target, the absolute one far from it.
    Huber,
    /// Counts.
    Poisson,
    /// Amounts, many of them 0.
    Tweedie,
    /// The squared error of each label's indicator: what forests fit.
    Shares,
}

impl Objective {
    /// Its name on the leaderboard.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Natural => "natural",
            Self::Absolute => "absolute",
            Self::Huber => "huber",
            Self::Poisson => "poisson",
            Self::Tweedie => "tweedie",
            Self::Shares => "shares",
        }
    }

    /// Whether outputs are exponentials of scores.
    pub(crate) fn is_exponential(self) -> bool {
        matches!(self, Self::Poisson | Self::Tweedie)
    }
}

/// What rows are fitted to, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss<'a> {
    /// The objective.
    pub objective: Objective,
    /// One value per row; numbers standardised.
    pub target: &'a Target,
    /// How much each row counts; all the same when absent.
    pub weights: Option<&'a [f32]>,
    /// What is added to a standardised number so that it is above its own zero.
    pub shift: f64,
    /// Where Huber's loss turns absolute.
    pub delta: f32,
}

impl<'a> Loss<'a> {
    /// The loss of an objective.
    pub(crate) fn new(objective: Objective, target: &'a Target, weights: Option<&'a [f32]>, shift: f64) -> Self {
        let delta = match (objective, target) {
            (Objective::Huber, Target::Numbers(values)) => spread_of_nine_tenths(values),
            _ => f32::INFINITY,
        };
        Self { objective, target, weights, shift, delta }
    }

    /// Scores of a model.
    pub(crate) fn outputs(&self) -> usize {
        self.target.outputs()
    }

    pub(crate) fn weight(&self, row: usize) -> f32 {
        self.weights.and_then(|weights| weights.get(row)).copied().unwrap_or(1.0)
    }

    /// The start score of each output: what is best without features, given the rows of `learn`.
    pub(crate) fn base(&self, learn: &[u32]) -> Vec<f32> {
        let total = learn.iter().map(|&row| f64::from(self.weight(row as usize))).sum::<f64>().max(f64::MIN_POSITIVE);
        let mean_of = |value: &dyn Fn(usize) -> f64| {
            learn.iter().map(|&row| f64::from(self.weight(row as usize)) * value(row as usize)).sum::<f64>() / total
        };
        match self.target {
            Target::Numbers(values) => vec![match self.objective {
                Objective::Poisson | Objective::Tweedie => mean_of(&|row| values[row] + self.shift).max(1e-6).ln() as f32,
                Objective::Absolute | Objective::Huber => self.median(learn.iter().map(|&row| (values[row as usize] as f32, row))),
                _ => mean_of(&|row| values[row]) as f32,
            }],
            Target::Classes { classes, count } => {
                let share = |label: usize| mean_of(&|row| f64::from(u8::from(classes[row] as usize == label)));
                match (self.objective, *count) {
                    (Objective::Shares, 2) => vec![share(1) as f32],
                    (Objective::Shares, count) => {
                        shares(classes, count, learn, self, total).into_iter().map(|share| share as f32).collect()
                    }
                    (_, 2) => {
                        let second = share(1).clamp(LEAST, 1.0 - LEAST);
                        vec![(second / (1.0 - second)).ln() as f32]
                    }
                    (_, count) => {
                        shares(classes, count, learn, self, total).into_iter().map(|share| share.max(LEAST).ln() as f32).collect()
                    }
                }
            }
        }
    }

    /// What gradients need beside the scores: for the softmax the log of each row's sum of exponentials.
    pub(crate) fn normalisers(&self, scores: &[Vec<f32>]) -> Vec<f32> {
        if self.outputs() == 1 || self.objective == Objective::Shares {
            return Vec::new();
        }
        let mut logs = vec![0.0; self.target.len()];
        logs.par_chunks_mut(1024).enumerate().for_each(|(chunk, logs)| {
            let range = chunk * 1024..chunk * 1024 + logs.len();
            let slices: Vec<&[f32]> = scores.iter().map(|scores| &scores[range.clone()]).collect();
            for (position, log) in logs.iter_mut().enumerate() {
                let highest = slices.iter().map(|scores| scores[position]).fold(f32::NEG_INFINITY, f32::max);
                *log = highest + slices.iter().map(|scores| (scores[position] - highest).exp()).sum::<f32>().ln();
            }
        });
        logs
    }

    /// Writes the gradient and the hessian of each of `rows`; `scores` are the output's, by row.
    pub(crate) fn derivatives(&self, output: usize, rows: &[u32], scores: &[f32], normalisers: &[f32], into: &mut [(f32, f32)]) {
        match self.target {
            Target::Numbers(values) => {
                let of_row = |row: usize| (scores[row], values[row] as f32);
                let above_zero = |row: usize| (scores[row], self.above_zero(values[row]));
                match self.objective {
                    Objective::Absolute => each(rows, into, of_row, |score, value| (if score > value { 1.0 } else { -1.0 }, 1.0)),
                    Objective::Huber => {
                        each(rows, into, of_row, |score, value| ((score - value).clamp(-self.delta, self.delta), 1.0));
                    }
                    Objective::Poisson => each(rows, into, above_zero, |score, value| {
                        let mean = exp(score.min(MOST_LOG));
                        (mean - value, mean)
                    }),
                    Objective::Tweedie => each(rows, into, above_zero, |score, value| {
                        let half = exp(0.5 * score.clamp(-MOST_LOG, MOST_LOG));
                        let rest = value / half;
                        (half - rest, 0.5 * (half + rest))
                    }),
                    Objective::Natural | Objective::Shares => each(rows, into, of_row, |score, value| (score - value, 1.0)),
                }
            }
            Target::Classes { classes, count } => {
                let label = if *count == 2 { 1 } else { output };
                let indicator = |row: usize| if classes[row] as usize == label { 1.0 } else { 0.0 };
                let of_row = |row: usize| (scores[row], indicator(row));
                if self.objective == Objective::Shares {
                    each(rows, into, of_row, |score, indicator| (score - indicator, 1.0));
                } else if *count == 2 {
                    each(rows, into, of_row, |score, indicator| {
                        let p = 1.0 / (1.0 + exp(-score));
                        (p - indicator, p * (1.0 - p))
                    });
                } else {
                    let factor = *count as f32 / (*count as f32 - 1.0);
                    each(
                        rows,
                        into,
                        |row| (scores[row] - normalisers[row], indicator(row)),
                        |log, indicator| {
                            let p = exp(log).min(1.0);
                            (p - indicator, p * (1.0 - p) * factor)
                        },
                    );
                }
            }
        }
        if self.weights.is_some() {
            for (&row, (gradient, hessian)) in rows.iter().zip(into) {
                let weight = self.weight(row as usize);
                (*gradient, *hessian) = (*gradient * weight, *hessian * weight);
            }
        }
    }

    fn above_zero(&self, value: f64) -> f32 {
        (value + self.shift).max(0.0) as f32
    }

    /// The mean loss over some rows, up to a constant.
    pub(crate) fn mean_loss(&self, rows: &[u32], scores: &[Vec<f32>], normalisers: &[f32]) -> f64 {
        let parts: Vec<(f64, f64)> = rows.par_chunks(LOSSES_AT_ONCE).map(|rows| self.loss_and_weight(rows, scores, normalisers)).collect();
        let (sum, total) = parts.iter().fold((0.0, 0.0), |sums, part| (sums.0 + part.0, sums.1 + part.1));
        sum / total.max(f64::MIN_POSITIVE)
    }

    /// The sum of the weighted losses of some rows, and of their weights.
    fn loss_and_weight(&self, rows: &[u32], scores: &[Vec<f32>], normalisers: &[f32]) -> (f64, f64) {
        let score = |output: usize, row: usize| f64::from(scores[output][row]);
        if let Target::Classes { classes, count: 2 } = self.target
            && self.objective != Objective::Shares
        {
            let (mut sum, mut total) = (LogSum::EMPTY, 0.0);
            for row in rows.iter().map(|&row| row as usize) {
                let against = if classes[row] == 1 { -scores[0][row] } else { scores[0][row] };
                let weight = f64::from(self.weight(row));
                sum.add((1.0 + f64::from(exp(against))).min(LEAST.recip()), weight);
                total += weight;
            }
            return (sum.value(), total);
        }
        let loss = |row: usize| match self.target {
            Target::Numbers(values) => {
                let error = score(0, row) - values[row];
                match self.objective {
                    Objective::Absolute => error.abs(),
                    Objective::Huber => {
                        let delta = f64::from(self.delta);
                        if error.abs() <= delta { 0.5 * error * error } else { delta * (error.abs() - 0.5 * delta) }
                    }
                    Objective::Poisson => score(0, row).exp() - f64::from(self.above_zero(values[row])) * score(0, row),
                    Objective::Tweedie => {
                        let half = (0.5 * score(0, row)).exp();
                        2.0 * (half + f64::from(self.above_zero(values[row])) / half)
                    }
                    Objective::Natural | Objective::Shares => 0.5 * error * error,
                }
            }
            Target::Classes { classes, count } => match (self.objective, *count) {
                (Objective::Shares, count) => {
                    let indicator =
                        |output: usize| f64::from(u8::from(if count == 2 { classes[row] == 1 } else { classes[row] as usize == output }));
                    (0..scores.len()).map(|output| 0.5 * (score(output, row) - indicator(output)).powi(2)).sum()
                }
                _ => (f64::from(normalisers[row]) - score(classes[row] as usize, row)).min(-LEAST.ln()),
            },
        };
        let (mut sum, mut total) = (0.0, 0.0);
        for &row in rows {
            let weight = f64::from(self.weight(row as usize));
            sum += weight * loss(row as usize);
            total += weight;
        }
        (sum, total)
    }

    /// Member outputs from scores, row-major: the standardised number, or one probability per label. `values` has one list of scores per
    /// output, one per row.
    pub(crate) fn member_outputs(&self, scores: &[Vec<f32>]) -> Vec<f32> {
        let rows = scores.first().map_or(0, Vec::len);
        let mut outputs = Vec::with_capacity(rows * scores.len().max(2));
        for row in 0..rows {
            match self.target {
                Target::Numbers(_) if self.objective.is_exponential() => {
                    outputs.push((f64::from(scores[0][row].min(MOST_LOG)).exp() - self.shift) as f32);
                }
                Target::Numbers(_) => outputs.push(scores[0][row]),
                Target::Classes { count: 2, .. } => {
                    let p = if self.objective == Objective::Shares {
                        scores[0][row].clamp(0.0, 1.0)
                    } else {
                        1.0 / (1.0 + (-scores[0][row]).exp())
                    };
                    outputs.extend([1.0 - p, p]);
                }
                Target::Classes { .. } => {
                    let start = outputs.len();
                    if self.objective == Objective::Shares {
                        outputs.extend(scores.iter().map(|scores| scores[row].max(0.0) + SHARE_FLOOR));
                    } else {
                        let highest = scores.iter().map(|scores| scores[row]).fold(f32::NEG_INFINITY, f32::max);
                        outputs.extend(scores.iter().map(|scores| (scores[row] - highest).exp()));
                    }
                    let sum: f32 = outputs[start..].iter().sum();
                    outputs[start..].iter_mut().for_each(|p| *p /= sum);
                }
            }
        }
        outputs
    }

    /// The value that a leaf of these rows should have instead of its Newton step; only the absolute error asks for one.
    pub(crate) fn leaf_value(&self, rows: &[u32], scores: &[f32]) -> Option<f64> {
        match (self.objective, self.target) {
            (Objective::Absolute, Target::Numbers(values)) => {
                let residuals = rows.iter().map(|&row| (values[row as usize] as f32 - scores[row as usize], row));
                Some(f64::from(self.median(residuals)))
            }
            _ => None,
        }
    }

    /// The weighted median of (value, row).
    fn median(&self, values: impl Iterator<Item = (f32, u32)>) -> f32 {
        let mut values: Vec<(f32, f32)> = values.map(|(value, row)| (value, self.weight(row as usize))).collect();
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = values.iter().map(|(_, weight)| f64::from(*weight)).sum();
        let mut below = 0.0;
        let middle = values.iter().find(|(_, weight)| {
            below += f64::from(*weight);
            below >= 0.5 * total
        });
        middle.map_or(0.0, |(value, _)| *value)
    }
}

/// Derives a pair for each row from the pair that is given of it, many at a time.
#[inline]
fn each(rows: &[u32], into: &mut [(f32, f32)], given: impl Fn(usize) -> (f32, f32), derive: impl Fn(f32, f32) -> (f32, f32)) {
    let (mut first, mut second) = ([0.0; AT_ONCE], [0.0; AT_ONCE]);
    for (rows, into) in rows.chunks(AT_ONCE).zip(into.chunks_mut(AT_ONCE)) {
        for ((&row, first), second) in rows.iter().zip(&mut first).zip(&mut second) {
            (*first, *second) = given(row as usize);
        }
        for (first, second) in first.iter_mut().zip(&mut second) {
            (*first, *second) = derive(*first, *second);
        }
        for ((pair, &first), &second) in into.iter_mut().zip(&first).zip(&second) {
            *pair = (first, second);
        }
    }
}

/// eˣ to within some 1e-7 of it, in operations that processors do many of at a time: e^x = 2ⁿ eʳ with |r| ≤ ln 2 / 2, and Taylor's polynomial
/// for eʳ. Exponents of less than -87 or more than 88 count as these.
#[inline]
fn exp(x: f32) -> f32 {
    /// Added to a number, this leaves it rounded to a whole one, in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first of few bits.
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2.0 - n * LN_2.1;
    let tail = 1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5_040.0));
    let e_r = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * tail))));
    e_r * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

fn shares(classes: &[u32], count: usize, learn: &[u32], loss: &Loss<'_>, total: f64) -> Vec<f64> {
    let mut shares = vec![0.0; count];
    for &row in learn {
        shares[classes[row as usize] as usize] += f64::from(loss.weight(row as usize)) / total;
    }
    shares
}

/// Nine tenths of the values are no farther than this from their median.
fn spread_of_nine_tenths(values: &[f64]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let mut distances: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances.get(distances.len() * 9 / 10).copied().filter(|delta| *delta > 0.0).unwrap_or(1.0) as f32
}

/// The sign by which leaf values follow a feature.
pub(crate) fn sign(monotone: Monotone) -> i8 {
    match monotone {
        Monotone::Increasing => 1,
        Monotone::Decreasing => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTIVES: [Objective; 5] = [Objective::Natural, Objective::Huber, Objective::Poisson, Objective::Tweedie, Objective::Shares];

    fn loss_at(loss: &Loss<'_>, output: usize, step: f32) -> f64 {
        let mut scores: Scores = (0..loss.outputs()).map(|k| vec![0.3 * k as f32 - 0.2]).collect();
        scores[output][0] += step;
        loss.mean_loss(&[0], &scores, &loss.normalisers(&scores))
    }

    #[test]
    fn gradients_are_the_slope_of_the_loss() {
        let targets =
            [Target::Numbers(vec![0.7]), Target::Classes { classes: vec![1], count: 2 }, Target::Classes { classes: vec![2], count: 4 }];
        for (target, objective) in targets.iter().flat_map(|target| OBJECTIVES.map(|objective| (target, objective))) {
            let loss = Loss::new(objective, target, None, 0.4);
            for output in 0..loss.outputs() {
                let scores: Scores = (0..loss.outputs()).map(|k| vec![0.3 * k as f32 - 0.2]).collect();
                let logs = loss.normalisers(&scores);
                let mut pairs = [(0.0, 0.0)];
                loss.derivatives(output, &[0], &scores[output], &logs, &mut pairs);
                let [(gradient, _)] = pairs;
                let slope = (loss_at(&loss, output, 1e-2) - loss_at(&loss, output, -1e-2)) / 2e-2;
                assert!((f64::from(gradient) - slope).abs() < 1e-3, "{target:?} {objective:?} {output}: {gradient} {slope}");
            }
        }
    }

    #[test]
    fn the_exponential_is_the_exponential() {
        for step in -8_700_i16..8_800 {
            let x = f32::from(step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 3e-7, "{x}: {} {}", exp(x), x.exp());
        }
        assert_eq!((exp(-200.0), exp(0.0), exp(200.0)), (exp(-87.0), 1.0, exp(88.0)));
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn a_row_of_weight_two_counts_as_two_rows() {
        let target = Target::Numbers(vec![0.0, 3.0, 1.0]);
        let weights = [1.0, 2.0, 1.0];
        for objective in [Objective::Natural, Objective::Absolute, Objective::Poisson] {
            let weighted = Loss::new(objective, &target, Some(&weights), 1.0).base(&[0, 1, 2]);
            let twice = Loss::new(objective, &target, None, 1.0).base(&[0, 1, 1, 2]);
            assert_eq!(weighted, twice, "{objective:?}");
        }
    }

    #[test]
    fn without_features_the_outputs_are_the_shares() {
        let target = Target::Classes { classes: vec![0, 1, 2, 2], count: 3 };
        for objective in [Objective::Natural, Objective::Shares] {
            let loss = Loss::new(objective, &target, None, 0.0);
            let scores: Scores = loss.base(&[0, 1, 2, 3]).into_iter().map(|score| vec![score; 4]).collect();
            for (output, share) in loss.member_outputs(&scores).iter().zip([0.25, 0.25, 0.5]) {
                assert!((output - share).abs() < 1e-3);
            }
        }
    }
}
