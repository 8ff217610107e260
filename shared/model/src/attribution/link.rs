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
//! label it needs no difference of scores to be away from 0, and the contributions to all labels' probabilities sum to 0. A calibration is
//! one more such step, from the ensemble's probabilities to the calibrated ones.

use crate::{
    Calibration, Link,
    pipeline::{EXPONENT_LIMIT, SHARE_FLOOR},
};

/// Places on the line where slopes are taken.
const PLACES: usize = 32;
/// A squared distance from the mean scores that is none.
const NOWHERE: f64 = 1e-20;

/// A function from a row's scores to its outputs.
pub(super) trait Bend {
    /// The outputs for these scores.
    fn outputs(&self, scores: &[f64]) -> Vec<f64>;

    /// Its slopes there.
    fn slopes(&self, scores: &[f64]) -> Slopes;
}

impl Bend for Link {
    fn outputs(&self, scores: &[f64]) -> Vec<f64> {
        match self {
            Self::Identity => scores.to_vec(),
            Self::Sigmoid => scores.iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect(),
            Self::Exponential => scores.iter().map(|score| score.min(f64::from(EXPONENT_LIMIT)).exp()).collect(),
            Self::Softmax => softmax(scores),
            Self::Shares if scores.len() == 1 => scores.iter().map(|score| score.clamp(0.0, 1.0)).collect(),
            Self::Shares => shares(scores.iter().map(|score| raised(*score)).collect()),
        }
    }

    fn slopes(&self, scores: &[f64]) -> Slopes {
        match self {
            Self::Identity => Slopes::Own(vec![1.0; scores.len()]),
            Self::Sigmoid => Slopes::Own(self.outputs(scores).into_iter().map(|p| p * (1.0 - p)).collect()),
            Self::Exponential => {
                let slope = |score: &f64| if *score < f64::from(EXPONENT_LIMIT) { score.exp() } else { 0.0 };
                Slopes::Own(scores.iter().map(slope).collect())
            }
            Self::Softmax => Slopes::Shares(self.outputs(scores).into_iter().map(|p| (p, p)).collect()),
            Self::Shares if scores.len() == 1 => {
                Slopes::Own(scores.iter().map(|score| f64::from(u8::from((0.0..=1.0).contains(score)))).collect())
            }
            Self::Shares => {
                let sum: f64 = scores.iter().map(|score| raised(*score)).sum();
                Slopes::Shares(scores.iter().map(|&score| (raised(score) / sum, f64::from(u8::from(score > 0.0)) / sum)).collect())
            }
        }
    }
}

/// From the probability of the second of two labels, or those of all, to the calibrated ones.
impl Bend for Calibration {
    fn outputs(&self, probabilities: &[f64]) -> Vec<f64> {
        if let &[second] = probabilities {
            return self.outputs(&[1.0 - second, second]).split_off(1);
        }
        let (slope, floor) = (f64::from(self.slope), f64::from(self.floor));
        let scores = probabilities.iter().zip(self.shifts(probabilities.len()));
        softmax(&scores.map(|(p, shift)| slope * (p + floor).ln() + f64::from(shift)).collect::<Vec<_>>())
    }

    fn slopes(&self, probabilities: &[f64]) -> Slopes {
        let (slope, floor) = (f64::from(self.slope), f64::from(self.floor));
        let calibrated = self.outputs(probabilities);
        if let (&[p], &[to]) = (probabilities, calibrated.as_slice()) {
            return Slopes::Own(vec![slope * to * (1.0 - to) * (1.0 / (p + floor) + 1.0 / (1.0 - p + floor))]);
        }
        Slopes::Shares(calibrated.into_iter().zip(probabilities).map(|(to, p)| (to, slope * to / (p + floor))).collect())
    }
}

/// Makes contributions to the scores (row-major `scores × features`, of a row whose mean scores are `base`) contributions to the outputs.
pub(super) fn carry(bend: &impl Bend, base: &[f64], contributions: &mut [f64], features: usize) {
    if features == 0 {
        return;
    }
    let step: Vec<f64> = contributions.chunks(features).map(|of_score| of_score.iter().sum()).collect();
    let mut carried = vec![0.0; contributions.len()];
    for place in 0..PLACES {
        let share = (place as f64 + 0.5) / PLACES as f64;
        let scores: Vec<f64> = base.iter().zip(&step).map(|(base, step)| base + share * step).collect();
        let slopes = bend.slopes(&scores);
        for feature in 0..features {
            slopes.add(contributions, feature, features, &mut carried);
        }
    }
    carried.iter_mut().for_each(|value| *value /= PLACES as f64);
    close(bend, base, &step, contributions, features, &mut carried);
    contributions.copy_from_slice(&carried);
}

