//! Feature values → small integers, once for all trees.
//!
//! A numeric feature is cut at up to 254 thresholds into bins of about equal weight; value `x` lies in the bin numbered by how many
//! thresholds are below it, so that "bin ≤ i" and "x ≤ threshold i" are the same test in `f32`, in training as in the model. Missing
//! values have a bin of their own after the others. A categorical feature's bins are its codes.

use std::{cmp::Ordering, sync::Arc};

use rayon::prelude::*;

use crate::matrix::{Column, Matrix};

/// The most bins of a numeric feature's values; one more is for missing ones, and all fit eight bits.
const MAX_BINS: usize = 255;
/// Rows that the cuts are found on; more change them little.
const SAMPLE: usize = 200_000;

/// A binned table.
#[derive(Debug, Clone)]
pub(crate) struct Binned {
    /// One per input; shared, as folds add columns of their own.
    pub columns: Vec<Arc<BinnedColumn>>,
}

/// A binned input.
#[derive(Debug, Clone)]
pub(crate) struct BinnedColumn {
    /// The bin of each row.
    pub bins: Bins,
    /// What the bins stand for.
    pub cuts: Cuts,
}

/// Bins in the least space.
#[derive(Debug, Clone)]
pub(crate) enum Bins {
    /// Up to 256 bins.
    Narrow(Vec<u8>),
    /// More: categorical features only.
    Wide(Vec<u16>),
}

/// What bins stand for.
#[derive(Debug, Clone)]
pub(crate) enum Cuts {
    /// Bin *i* holds the values up to and including threshold *i*, the one after the last threshold the rest.
    Numeric {
        /// Ascending, finite.
        thresholds: Vec<f32>,
        /// Whether the bin after all others holds missing values.
        missing: bool,
    },
    /// Bin = code.
    Categorical {
        /// Number of codes, 0 included.
        codes: usize,
    },
}

impl Cuts {
    /// Bins of the feature, the one for missing values included.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Numeric { thresholds, missing } => thresholds.len() + 1 + usize::from(*missing),
            Self::Categorical { codes } => *codes,
        }
    }
}

impl Binned {
    /// Bins every column of a table; those that trees do not look at are of one bin.
    pub(crate) fn new(matrix: &Matrix) -> Self {
        let column = |(column, &seen): (&Column, &bool)| Arc::new(if seen { BinnedColumn::new(column) } else { BinnedColumn::hidden() });
        Self { columns: matrix.columns.par_iter().zip(&matrix.for_trees).map(column).collect() }
    }
}

impl BinnedColumn {
    /// A column of one bin, which trees pass over.
    pub(crate) fn hidden() -> Self {
        Self { bins: Bins::Narrow(Vec::new()), cuts: Cuts::Categorical { codes: 1 } }
    }

    /// Bins a column.
    pub(crate) fn new(column: &Column) -> Self {
        match column {
            Column::Numbers(values) => {
                let missing = values.iter().any(|value| value.is_nan());
                let thresholds = thresholds(values, missing);
                let last = thresholds.len();
                let bin = |&value: &f32| {
                    let below = if value.is_nan() { last + 1 } else { thresholds.partition_point(|&threshold| threshold < value) };
                    below as u8
                };
                let bins = Bins::Narrow(values.iter().map(bin).collect());
                Self { bins, cuts: Cuts::Numeric { thresholds, missing } }
            }
            Column::Codes { codes, count } => {
                let bins =
                    if *count <= 256 { Bins::Narrow(codes.iter().map(|&code| code as u8).collect()) } else { Bins::Wide(codes.clone()) };
                Self { bins, cuts: Cuts::Categorical { codes: *count } }
            }
        }
    }
}

