//! The best cut of one feature in one leaf, from its histogram.
//!
//! With G and H the sums of gradients and hessians, a leaf's score is T(G)² / (H + λ₂), T the soft threshold by λ₁; a split's gain is
//! the children's scores less the leaf's (Chen and Guestrin, 2016, equation 7). Categories are sorted by G / (H + `cat_smooth`) and cut
//! like numbers, which finds the best set (Fisher, 1958); with few of them each is tried against the rest.

use std::ops::{ControlFlow, Range};

use crate::{
    boost::{
        bins::Cuts,
        histogram::{Cell, Scale, Sums, Values},
        params::Params,
    },
    random::Random,
};

/// Categories up to which each is tried against the rest.
const MAX_CAT_TO_ONEHOT: usize = 4;

/// A way to cut a leaf in two.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    /// Position of the feature.
    pub feature: usize,
    /// What the children's scores add.
    pub gain: f64,
    /// The test of the left side.
    pub test: Test,
    /// Sums of the left side.
    pub left: Cell,
}

/// The test that sends a row to the left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// The bin is at most this one, or missing if so said.
    AtMost {
        /// Position of the threshold.
        bin: usize,
        /// Where the missing bin goes.
        missing_left: bool,
    },
    /// The bin is one of these, sorted.
    OneOf(Vec<u16>),
}

impl Test {
    /// For each bin of a feature whether it goes left.
    pub(crate) fn table(&self, cuts: &Cuts) -> Vec<bool> {
        let mut table = vec![false; cuts.len()];
        match self {
            Self::AtMost { bin, missing_left } => {
                table.iter_mut().take(bin + 1).for_each(|goes| *goes = true);
                if let (Cuts::Numeric { missing: true, .. }, Some(goes)) = (cuts, table.last_mut()) {
                    *goes = *missing_left;
                }
            }
            Self::OneOf(bins) => {
                for &bin in bins {
                    if let Some(goes) = table.get_mut(usize::from(bin)) {
                        *goes = true;
                    }
                }
            }
        }
        table
    }
}

/// Scores splits of one leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scorer<'a> {
    params: &'a Params,
    scale: Scale,
    total: Cell,
    fewest: usize,
    least_steps: i64,
    sign: i8,
}

/// What a leaf's value may be, so that features with a sign keep it whatever is split below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    least: f64,
    most: f64,
}

impl Bounds {
    pub(crate) const NONE: Self = Self { least: f64::NEG_INFINITY, most: f64::INFINITY };

    /// The nearest value within.
    pub(crate) fn clamp(self, value: f64) -> f64 {
        value.max(self.least).min(self.most)
    }

    /// Those of the children of a split on a feature of this sign, whose values part at `middle`.
    pub(crate) fn parted(self, sign: i8, middle: f64) -> (Self, Self) {
        let (below, above) = (Self { most: middle, ..self }, Self { least: middle, ..self });
        match sign {
            0 => (self, self),
            1.. => (below, above),
            _ => (above, below),
        }
    }
}

/// A positive fraction, compared without dividing.
#[derive(Debug, Clone, Copy)]
struct Fraction {
    over: f64,
    under: f64,
}

impl Fraction {
    fn exceeds(self, other: Self) -> bool {
        self.over * other.under > other.over * self.under
    }
}

/// The best cut of a scan: its score, where, and what lies left of it.
type Cut = (Fraction, usize, Cell);

impl<'a> Scorer<'a> {
    /// For a leaf with these sums.
    pub(crate) fn new(params: &'a Params, scale: Scale, total: Cell) -> Self {
        let least_steps = (params.min_child_weight / scale.hessian).ceil().clamp(0.0, 1e18) as i64;
        Self { params, scale, total, fewest: params.min_data_in_leaf.max(1), least_steps, sign: 0 }
    }

    /// With values that follow the feature by this sign.
    pub(crate) fn following(self, sign: i8) -> Self {
        Self { sign, ..self }
    }

    /// Whether any split could leave enough on both sides.
    pub(crate) fn can_split(&self) -> bool {
        self.scale.rows(self.total) >= 2 * self.fewest && self.scale.steps(self.total) >= 2 * self.least_steps
    }

