//! Rows by leaf: one list of row numbers in which each leaf owns a range.

use std::ops::Range;

use crate::boost::{
    bins::{BinnedColumn, Bins},
    grow::SHARED_ROWS,
};

/// Rows in an order where each leaf's lie together, ascending within a leaf when they were so at first.
#[derive(Debug, Clone)]
pub(crate) struct Partition {
    rows: Vec<u32>,
    spare: Vec<u32>,
}

impl Partition {
    /// All rows in one leaf.
    pub(crate) fn new(rows: Vec<u32>) -> Self {
        Self { spare: vec![0; rows.len()], rows }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows of a range.
    pub(crate) fn rows(&self, range: &Range<usize>) -> &[u32] {
        self.rows.get(range.clone()).unwrap_or_default()
    }

    /// Moves the rows of `range` whose bin goes left before the others, keeping their order, and says where the others start.
    pub(crate) fn split(&mut self, range: &Range<usize>, column: &BinnedColumn, goes_left: &[bool]) -> usize {
        let (Some(rows), Some(spare)) = (self.rows.get_mut(range.clone()), self.spare.get_mut(range.clone())) else { return range.start };
        let left = match &column.bins {
            Bins::Narrow(bins) => split_rows(rows, spare, bins, goes_left),
            Bins::Wide(bins) => split_rows(rows, spare, bins, goes_left),
        };
        range.start + left
    }
}

fn split_rows<B: Copy + Into<usize> + Sync>(rows: &mut [u32], spare: &mut [u32], bins: &[B], goes_left: &[bool]) -> usize {
    let left = part_rows(rows, spare, bins, goes_left);
    let right = rows.len() - left;
    rows[left..].copy_from_slice(&spare[..right]);
    left
}

/// Moves the rows that go left to the start of `rows`, and copies the others to the start of `spare`.
fn part_rows<B: Copy + Into<usize> + Sync>(rows: &mut [u32], spare: &mut [u32], bins: &[B], goes_left: &[bool]) -> usize {
    if rows.len() >= SHARED_ROWS {
        let middle = rows.len() / 2;
        let ((rows_1, rows_2), (spare_1, spare_2)) = (rows.split_at_mut(middle), spare.split_at_mut(middle));
        let (left_1, left_2) = rayon::join(|| part_rows(rows_1, spare_1, bins, goes_left), || part_rows(rows_2, spare_2, bins, goes_left));
        rows.copy_within(middle..middle + left_2, left_1);
        spare.copy_within(middle..middle + (rows.len() - middle - left_2), middle - left_1);
        return left_1 + left_2;
    }
    let (mut left, mut right) = (0, 0);
    for position in 0..rows.len() {
        let row = rows[position];
        let goes = usize::from(goes_left[bins[row as usize].into()]);
        rows[left] = row;
        spare[right] = row;
        left += goes;
        right += 1 - goes;
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{boost::bins::Cuts, random::Random};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn rows_part_by_their_bins_and_keep_their_order(rows in 1..5 * SHARED_ROWS, from in 0.0..0.5_f64, seed: u64) {
            let mut random = Random::labelled(seed, 0);
            let bins: Vec<u8> = (0..rows).map(|_| random.below(3) as u8).collect();
            let column = BinnedColumn { bins: Bins::Narrow(bins.clone()), cuts: Cuts::Categorical { codes: 3 } };
            let start = (rows as f64 * from) as usize;
            let mut partition = Partition::new((0..rows as u32).collect());
            let cut = partition.split(&(start..rows), &column, &[true, false, true]);
            let (left, right): (Vec<u32>, Vec<u32>) = (start as u32..rows as u32).partition(|&row| bins[row as usize] != 1);
            prop_assert!(partition.rows(&(0..start)).iter().copied().eq(0..start as u32));
            prop_assert_eq!(partition.rows(&(start..cut)), left);
            prop_assert_eq!(partition.rows(&(cut..rows)), right);
        }
    }
}
