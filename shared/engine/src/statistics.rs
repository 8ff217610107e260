//! What trees see of features of many categories.
//!
//! Usually a target statistic beside the codes: the mean of the target in each category, as a number that trees can cut. A row that is learned
//! from gets the mean over the other parts of the learned rows, so that it never sees its own target; every other row gets the mean over all
//! learned rows. Means lean towards the overall mean by [`PRIOR_ROWS`] rows (Micci-Barreca, 2001, "A preprocessing scheme for
//! high-cardinality categorical attributes"). Or else the code itself as a number, and neither codes nor statistics.

use std::sync::Arc;

use model::Lookup;
use rayon::prelude::*;

use crate::{
    boost::bins::{Binned, BinnedColumn},
    matrix::{Column, Matrix, Target},
    random::Random,
};

/// Categories from which a feature has statistics; with fewer, sets of them serve better.
const FEWEST_CATEGORIES: usize = 25;
/// Labels up to which each has a statistic of its own.
const MOST_LABELS: usize = 6;
/// Rows that the overall mean counts as.
const PRIOR_ROWS: f64 = 10.0;
/// Parts of the learned rows.
const PARTS: usize = 5;

/// The inputs as trees see them.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// All inputs binned, what is looked up for categories last.
    pub binned: Binned,
    /// What is looked up for rows to come.
    pub lookups: Vec<Lookup>,
}

impl View {
    /// With the code of each feature of many categories as a number, in place of sets of its categories and without statistics; `None` when
    /// there is no such feature. Trees learn less by heart from it.
    pub(crate) fn in_order(matrix: &Matrix, binned: &Binned) -> Option<Self> {
        let mut view = Self { binned: binned.clone(), lookups: Vec::new() };
        for (input, column) in matrix.columns.iter().enumerate() {
            let Column::Codes { codes, count } = column else { continue };
            if *count <= FEWEST_CATEGORIES {
                continue;
            }
            let as_numbers = Column::Numbers(codes.iter().map(|&code| f32::from(code)).collect());
            if let Some(column) = view.binned.columns.get_mut(input) {
                *column = Arc::new(BinnedColumn::hidden());
            }
            view.binned.columns.push(Arc::new(BinnedColumn::new(&as_numbers)));
            view.lookups.push(Lookup { input: input as u32, values: (0..*count).map(|code| code as f32).collect() });
        }
        (!view.lookups.is_empty()).then_some(view)
    }

    /// With statistics of every feature of many categories from the rows of `learn`.
    pub(crate) fn with_statistics(
        matrix: &Matrix,
        binned: &Binned,
        target: &Target,
        weights: Option<&[f32]>,
        learn: &[u32],
        seed: u64,
    ) -> Self {
        let outputs: Vec<Option<u32>> = match target {
            Target::Numbers(_) => vec![None],
            Target::Classes { count: 2, .. } => vec![Some(1)],
            Target::Classes { count, .. } if *count <= MOST_LABELS => (0..*count as u32).map(Some).collect(),
            Target::Classes { .. } => Vec::new(),
        };
        let features: Vec<(usize, &Vec<u16>, usize)> = matrix
            .columns
            .iter()
            .enumerate()
            .filter_map(|(input, column)| match column {
                Column::Codes { codes, count } if *count > FEWEST_CATEGORIES => Some((input, codes, *count)),
                _ => None,
            })
            .collect();
        let wanted: Vec<_> = features.iter().flat_map(|feature| outputs.iter().map(move |output| (*feature, *output))).collect();
        let parts = parts(learn, target.len(), seed);
        let made = wanted.par_iter().map(|&((input, codes, count), output)| {
            let value = |row: usize| match (target, output) {
                (Target::Numbers(values), _) => values[row],
                (Target::Classes { classes, .. }, output) => f64::from(u8::from(Some(classes[row]) == output)),
            };
            let sums = Sums::over(codes, count, learn, &parts, weights, value);
            let means = sums.means();
            let numbers = (0..codes.len()).map(|row| match parts[row] {
                Some(part) => sums.mean_without(usize::from(codes[row]), usize::from(part)),
                None => means[usize::from(codes[row])],
            });
            let column = BinnedColumn::new(&Column::Numbers(numbers.collect()));
            (Arc::new(column), Lookup { input: input as u32, values: means })
        });
        let (columns, lookups): (Vec<_>, Vec<_>) = made.unzip();
        Self { binned: Binned { columns: binned.columns.iter().cloned().chain(columns).collect() }, lookups }
    }
}

/// The part of each learned row.
fn parts(learn: &[u32], rows: usize, seed: u64) -> Vec<Option<u8>> {
    let mut parts = vec![None; rows];
    let mut random = Random::labelled(seed, 5);
    learn.iter().for_each(|&row| parts[row as usize] = Some(random.below(PARTS) as u8));
    parts
}

/// Weights and weighted values by category and part.
struct Sums {
    by_code: Vec<[(f64, f64); PARTS]>,
    overall: f64,
}

