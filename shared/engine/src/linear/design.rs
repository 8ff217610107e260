//! The inputs of a linear model: numbers imputed by the median and standardised, categories one-hot, rare ones at 0.

use model::{Linear, Scaled};
use ndarray::{Array2, ShapeBuilder};

use crate::matrix::{Column, Matrix};

/// The most inputs, one-hot ones included; features beyond it are left out.
const MAX_WIDTH: usize = 256;
/// The most categories of a feature that have an input of their own.
const MAX_CATEGORIES: usize = 40;
/// The fewest rows that a category needs for one.
const MIN_CATEGORY_ROWS: u32 = 3;
/// The most rows that statistics are taken from.
const MAX_STATISTICS_ROWS: usize = 50_000;

/// Which inputs there are and how they are scaled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Design {
    numeric: Vec<Scaling>,
    categorical: Vec<Coding>,
    width: usize,
}

#[derive(Debug, Clone)]
struct Coding {
    feature: usize,
    /// For each code, its input if it has one.
    inputs: Vec<Option<usize>>,
    /// For each code, its share of the rows.
    shares: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Scaling {
    feature: usize,
    fill: f32,
    mean: f32,
    scale: f32,
}

impl Scaling {
    fn apply(self, value: f32) -> f32 {
        ((if value.is_nan() { self.fill } else { value }) - self.mean) / self.scale
    }
}

impl Design {
    /// Learns the scales and the categories from some rows. Numbers without spread or with infinities have no input.
    pub(crate) fn new(matrix: &Matrix, rows: &[u32]) -> Self {
        let step = rows.len().div_ceil(MAX_STATISTICS_ROWS).max(1);
        let sample: Vec<u32> = rows.iter().copied().step_by(step).collect();
        let mut design = Self::default();
        for (feature, column) in matrix.columns.iter().enumerate() {
            if let Column::Numbers(values) = column
                && design.width < MAX_WIDTH
                && let Some(scaling) = scaling(feature, values, &sample)
            {
                design.numeric.push(scaling);
                design.width += 1;
            }
        }
        for (feature, column) in matrix.columns.iter().enumerate() {
            if let Column::Codes { codes, count } = column {
                design.add_categories(feature, codes, *count, &sample);
            }
        }
        design
    }

    fn add_categories(&mut self, feature: usize, codes: &[u16], count: usize, rows: &[u32]) {
        let mut counts = vec![0_u32; count];
        for &row in rows {
            counts[usize::from(codes[row as usize])] += 1;
        }
        let mut frequent: Vec<usize> = (0..count).filter(|&code| counts[code] >= MIN_CATEGORY_ROWS).collect();
        frequent.sort_by_key(|&code| (std::cmp::Reverse(counts[code]), code));
        frequent.truncate(MAX_CATEGORIES.min(MAX_WIDTH.saturating_sub(self.width)));
        if frequent.len() < 2 {
            return;
        }
        let mut inputs = vec![None; count];
        for code in frequent {
            inputs[code] = Some(self.width);
            self.width += 1;
        }
        let shares = counts.iter().map(|&count| f64::from(count) / rows.len() as f64).collect();
        self.categorical.push(Coding { feature, inputs, shares });
    }

    /// Number of inputs.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The inputs of some rows, one column contiguous in memory after the other.
    pub(crate) fn inputs(&self, matrix: &Matrix, rows: &[u32]) -> Array2<f64> {
        let mut inputs = Array2::zeros((rows.len(), self.width).f());
        for (input, scaling) in self.numeric.iter().enumerate() {
            if let Column::Numbers(values) = &matrix.columns[scaling.feature] {
                let scaled = rows.iter().map(|&row| f64::from(scaling.apply(values[row as usize])));
                inputs.column_mut(input).iter_mut().zip(scaled).for_each(|(cell, value)| *cell = value);
            }
        }
        for coding in &self.categorical {
            if let Column::Codes { codes, .. } = &matrix.columns[coding.feature] {
                for (position, &row) in rows.iter().enumerate() {
                    if let Some(input) = coding.inputs[usize::from(codes[row as usize])] {
                        inputs[(position, input)] = 1.0;
                    }
                }
            }
        }
        inputs
    }

    /// The model with these coefficients, `width × scores`. The mean of each category's coefficients over the rows moves to the intercept,
    /// which so becomes the mean score: what attributions start from.
    pub(crate) fn model(&self, coefficients: &Array2<f64>, intercepts: &[f64]) -> Linear {
        let of_input = |input: usize| coefficients.row(input).iter().map(|&value| value as f32).collect::<Vec<_>>();
        let mut intercepts = intercepts.to_vec();
        let mut centred = |coding: &Coding| {
            let coefficient = |code: usize, output: usize| coding.inputs[code].map_or(0.0, |input| coefficients[(input, output)]);
            let mut table = vec![Vec::with_capacity(intercepts.len()); coding.inputs.len()];
            for (output, intercept) in intercepts.iter_mut().enumerate() {
                let mean: f64 = coding.shares.iter().enumerate().map(|(code, share)| share * coefficient(code, output)).sum();
                table.iter_mut().enumerate().for_each(|(code, row)| row.push((coefficient(code, output) - mean) as f32));
                *intercept += mean;
            }
            (coding.feature as u32, table)
        };
        let categorical = self.categorical.iter().map(&mut centred).collect();
        Linear {
            intercepts: intercepts.iter().map(|&value| value as f32).collect(),
            numeric: (0..)
                .zip(&self.numeric)
                .map(|(input, scaling)| Scaled {
                    feature: scaling.feature as u32,
                    fill: scaling.fill,
                    mean: scaling.mean,
                    scale: scaling.scale,
                    coefficients: of_input(input),
                })
                .collect(),
            categorical,
        }
    }
}

fn scaling(feature: usize, values: &[f32], rows: &[u32]) -> Option<Scaling> {
    let mut present: Vec<f32> = rows.iter().map(|&row| values[row as usize]).filter(|value| !value.is_nan()).collect();
    if present.is_empty() || present.iter().any(|value| value.is_infinite()) {
        return None;
    }
    let middle = present.len() / 2;
    let fill = *present.select_nth_unstable_by(middle, f32::total_cmp).1;
    let filled = || rows.iter().map(|&row| values[row as usize]).map(|value| f64::from(if value.is_nan() { fill } else { value }));
    let count = rows.len() as f64;
    let mean = filled().sum::<f64>() / count;
    let scale = (filled().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let spread = scale > 1e-6 * mean.abs() && scale as f32 >= f32::MIN_POSITIVE && (scale as f32).is_finite();
    spread.then_some(Scaling { feature, fill, mean: mean as f32, scale: scale as f32 })
}
