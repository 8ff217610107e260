//! One column's profile, from its values piece by piece.

use std::{collections::HashMap, hash::BuildHasher as _};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _},
    datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use domain::{BadCell, BadCells, ColumnKind, ColumnProfile, DateRange, date};
use foldhash::fast::FixedState;

use crate::{
    column::{CellType, Tally},
    distinct::Distinct,
    numeric::Numeric,
};

const SAMPLES: usize = 5;
/// Bad cells that are shown.
const SHOWN_BAD: usize = 20;
/// Values of a text column that are looked at to tell codes from prose.
const CODE_SAMPLE: u32 = 100;
/// Distinct values and kept numbers of the whole table that are held in memory, shared by its columns.
const HELD_VALUES: usize = 2_000_000;

/// How many values a column of a table with `columns` columns may hold.
fn cap(columns: usize) -> usize {
    (HELD_VALUES / columns.max(1)).clamp(1_000, 100_000)
}

enum Values {
    /// By the bits of the number, −0 as 0; whole numbers by their own.
    Numbers {
        distinct: Distinct<u64>,
        numeric: Box<Numeric>,
    },
    /// False and true.
    Booleans([u64; 2]),
    /// By microseconds.
    Dates {
        distinct: Distinct<i64>,
        range: Option<(i64, i64)>,
        has_time: bool,
    },
    Texts(Distinct<String>),
}

/// Running statistics of a column.
pub(crate) struct ColumnScan {
    name: String,
    kind: ColumnKind,
    rows: u64,
    missing: u64,
    values: Values,
    samples: Vec<String>,
    looked_at: u32,
    code_like: u32,
    /// What identifies the values in their order.
    content: u64,
    finite: Vec<f64>,
}

impl ColumnScan {
    /// A column of a table with `columns` columns.
    pub(crate) fn new(name: &str, kind: ColumnKind, columns: usize) -> Self {
        let cap = cap(columns);
        let values = match kind {
            ColumnKind::Integer | ColumnKind::Float => {
                Values::Numbers { distinct: Distinct::new(cap), numeric: Box::new(Numeric::new(cap)) }
            }
            ColumnKind::Boolean => Values::Booleans([0; 2]),
            ColumnKind::Date => Values::Dates { distinct: Distinct::new(cap), range: None, has_time: false },
            ColumnKind::Text => Values::Texts(Distinct::new(cap)),
        };
        Self {
            name: name.to_owned(),
            kind,
            rows: 0,
            missing: 0,
            values,
            samples: Vec::new(),
            looked_at: 0,
            code_like: 0,
            content: 0,
            finite: Vec::new(),
        }
    }

    /// Adds the values of a piece, of the type that the column has.
    pub(crate) fn add(&mut self, array: &ArrayRef) {
        self.rows += array.len() as u64;
        self.missing += array.null_count() as u64;
        match self.kind {
            ColumnKind::Integer => {
                if let Some(array) = array.as_primitive_opt::<Int64Type>() {
                    self.add_numbers(array.iter(), |value| value as f64, |value| value as u64, |value| value.to_string());
                }
            }
            ColumnKind::Float => {
                if let Some(array) = array.as_primitive_opt::<Float64Type>() {
                    self.add_numbers(array.iter(), |value| value, |value| (value + 0.0).to_bits(), |value| value.to_string());
                }
            }
            ColumnKind::Boolean => self.add_booleans(array),
            ColumnKind::Date => self.add_dates(array),
            ColumnKind::Text => self.add_texts(array),
        }
    }

    fn add_numbers<T: Copy>(
        &mut self,
        values: impl Iterator<Item = Option<T>>,
        number: impl Fn(T) -> f64,
        key: impl Fn(T) -> u64,
        text: impl Fn(T) -> String,
    ) {
        let Values::Numbers { distinct, numeric } = &mut self.values else { return };
        self.finite.clear();
        let (mut infinite, mut content) = (0, self.content);
        for value in values {
            let Some(value) = value else {
                content = combined(content, MISSING);
                continue;
            };
            let number = number(value);
            // NaN is what the file has for no value where it is Parquet's own.
            if number.is_nan() {
                self.missing += 1;
                content = combined(content, MISSING);
                continue;
            }
            content = combined(content, (number + 0.0).to_bits());
            distinct.add(&key(value), 1);
            if number.is_finite() {
                self.finite.push(number);
            } else {
                infinite += 1;
            }
            if self.samples.len() < SAMPLES {
                sample(&mut self.samples, text(value));
            }
        }
        self.content = content;
        numeric.add(&self.finite);
        numeric.add_infinite(infinite);
    }

    fn add_booleans(&mut self, array: &ArrayRef) {
        let (Values::Booleans([no, yes]), Some(array)) = (&mut self.values, array.as_boolean_opt()) else { return };
        for value in array {
            self.content = combined(self.content, value.map_or(MISSING, u64::from));
            if let Some(value) = value {
                *(if value { &mut *yes } else { &mut *no }) += 1;
            }
        }
    }

    fn add_dates(&mut self, array: &ArrayRef) {
        let (Values::Dates { distinct, range, has_time }, Some(array)) =
            (&mut self.values, array.as_primitive_opt::<TimestampMicrosecondType>())
        else {
            return;
        };
        for value in array {
            self.content = combined(self.content, value.map_or(MISSING, |value| value as u64));
            if let Some(value) = value {
                let (first, last) = range.unwrap_or((value, value));
                *range = Some((first.min(value), last.max(value)));
                *has_time |= date::has_time(value);
                distinct.add(&value, 1);
                if self.samples.len() < SAMPLES {
                    sample(&mut self.samples, date::iso(value));
                }
            }
        }
    }

