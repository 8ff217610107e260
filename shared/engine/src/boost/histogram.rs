//! Sums of gradients, hessians and rows per bin, in whole numbers.
//!
//! Gradients are scaled to 31 bits and hessians to what is left of 63 bits beside the row count, so sums are exact: they do not depend
//! on the order of rows or threads, and a child's histogram is its parent's minus its sibling's to the last bit. The idea of quantised
//! gradients is from Shi et al., 2022, "Quantized training of gradient boosting decision trees"; at this width nothing is lost.

use std::ops::{AddAssign, ControlFlow, Sub, SubAssign};

use crate::boost::bins::{BinnedColumn, Bins};

/// Rows that are added side by side.
const LANES: usize = 4;

/// Sums over some rows, scaled: hessians in the upper bits of `weight`, the number of rows in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    /// Σ gradients.
    pub gradient: i64,
    /// Σ hessians · 2^count bits + rows.
    pub weight: i64,
}

impl AddAssign for Cell {
    fn add_assign(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.weight += other.weight;
    }
}

impl SubAssign for Cell {
    fn sub_assign(&mut self, other: Self) {
        self.gradient -= other.gradient;
        self.weight -= other.weight;
    }
}

impl Sub for Cell {
    type Output = Self;

    fn sub(mut self, other: Self) -> Self {
        self -= other;
        self
    }
}

/// Sums in their own units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sums {
    /// Σ gradients.
    pub gradient: f64,
    /// Σ hessians.
    pub hessian: f64,
    /// Rows.
    pub rows: f64,
}

/// Between units and whole numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// One step of a scaled gradient.
    pub gradient: f64,
    /// One step of a scaled hessian.
    pub hessian: f64,
    per_gradient: f64,
    per_hessian: f64,
    count_bits: u32,
}

/// The nearest whole number, of those below 2⁵¹.
#[inline]
fn rounded(value: f64) -> i64 {
    /// Added to a number, this leaves it rounded to a whole one, in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    ((value + ROUND).to_bits() as i64) - (ROUND.to_bits() as i64)
}

impl Scale {
    /// The finest scale on which sums over `rows` rows of values up to these fit 63 bits.
    pub(crate) fn new(rows: usize, max_gradient: f32, max_hessian: f32) -> Self {
        let count_bits = (usize::BITS - rows.leading_zeros()).max(1);
        let hessian_bits = 62_u32.saturating_sub(2 * count_bits).clamp(8, 30);
        let unit = |max: f32, bits: u32| f64::from(max.max(f32::MIN_POSITIVE)) / f64::from(1_u32 << bits);
        let (gradient, hessian) = (unit(max_gradient, 30), unit(max_hessian, hessian_bits));
        Self { gradient, hessian, per_gradient: gradient.recip(), per_hessian: hessian.recip(), count_bits }
    }

    /// One row.
    #[inline]
    pub(crate) fn cell(&self, gradient: f32, hessian: f32) -> Cell {
        let gradient = rounded(f64::from(gradient) * self.per_gradient);
        Cell { gradient, weight: (rounded(f64::from(hessian) * self.per_hessian) << self.count_bits) | 1 }
    }

    /// Back to units.
    pub(crate) fn sums(&self, cell: Cell) -> Sums {
        Sums {
            gradient: cell.gradient as f64 * self.gradient,
            hessian: self.steps(cell) as f64 * self.hessian,
            rows: self.rows(cell) as f64,
        }
    }

    /// Rows behind the sums.
    pub(crate) fn rows(&self, cell: Cell) -> usize {
        (cell.weight & ((1 << self.count_bits) - 1)) as usize
    }

    /// The hessian in steps.
    pub(crate) fn steps(&self, cell: Cell) -> i64 {
        cell.weight >> self.count_bits
    }
}

/// The sums of one feature by bin, and which bins have any: a leaf of few rows is then looked through in as many steps, however many bins
/// there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    cells: Vec<Cell>,
    /// A bit for each bin; where it is not set, the bin's sums are 0.
    filled: Vec<u64>,
}

impl Counts {
    /// Makes place for so many bins, all empty.
    pub(crate) fn reset(&mut self, bins: usize) {
        if self.cells.len() == bins && 4 * self.filled.iter().map(|word| word.count_ones() as usize).sum::<usize>() < bins {
            each_bit(&self.filled, |bin| self.cells[bin] = Cell::default());
        } else {
            self.cells.clear();
            self.cells.resize(bins, Cell::default());
            self.filled.resize(bins.div_ceil(64), 0);
        }
        self.filled.fill(0);
    }

