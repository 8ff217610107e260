//! What is found in how a column's cells are written: cells that do not fit, types that are mixed, dates that were not read, values that
//! stand for none. It is said of columns that are left out too, because mending the cells may bring them back.

use super::{About, FindingKind, Severity, percent};
use crate::{ColumnKind, ColumnProfile, Exclusion, Mixture, NumericStats};

/// The share of numbers or dates among texts from which types are mixed.
const MIXED: f64 = 0.02;
/// The share above which texts are meant to be dates.
const MOSTLY: f64 = 0.5;
/// A number stands for a missing value when it fills at least this share of the rows, and −1 when it fills this one.
const PLACEHOLDER_SHARE: f64 = 0.001;
const MINUS_ONE_SHARE: f64 = 0.01;
/// Fewer distinct values than this may all be codes.
const FEWEST_VALUES: u64 = 6;
/// Texts that stand for a missing value, in small letters.
const PLACEHOLDERS: [&str; 12] =
    ["?", "-", "--", ".", "unknown", "missing", "undefined", "n.a.", "not available", "not applicable", "tbd", "no data"];
/// Days as whole numbers lie between these.
const DAYS: std::ops::RangeInclusive<f64> = 19_000_101.0..=21_001_231.0;

impl About<'_> {
    pub(super) fn cells(&mut self) {
        let column = self.column;
        // In a column that repeats another, or tells the target, nothing is worth mending.
        if matches!(self.left_out, Some(Exclusion::Duplicate { .. } | Exclusion::Leak | Exclusion::Empty)) {
            return;
        }
        if column.bad.count > 0 {
            let example = column.bad.examples.first();
            let example = example.map(|cell| format!(", such as '{}' in line {}", cell.text, cell.line)).unwrap_or_default();
            let reason =
                format!("{} cells are no {}{example}", column.bad.count, if column.kind == ColumnKind::Date { "date" } else { "number" });
            self.add(FindingKind::BadCells, Severity::Warning, reason, "they count as missing");
        }
        if let Some(doubt) = column.doubt() {
            let action = "if it was read wrongly, write the cells plainly, such as 2024-12-31 or 1234.5, and upload the table again";
            self.add(FindingKind::Ambiguous, Severity::Warning, doubt.to_owned(), action);
        }
        self.numbers();
        self.texts();
    }

    fn numbers(&mut self) {
        let Some(stats) = &self.column.numeric else { return };
        if stats.infinite > 0 {
            let reason = format!("{} values are infinite", stats.infinite);
            self.add(
                FindingKind::Infinite,
                Severity::Warning,
                reason,
                "trees take them as the largest there are; linear models leave the column out",
            );
        }
        if let Some((value, rows)) = placeholder_number(self.column, stats, self.rows) {
            let reason = format!("{value} stands in {rows} rows and far from all other values: it may mean that there is none");
            let action = "it is learned as a number; if it means none, leave those cells empty and upload the table again";
            self.add(FindingKind::Placeholder, Severity::Warning, reason, action);
        }
        if are_days(self.column, stats) {
            let reason = format!("its numbers read as days, such as {}", stats.min);
            let action = "it is learned as a number; written as 2024-12-31, its year, month and weekday would be learned from";
            self.add(FindingKind::DatesAsNumbers, Severity::Warning, reason, action);
        }
    }

    fn texts(&mut self) {
        let column = self.column;
        let Some(text) = &column.text else { return };
        let mixture = text.mixture.filter(|_| !column.digits_only).and_then(|mixture| mixed(column, mixture));
        let is_mixed = mixture.is_some();
        let fate = if self.left_out.is_some() { "it is text and left out of training" } else { "it is learned as text" };
        if let Some((kind, reason)) = mixture {
            let action = match kind {
                FindingKind::DatesAsText => format!("{fate}; write all dates alike, best as 2024-12-31, and leave the other cells empty"),
                _ => format!("{fate}; if it is meant to be a number or a date, mend the other cells or leave them empty"),
            };
            self.add(kind, Severity::Warning, reason, &action);
        } else if let Some(month) = month_as_text(column) {
            let reason = format!("its texts read as months, such as '{month}'");
            self.add(FindingKind::DatesAsText, Severity::Warning, reason, &format!("{fate}; with a day, such as {month}-01, it is a date"));
        }
        if let Some(top) = column.top_values.iter().find(|top| is_placeholder(&top.value)).filter(|_| !is_mixed) {
            let reason = format!("'{}' in {} rows seems to mean that there is no value", top.value, top.count);
            self.add(
                FindingKind::Placeholder,
                Severity::Note,
                reason,
                "it is a category like the others; empty cells would count as missing",
            );
        }
        if text.padded > 0 && self.left_out.is_none() {
            let reason = format!("{} values begin or end with a blank", text.padded);
            self.add(FindingKind::Padded, Severity::Note, reason, "kept: 'a' and ' a' are two values, also in predictions");
        }
    }
}

