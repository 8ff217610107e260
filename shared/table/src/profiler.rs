//! The profile of a table that comes piece by piece: a scan for each column, and what only whole rows can tell.

use std::cmp::Reverse;

use arrow::array::{Array as _, ArrayRef};
use domain::{ColumnKind, Profile, ReadAs};
use rayon::prelude::*;

use crate::{
    TableError,
    associations::associations,
    rows::RowHashes,
    sample::Picker,
    scan::{ColumnScan, Found, Scanned, profiles, sample_rows},
    summary::Summary,
};

/// Columns of a piece with their sums, made side by side with other pieces.
pub(crate) struct SummedPiece {
    rows: usize,
    columns: Vec<(ArrayRef, Summary)>,
    row_hashes: Vec<u64>,
}

impl SummedPiece {
    /// Sums up columns of `rows` rows each.
    pub(crate) fn of(columns: &[(String, ColumnKind)], arrays: Vec<ArrayRef>, rows: usize) -> Self {
        let mut row_hashes = vec![0; rows];
        let summed = |((_, kind), array): (&(String, ColumnKind), ArrayRef)| {
            let summary = Summary::of(*kind, &array, &mut row_hashes);
            (array, summary)
        };
        let columns = columns.iter().zip(arrays).map(summed).collect();
        Self { rows, columns, row_hashes }
    }
}

/// Takes pieces in their order.
pub(crate) struct Profiler {
    rows: u64,
    scans: Vec<ColumnScan>,
    picker: Picker,
    row_hashes: RowHashes,
}

impl Profiler {
    pub(crate) fn new(columns: &[(String, ColumnKind)]) -> Self {
        let scans = columns.iter().map(|(name, kind)| ColumnScan::new(name, *kind, columns.len())).collect();
        Self { rows: 0, scans, picker: Picker::new(sample_rows(columns.len())), row_hashes: RowHashes::default() }
    }

    /// Takes pieces, the columns side by side; `also` does something more with each column's values, with what `with` has for it.
    pub(crate) fn take<T: Send>(
        &mut self,
        pieces: Vec<SummedPiece>,
        with: Vec<T>,
        also: impl Fn(&mut T, &ArrayRef) -> Result<(), TableError> + Send + Sync,
    ) -> Result<(), TableError> {
        let mut tasks: Vec<_> =
            self.scans.iter_mut().zip(with).map(|(scan, with)| (scan, with, Vec::<(ArrayRef, Summary)>::new())).collect();
        let mut picks = Vec::new();
        for piece in pieces {
            self.rows += piece.rows as u64;
            self.row_hashes.add(&piece.row_hashes);
            picks.push(self.picker.pick(piece.rows));
            tasks.iter_mut().zip(piece.columns).for_each(|((.., columns), column)| columns.push(column));
        }
        // The longest task first, so that the others fill the time beside it.
        tasks.sort_by_key(|(_, _, columns)| Reverse(columns.iter().map(|(array, _)| array.get_buffer_memory_size()).sum::<usize>()));
        tasks.into_par_iter().with_max_len(1).try_for_each(|(scan, mut with, columns)| {
            columns.into_iter().zip(&picks).try_for_each(|((array, summary), picks)| {
                scan.add(&array, summary, picks);
                also(&mut with, &array)
            })
        })
    }

    /// The profile, without what only the file can tell.
    pub(crate) fn finish(self, found: Vec<Found>) -> Profile {
        let (sampled_rows, all_kept) = self.picker.kept();
        let (duplicate_rows, duplicate_rows_exact) = self.row_hashes.duplicates();
        let scanned = profiles(self.scans.into_iter().zip(found).collect(), all_kept);
        let stripe_rows = scanned.first().map_or(1, |scanned| scanned.stripe_rows);
        let (columns, kept): (Vec<_>, Vec<_>) = scanned.into_iter().map(|Scanned { profile, kept, .. }| (profile, kept)).unzip();
        Profile {
            rows: self.rows,
            associations: associations(&columns, &kept),
            columns,
            duplicate_rows,
            duplicate_rows_exact,
            stripe_rows,
            sampled_rows: sampled_rows as u64,
            file_name: String::new(),
            bytes: 0,
            fingerprint: String::new(),
            read_as: ReadAs::default(),
            first_rows: Vec::new(),
        }
    }
}
