//! Calibration of an ensemble's probabilities ([`model::Calibration`]), used only where it helps on rows that it was not fitted on.
//!
//! Slope and shift minimise the log loss of rows that folds judged, by Newton's method; a penalty of one row's size draws them to no
//! change, so that they exist for any rows. Whether that helps is seen by cross-fitting: each part of the rows is calibrated by what was
//! fitted on the others. It must take away more log loss than its standard error over the rows, and more than is worth a mention.
//!
//! Where a row was judged by one fold's models only and the model is the mean of several folds', that mean is less sure than what the rows
//! show: what is too bold there may not be in the end, and is left alone; what is too shy is so all the more. Where boosting was stopped by the
//! same rows, they flatter it: what is too shy there may not be on others, where the few rows that it is wrong about would cost more.

use domain::CalibrationOutcome;
use model::Calibration;
use rayon::prelude::*;

use crate::judge::{LEAST, Weights};

/// Rows that must have been judged.
const FEWEST_ROWS: usize = 200;
/// What must be gained, as a share of the log loss.
const GAIN: f64 = 1e-3;
/// Floors that are tried, the first that does not make the calibration too steep is taken.
const FLOORS: [f32; 5] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2];
/// How much a calibrated probability may move with one that is not: programs that evaluate the model differ by about 1e-7 in the latter and
/// are to agree to 1e-5.
const STEEPEST: f64 = 30.0;
/// Bounds of the slope.
const SLOPES: (f64, f64) = (0.1, 10.0);
const MAX_STEPS: usize = 30;
const MAX_HALVINGS: usize = 20;

/// What an ensemble says of rows that its models did not learn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutOfFold<'a> {
    /// By row, its label.
    pub classes: &'a [u32],
    /// Number of labels.
    pub labels: usize,
    /// Row-major, what the ensemble says.
    pub probabilities: &'a [f32],
    /// How much each row counts.
    pub weights: Weights<'a>,
    /// Whether the model is the mean of several like the one that says this.
    pub averaged: bool,
    /// Whether these rows decided how many rounds some of its models have.
    pub early_stopped: bool,
    /// By row, its part, below `parts`; parts are calibrated by what is fitted on the others.
    pub part_of: &'a [usize],
    /// How many parts there are.
    pub parts: usize,
}

/// A calibration that helps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Calibrated {
    /// Fitted on all rows.
    pub whole: Calibration,
    /// For each part, fitted on the rows of the others.
    pub without: Vec<Calibration>,
}

/// Calibrates the ensemble that said this of the rows, if that helps.
pub(crate) fn calibrate(rows: OutOfFold<'_>) -> (CalibrationOutcome, Option<Calibrated>) {
    if rows.classes.len() < FEWEST_ROWS {
        return (CalibrationOutcome::FewRows { rows: rows.classes.len() as u64, needed: FEWEST_ROWS as u64 }, None);
    }
    let (logarithms, whole) = rows.fit_whole();
    let without: Vec<Calibration> = (0..rows.parts).into_par_iter().map(|part| rows.fit(&logarithms, whole.floor, Some(part))).collect();
    let Comparison { before, after, standard_error } = rows.compare(&without);
    if before - after <= standard_error.max(GAIN * before) {
        return (CalibrationOutcome::NoGain { before, after }, None);
    }
    if rows.averaged && whole.slope < 1.0 {
        return (CalibrationOutcome::Averaged { before, after }, None);
    }
    if rows.early_stopped && whole.slope > 1.0 {
        return (CalibrationOutcome::EarlyStopped { before, after }, None);
    }
    let shift = (rows.labels == 2).then_some(f64::from(whole.shift));
    let outcome = CalibrationOutcome::Calibrated { slope: f64::from(whole.slope), shift, before, after };
    (outcome, Some(Calibrated { whole, without }))
}

/// Mean log losses without and with a calibration, and the standard error of their difference.
struct Comparison {
    before: f64,
    after: f64,
    standard_error: f64,
}

