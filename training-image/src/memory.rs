//! How many rows of a table fit the memory that there is.
//!
//! What training keeps for each row is known beforehand, about: the table itself, the inputs as 32-bit numbers and as bins, the scores and
//! gradients, and the predictions of the candidates that may become part of the model. A table of more rows is learned from a sample.

use std::fs;

use domain::{ColumnKind, ColumnProfile, Profile, is_read_as_text, limits};

/// Memory that does not depend on the rows: the program, histograms, models.
const FIXED: u64 = 300 << 20;
/// Of the rest, what the rows may take.
const SHARE: f64 = 0.75;
/// Bytes of a cell: as read, as input, as bin.
const CELL: u64 = 8 + 4 + 1;
/// Numbers that a date becomes.
const DATE_PARTS: u64 = 8;
/// Numbers that a text becomes beside its words.
const TEXT_LENGTHS: u64 = 3;
/// Bytes of a text that seldom repeats, beside its characters.
const TEXT: u64 = 40;
/// Bytes of an output: scores, gradients of two fits side by side, and the kept predictions of the best candidates.
const OUTPUT: u64 = 4 + 2 * (4 + 16) + 16 * 4;
/// Never fewer rows than this.
const FEWEST: u64 = 10_000;

/// Bytes that the process may still take: what its group or the machine has left; `None` where neither tells.
pub fn available() -> Option<u64> {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let of_group = |limit, used| Some(number(limit)?.saturating_sub(number(used)?));
    let group = of_group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current");
    // The first version, where no limit is a number larger than any machine's memory.
    let older = of_group("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes");
    let machine = || {
        let told = fs::read_to_string("/proc/meminfo").ok()?;
        let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
    };
    [group, older, machine()].into_iter().flatten().min()
}

/// The rows that a training may read where so many bytes are there, when they are fewer than the table's.
pub(crate) fn rows_that_fit(profile: &Profile, target: &str, bytes: u64) -> Option<u64> {
    let is_text = |column: &&ColumnProfile| column.name != target && is_read_as_text(column, profile.rows);
    let texts = || profile.columns.iter().filter(is_text);
    let words = (texts().count() * limits::MAX_WORDS).min(limits::MAX_WORDS_OF_ALL) as u64;
    let of_column = |column: &ColumnProfile| match column.kind {
        ColumnKind::Date => DATE_PARTS,
        _ if is_text(&column) => 1 + TEXT_LENGTHS,
        _ => 1,
    };
    let cells = words + profile.columns.iter().map(of_column).sum::<u64>();
    let read: u64 = texts().filter_map(|column| column.text.as_ref()).map(|text| TEXT + text.mean_characters as u64).sum();
    let outputs = profile.column(target).filter(|target| !matches!(target.kind, ColumnKind::Float)).map_or(1, |target| target.unique);
    let row = cells * CELL + read + outputs.clamp(1, 100) * OUTPUT;
    let fits = (bytes.saturating_sub(FIXED) as f64 * SHARE) as u64 / row;
    (profile.rows > fits.max(FEWEST)).then_some(fits.max(FEWEST))
}

#[cfg(test)]
mod tests {
    use domain::TextStats;

    use super::*;

    fn table(rows: u64, columns: usize) -> Profile {
        let column = |position: usize| ColumnProfile { name: position.to_string(), kind: ColumnKind::Float, ..ColumnProfile::default() };
        Profile { rows, columns: (0..columns).map(column).collect(), ..Profile::default() }
    }

    #[test]
    fn a_table_that_fits_is_read_whole() {
        assert_eq!(rows_that_fit(&table(1_000_000, 50), "0", 8 << 30), None);
        assert_eq!(rows_that_fit(&table(5_000, 4_000), "0", 1 << 30), None, "a few rows are always read");
    }

    #[test]
    fn of_a_larger_one_as_many_rows_as_fit() {
        let fits = |columns, bytes| rows_that_fit(&table(100_000_000, columns), "0", bytes).unwrap();
        assert!((5_000_000..10_000_000).contains(&fits(50, 8 << 30)), "{}", fits(50, 8 << 30));
        assert!(fits(500, 8 << 30) < fits(50, 8 << 30) / 5);
        assert_eq!(fits(50, 1 << 20), FEWEST);
    }

    #[test]
    fn a_column_of_texts_counts_as_its_words() {
        let text = |mean_characters| ColumnProfile {
            name: "t".to_owned(),
            kind: ColumnKind::Text,
            unique: 100_000_000,
            text: Some(TextStats { mean_characters, mean_words: 9.0, common_words: 40, ..TextStats::default() }),
            ..ColumnProfile::default()
        };
        let with = |text: ColumnProfile| {
            let mut profile = table(100_000_000, 2);
            profile.columns.push(text);
            rows_that_fit(&profile, "0", 8 << 30).unwrap()
        };
        let without = rows_that_fit(&table(100_000_000, 3), "0", 8 << 30).unwrap();
        assert!(with(text(50.0)) < without / 4);
        assert!(with(text(5_000.0)) < with(text(50.0)) / 4);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_machine_tells_what_is_left() {
        assert!(available().unwrap() > 1 << 20);
    }
}
