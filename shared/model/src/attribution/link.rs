//! Contributions to scores → contributions to outputs.
//!
//! From the mean scores *b* to the row's scores *s* the link *f* leads from the base output to the output. Along the straight line
//! between them the slope of the link says what a step of each score is worth; a contribution *φ* to the scores is worth
//!
//! ```text
//! ∫₀¹ J(b + t·(s − b)) dt · φ        J: the slopes ∂f/∂s
//! ```
//!
//! which sums to f(s) − f(b) over the features. It is the Aumann–Shapley value of the link, known as integrated gradients (Sundararajan et
//! al., 2017, "Axiomatic attribution for deep networks"), put after the Shapley values of the scores as Chen et al., 2022, "Explaining a
//! series of models by propagating Shapley values", do. With one score it is the contribution times (f(s) − f(b)) / (s − b), the rescale
//! rule of Shrikumar et al., 2017, "Learning important features through propagating activation differences". Unlike a ratio for each
//! label it needs no difference of scores to be away from 0, and the contributions to all labels' probabilities sum to 0.

use crate::{
    Link,
    pipeline::{EXPONENT_LIMIT, SHARE_FLOOR},
};

/// Places on the line where slopes are taken.
const PLACES: usize = 32;
/// A squared distance from the mean scores that is none.
const NOWHERE: f64 = 1e-20;

/// The outputs for these scores.
pub(super) fn outputs(link: Link, scores: &[f64]) -> Vec<f64> {
    match link {
        Link::Identity => scores.to_vec(),
        Link::Sigmoid => scores.iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect(),
        Link::Exponential => scores.iter().map(|score| score.min(f64::from(EXPONENT_LIMIT)).exp()).collect(),
        Link::Softmax => {
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            shares(scores.iter().map(|score| (score - largest).exp()).collect())
        }
        Link::Shares if scores.len() == 1 => scores.iter().map(|score| score.clamp(0.0, 1.0)).collect(),
        Link::Shares => shares(scores.iter().map(|score| raised(*score)).collect()),
    }
}

/// Makes contributions to the scores (row-major `scores × features`, of a row whose mean scores are `base`) contributions to the outputs.
pub(super) fn carry(link: Link, base: &[f64], contributions: &mut [f64], features: usize) {
    if link == Link::Identity || features == 0 {
        return;
    }
    let step: Vec<f64> = contributions.chunks(features).map(|of_score| of_score.iter().sum()).collect();
    let mut carried = vec![0.0; contributions.len()];
    for place in 0..PLACES {
        let share = (place as f64 + 0.5) / PLACES as f64;
        let scores: Vec<f64> = base.iter().zip(&step).map(|(base, step)| base + share * step).collect();
        let slopes = Slopes::at(link, &scores);
        for feature in 0..features {
            slopes.add(contributions, feature, features, &mut carried);
        }
    }
    carried.iter_mut().for_each(|value| *value /= PLACES as f64);
    close(link, base, &step, contributions, features, &mut carried);
    contributions.copy_from_slice(&carried);
}

/// What the sum over places leaves of the difference of the outputs is divided along the line (the discrete gradient of Gonzalez, 1996).
fn close(link: Link, base: &[f64], step: &[f64], contributions: &[f64], features: usize, carried: &mut [f64]) {
    let length: f64 = step.iter().map(|step| step * step).sum();
    if length < NOWHERE {
        return;
    }
    let end: Vec<f64> = base.iter().zip(step).map(|(base, step)| base + step).collect();
    let mut along = vec![0.0; features];
    for (of_score, step) in contributions.chunks(features).zip(step) {
        along.iter_mut().zip(of_score).for_each(|(along, value)| *along += step * value / length);
    }
    let differences = outputs(link, &end).into_iter().zip(outputs(link, base)).map(|(end, start)| end - start);
    for (of_output, difference) in carried.chunks_mut(features).zip(differences) {
        let gap = difference - of_output.iter().sum::<f64>();
        of_output.iter_mut().zip(&along).for_each(|(value, along)| *value += gap * along);
    }
}

