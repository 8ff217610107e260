//! Sums of gradients, hessians and rows per bin, in whole numbers.
//!
//! Gradients are scaled to 31 bits and hessians to what is left of 63 bits beside the row count, so sums are exact: they do not depend
//! on the order of rows or threads, and a child's histogram is its parent's minus its sibling's to the last bit. The idea of quantised
//! gradients is from Shi et al., 2022, "Quantized training of gradient boosting decision trees"; at this width nothing is lost.

use std::ops::{AddAssign, Sub, SubAssign};

use crate::boost::bins::{BinnedColumn, Bins};

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
    count_bits: u32,
}

impl Scale {
    /// The finest scale on which sums over `rows` rows of values up to these fit 63 bits.
    pub(crate) fn new(rows: usize, max_gradient: f32, max_hessian: f32) -> Self {
        let count_bits = (usize::BITS - rows.leading_zeros()).max(1);
        let hessian_bits = 62_u32.saturating_sub(2 * count_bits).clamp(8, 30);
        let unit = |max: f32, bits: u32| f64::from(max.max(f32::MIN_POSITIVE)) / f64::from(1_u32 << bits);
        Self { gradient: unit(max_gradient, 30), hessian: unit(max_hessian, hessian_bits), count_bits }
    }

    /// One row.
    pub(crate) fn cell(&self, gradient: f32, hessian: f32) -> Cell {
        let hessian = (f64::from(hessian) / self.hessian).round() as i64;
        Cell { gradient: (f64::from(gradient) / self.gradient).round() as i64, weight: (hessian << self.count_bits) | 1 }
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

/// Sets `histogram` to the sums per bin over `rows`, whose cells stand in the same order in `cells`.
pub(crate) fn accumulate(histogram: &mut [Cell], column: &BinnedColumn, rows: &[u32], cells: &[Cell]) {
    match &column.bins {
        Bins::Narrow(bins) => accumulate_bins(histogram, bins, rows, cells),
        Bins::Wide(bins) => accumulate_bins(histogram, bins, rows, cells),
    }
}

fn accumulate_bins<B: Copy + Into<usize>>(histogram: &mut [Cell], bins: &[B], rows: &[u32], cells: &[Cell]) {
    histogram.fill(Cell::default());
    if rows.len() == bins.len() {
        for (&bin, &cell) in bins.iter().zip(cells) {
            histogram[bin.into()] += cell;
        }
    } else {
        for (&row, &cell) in rows.iter().zip(cells) {
            histogram[bins[row as usize].into()] += cell;
        }
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
                let mut histogram = vec![Cell::default(); 9];
                accumulate(&mut histogram, &column, &chosen, &cells);
                histogram
            };
            let (left, right): (Vec<u32>, Vec<u32>) = (0..rows.len() as u32).partition(|&row| rows[row as usize].3);
            let parent = histogram((0..rows.len() as u32).collect());
            let by_subtraction: Vec<Cell> = parent.iter().zip(histogram(left)).map(|(&all, part)| all - part).collect();
            prop_assert_eq!(&by_subtraction, &histogram(right));

            let mut total = Cell::default();
            for &cell in &parent {
                total += cell;
            }
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
