//! Fitted models on the rows of a matrix, with a feature's values swapped or set where a question asks for it.

use model::{Calibration, Fitted, Linear, Link, TreeKernel};
use rayon::prelude::*;

use crate::{
    matrix::{Column, Matrix},
    search::{FoldFit, Found},
};

/// Rows that a thread works on at once, at most and at least.
const BLOCK: usize = 256;
const SMALLEST_BLOCK: usize = 64;

/// Values that stand in for a feature's own.
#[derive(Debug, Clone)]
pub(crate) enum Instead<'a> {
    /// None: the rows as they are.
    Nothing,
    /// The values of another row, by place in the list of rows, for these inputs.
    Swapped(std::ops::Range<usize>, &'a [u32]),
    /// One value for this input.
    Set(usize, f32),
}

/// Fits that answer for the same rows.
#[derive(Debug, Clone)]
pub(crate) struct Ensemble<'a> {
    /// With their weights.
    pub fits: Vec<(&'a FoldFit, f64)>,
    /// Corrects the weighted sum of their probabilities.
    pub calibration: Option<Calibration>,
}

impl Found {
    /// All fits of the chosen candidates that the folds left: what answers for rows that none of them learned from.
    pub(crate) fn all_fits(&self) -> Ensemble<'_> {
        let weighted = self.chosen.iter().flat_map(|chosen| {
            let share = chosen.weight / chosen.candidate.fits.len().max(1) as f64;
            chosen.candidate.fits.iter().map(move |fit| (fit, share))
        });
        let fits = weighted.collect();
        Ensemble { fits, calibration: self.calibrated.as_ref().map(|calibrated| calibrated.whole) }
    }

    /// The fits of a fold of the first deal: what answers for the rows that the fold judged.
    pub(crate) fn fits_of_fold(&self, fold: usize) -> Ensemble<'_> {
        let fits = self.chosen.iter().filter_map(|chosen| Some((chosen.candidate.fits.get(fold)?, chosen.weight))).collect();
        Ensemble { fits, calibration: self.calibrated.as_ref().and_then(|calibrated| calibrated.without.get(fold).copied()) }
    }
}

/// The ensemble's outputs for some rows, row-major: the number, or one probability per label.
pub(crate) fn outputs(ensemble: &Ensemble<'_>, matrix: &Matrix, rows: &[u32], instead: &Instead<'_>) -> Vec<f32> {
    Ready::new(ensemble).outputs(matrix, rows, instead)
}

/// An ensemble that is evaluated more than once: its trees are packed.
pub(crate) struct Ready<'a> {
    members: Vec<Member<'a>>,
    calibration: Option<Calibration>,
}

impl<'a> Ready<'a> {
    /// Packs the trees.
    pub(crate) fn new(ensemble: &Ensemble<'a>) -> Self {
        let members = ensemble.fits.iter().filter_map(|&(fit, weight)| Member::new(fit, weight)).collect();
        Self { members, calibration: ensemble.calibration }
    }

    /// As [`outputs`].
    pub(crate) fn outputs(&self, matrix: &Matrix, rows: &[u32], instead: &Instead<'_>) -> Vec<f32> {
        // Few rows are for all threads, too.
        let block = rows.len().div_ceil(rayon::current_num_threads()).clamp(SMALLEST_BLOCK, BLOCK);
        let of_block = |(number, rows): (usize, &[u32])| {
            let mut outputs = block_outputs(&self.members, matrix, rows, number * block, instead);
            if let Some(calibration) = &self.calibration {
                let labels = outputs.len() / rows.len().max(1);
                outputs.chunks_mut(labels.max(1)).for_each(|row| calibration.apply(row));
            }
            outputs
        };
        rows.par_chunks(block).enumerate().flat_map_iter(of_block).collect()
    }
}

/// A fit as it is evaluated, and its weight.
struct Member<'a> {
    fit: &'a FoldFit,
    weight: f32,
    scorer: Scorer<'a>,
}