impl OutOfFold<'_> {
    /// The calibration fitted on all rows, and the logarithms of the raised probabilities by its floor.
    fn fit_whole(&self) -> (Vec<f64>, Calibration) {
        let [first, others @ ..] = FLOORS;
        let fit = |floor: f32| {
            let logarithms = self.logarithms(floor);
            let line = self.newton(&logarithms, None);
            (logarithms, line, floor)
        };
        let is_steep = |(_, line, floor): &(Vec<f64>, Line, f32)| line.steepness(*floor) > STEEPEST;
        let mut fitted = fit(first);
        for floor in others {
            if !is_steep(&fitted) {
                break;
            }
            fitted = fit(floor);
        }
        let (logarithms, line, floor) = fitted;
        (logarithms, line.calibration(floor))
    }

    fn fit(&self, logarithms: &[f64], floor: f32, without: Option<usize>) -> Calibration {
        self.newton(logarithms, without).calibration(floor)
    }

    fn logarithms(&self, floor: f32) -> Vec<f64> {
        self.probabilities.iter().map(|&p| f64::from(p + floor).ln()).collect()
    }

    /// The line of the least log loss over the rows outside a part.
    fn newton(&self, logarithms: &[f64], without: Option<usize>) -> Line {
        let mut line = Line::NO_CHANGE;
        let mut slopes = self.slopes(logarithms, line, without);
        for _ in 0..MAX_STEPS {
            let Some(step) = slopes.step() else { break };
            let shorter = |halvings: usize| {
                let factor = 0.5_f64.powi(halvings as i32);
                let next = Line { slope: line.slope - factor * step.slope, shift: line.shift - factor * step.shift };
                let there = self.slopes(logarithms, next, without);
                (there.loss < slopes.loss).then_some((next, there))
            };
            let Some((next, there)) = (0..MAX_HALVINGS).find_map(shorter) else { break };
            let gained = slopes.loss - there.loss;
            (line, slopes) = (next, there);
            if gained < 1e-9 * slopes.loss.abs() {
                break;
            }
        }
        line
    }

    /// The log loss over the rows outside a part, and its derivatives by slope and shift: with φ = (ln p, 1 for the second of two labels),
    /// E(φ) − φ of the true label, and the covariance of φ.
    fn slopes(&self, logarithms: &[f64], line: Line, without: Option<usize>) -> Slopes {
        let mut slopes = Slopes::penalty(line);
        let total: f64 = (0..self.classes.len()).map(|row| self.weights.of(row)).sum();
        let scale = self.classes.len() as f64 / total.max(f64::MIN_POSITIVE);
        let mut shares = vec![0.0; self.labels];
        for (row, logarithms) in logarithms.chunks_exact(self.labels).enumerate() {
            if without.is_some_and(|part| self.part_of[row] == part) {
                continue;
            }
            let shift = |label: usize| if self.labels == 2 && label == 1 { line.shift } else { 0.0 };
            let score = |label: usize| line.slope * logarithms[label] + shift(label);
            let largest = (0..self.labels).map(score).fold(f64::NEG_INFINITY, f64::max);
            shares.iter_mut().enumerate().for_each(|(label, share)| *share = (score(label) - largest).exp());
            let sum: f64 = shares.iter().sum();
            shares.iter_mut().for_each(|share| *share /= sum);

            let (truth, weight) = (self.classes[row] as usize, scale * self.weights.of(row));
            slopes.loss += weight * (largest + sum.ln() - score(truth));
            let mean: f64 = shares.iter().zip(logarithms).map(|(share, logarithm)| share * logarithm).sum();
            let spread: f64 = shares.iter().zip(logarithms).map(|(share, logarithm)| share * (logarithm - mean).powi(2)).sum();
            slopes.gradient.slope += weight * (mean - logarithms[truth]);
            slopes.by_slope += weight * spread;
            if let [_, second] = shares[..] {
                slopes.gradient.shift += weight * (second - f64::from(u8::from(truth == 1)));
                slopes.by_both += weight * second * (logarithms[1] - mean);
                slopes.by_shift += weight * second * (1.0 - second);
            }
        }
        slopes
    }

    fn compare(&self, without: &[Calibration]) -> Comparison {
        let losses = |(row, said): (usize, &[f32])| {
            let truth = self.classes[row] as usize;
            let loss = |p: f32| -f64::from(p).clamp(LEAST, 1.0).ln();
            let mut calibrated = said.to_vec();
            without[self.part_of[row]].apply(&mut calibrated);
            (self.weights.of(row), loss(said[truth]), loss(calibrated[truth]))
        };
        let rows: Vec<(f64, f64, f64)> = self.probabilities.chunks_exact(self.labels).enumerate().map(losses).collect();
        let total = rows.iter().map(|(weight, ..)| weight).sum::<f64>().max(f64::MIN_POSITIVE);
        let before = rows.iter().map(|(weight, before, _)| weight * before).sum::<f64>() / total;
        let after = rows.iter().map(|(weight, _, after)| weight * after).sum::<f64>() / total;
        let square = |(weight, one, other): &(f64, f64, f64)| (weight * (one - other - (before - after))).powi(2);
        Comparison { before, after, standard_error: rows.iter().map(square).sum::<f64>().sqrt() / total }
    }
}

/// From logarithms of probabilities to scores.
#[derive(Debug, Clone, Copy)]
struct Line {
    slope: f64,
    shift: f64,
}

