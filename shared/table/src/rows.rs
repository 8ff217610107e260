//! How many rows repeat an earlier one, by 64-bit hashes of rows: of all rows while they are few, else of those whose hash falls into a part
//! of all hashes, in which all repetitions of a row then are. Source: Gibbons, "Distinct Sampling for Highly-Accurate Answers to Distinct
//! Values Queries and Event Reports" (2001).

const KEPT: usize = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct RowHashes {
    kept: Vec<u64>,
    /// Hashes whose lowest bits, so many, are 0 are kept.
    level: u32,
}

impl RowHashes {
    pub(crate) fn add(&mut self, rows: &[u64]) {
        let mask = (1_u64 << self.level) - 1;
        self.kept.extend(rows.iter().filter(|hash| **hash & mask == 0));
        while self.kept.len() > KEPT && self.level < 60 {
            self.level += 1;
            let mask = (1_u64 << self.level) - 1;
            self.kept.retain(|hash| hash & mask == 0);
        }
    }

    /// The rows that repeat an earlier one, and whether they were counted or estimated.
    pub(crate) fn duplicates(mut self) -> (u64, bool) {
        self.kept.sort_unstable();
        let repeated = self.kept.windows(2).filter(|pair| matches!(pair, [one, two] if one == two)).count() as u64;
        (repeated << self.level, self.level == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_rows_are_counted_or_estimated() {
        let hash = |row: u64| {
            row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xFF51_AFD7_ED55_8CCD).rotate_left(17)
        };
        let rows = |count: u64, distinct: u64| {
            let mut hashes = RowHashes::default();
            (0..count).map(|row| hash(row % distinct)).collect::<Vec<_>>().chunks(10_000).for_each(|some| hashes.add(some));
            hashes.duplicates()
        };
        assert_eq!(rows(10, 4), (6, true));
        assert_eq!(rows(1_000, 1_000), (0, true));
        let (repeated, exact) = rows(5_000_000, 4_000_000);
        assert!(!exact && repeated.abs_diff(1_000_000) < 30_000, "{repeated}");
    }
}
