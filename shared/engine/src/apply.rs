//! Fitted models on the rows of a matrix, with a feature's values swapped or set where a question asks for it.

use model::{Fitted, Link, Node, SHARE_FLOOR, Tree};
use rayon::prelude::*;

use crate::{
    matrix::{Column, Matrix},
    search::{Chosen, FoldFit},
};

/// Rows that a thread works on at once.
const BLOCK: usize = 64;

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

/// Weighted fits that answer for the same rows.
pub(crate) type Ensemble<'a> = Vec<(&'a FoldFit, f64)>;

/// All fits of the chosen candidates that the folds left, weighted: what answers for rows that none of them learned from.
pub(crate) fn all_fits(chosen: &[Chosen]) -> Ensemble<'_> {
    chosen
        .iter()
        .flat_map(|chosen| {
            let share = chosen.weight / chosen.candidate.fits.len().max(1) as f64;
            chosen.candidate.fits.iter().map(move |fit| (fit, share))
        })
        .collect()
}

/// The fits of one fold, weighted: what answers for the rows that the fold judged.
pub(crate) fn fits_of_fold(chosen: &[Chosen], fold: usize) -> Ensemble<'_> {
    chosen.iter().filter_map(|chosen| Some((chosen.candidate.fits.get(fold)?, chosen.weight))).collect()
}

/// The ensemble's outputs for some rows, row-major: the number, or one probability per label.
pub(crate) fn outputs(ensemble: &Ensemble<'_>, matrix: &Matrix, rows: &[u32], instead: &Instead<'_>) -> Vec<f32> {
    let blocks = rows.par_chunks(BLOCK).enumerate().map(|(block, rows)| block_outputs(ensemble, matrix, rows, block * BLOCK, instead));
    blocks.flatten_iter().collect()
}

/// Some rows' inputs one after the other, so that each tree is walked for all of them while its nodes are at hand.
fn block_outputs(ensemble: &Ensemble<'_>, matrix: &Matrix, rows: &[u32], first: usize, instead: &Instead<'_>) -> Vec<f32> {
    let lookups = ensemble.iter().map(|(fit, _)| fit.lookups.len()).max().unwrap_or(0);
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
    for (fit, weight) in ensemble {
        for (lookup, input) in fit.lookups.iter().zip(inputs..) {
            for row in values.chunks_mut(width) {
                let code = row.get(lookup.input as usize).copied().unwrap_or(0.0) as usize;
                row[input] = lookup.values.get(code).copied().unwrap_or(f32::NAN);
            }
        }
        let mut scores = scores(&fit.model, &values, width, rows.len());
        let outputs = scores.len() / rows.len().max(1);
        scores.chunks_mut(outputs.max(1)).for_each(|row| apply_link(fit.link, row));
        sums.resize(scores.len(), 0.0);
        sums.iter_mut().zip(&scores).for_each(|(sum, output)| *sum += *weight as f32 * output);
    }
    match ensemble.first() {
        // One probability stands for both.
        Some((FoldFit { link: Link::Sigmoid | Link::Shares, .. }, _)) if sums.len() == rows.len() => {
            sums.iter().flat_map(|&second| [1.0 - second, second]).collect()
        }
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

/// Row-major scores.
fn scores(model: &Fitted, values: &[f32], width: usize, rows: usize) -> Vec<f32> {
    match model {
        Fitted::Trees(forest) => {
            let outputs = forest.base.len();
            let mut scores: Vec<f32> = forest.base.iter().copied().cycle().take(rows * outputs).collect();
            for tree in &forest.trees {
                for (row, scores) in values.chunks(width).zip(scores.chunks_mut(outputs)) {
                    if let Some(score) = scores.get_mut(tree.output as usize) {
                        *score += leaf(tree, row);
                    }
                }
            }
            scores
        }
        Fitted::Linear(linear) => {
            let mut scores: Vec<f32> = linear.intercepts.iter().copied().cycle().take(rows * linear.intercepts.len()).collect();
            for (row, scores) in values.chunks(width).zip(scores.chunks_mut(linear.intercepts.len())) {
                for term in &linear.numeric {
                    let given = row.get(term.feature as usize).copied().unwrap_or(f32::NAN);
                    let scaled = ((if given.is_nan() { term.fill } else { given }) - term.mean) / term.scale;
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
    }
}

fn apply_link(link: Link, scores: &mut [f32]) {
    match link {
        Link::Identity => {}
        Link::Sigmoid => scores.iter_mut().for_each(|score| *score = 1.0 / (1.0 + (-*score).exp())),
        Link::Exponential => scores.iter_mut().for_each(|score| *score = score.exp()),
        Link::Shares if scores.len() == 1 => scores.iter_mut().for_each(|score| *score = score.clamp(0.0, 1.0)),
        Link::Softmax => {
            let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            scores.iter_mut().for_each(|score| *score = (*score - highest).exp());
            divide_by_sum(scores);
        }
        Link::Shares => {
            scores.iter_mut().for_each(|score| *score = score.max(0.0) + SHARE_FLOOR);
            divide_by_sum(scores);
        }
    }
}

fn divide_by_sum(scores: &mut [f32]) {
    let sum: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
}

fn leaf(tree: &Tree, values: &[f32]) -> f32 {
    let value = |input: u32| values.get(input as usize).copied().unwrap_or(f32::NAN);
    let mut at = 0;
    while let Some(node) = tree.nodes.get(at) {
        at = match node {
            Node::Leaf { value } => return *value,
            Node::Threshold { feature, threshold, missing_left, left, right } => {
                let value = value(*feature);
                if value <= *threshold || (value.is_nan() && *missing_left) { *left } else { *right }
            }
            Node::InSet { feature, codes, left, right } => {
                if codes.binary_search(&(value(*feature) as u32)).is_ok() {
                    *left
                } else {
                    *right
                }
            }
        } as usize;
    }
    0.0
}