    fn add_texts(&mut self, array: &ArrayRef) {
        let (Values::Texts(distinct), Some(array)) = (&mut self.values, array.as_dictionary_opt::<Int32Type>()) else { return };
        let Some(texts) = array.values().as_string_opt::<i32>() else { return };
        let hashes: Vec<u64> = texts.iter().map(|text| FixedState::default().hash_one(text)).collect();
        let mut counts = vec![0_u64; texts.len()];
        for key in array.keys() {
            let place = key.and_then(|key| usize::try_from(key).ok());
            self.content = combined(self.content, place.and_then(|place| hashes.get(place).copied()).unwrap_or(MISSING));
            let Some(place) = place else { continue };
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
            if self.looked_at < CODE_SAMPLE && !texts.is_null(place) {
                self.looked_at += 1;
                self.code_like += u32::from(is_code_like(texts.value(place)));
            }
            if self.samples.len() < SAMPLES && !texts.is_null(place) {
                sample(&mut self.samples, texts.value(place).to_owned());
            }
        }
        for (text, count) in texts.iter().zip(counts) {
            if let Some(text) = text.filter(|_| count > 0) {
                distinct.add(text, count);
            }
        }
    }

    /// What identifies the column's values: equal for columns that are equal in every row, a whole number and the same float included.
    fn content(&self) -> (u8, u64) {
        let class = match self.kind {
            ColumnKind::Integer | ColumnKind::Float => 0,
            ColumnKind::Boolean => 1,
            ColumnKind::Text => 2,
            ColumnKind::Date => 3,
        };
        (class, self.content)
    }

    fn profile(self, duplicate_of: Option<String>, found: Found) -> ColumnProfile {
        let integer = self.kind == ColumnKind::Integer;
        let number = |bits: &u64| if integer { (*bits as i64).to_string() } else { f64::from_bits(*bits).to_string() };
        let mut dates = None;
        let ((unique, unique_exact), top_values, numeric) = match self.values {
            Values::Numbers { distinct, numeric } => (distinct.count(), distinct.top(number), numeric.stats()),
            Values::Booleans([no, yes]) => {
                let mut distinct = Distinct::new(2);
                for (value, count) in [(false, no), (true, yes)] {
                    if count > 0 {
                        distinct.add(&value, count);
                    }
                }
                (distinct.count(), distinct.top(|value| if *value { "True" } else { "False" }.to_owned()), None)
            }
            Values::Dates { distinct, range, has_time } => {
                dates = range.map(|(min, max)| DateRange { min: date::iso(min), max: date::iso(max), has_time });
                (distinct.count(), distinct.top(|value| date::iso(*value)), None)
            }
            Values::Texts(distinct) => (distinct.count(), distinct.top(Clone::clone), None),
        };
        let samples = match (&self.kind, top_values.as_slice()) {
            (ColumnKind::Boolean, tops) => tops.iter().map(|top| top.value.clone()).collect(),
            _ => self.samples,
        };
        ColumnProfile {
            name: self.name,
            kind: self.kind,
            missing: self.missing,
            unique,
            unique_exact,
            top_values,
            samples,
            code_like_share: if self.looked_at == 0 { 0.0 } else { f64::from(self.code_like) / f64::from(self.looked_at) },
            duplicate_of,
            numeric,
            written_as: found.written_as,
            digits_only: found.digits_only,
            bad: found.bad,
            dates,
        }
    }
}

/// What the reading of a column found beside its values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    written_as: Option<String>,
    digits_only: bool,
    bad: BadCells,
}

impl Found {
    /// Says how the column's cells are written.
    pub(crate) fn describe(&mut self, kind: CellType, tally: &Tally) {
        self.written_as = tally.written_as(kind);
        self.digits_only = kind == CellType::Digits;
    }

    /// Adds the bad cells of a piece.
    pub(crate) fn add_bad(&mut self, count: u64, examples: impl Iterator<Item = BadCell>) {
        self.bad.count += count;
        let room = SHOWN_BAD.saturating_sub(self.bad.examples.len());
        self.bad.examples.extend(examples.take(room));
    }
}

/// The profiles of all columns, each told which earlier one it repeats.
pub(crate) fn profiles(scans: Vec<(ColumnScan, Found)>) -> Vec<ColumnProfile> {
    let mut first: HashMap<(u8, u64), String> = HashMap::new();
    let mut profiles = Vec::with_capacity(scans.len());
    for (scan, found) in scans {
        let content = scan.content();
        let duplicate_of = first.get(&content).cloned();
        if duplicate_of.is_none() {
            first.insert(content, scan.name.clone());
        }
        profiles.push(scan.profile(duplicate_of, found));
    }
    profiles
}

const MISSING: u64 = 0x9E37_79B9_7F4A_7C15;

/// The digest of what was before and one more value.
fn combined(before: u64, value: u64) -> u64 {
    (before.rotate_left(5) ^ value.wrapping_mul(0xFF51_AFD7_ED55_8CCD)).wrapping_mul(0xC4CE_B9FE_1A85_EC53) ^ (before >> 29)
}

fn sample(samples: &mut Vec<String>, text: String) {
    if !samples.contains(&text) {
        samples.push(text);
    }
}

fn is_code_like(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