/// What the sum over places leaves of the difference of the outputs is divided along the line (the discrete gradient of Gonzalez, 1996).
fn close(bend: &impl Bend, base: &[f64], step: &[f64], contributions: &[f64], features: usize, carried: &mut [f64]) {
    let length: f64 = step.iter().map(|step| step * step).sum();
    if length < NOWHERE {
        return;
    }
    let end: Vec<f64> = base.iter().zip(step).map(|(base, step)| base + step).collect();
    let mut along = vec![0.0; features];
    for (of_score, step) in contributions.chunks(features).zip(step) {
        along.iter_mut().zip(of_score).for_each(|(along, value)| *along += step * value / length);
    }
    let differences = bend.outputs(&end).into_iter().zip(bend.outputs(base)).map(|(end, start)| end - start);
    for (of_output, difference) in carried.chunks_mut(features).zip(differences) {
        let gap = difference - of_output.iter().sum::<f64>();
        of_output.iter_mut().zip(&along).for_each(|(value, along)| *value += gap * along);
    }
}

/// Slopes at some scores.
pub(super) enum Slopes {
    /// Each output follows its own score only.
    Own(Vec<f64>),
    /// Outputs are shares of a sum; by score its share and the slope of its part of the sum, over the sum.
    Shares(Vec<(f64, f64)>),
}

impl Slopes {
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

fn softmax(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    shares(scores.iter().map(|score| (score - largest).exp()).collect())
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
        carry(&Link::Sigmoid, &[-1.0], &mut contributions, 3);
        let ratio = (Link::Sigmoid.outputs(&[0.5])[0] - Link::Sigmoid.outputs(&[-1.0])[0]) / 1.5;
        for (found, expected) in contributions.iter().zip([2.0 * ratio, -0.5 * ratio, 0.0]) {
            assert!((found - expected).abs() < 1e-9, "{contributions:?}");
        }
    }

    #[test]
    fn contributions_that_cancel_out_are_worth_the_slope() {
        let mut contributions = vec![1.0, -1.0];
        carry(&Link::Sigmoid, &[0.0], &mut contributions, 2);
        assert!((contributions[0] - 0.25).abs() < 1e-9 && (contributions[1] + 0.25).abs() < 1e-9, "{contributions:?}");
    }

    #[test]
    fn what_one_label_gains_the_others_lose() {
        let mut contributions = vec![3.0, 0.5, -1.0, 0.0, 0.0, 2.0];
        carry(&Link::Softmax, &[0.1, 0.2, -0.3], &mut contributions, 2);
        for feature in 0..2 {
            let sum: f64 = contributions.iter().skip(feature).step_by(2).sum();
            assert!(sum.abs() < 1e-9, "{contributions:?}");
        }
    }

    #[test]
    fn slopes_are_those_of_the_outputs() {
        let calibration = Calibration { slope: 0.6, shift: 0.4, floor: 1e-3 };
        let step = 1e-6;
        for probabilities in [vec![0.7], vec![0.05], vec![0.2, 0.5, 0.3]] {
            let count = probabilities.len();
            for input in 0..count {
                let moved = |by: f64| {
                    let mut probabilities = probabilities.clone();
                    probabilities[input] += by;
                    calibration.outputs(&probabilities)
                };
                // One feature that moves this input alone.
                let mut contributions = vec![0.0; count];
                contributions[input] = 1.0;
                let mut slopes = vec![0.0; count];
                calibration.slopes(&probabilities).add(&contributions, 0, 1, &mut slopes);
                for ((high, low), slope) in moved(step).iter().zip(moved(-step)).zip(slopes) {
                    assert!(((high - low) / (2.0 * step) - slope).abs() < 1e-5, "{probabilities:?}: {slope}");
                }
            }
        }
    }
}