/// The slopes of a link at some scores.
enum Slopes {
    /// Each output follows its own score only.
    Own(Vec<f64>),
    /// Outputs are shares of a sum; by score its share and the slope of its part of the sum, over the sum.
    Shares(Vec<(f64, f64)>),
}

impl Slopes {
    fn at(link: Link, scores: &[f64]) -> Self {
        match link {
            Link::Identity => Self::Own(vec![1.0; scores.len()]),
            Link::Sigmoid => Self::Own(outputs(link, scores).into_iter().map(|p| p * (1.0 - p)).collect()),
            Link::Exponential => {
                let slope = |score: &f64| if *score < f64::from(EXPONENT_LIMIT) { score.exp() } else { 0.0 };
                Self::Own(scores.iter().map(slope).collect())
            }
            Link::Softmax => Self::Shares(outputs(link, scores).into_iter().map(|p| (p, p)).collect()),
            Link::Shares if scores.len() == 1 => {
                Self::Own(scores.iter().map(|score| f64::from(u8::from((0.0..=1.0).contains(score)))).collect())
            }
            Link::Shares => {
                let sum: f64 = scores.iter().map(|score| raised(*score)).sum();
                Self::Shares(scores.iter().map(|&score| (raised(score) / sum, f64::from(u8::from(score > 0.0)) / sum)).collect())
            }
        }
    }

    /// Adds a feature's contributions to the scores times the slopes.
    fn add(&self, contributions: &[f64], feature: usize, features: usize, carried: &mut [f64]) {
        let of_feature = || contributions.iter().skip(feature).step_by(features);
        let carried = carried.iter_mut().skip(feature).step_by(features);
        match self {
            Self::Own(slopes) => carried.zip(of_feature()).zip(slopes).for_each(|((sum, value), slope)| *sum += slope * value),
            Self::Shares(parts) => {
                let moved: f64 = parts.iter().zip(of_feature()).map(|((_, slope), value)| slope * value).sum();
                let of_score = carried.zip(of_feature()).zip(parts);
                of_score.for_each(|((sum, value), (share, slope))| *sum += slope * value - share * moved);
            }
        }
    }
}

fn raised(score: f64) -> f64 {
    score.max(0.0) + f64::from(SHARE_FLOOR)
}

fn shares(parts: Vec<f64>) -> Vec<f64> {
    let sum: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_score_is_rescaled_by_the_difference_of_the_outputs() {
        let mut contributions = vec![2.0, -0.5, 0.0];
        carry(Link::Sigmoid, &[-1.0], &mut contributions, 3);
        let ratio = (outputs(Link::Sigmoid, &[0.5])[0] - outputs(Link::Sigmoid, &[-1.0])[0]) / 1.5;
        for (found, expected) in contributions.iter().zip([2.0 * ratio, -0.5 * ratio, 0.0]) {
            assert!((found - expected).abs() < 1e-9, "{contributions:?}");
        }
    }

    #[test]
    fn contributions_that_cancel_out_are_worth_the_slope() {
        let mut contributions = vec![1.0, -1.0];
        carry(Link::Sigmoid, &[0.0], &mut contributions, 2);
        assert!((contributions[0] - 0.25).abs() < 1e-9 && (contributions[1] + 0.25).abs() < 1e-9, "{contributions:?}");
    }

    #[test]
    fn what_one_label_gains_the_others_lose() {
        let mut contributions = vec![3.0, 0.5, -1.0, 0.0, 0.0, 2.0];
        carry(Link::Softmax, &[0.1, 0.2, -0.3], &mut contributions, 2);
        for feature in 0..2 {
            let sum: f64 = contributions.iter().skip(feature).step_by(2).sum();
            assert!(sum.abs() < 1e-9, "{contributions:?}");
        }
    }
}
