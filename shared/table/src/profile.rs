//! The second pass over one column: statistics of its typed cells.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher as _},
};

use domain::{ColumnKind, ColumnProfile};

use crate::{cell, distinct::Distinct, kinds::Shape, numeric::Numeric};

const SAMPLES: usize = 5;
/// Values of a text column that are looked at to tell codes from prose.
const CODE_SAMPLE: u32 = 100;
/// Distinct values and kept numbers of the whole table that are held in memory, shared by its columns.
const HELD_VALUES: usize = 2_000_000;

/// How many values a column of a table with `columns` columns may hold.
fn cap(columns: usize) -> usize {
    (HELD_VALUES / columns.max(1)).clamp(1_000, 100_000)
}

/// One cell in its column's type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Typed<'a> {
    Missing,
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Text(&'a str),
}

impl<'a> Typed<'a> {
    /// The cell of a column of that kind; `None` when the text does not fit, which the first pass has ruled out.
    pub(crate) fn of(kind: ColumnKind, text: &'a str) -> Option<Self> {
        if cell::is_missing(text) {
            return Some(Self::Missing);
        }
        match kind {
            ColumnKind::Integer => match cell::number(text)? {
                cell::Number::Integer(value) => Some(Self::Integer(value)),
                cell::Number::Float(_) => None,
            },
            ColumnKind::Float => Some(Self::Float(cell::number(text)?.as_f64())),
            ColumnKind::Boolean => cell::boolean(text).map(Self::Boolean),
            ColumnKind::Text => Some(Self::Text(text)),
        }
    }
}

enum Values {
    /// By the bits of the number, −0 as 0.
    Numbers {
        distinct: Distinct<u64>,
        numeric: Box<Numeric>,
        integer: bool,
    },
    Booleans(Distinct<bool>),
    Texts(Distinct<String>),
}

/// A column's running profile.
pub(crate) struct ColumnScan {
    name: String,
    kind: ColumnKind,
    missing: u64,
    values: Values,
    samples: Vec<String>,
    looked_at: u32,
    code_like: u32,
    content: DefaultHasher,
}

impl ColumnScan {
    /// A column of that shape in a table of `columns` columns.
    pub(crate) fn new(name: &str, shape: &Shape, columns: usize) -> Self {
        let cap = cap(columns);
        let values = match shape.kind {
            ColumnKind::Integer | ColumnKind::Float => Values::Numbers {
                distinct: Distinct::new(cap),
                numeric: Box::new(Numeric::new(shape.range, cap)),
                integer: shape.kind == ColumnKind::Integer,
            },
            ColumnKind::Boolean => Values::Booleans(Distinct::new(cap)),
            ColumnKind::Text => Values::Texts(Distinct::new(cap)),
        };
        Self {
            name: name.to_owned(),
            kind: shape.kind,
            missing: 0,
            values,
            samples: Vec::new(),
            looked_at: 0,
            code_like: 0,
            content: DefaultHasher::new(),
        }
    }

    /// Counts one cell.
    pub(crate) fn add(&mut self, cell: Typed<'_>, text: &str) {
        match (&mut self.values, cell) {
            (Values::Numbers { distinct, numeric, .. }, Typed::Integer(_) | Typed::Float(_)) => {
                let value = if let Typed::Integer(value) = cell { value as f64 } else { float_of(cell) } + 0.0;
                distinct.add(value.to_bits());
                numeric.add(value);
                self.content.write_u8(1);
                self.content.write_u64(value.to_bits());
            }
            (Values::Booleans(distinct), Typed::Boolean(value)) => {
                distinct.add(value);
                self.content.write_u8(2 + u8::from(value));
            }
            (Values::Texts(distinct), Typed::Text(value)) => {
                distinct.add(value.to_owned());
                self.content.write_u8(4);
                self.content.write_usize(value.len());
                self.content.write(value.as_bytes());
                if self.looked_at < CODE_SAMPLE {
                    self.looked_at += 1;
                    self.code_like += u32::from(is_code_like(value));
                }
            }
            _ => {
                self.missing += 1;
                self.content.write_u8(0);
                return;
            }
        }
        if self.samples.len() < SAMPLES && !self.samples.iter().any(|sample| sample == text) {
            self.samples.push(text.to_owned());
        }
    }

    /// What identifies the column's values: equal for columns that are equal in every row, a whole number and the same float included.
    fn content(&self) -> (u8, u64) {
        let class = match self.values {
            Values::Numbers { .. } => 0,
            Values::Booleans(_) => 1,
            Values::Texts(_) => 2,
        };
        (class, self.content.finish())
    }

    fn profile(self, duplicate_of: Option<String>) -> ColumnProfile {
        let ((unique, unique_exact), top_values, numeric) = match self.values {
            Values::Numbers { distinct, numeric, integer } => {
                let text = |bits: &u64| {
                    let value = f64::from_bits(*bits);
                    if integer { format!("{value:.0}") } else { value.to_string() }
                };
                (distinct.count(), distinct.top(text), numeric.stats())
            }
            Values::Booleans(distinct) => (distinct.count(), distinct.top(|value| if *value { "True" } else { "False" }.to_owned()), None),
            Values::Texts(distinct) => (distinct.count(), distinct.top(Clone::clone), None),
        };
        ColumnProfile {
            name: self.name,
            kind: self.kind,
            missing: self.missing,
            unique,
            unique_exact,
            top_values,
            samples: self.samples,
            code_like_share: if self.looked_at == 0 { 0.0 } else { f64::from(self.code_like) / f64::from(self.looked_at) },
            duplicate_of,
            numeric,
        }
    }
}

/// The profiles of all columns, each told which earlier one it repeats.
pub(crate) fn profiles(scans: Vec<ColumnScan>) -> Vec<ColumnProfile> {
    let mut first: HashMap<(u8, u64), String> = HashMap::new();
    let mut profiles = Vec::with_capacity(scans.len());
    for scan in scans {
        let content = scan.content();
        let duplicate_of = first.get(&content).cloned();
        if duplicate_of.is_none() {
            first.insert(content, scan.name.clone());
        }
        profiles.push(scan.profile(duplicate_of));
    }
    profiles
}

fn float_of(cell: Typed<'_>) -> f64 {
    if let Typed::Float(value) = cell { value } else { f64::NAN }
}

fn is_code_like(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