    /// The best split of a feature, if one gains anything; `random` draws its threshold in extra-trees mode.
    pub(crate) fn best(&self, feature: usize, cuts: &Cuts, values: Values<'_>, random: Random) -> Option<Split> {
        let (score, test, left) = match cuts {
            Cuts::Numeric { missing, .. } => self.best_threshold(values, *missing, random)?,
            Cuts::Categorical { .. } => self.best_set(values, random)?,
        };
        let own = self.side(self.total, self.steps_of(self.params.lambda_l2));
        let gain = (score.over / score.under - own.over / own.under) * self.scale.gradient * self.scale.gradient / self.scale.hessian;
        (gain > 1e-9).then_some(Split { feature, gain, test, left })
    }

    fn best_threshold(&self, values: Values<'_>, missing: bool, random: Random) -> Option<(Fraction, Test, Cell)> {
        let (absent, values) = match values.split_last() {
            Some(parted) if missing => parted,
            _ => (Cell::default(), values),
        };
        let range = self.candidates(values, random);
        let without = self.scan(values, &range, Cell::default());
        if absent.weight == 0 {
            let (score, bin, left) = without?;
            let missing_left = 2 * self.scale.rows(left) > self.scale.rows(self.total);
            return Some((score, Test::AtMost { bin, missing_left }, left));
        }
        let with = self.scan(values, &range, absent);
        let missing_left = match (&without, &with) {
            (Some(without), Some(with)) => with.0.exceeds(without.0),
            (_, with) => with.is_some(),
        };
        let (score, bin, left) = if missing_left { with? } else { without? };
        Some((score, Test::AtMost { bin, missing_left }, left))
    }

    /// The best cut after a bin of `range`, when `start` lies left of all of them.
    fn scan(&self, values: Values<'_>, range: &Range<usize>, start: Cell) -> Option<Cut> {
        let lambda = self.steps_of(self.params.lambda_l2);
        let (most_rows, most_steps) = (self.scale.rows(self.total) - self.fewest, self.scale.steps(self.total) - self.least_steps);
        let end = range.end.min(values.len().saturating_sub(1));
        let mut left = start;
        let mut best = (Fraction { over: -1.0, under: 1.0 }, usize::MAX, left);
        values.visit(|bin, cell| {
            if bin >= end {
                return ControlFlow::Break(());
            }
            left += cell;
            let (rows, steps) = (self.scale.rows(left), self.scale.steps(left));
            if rows > most_rows || steps > most_steps {
                return ControlFlow::Break(());
            }
            if rows < self.fewest || steps < self.least_steps || bin < range.start || (self.sign != 0 && !self.follows(left)) {
                return ControlFlow::Continue(());
            }
            let score = self.score(left, lambda);
            if score.exceeds(best.0) {
                best = (score, bin, left);
            }
            ControlFlow::Continue(())
        });
        (best.1 < usize::MAX).then_some(best)
    }

    /// Whether the right side's value lies from the left one's where the sign wants it.
    fn follows(&self, left: Cell) -> bool {
        let value = |cell| leaf_value(self.scale.sums(cell), self.params);
        f64::from(self.sign) * (value(self.total - left) - value(left)) >= 0.0
    }

    /// The thresholds to try: all, or one at random among those that cut the leaf's values.
    fn candidates(&self, values: Values<'_>, mut random: Random) -> Range<usize> {
        if !self.params.extra_trees {
            return 0..values.len();
        }
        match values.ends() {
            Some((first, last)) if first < last => {
                let drawn = first + random.below(last - first);
                // A bin without rows cuts where the one before it does.
                let bin = values.filled().map(|(bin, _)| bin).take_while(|&bin| bin <= drawn).last().unwrap_or(first);
                bin..bin + 1
            }
            _ => 0..values.len(),
        }
    }

    fn best_set(&self, values: Values<'_>, random: Random) -> Option<(Fraction, Test, Cell)> {
        let present = values.filled().count();
        let mut best = if present <= MAX_CAT_TO_ONEHOT { self.best_single(values) } else { self.best_prefix(values, present, random) }?;
        if let Test::OneOf(bins) = &mut best.1 {
            // What was not seen here goes the way of most rows.
            if 2 * self.scale.rows(best.2) > self.scale.rows(self.total) && present - bins.len() <= self.params.max_cat_threshold {
                *bins = values.filled().map(|(bin, _)| bin as u16).filter(|bin| !bins.contains(bin)).collect();
                best.2 = self.total - best.2;
            }
            bins.sort_unstable();
        }
        Some(best)
    }