impl Line {
    const NO_CHANGE: Self = Self { slope: 1.0, shift: 0.0 };

    /// The calibration, drawn to no change as far as it would be too steep.
    fn calibration(mut self, floor: f32) -> Calibration {
        self.slope = self.slope.clamp(SLOPES.0, SLOPES.1);
        while self.steepness(floor) > STEEPEST {
            self = Self { slope: f64::midpoint(self.slope, 1.0), shift: self.shift / 2.0 };
        }
        Calibration { slope: self.slope as f32, shift: self.shift as f32, floor }
    }

    /// The most that the calibrated probability of the second of two labels moves with the one that is not, seen at places that lie closer
    /// together towards 0 and 1.
    fn steepness(self, floor: f32) -> f64 {
        let floor = f64::from(floor);
        let steepness = |log_odds: f64| {
            let p = 1.0 / (1.0 + (-log_odds).exp());
            let (second, first) = (p + floor, 1.0 - p + floor);
            let calibrated = 1.0 / (1.0 + (-(self.slope * (second / first).ln() + self.shift)).exp());
            self.slope * calibrated * (1.0 - calibrated) * (1.0 / second + 1.0 / first)
        };
        (-40..=40).map(|place| steepness(f64::from(place) / 2.0)).fold(0.0, f64::max)
    }
}

/// A penalised log loss and its derivatives.
#[derive(Debug, Clone, Copy)]
struct Slopes {
    loss: f64,
    gradient: Line,
    by_slope: f64,
    by_both: f64,
    by_shift: f64,
}

impl Slopes {
    fn penalty(line: Line) -> Self {
        let change = Line { slope: line.slope - 1.0, shift: line.shift };
        Self {
            loss: f64::midpoint(change.slope.powi(2), change.shift.powi(2)),
            gradient: change,
            by_slope: 1.0,
            by_both: 0.0,
            by_shift: 1.0,
        }
    }

    /// Newton's step; the penalty keeps the matrix definite.
    fn step(&self) -> Option<Line> {
        let determinant = self.by_slope * self.by_shift - self.by_both.powi(2);
        let Line { slope, shift } = self.gradient;
        let step = Line {
            slope: (self.by_shift * slope - self.by_both * shift) / determinant,
            shift: (self.by_slope * shift - self.by_both * slope) / determinant,
        };
        (step.slope.is_finite() && step.shift.is_finite()).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const PARTS: usize = 5;

    /// Labels drawn by probabilities, and what a model says that takes their log-odds times `slope` plus `shift`.
    struct Drawn {
        classes: Vec<u32>,
        said: Vec<f32>,
        part_of: Vec<usize>,
        labels: usize,
    }

    impl Drawn {
        fn new(rows: usize, labels: usize, slope: f64, shift: f64) -> Self {
            let mut random = Random::labelled(5, 0);
            let (mut classes, mut said) = (Vec::new(), Vec::new());
            for _ in 0..rows {
                let scores: Vec<f64> = (0..labels).map(|_| 4.0 * random.unit() - 2.0).collect();
                let shares = |scores: &[f64]| {
                    let sum: f64 = scores.iter().map(|score| score.exp()).sum();
                    scores.iter().map(|score| score.exp() / sum).collect::<Vec<f64>>()
                };
                let (mut left, truth) = (random.unit(), shares(&scores));
                let drawn = truth.iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                classes.push(drawn.unwrap_or(labels - 1) as u32);
                let bold: Vec<f64> =
                    scores.iter().enumerate().map(|(label, score)| slope * score + if label == 1 { shift } else { 0.0 }).collect();
                said.extend(shares(&bold).into_iter().map(|share| share as f32));
            }
            Self { classes, said, part_of: (0..rows).map(|row| row % PARTS).collect(), labels }
        }

        fn rows(&self) -> OutOfFold<'_> {
            OutOfFold {
                classes: &self.classes,
                labels: self.labels,
                probabilities: &self.said,
                weights: Weights::Equal,
                averaged: false,
                early_stopped: false,
                part_of: &self.part_of,
                parts: PARTS,
            }
        }

        fn calibrate(&self, weights: Weights<'_>) -> (CalibrationOutcome, Option<Calibrated>) {
            calibrate(OutOfFold { weights, ..self.rows() })
        }
    }

    #[test]
    fn what_is_too_bold_is_taken_back() {
        let (_, calibrated) = Drawn::new(4_000, 2, 1.5, 0.5).calibrate(Weights::Equal);
        let Calibration { slope, shift, .. } = calibrated.unwrap().whole;
        // Log-odds 1.5·x + 0.5 come from x.
        assert!((slope - 2.0 / 3.0).abs() < 0.05 && (shift + 1.0 / 3.0).abs() < 0.1, "{slope} {shift}");
    }