    /// Adds the sums over `rows`, whose cells stand in the same order in `cells`, to empty ones.
    pub(crate) fn add(&mut self, column: &BinnedColumn, rows: &[u32], cells: &[Cell]) {
        match &column.bins {
            Bins::Narrow(bins) => {
                let add_side_by_side = match (self.cells.len(), rows.len()) {
                    (..=4, 16..) => add_side_by_side::<4>,
                    (..=16, 32..) => add_side_by_side::<16>,
                    (_, 1_024..) => add_side_by_side::<256>,
                    _ => return self.add_bins(bins, rows, cells),
                };
                add_side_by_side(&mut self.cells, bins, rows, cells);
                self.fill();
            }
            Bins::Wide(bins) => self.add_bins(bins, rows, cells),
        }
    }

    fn add_bins<B: Copy + Into<usize>>(&mut self, bins: &[B], rows: &[u32], cells: &[Cell]) {
        let sums = &mut self.cells[..];
        if rows.len() < sums.len() {
            for (&row, &cell) in rows.iter().zip(cells) {
                let bin = bins[row as usize].into();
                sums[bin] += cell;
                self.filled[bin / 64] |= 1 << (bin % 64);
            }
            return;
        }
        if rows.len() == bins.len() {
            for (&bin, &cell) in bins.iter().zip(cells) {
                sums[bin.into()] += cell;
            }
        } else {
            for (&row, &cell) in rows.iter().zip(cells) {
                sums[bins[row as usize].into()] += cell;
            }
        }
        self.fill();
    }

    /// Says of every bin that it may have rows.
    fn fill(&mut self) {
        let sums = &self.cells;
        self.filled.fill(u64::MAX);
        if let (Some(last), used @ 1..) = (self.filled.last_mut(), sums.len() % 64) {
            *last = (1 << used) - 1;
        }
    }

    /// Takes the sums of a part of the rows away.
    pub(crate) fn subtract(&mut self, part: &Self) {
        let Self { cells, filled } = self;
        each_bit(&part.filled, |bin| {
            cells[bin] -= part.cells[bin];
            if cells[bin].weight == 0 {
                filled[bin / 64] &= !(1 << (bin % 64));
            }
        });
    }

    /// All bins.
    pub(crate) fn values(&self) -> Values<'_> {
        Values { cells: &self.cells, filled: &self.filled }
    }
}

/// The sums of rows, for up to `BINS` bins (a power of two) that are all empty. Rows that follow each other often share a bin, and each addition to
/// it would wait for the one before: with a set of sums for every fourth row, they do not.
fn add_side_by_side<const BINS: usize>(sums: &mut [Cell], bins: &[u8], rows: &[u32], cells: &[Cell]) {
    let mut lanes = [[Cell::default(); LANES]; BINS];
    let place = |bin: u8| usize::from(bin) & (BINS - 1);
    let (some_cells, last_cells) = cells.as_chunks::<LANES>();
    if rows.len() == bins.len() {
        for (bins, cells) in bins.as_chunks::<LANES>().0.iter().zip(some_cells) {
            for lane in 0..LANES {
                lanes[place(bins[lane])][lane] += cells[lane];
            }
        }
    } else {
        for (rows, cells) in rows.as_chunks::<LANES>().0.iter().zip(some_cells) {
            for lane in 0..LANES {
                lanes[place(bins[rows[lane] as usize])][lane] += cells[lane];
            }
        }
    }
    for (&row, &cell) in rows.as_chunks::<LANES>().1.iter().zip(last_cells) {
        lanes[place(bins[row as usize])][0] += cell;
    }
    for (sum, lanes) in sums.iter_mut().zip(&lanes) {
        lanes.iter().for_each(|&cell| *sum += cell);
    }
}