impl Sums {
    fn over(
        codes: &[u16],
        count: usize,
        learn: &[u32],
        parts: &[Option<u8>],
        weights: Option<&[f32]>,
        value: impl Fn(usize) -> f64,
    ) -> Self {
        let mut by_code = vec![[(0.0, 0.0); PARTS]; count];
        let (mut sum, mut total) = (0.0, 0.0);
        for &row in learn {
            let row = row as usize;
            let weight = weights.and_then(|weights| weights.get(row)).map_or(1.0, |&weight| f64::from(weight));
            let cell = &mut by_code[usize::from(codes[row])][usize::from(parts[row].unwrap_or(0))];
            cell.0 += weight;
            cell.1 += weight * value(row);
            total += weight;
            sum += weight * value(row);
        }
        Self { by_code, overall: if total > 0.0 { sum / total } else { 0.0 } }
    }

    fn mean(&self, (weight, sum): (f64, f64)) -> f32 {
        ((sum + PRIOR_ROWS * self.overall) / (weight + PRIOR_ROWS)) as f32
    }

    fn means(&self) -> Vec<f32> {
        let add = |all: (f64, f64), part: &(f64, f64)| (all.0 + part.0, all.1 + part.1);
        self.by_code.iter().map(|parts| self.mean(parts.iter().fold((0.0, 0.0), add))).collect()
    }

    fn mean_without(&self, code: usize, part: usize) -> f32 {
        let others = self.by_code[code].iter().enumerate().filter(|(other, _)| *other != part);
        self.mean(others.fold((0.0, 0.0), |all, (_, part)| (all.0 + part.0, all.1 + part.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boost::bins::Bins;

    /// A hundred categories of ten rows, whose targets are noise.
    fn noise() -> (Matrix, Target) {
        let codes: Vec<u16> = (0..1_000).map(|row| 1 + row % 100).collect();
        let mut random = Random::labelled(8, 0);
        let target = Target::Numbers((0..1_000).map(|_| random.unit()).collect());
        (Matrix { columns: vec![Column::Codes { codes, count: 101 }], for_trees: vec![true] }, target)
    }

    fn correlation(statistics: &View, target: &Target, rows: std::ops::Range<usize>) -> f64 {
        let (Bins::Narrow(bins), Target::Numbers(values)) = (&statistics.binned.columns[1].bins, target) else { panic!("numbers") };
        let mean = |of: &dyn Fn(usize) -> f64| rows.clone().map(of).sum::<f64>() / rows.len() as f64;
        let (x, y) = (|row: usize| f64::from(bins[row]), |row: usize| values[row]);
        let (mx, my) = (mean(&x), mean(&y));
        let covariance = mean(&|row| (x(row) - mx) * (y(row) - my));
        covariance / (mean(&|row| (x(row) - mx).powi(2)) * mean(&|row| (y(row) - my).powi(2))).sqrt()
    }

    #[test]
    fn a_learned_row_does_not_see_its_own_target() {
        let (matrix, target) = noise();
        let binned = Binned::new(&matrix);
        let learn: Vec<u32> = (0..1_000).collect();
        let statistics = View::with_statistics(&matrix, &binned, &target, None, &learn, 1);
        let found = correlation(&statistics, &target, 0..1_000);
        assert!(found < 0.05, "the statistic of a row leans away from its own value: {found}");
    }

    #[test]
    fn rows_to_come_get_the_mean_of_their_category() {
        let (matrix, target) = noise();
        let binned = Binned::new(&matrix);
        let learn: Vec<u32> = (0..500).collect();
        let statistics = View::with_statistics(&matrix, &binned, &target, None, &learn, 1);
        let [lookup] = statistics.lookups.as_slice() else { panic!("one feature") };
        let Target::Numbers(values) = &target else { panic!("numbers") };
        let overall = values[..500].iter().sum::<f64>() / 500.0;
        let of_seven = (0..5).map(|k| values[6 + 100 * k]).sum::<f64>();
        assert!((f64::from(lookup.values[7]) - (of_seven + 10.0 * overall) / 15.0).abs() < 1e-6);
        assert!((f64::from(lookup.values[0]) - overall).abs() < 1e-6, "a category that was never seen");
    }

    #[test]
    fn in_order_the_codes_are_a_number() {
        let (matrix, _) = noise();
        let view = View::in_order(&matrix, &Binned::new(&matrix)).unwrap();
        let [hidden, number] = view.binned.columns.as_slice() else { panic!("the codes and the number") };
        assert_eq!((hidden.cuts.len(), number.cuts.len()), (1, 100));
        let [lookup] = view.lookups.as_slice() else { panic!("one feature") };
        assert_eq!((lookup.input, lookup.values.len(), lookup.values[0], lookup.values[100]), (0, 101, 0.0, 100.0));
    }

    #[test]
    fn few_categories_have_none() {
        let matrix = Matrix { columns: vec![Column::Codes { codes: vec![1; 50], count: 3 }], for_trees: vec![true] };
        assert!(View::in_order(&matrix, &Binned::new(&matrix)).is_none());
        let statistics =
            View::with_statistics(&matrix, &Binned::new(&matrix), &Target::Numbers(vec![0.0; 50]), None, &(0..50).collect::<Vec<_>>(), 1);
        assert!(statistics.lookups.is_empty() && statistics.binned.columns.len() == 1);
    }
}