    fn best_single(&self, values: Values<'_>) -> Option<(Fraction, Test, Cell)> {
        let lambda = self.steps_of(self.params.lambda_l2);
        let singles = values.filled().filter(|(_, cell)| self.is_allowed(*cell));
        let scored = singles.map(|(bin, cell)| (self.score(cell, lambda), Test::OneOf(vec![bin as u16]), cell));
        scored.reduce(|best, next| if next.0.exceeds(best.0) { next } else { best })
    }

    fn best_prefix(&self, values: Values<'_>, present: usize, mut random: Random) -> Option<(Fraction, Test, Cell)> {
        let rows = |cell: &Cell| self.scale.rows(*cell) as f64;
        let mut sorted: Vec<(f64, u16, Cell)> = Vec::with_capacity(present);
        sorted.extend(values.filled().filter(|(_, cell)| rows(cell) >= self.params.cat_smooth.max(1.0)).map(|(bin, cell)| {
            let sums = self.scale.sums(cell);
            (sums.gradient / (sums.hessian + self.params.cat_smooth), bin as u16, cell)
        }));
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let longest = self.params.max_cat_threshold.min(sorted.len().div_ceil(2));
        let lambda = self.steps_of(self.params.lambda_l2 + self.params.cat_l2);
        let group = self.params.min_data_in_leaf.max(self.scale.rows(self.total) / 100).min(100) as f64;
        let only = self.params.extra_trees.then(|| 1 + random.below(longest.max(1)));

        let mut best: Option<(Fraction, usize, bool, Cell)> = None;
        for from_the_top in [false, true] {
            let (mut left, mut in_group) = (Cell::default(), 0.0);
            for length in 1..=longest {
                let position = if from_the_top { sorted.len() - length } else { length - 1 };
                let Some((_, _, cell)) = sorted.get(position) else { break };
                left += *cell;
                in_group += rows(cell);
                if in_group < group || only.is_some_and(|only| length != only) {
                    continue;
                }
                in_group = 0.0;
                if !self.is_allowed(left) {
                    continue;
                }
                let score = self.score(left, lambda);
                if best.is_none_or(|best| score.exceeds(best.0)) {
                    best = Some((score, length, from_the_top, left));
                }
            }
        }
        let (score, length, from_the_top, left) = best?;
        let listed = if from_the_top { sorted.get(sorted.len() - length..)? } else { sorted.get(..length)? };
        Some((score, Test::OneOf(listed.iter().map(|(_, bin, _)| *bin).collect()), left))
    }

    /// Whether both sides are large enough.
    fn is_allowed(&self, left: Cell) -> bool {
        let right = self.total - left;
        self.scale.rows(left).min(self.scale.rows(right)) >= self.fewest
            && self.scale.steps(left).min(self.scale.steps(right)) >= self.least_steps
    }

    /// The children's scores on the scale of the cells.
    #[inline]
    fn score(&self, left: Cell, lambda: f64) -> Fraction {
        let (left, right) = (self.side(left, lambda), self.side(self.total - left, lambda));
        Fraction { over: left.over * right.under + right.over * left.under, under: left.under * right.under }
    }

    /// One side's score on the scale of the cells.
    #[inline]
    fn side(&self, cell: Cell, lambda: f64) -> Fraction {
        let mut gradient = cell.gradient as f64;
        if self.params.lambda_l1 > 0.0 {
            gradient = soft_threshold(gradient, self.params.lambda_l1 / self.scale.gradient);
        }
        Fraction { over: gradient * gradient, under: self.scale.steps(cell) as f64 + lambda + f64::MIN_POSITIVE }
    }

    /// An L2 penalty on the scale of the cells' hessians.
    fn steps_of(&self, lambda_l2: f64) -> f64 {
        lambda_l2 / self.scale.hessian
    }
}

/// The step that minimises a leaf's loss.
pub(crate) fn leaf_value(sums: Sums, params: &Params) -> f64 {
    -soft_threshold(sums.gradient, params.lambda_l1) / (sums.hessian + params.lambda_l2 + f64::MIN_POSITIVE)
}