/// Cuts between neighbouring distinct values, each where the bin so far holds its share of what is left. With missing values there is one
/// more cut, above all others: it can part them from the rest.
fn thresholds(values: &[f32], missing: bool) -> Vec<f32> {
    let step = values.len().div_ceil(SAMPLE).max(1);
    let mut sorted: Vec<f32> = values.iter().copied().step_by(step).filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let runs: Vec<(f32, usize)> =
        sorted.chunk_by(|a, b| a.partial_cmp(b).is_some_and(Ordering::is_eq)).filter_map(|run| Some((*run.first()?, run.len()))).collect();

    let mut cuts = Vec::new();
    let (mut left, mut bins, mut filled) = (sorted.len(), MAX_BINS - usize::from(missing), 0);
    for (position, pair) in runs.windows(2).enumerate() {
        let [(value, count), (next, next_count)] = *pair else { continue };
        filled += count;
        let runs_left = runs.len() - position - 1;
        let share = left as f64 / bins as f64;
        let full = runs_left < bins || filled as f64 + 0.5 * next_count as f64 > share;
        if full
            && bins > 1
            && let Some(cut) = between(value, next)
        {
            cuts.push(cut);
            left -= filled;
            filled = 0;
            bins -= 1;
        }
    }
    if missing && values.iter().all(|&value| value != f32::INFINITY) {
        cuts.push(f32::MAX);
    }
    cuts
}

/// A finite `t` with `low <= t < high`, near their middle; `None` when there is none (only below the smallest finite number).
fn between(low: f32, high: f32) -> Option<f32> {
    let floor = low.max(f32::MIN);
    if floor >= high {
        return None;
    }
    let middle = floor / 2.0 + high.min(f32::MAX) / 2.0;
    Some(if middle >= floor && middle < high { middle } else { floor })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bins_of(column: &BinnedColumn) -> Vec<usize> {
        match &column.bins {
            Bins::Narrow(bins) => bins.iter().map(|&bin| usize::from(bin)).collect(),
            Bins::Wide(bins) => bins.iter().map(|&bin| usize::from(bin)).collect(),
        }
    }

    proptest! {
        #[test]
        fn the_test_on_bins_is_the_test_on_values(values in prop::collection::vec(prop_oneof![
            8 => any::<f32>(),
            4 => (-5_i8..5).prop_map(f32::from),
            1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(f32::NEG_INFINITY), 1 => Just(f32::MIN), 1 => Just(-0.0),
        ], 1..600)) {
            let column = BinnedColumn::new(&Column::Numbers(values.clone()));
            let Cuts::Numeric { thresholds, missing } = &column.cuts else { panic!("numeric") };
            prop_assert!(thresholds.len() < MAX_BINS);
            prop_assert!(thresholds.iter().all(|threshold| threshold.is_finite()));
            prop_assert!(thresholds.windows(2).all(|pair| pair[0] < pair[1]));
            for (value, bin) in values.iter().zip(bins_of(&column)) {
                if value.is_nan() {
                    prop_assert!(*missing && bin == thresholds.len() + 1);
                } else {
                    for (position, threshold) in thresholds.iter().enumerate() {
                        prop_assert_eq!(value <= threshold, bin <= position);
                    }
                }
            }
        }
    }

    #[test]
    fn few_distinct_values_have_a_bin_each() {
        let values: Vec<f32> = (0..1_000_u16).map(|row| f32::from(row % 200)).collect();
        assert_eq!(thresholds(&values, false).len(), 199);
    }

    #[test]
    fn many_distinct_values_fill_all_bins_about_evenly() {
        let values: Vec<f32> = (0..10_000_u16).map(|row| f32::from(row).powi(3)).collect();
        let column = BinnedColumn::new(&Column::Numbers(values));
        let mut counts = vec![0; column.cuts.len()];
        for bin in bins_of(&column) {
            counts[bin] += 1;
        }
        assert_eq!(counts.len(), MAX_BINS);
        assert!(counts.iter().all(|count| (20..=60).contains(count)), "{counts:?}");
    }

    #[test]
    fn infinities_are_values_with_finite_cuts() {
        assert_eq!(between(f32::NEG_INFINITY, f32::MIN), None);
        assert_eq!(between(f32::MAX, f32::INFINITY), Some(f32::MAX));
        assert_eq!(between(1.0, 3.0), Some(2.0));
    }
}