    #[test]
    fn where_it_must_stay_flat_little_is_lost_of_what_could_be_gained() {
        let (truth, _) = Drawn::new(4_000, 2, 1.0, 0.0).calibrate(Weights::Equal);
        let CalibrationOutcome::NoGain { before: of_truth, .. } = truth else { panic!("{truth:?}") };
        let (bold, _) = Drawn::new(4_000, 2, 3.0, 1.0).calibrate(Weights::Equal);
        let CalibrationOutcome::Calibrated { before, after, .. } = bold else { panic!("{bold:?}") };
        assert!(before > 1.3 * of_truth && after - of_truth < 0.05 * (before - of_truth), "{of_truth} {bold:?}");
    }

    #[test]
    fn of_more_labels_only_the_temperature_is_fitted() {
        let (outcome, calibrated) = Drawn::new(4_000, 4, 0.5, 0.0).calibrate(Weights::Equal);
        let Calibration { slope, shift, .. } = calibrated.unwrap().whole;
        assert!((slope - 2.0).abs() < 0.15 && shift == 0.0, "{slope} {shift}");
        assert!(matches!(outcome, CalibrationOutcome::Calibrated { shift: None, .. }), "{outcome:?}");
    }

    #[test]
    fn what_comes_true_as_often_as_it_says_is_left_alone() {
        for labels in [2, 3] {
            let (outcome, calibrated) = Drawn::new(4_000, labels, 1.0, 0.0).calibrate(Weights::Equal);
            assert_eq!(calibrated, None);
            assert!(matches!(outcome, CalibrationOutcome::NoGain { .. }), "{outcome:?}");
        }
    }

    #[test]
    fn of_models_that_are_averaged_only_what_is_too_shy_is_corrected() {
        let averaged = |slope| calibrate(OutOfFold { averaged: true, ..Drawn::new(4_000, 2, slope, 0.0).rows() });
        let (outcome, calibrated) = averaged(1.5);
        assert!(matches!(outcome, CalibrationOutcome::Averaged { .. }) && calibrated.is_none(), "{outcome:?}");
        assert!((averaged(0.5).1.unwrap().whole.slope - 2.0).abs() < 0.15);
    }

    #[test]
    fn of_boosting_that_the_rows_stopped_only_what_is_too_bold_is_corrected() {
        let stopped = |slope| calibrate(OutOfFold { early_stopped: true, ..Drawn::new(4_000, 2, slope, 0.0).rows() });
        let (outcome, calibrated) = stopped(0.5);
        assert!(matches!(outcome, CalibrationOutcome::EarlyStopped { .. }) && calibrated.is_none(), "{outcome:?}");
        assert!((stopped(2.0).1.unwrap().whole.slope - 0.5).abs() < 0.05);
    }

    #[test]
    fn few_rows_do_not_tell() {
        let (outcome, calibrated) = Drawn::new(199, 2, 3.0, 1.0).calibrate(Weights::Equal);
        assert_eq!((outcome, calibrated), (CalibrationOutcome::FewRows { rows: 199, needed: 200 }, None));
    }

    #[test]
    fn rows_without_weight_do_not_count() {
        let mut drawn = Drawn::new(2_000, 2, 3.0, 0.0);
        let mut weights = vec![2.0; 2_000];
        for row in (0..2_000).step_by(4) {
            weights[row] = 0.0;
            drawn.said[2 * row..2 * row + 2].copy_from_slice(&[0.5, 0.5]);
            drawn.classes[row] = 1;
        }
        let Calibration { slope, shift, .. } = drawn.calibrate(Weights::Each(&weights)).1.unwrap().whole;
        assert!((slope - 1.0 / 3.0).abs() < 0.05 && shift.abs() < 0.15, "{slope} {shift}");
    }

    #[test]
    fn certainty_that_is_wrong_makes_no_calibration_too_steep() {
        let mut drawn = Drawn::new(3_000, 2, 1.0, 0.0);
        for (row, said) in drawn.said.chunks_exact_mut(2).enumerate() {
            let second = f32::from(u8::from((drawn.classes[row] == 1) != (row % 4 == 0)));
            said.copy_from_slice(&[1.0 - second, second]);
        }
        let Calibration { slope, shift, floor } = drawn.calibrate(Weights::Equal).1.unwrap().whole;
        let line = Line { slope: f64::from(slope), shift: f64::from(shift) };
        assert!(line.steepness(floor) < STEEPEST + 1e-3, "{slope} {shift} {floor}");
        let mut certain = [0.0, 1.0];
        Calibration { slope, shift, floor }.apply(&mut certain);
        assert!((certain[1] - 0.75).abs() < 0.03, "{certain:?}");
    }
}