enum Scorer<'a> {
    /// With the start values of the scores.
    Trees(TreeKernel, &'a [f32]),
    Linear(&'a Linear),
}

impl<'a> Member<'a> {
    /// `None` for trees that contradict themselves, which none of ours do.
    fn new(fit: &'a FoldFit, weight: f64) -> Option<Self> {
        let scorer = match &fit.model {
            Fitted::Trees(forest) => Scorer::Trees(TreeKernel::new(forest).ok()?, &forest.base),
            Fitted::Linear(linear) => Scorer::Linear(linear),
        };
        Some(Self { fit, weight: weight as f32, scorer })
    }

    /// Row-major scores of rows of `width` inputs.
    fn scores(&self, values: &[f32], width: usize) -> Vec<f32> {
        match &self.scorer {
            Scorer::Trees(kernel, base) => {
                let mut scores: Vec<f32> = base.iter().copied().cycle().take(values.len() / width.max(1) * base.len()).collect();
                kernel.add_scores(values, width, &mut scores);
                scores
            }
            Scorer::Linear(linear) => linear_scores(linear, values, width),
        }
    }
}

/// Some rows' inputs one after the other, so that each tree is walked for all of them while its nodes are at hand.
fn block_outputs(members: &[Member<'_>], matrix: &Matrix, rows: &[u32], first: usize, instead: &Instead<'_>) -> Vec<f32> {
    let lookups = members.iter().map(|member| member.fit.lookups.len()).max().unwrap_or(0);
    let (inputs, width) = (matrix.columns.len(), matrix.columns.len() + lookups);
    let mut values = vec![f32::NAN; rows.len() * width];
    for (input, column) in matrix.columns.iter().enumerate() {
        for (position, &row) in rows.iter().enumerate() {
            values[position * width + input] = match instead {
                Instead::Set(set, value) if *set == input => *value,
                Instead::Swapped(inputs, swapped) if inputs.contains(&input) => {
                    cell(column, swapped.get(first + position).copied().unwrap_or(row))
                }
                _ => cell(column, row),
            };
        }
    }
    let mut sums: Vec<f32> = Vec::new();
    for member in members {
        for (lookup, input) in member.fit.lookups.iter().zip(inputs..) {
            for row in values.chunks_mut(width) {
                let code = row.get(lookup.input as usize).copied().unwrap_or(0.0) as usize;
                row[input] = lookup.values.get(code).copied().unwrap_or(f32::NAN);
            }
        }
        let mut scores = member.scores(&values, width);
        let outputs = scores.len() / rows.len().max(1);
        scores.chunks_mut(outputs.max(1)).for_each(|row| member.fit.link.apply(row));
        sums.resize(scores.len(), 0.0);
        sums.iter_mut().zip(&scores).for_each(|(sum, output)| *sum += member.weight * output);
    }
    match members.first().map(|member| member.fit.link) {
        // One probability stands for both.
        Some(Link::Sigmoid | Link::Shares) if sums.len() == rows.len() => sums.iter().flat_map(|&second| [1.0 - second, second]).collect(),
        _ => sums,
    }
}

/// A row's inputs as a fit reads them, those that it looks up last.
pub(crate) fn inputs(fit: &FoldFit, matrix: &Matrix, row: u32) -> Vec<f32> {
    let mut values: Vec<f32> = matrix.columns.iter().map(|column| cell(column, row)).collect();
    for lookup in &fit.lookups {
        let code = values.get(lookup.input as usize).copied().unwrap_or(0.0) as usize;
        values.push(lookup.values.get(code).copied().unwrap_or(f32::NAN));
    }
    values
}

/// An input's value in a row.
pub(crate) fn cell(column: &Column, row: u32) -> f32 {
    match column {
        Column::Numbers(values) => values.get(row as usize).copied().unwrap_or(f32::NAN),
        Column::Codes { codes, .. } => codes.get(row as usize).map_or(0.0, |&code| f32::from(code)),
    }
}

fn linear_scores(linear: &Linear, values: &[f32], width: usize) -> Vec<f32> {
    let outputs = linear.intercepts.len();
    let mut scores: Vec<f32> = linear.intercepts.iter().copied().cycle().take(values.len() / width.max(1) * outputs).collect();
    for (row, scores) in values.chunks(width).zip(scores.chunks_mut(outputs)) {
        for term in &linear.numeric {
            let scaled = term.scaled(row.get(term.feature as usize).copied().unwrap_or(f32::NAN));
            scores.iter_mut().zip(&term.coefficients).for_each(|(score, coefficient)| *score += coefficient * scaled);
        }
        for (input, table) in &linear.categorical {
            if let Some(coefficients) = table.get(row.get(*input as usize).copied().unwrap_or(0.0) as usize) {
                scores.iter_mut().zip(coefficients).for_each(|(score, coefficient)| *score += coefficient);
            }
        }
    }
    scores
}
