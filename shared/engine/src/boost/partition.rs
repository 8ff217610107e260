//! Rows by leaf: one list of row numbers in which each leaf owns a range.

use std::ops::Range;

use crate::boost::bins::{BinnedColumn, Bins};

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

fn split_rows<B: Copy + Into<usize>>(rows: &mut [u32], spare: &mut [u32], bins: &[B], goes_left: &[bool]) -> usize {
    let (mut left, mut right) = (0, 0);
    for position in 0..rows.len() {
        let row = rows[position];
        let goes = usize::from(goes_left[bins[row as usize].into()]);
        rows[left] = row;
        spare[right] = row;
        left += goes;
        right += 1 - goes;
    }
    rows[left..].copy_from_slice(&spare[..right]);
    left
}