fn soft_threshold(gradient: f64, lambda_l1: f64) -> f64 {
    gradient.signum() * (gradient.abs() - lambda_l1).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boost::{
        bins::{BinnedColumn, Bins},
        histogram::Counts,
    };

    const FREE: Params = Params {
        objective: crate::boost::loss::Objective::Natural,
        forest: false,
        feature_fraction_bynode: 1.0,
        learning_rate: 1.0,
        num_leaves: 2,
        min_data_in_leaf: 1,
        min_child_weight: 0.0,
        lambda_l1: 0.0,
        lambda_l2: 0.0,
        feature_fraction: 1.0,
        bagging_fraction: 1.0,
        extra_trees: false,
        cat_smooth: 1.0,
        cat_l2: 0.0,
        max_cat_threshold: 32,
        in_order: false,
        max_rounds: 1,
        patience: 1,
    };

    /// The best split of rows given as (bin, gradient).
    fn best(cuts: &Cuts, rows: &[(usize, f32)]) -> Option<Split> {
        let scale = Scale::new(rows.len(), 10.0, 1.0);
        let cells: Vec<Cell> = rows.iter().map(|&(_, gradient)| scale.cell(gradient, 1.0)).collect();
        let mut total = Cell::default();
        cells.iter().for_each(|&cell| total += cell);
        let column = BinnedColumn { bins: Bins::Narrow(rows.iter().map(|&(bin, _)| bin as u8).collect()), cuts: cuts.clone() };
        let mut counts = Counts::default();
        counts.reset(cuts.len());
        counts.add(&column, &(0..rows.len() as u32).collect::<Vec<_>>(), &cells);
        Scorer::new(&FREE, scale, total).best(3, cuts, counts.values(), Random::labelled(0, 0))
    }

    #[test]
    fn missing_values_go_where_they_fit() {
        let cuts = Cuts::Numeric { thresholds: vec![1.0, 2.0], missing: true };
        let high = best(&cuts, &[(0, -1.0), (1, -1.0), (2, 1.0), (3, 1.0)]).unwrap();
        assert_eq!(high.test, Test::AtMost { bin: 1, missing_left: false });
        let low = best(&cuts, &[(0, -1.0), (1, -1.0), (2, 1.0), (3, -1.0)]).unwrap();
        assert_eq!(low.test, Test::AtMost { bin: 1, missing_left: true });
        assert!((low.gain - (3.0 + 1.0 - 1.0)).abs() < 1e-6, "{}", low.gain);
    }

    #[test]
    fn missing_alone_can_be_the_cut() {
        let cuts = Cuts::Numeric { thresholds: vec![f32::MAX], missing: true };
        let split = best(&cuts, &[(0, -1.0), (0, -1.0), (2, 1.0)]).unwrap();
        assert_eq!(split.test, Test::AtMost { bin: 0, missing_left: false });
        assert_eq!(split.test.table(&cuts), [true, false, false]);
    }

    #[test]
    fn categories_are_grouped_by_what_they_mean_not_by_code() {
        let rows: Vec<(usize, f32)> = (0..24).map(|row| (row % 8, if row % 8 % 2 == 0 { -1.0 } else { 1.0 })).collect();
        let split = best(&Cuts::Categorical { codes: 8 }, &rows).unwrap();
        assert!(matches!(&split.test, Test::OneOf(codes) if *codes == [0, 2, 4, 6] || *codes == [1, 3, 5, 7]), "{:?}", split.test);
    }

    #[test]
    fn the_listed_categories_are_the_rarer_side() {
        let rows = [(1, 1.0), (1, 1.0), (1, 1.0), (2, -1.0)];
        let split = best(&Cuts::Categorical { codes: 3 }, &rows).unwrap();
        assert_eq!(split.test, Test::OneOf(vec![2]));
        assert_eq!(split.test.table(&Cuts::Categorical { codes: 3 }), [false, false, true]);
    }

    #[test]
    fn equal_gradients_are_not_worth_a_cut() {
        let cuts = Cuts::Numeric { thresholds: vec![1.0], missing: false };
        assert_eq!(best(&cuts, &[(0, 1.0), (1, 1.0)]), None);
    }
}
