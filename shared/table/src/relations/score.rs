//! How much groups of rows tell of the target, measured in rows in which the groups were not made: R², of classes over the indicators of
//! all of them (1 less the ratio of Brier scores); and how numbers go together, in proportion or in order.

use super::{Grouped, Target};

/// Rows from which halves are large enough to tell where a group ends; fewer are judged in more parts.
const MANY_ROWS: usize = 2_000;
const PARTS_OF_FEW: u64 = 10;

/// The parts that rows are judged in, each by what the others tell.
pub(super) fn parts(rows: usize) -> Parts {
    Parts(if rows < MANY_ROWS { PARTS_OF_FEW } else { 2 })
}

/// A number of parts of about equal size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts(u64);

impl Parts {
    pub(super) fn all(self) -> impl Iterator<Item = u64> {
        0..self.0
    }

    /// The part of a row, in no pattern that a table might have too.
    pub(super) fn of(self, row: usize) -> u64 {
        (((row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) * self.0) >> 32
    }
}

/// Squared errors in the rows that are judged: of the mean of all rows, and of the mean of each row's group.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Errors {
    alone: f64,
    grouped: f64,
}

impl Errors {
    pub(super) fn add(&mut self, other: Self) {
        self.alone += other.alone;
        self.grouped += other.grouped;
    }

    /// The share of the error that the groups take away.
    pub(super) fn score(self) -> f64 {
        if self.alone > 0.0 { 1.0 - self.grouped / self.alone } else { 0.0 }
    }

    /// The errors in one part of what the other parts say of the groups.
    pub(super) fn of(grouped: &Grouped, target: &Target, parts: Parts, judged: u64) -> Self {
        let is_judged = |row: &usize| parts.of(*row) == judged;
        match target {
            Target::Classes { codes, count } => Self::of_classes(grouped, codes, *count, is_judged),
            Target::Numbers(values) => Self::of_numbers(grouped, values, is_judged),
        }
    }

    fn of_classes(grouped: &Grouped, classes: &[u32], count: usize, is_judged: impl Fn(&usize) -> bool) -> Self {
        let mut all = vec![0.0; count];
        let mut groups = vec![0.0; grouped.labels.len() * count];
        let pairs = || grouped.codes.iter().zip(classes).map(|(group, class)| (*group as usize, *class as usize)).enumerate();
        for (_, (group, class)) in pairs().filter(|(row, _)| !is_judged(row)) {
            if let (Some(count), Some(in_group)) = (all.get_mut(class), groups.get_mut(group * count + class)) {
                *count += 1.0;
                *in_group += 1.0;
            }
        }
        let rows = all.iter().sum::<f64>().max(1.0);
        all.iter_mut().for_each(|count| *count /= rows);
        for group in groups.chunks_mut(count.max(1)) {
            // One row of the whole table is added to each group.
            let size = group.iter().sum::<f64>() + 1.0;
            group.iter_mut().zip(&all).for_each(|(count, prior)| *count = (*count + prior) / size);
        }
        let squares = |shares: &[f64]| shares.iter().map(|share| share * share).sum::<f64>();
        let (of_all, of_groups) = (squares(&all), groups.chunks(count.max(1)).map(squares).collect::<Vec<_>>());
        let mut errors = Self::default();
        for (_, (group, class)) in pairs().filter(|(row, _)| is_judged(row)) {
            let (Some(in_all), Some(in_group), Some(of_group)) = (all.get(class), groups.get(group * count + class), of_groups.get(group))
            else {
                continue;
            };
            errors.add(Self { alone: of_all - 2.0 * in_all + 1.0, grouped: of_group - 2.0 * in_group + 1.0 });
        }
        errors
    }

    fn of_numbers(grouped: &Grouped, values: &[f64], is_judged: impl Fn(&usize) -> bool) -> Self {
        let pairs = || grouped.codes.iter().zip(values).map(|(group, value)| (*group as usize, *value)).enumerate();
        let (mut n, mut sum) = (0.0_f64, 0.0);
        let mut groups = vec![(0.0, 0.0); grouped.labels.len()];
        for (_, (group, value)) in pairs().filter(|(row, _)| !is_judged(row)) {
            (n, sum) = (n + 1.0, sum + value);
            if let Some(group) = groups.get_mut(group) {
                *group = (group.0 + 1.0, group.1 + value);
            }
        }
        let mean = sum / n.max(1.0);
        let mut errors = Self::default();
        for (_, (group, value)) in pairs().filter(|(row, _)| is_judged(row)) {
            let (size, sum) = groups.get(group).copied().unwrap_or_default();
            let of_group = (sum + mean) / (size + 1.0);
            errors.add(Self { alone: (value - mean).powi(2), grouped: (value - of_group).powi(2) });
        }
        errors
    }
}

/// Pearson's correlation; 0 where one of them does not vary.
pub(super) fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (x_mean, y_mean) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - x_mean, y - y_mean);
        (xx, yy, xy) = (xx + dx * dx, yy + dy * dy, xy + dx * dy);
    }
    let value = xy / (xx * yy).sqrt();
    if value.is_finite() { value } else { 0.0 }
}

/// The rank of each of some rows, whose `order` is ascending in their `values`: equal values have the mean of their ranks. Other rows have 0.
pub(super) fn ranks(order: &[u32], values: &[f64]) -> Vec<f64> {
    let mut ranks = vec![0.0; values.len()];
    let value = |row: &u32| values.get(*row as usize).copied().unwrap_or(f64::NAN);
    let mut before = 0;
    for equal in order.chunk_by(|one, other| value(one).total_cmp(&value(other)).is_eq()) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        before += equal.len();
        equal.iter().filter_map(|row| ranks.get_mut(*row as usize).map(|place| *place = rank)).for_each(drop);
    }
    ranks
}