/// What texts are that could in part be something else.
fn mixed(column: &ColumnProfile, mixture: Mixture) -> Option<(FindingKind, String)> {
    let Mixture { numbers, dates, others, in_one_order } = mixture;
    let all = numbers + dates + others;
    let share = |part: u64| part as f64 / all.max(1) as f64;
    let rest = column.top_values.iter().find(|top| !top.value.bytes().any(|byte| byte.is_ascii_digit()));
    let rest = rest.map(|top| format!(", such as '{}' in {} rows", top.value, top.count)).unwrap_or_default();
    if share(dates) > MOSTLY {
        let orders = if in_one_order < dates { " in more than one order" } else { "" };
        let others = if dates < all { format!("; the others are not{rest}") } else { String::new() };
        return Some((FindingKind::DatesAsText, format!("{} of its texts are dates{orders}{others}", percent(share(dates)))));
    }
    let reason = if numbers == all {
        "its texts are numbers, but not written in one way".to_owned()
    } else if share(numbers) > MIXED && share(dates) > MIXED {
        format!("{} of its values are numbers and {} dates", percent(share(numbers)), percent(share(dates)))
    } else if share(numbers) > MIXED {
        format!("{} of its values are numbers, the others are not{rest}", percent(share(numbers)))
    } else if share(dates) > MIXED {
        format!("{} of its values are dates, the others are not{rest}", percent(share(dates)))
    } else {
        return None;
    };
    Some((FindingKind::MixedTypes, reason))
}

/// A number of nines, or −1, that is the smallest or largest value, far from the next one, and frequent.
fn placeholder_number(column: &ColumnProfile, stats: &NumericStats, rows: u64) -> Option<(f64, u64)> {
    if column.unique < FEWEST_VALUES {
        return None;
    }
    column.top_values.iter().find_map(|top| {
        let value: f64 = top.value.parse().ok()?;
        let is_nines = value.abs() >= 9.0 && value.fract() == 0.0 && top.value.trim_start_matches('-').bytes().all(|digit| digit == b'9');
        let least = if is_nines {
            PLACEHOLDER_SHARE
        } else if value == -1.0 {
            MINUS_ONE_SHARE
        } else {
            return None;
        };
        let is_far = match (stats.smallest.as_slice(), stats.largest.as_slice()) {
            ([smallest, next, ..], _) if *smallest == value && value < 0.0 => *next >= 0.0,
            (_, [largest, next, ..]) if *largest == value && value > 0.0 => value - next > next - stats.min,
            _ => false,
        };
        (is_far && top.count > 1 && top.count as f64 >= least * rows as f64).then_some((value, top.count))
    })
}

/// Whether all known values of whole numbers read as days: 20241231.
fn are_days(column: &ColumnProfile, stats: &NumericStats) -> bool {
    let is_day = |value: f64| {
        let digits = value as u64;
        DAYS.contains(&value) && (1..=12).contains(&(digits / 100 % 100)) && (1..=31).contains(&(digits % 100))
    };
    let top = column.top_values.iter().filter_map(|top| top.value.parse().ok());
    column.kind == ColumnKind::Integer
        && column.unique > 2
        && stats.smallest.iter().chain(&stats.largest).copied().chain([stats.min, stats.max]).chain(top).all(is_day)
}

/// The first of texts that all read as months: `2024-12`.
fn month_as_text(column: &ColumnProfile) -> Option<&str> {
    let is_month = |text: &str| {
        text.split_once('-').is_some_and(|(year, month)| {
            year.len() == 4
                && month.len() == 2
                && year.parse::<u16>().is_ok_and(|year| (1_800..=2_200).contains(&year))
                && month.parse::<u8>().is_ok_and(|month| (1..=12).contains(&month))
        })
    };
    let known = || column.top_values.iter().map(|top| top.value.as_str()).chain(column.samples.iter().map(String::as_str));
    if known().all(is_month) { known().next() } else { None }
}

fn is_placeholder(text: &str) -> bool {
    PLACEHOLDERS.contains(&text.trim().to_lowercase().as_str())
}