fn each_bit(words: &[u64], mut each: impl FnMut(usize)) {
    for (place, &word) in words.iter().enumerate() {
        let mut left = word;
        while left != 0 {
            each(64 * place + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

/// The first bins of a feature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    cells: &'a [Cell],
    filled: &'a [u64],
}

impl<'a> Values<'a> {
    /// How many bins there are.
    pub(crate) fn len(self) -> usize {
        self.cells.len()
    }

    /// The last bin's sums, and the other bins.
    pub(crate) fn split_last(self) -> Option<(Cell, Self)> {
        self.cells.split_last().map(|(&last, cells)| (last, Self { cells, ..self }))
    }

    /// Shows the bins that have rows, ascending, until `each` wants no more.
    #[inline]
    pub(crate) fn visit(self, mut each: impl FnMut(usize, Cell) -> ControlFlow<()>) {
        for ((place, &word), cells) in self.filled.iter().enumerate().zip(self.cells.chunks(64)) {
            let mut left = word;
            while left != 0 {
                let at = left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(&cell) = cells.get(at)
                    && cell.weight != 0
                    && each(64 * place + at, cell).is_break()
                {
                    return;
                }
            }
        }
    }

    /// The bins that have rows, ascending.
    pub(crate) fn filled(self) -> impl Iterator<Item = (usize, Cell)> + 'a {
        let Self { cells, filled } = self;
        let mut words = filled.iter().enumerate();
        let (mut place, mut left) = (0, 0_u64);
        std::iter::from_fn(move || {
            loop {
                while left == 0 {
                    let (next, &word) = words.next()?;
                    (place, left) = (64 * next, word);
                }
                let bin = place + left.trailing_zeros() as usize;
                left &= left - 1;
                let &cell = cells.get(bin)?;
                if cell.weight != 0 {
                    return Some((bin, cell));
                }
            }
        })
    }

    /// The first and the last bin that has rows.
    pub(crate) fn ends(self) -> Option<(usize, usize)> {
        let (first, _) = self.filled().next()?;
        let last = self.cells.iter().rposition(|cell| cell.weight != 0)?;
        Some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::boost::bins::Cuts;

    proptest! {
        #[test]
        fn a_sibling_by_subtraction_equals_its_recount(
            rows in prop::collection::vec((0_u8..9, -3.0_f32..3.0, 0.0_f32..0.25, any::<bool>()), 1..300)
        ) {
            let scale = Scale::new(rows.len(), 3.0, 0.25);
            let column = BinnedColumn { bins: Bins::Narrow(rows.iter().map(|row| row.0).collect()), cuts: Cuts::Categorical { codes: 9 } };
            let histogram = |chosen: Vec<u32>| {
                let cells: Vec<Cell> = chosen.iter().map(|&row| rows[row as usize]).map(|(_, g, h, _)| scale.cell(g, h)).collect();
                let mut counts = Counts::default();
                counts.reset(9);
                counts.add(&column, &chosen, &cells);
                counts
            };
            let (left, right): (Vec<u32>, Vec<u32>) = (0..rows.len() as u32).partition(|&row| rows[row as usize].3);
            let parent = histogram((0..rows.len() as u32).collect());
            let filled = |counts: &Counts| counts.values().filled().collect::<Vec<_>>();
            let mut by_subtraction = parent.clone();
            by_subtraction.subtract(&histogram(left));
            prop_assert_eq!(filled(&by_subtraction), filled(&histogram(right)));
            by_subtraction.reset(9);
            prop_assert!(by_subtraction.cells.iter().all(|cell| *cell == Cell::default()));

            let mut total = Cell::default();
            for (_, cell) in parent.values().filled() {
                total += cell;
            }
            let with_rows: Vec<usize> = filled(&parent).into_iter().map(|(bin, _)| bin).collect();
            prop_assert_eq!(parent.values().ends(), with_rows.first().copied().zip(with_rows.last().copied()));
            let sums = scale.sums(total);
            prop_assert_eq!(scale.rows(total), rows.len());
            prop_assert!((sums.gradient - rows.iter().map(|row| f64::from(row.1)).sum::<f64>()).abs() < 1e-5);
            prop_assert!((sums.hessian - rows.iter().map(|row| f64::from(row.2)).sum::<f64>()).abs() < 1e-5);
        }
    }

    #[test]
    fn sums_over_many_rows_do_not_overflow() {
        let scale = Scale::new(16_000_000, 1.0, 1.0);
        let cell = scale.cell(1.0, 1.0);
        let total = Cell { gradient: cell.gradient * 16_000_000, weight: cell.weight * 16_000_000 };
        assert_eq!(scale.rows(total), 16_000_000);
        assert!((scale.sums(total).hessian - 16e6).abs() < 1.0);
    }
}
