//! What an ensemble says of the rows that folds judged: what the model is calibrated by, and, on small tables, judged by.

use std::ops::Range;

use domain::CalibrationOutcome;

use super::{Search, params};
use crate::{
    calibrate::{Calibrated, OutOfFold, calibrate},
    judge::Weights,
    matrix::Target,
    random::Random,
    split::Arrangement,
};

/// The most figures (rows × labels) that a calibration is fitted on.
const CALIBRATION_FIGURES: usize = 200_000;

/// What an ensemble says of the rows that folds judged.
pub(super) struct Measured {
    /// Rows and outputs, as in [`Found`].
    pub judged: Option<(Vec<u32>, Vec<f32>)>,
    pub calibration: Option<CalibrationOutcome>,
    pub calibrated: Option<Calibrated>,
}

impl Search<'_> {
    /// What the ensemble with these weights says of the rows that folds judged, calibrated if that helps. Where those rows judge the model, it
    /// is chosen anew without each fold.
    pub(super) fn measure(&self, weights: &[(usize, f64)], judge: bool) -> Measured {
        let mut measured = Measured { judged: None, calibration: None, calibrated: None };
        let classes = if let Target::Classes { classes, count } = &self.problem.target { Some((classes.as_slice(), *count)) } else { None };
        if !judge && classes.is_none() {
            return measured;
        }
        let (rows, kept) = if judge { self.out_of_fold(|own| self.choose_without(own)) } else { self.out_of_fold(|_| weights.to_vec()) };
        let mut outputs = if judge { self.bench.outputs(&kept) } else { None };
        if let Some((classes, labels)) = classes {
            let part_of = self.parts(&rows);
            let is_boosted =
                |&(position, _): &(usize, f64)| self.candidates.get(position).and_then(params).is_some_and(|params| !params.forest);
            let early_stopped = weights.iter().any(is_boosted);
            let (calibration, calibrated) = self.calibrate(classes, labels, (&rows, &kept), &part_of, early_stopped);
            if let (Some(outputs), Some(calibrated)) = (&mut outputs, &calibrated) {
                let of_rows = outputs.chunks_mut(labels).zip(&part_of);
                of_rows.for_each(|(row, &part)| calibrated.without[part].apply(row));
            }
            measured = Measured { calibration: Some(calibration), calibrated, ..measured };
        }
        Measured { judged: outputs.map(|outputs| (rows, outputs)), ..measured }
    }

    /// The ensemble that predicts the judged rows outside some positions best; of all rows, where there are no others.
    fn choose_without(&self, own: Range<usize>) -> Vec<(usize, f64)> {
        let others: Vec<usize> = (0..self.watched.len()).filter(|position| !own.contains(position)).collect();
        if others.is_empty() { self.choose(&own.collect::<Vec<_>>()) } else { self.choose(&others) }
    }

    /// The judged rows, ascending, and what is kept of the mean outputs of the ensembles that `weights` gives for each fold's positions.
    fn out_of_fold(&self, weights: impl Fn(Range<usize>) -> Vec<(usize, f64)>) -> (Vec<u32>, Vec<f32>) {
        let width = self.problem.width();
        let rows = self.problem.target.len();
        let (mut sums, mut times) = (vec![0.0_f32; rows * width], vec![0_u32; rows]);
        let mut start = 0;
        for fold in &self.folds {
            let end = start + fold.split.watch.len();
            let weights = weights(start..end);
            for (position, &row) in (start..end).zip(&fold.split.watch) {
                let row = row as usize;
                times[row] += 1;
                for &(candidate, weight) in &weights {
                    let values = &self.candidates[candidate].predictions[position * width..(position + 1) * width];
                    sums[row * width..].iter_mut().zip(values).for_each(|(sum, value)| *sum += weight as f32 * value);
                }
            }
            start = end;
        }
        let judged: Vec<u32> = (0..rows as u32).filter(|&row| times[row as usize] > 0).collect();
        let kept: Vec<f32> = judged
            .iter()
            .flat_map(|&row| {
                let row = row as usize;
                let times = times[row] as f32;
                sums[row * width..(row + 1) * width].iter().map(move |sum| sum / times)
            })
            .collect();
        (judged, kept)
    }

    /// Parts of the judged rows.
    fn part_count(&self) -> usize {
        self.count.max(2)
    }

    /// For each of the rows its part: the fold of the first deal that judged it; where there is none, or one fold only, one at random, the
    /// same for all rows of a group.
    fn parts(&self, rows: &[u32]) -> Vec<usize> {
        let mut parts: Vec<usize> = (0..self.problem.target.len())
            .map(|row| {
                let label = if let Arrangement::Groups(groups) = &self.problem.arrangement { groups[row] as usize } else { row };
                Random::labelled(self.seed, label as u64).below(self.part_count())
            })
            .collect();
        if self.count > 1 {
            for (part, fold) in self.folds.iter().take(self.count).enumerate() {
                fold.split.watch.iter().for_each(|&row| parts[row as usize] = part);
            }
        }
        rows.iter().map(|&row| parts[row as usize]).collect()
    }

    /// Calibrates what the ensemble says of some rows, of which this was kept, if that helps.
    fn calibrate(
        &self,
        classes: &[u32],
        labels: usize,
        (rows, kept): (&[u32], &[f32]),
        part_of: &[usize],
        early_stopped: bool,
    ) -> (CalibrationOutcome, Option<Calibrated>) {
        let step = (rows.len() * labels).div_ceil(CALIBRATION_FIGURES).max(1);
        let kept: Vec<f32> = kept.chunks(self.problem.width()).step_by(step).flatten().copied().collect();
        let Some(probabilities) = self.bench.outputs(&kept) else { return (CalibrationOutcome::ManyLabels, None) };
        let rows = || rows.iter().step_by(step).map(|&row| row as usize);
        let weights = self.problem.weights.as_ref().map(|weights| rows().map(|row| weights[row]).collect::<Vec<f32>>());
        calibrate(OutOfFold {
            classes: &rows().map(|row| classes[row]).collect::<Vec<_>>(),
            labels,
            probabilities: &probabilities,
            weights: weights.as_deref().map_or(Weights::Equal, Weights::Each),
            averaged: self.count > 1 && self.folds.len() == self.count,
            early_stopped,
            part_of: &part_of.iter().step_by(step).copied().collect::<Vec<_>>(),
            parts: self.part_count(),
        })
    }
}
