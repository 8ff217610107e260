//! The first pass: what each column's cells are, and the range of its numbers.

use domain::ColumnKind;

use crate::{TableError, cell, delimited::Delimited};

/// What the first pass learns of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// What its cells are.
    pub kind: ColumnKind,
    /// Smallest and largest finite number, when the column is numeric and has one.
    pub range: Option<(f64, f64)>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a type that the cells so far allow")]
#[derive(Debug, Clone)]
struct Candidate {
    any: bool,
    integer: bool,
    number: bool,
    boolean: bool,
    range: Option<(f64, f64)>,
}

/// Reads all rows; one shape per column.
pub(crate) fn shapes(table: &mut Delimited) -> Result<Vec<Shape>, TableError> {
    let undecided = Candidate { any: false, integer: true, number: true, boolean: true, range: None };
    let mut candidates = vec![undecided; table.names().len()];
    while let Some(row) = table.next_row()? {
        for (candidate, cell) in candidates.iter_mut().zip(row.cells()) {
            candidate.see(cell?);
        }
    }
    Ok(candidates.into_iter().map(Candidate::shape).collect())
}

impl Candidate {
    fn see(&mut self, cell: &str) {
        if cell::is_missing(cell) {
            return;
        }
        self.any = true;
        self.boolean = self.boolean && cell::boolean(cell).is_some();
        if self.number {
            match cell::number(cell) {
                Some(number) => self.see_number(number),
                None => self.number = false,
            }
        }
    }

    fn see_number(&mut self, number: cell::Number) {
        self.integer = self.integer && matches!(number, cell::Number::Integer(_));
        let value = number.as_f64();
        if value.is_finite() {
            let (low, high) = self.range.unwrap_or((value, value));
            self.range = Some((low.min(value), high.max(value)));
        }
    }

    fn shape(self) -> Shape {
        let kind = match self {
            Self { any: false, .. } => ColumnKind::Float,
            Self { number: true, integer: true, .. } => ColumnKind::Integer,
            Self { number: true, .. } => ColumnKind::Float,
            Self { boolean: true, .. } => ColumnKind::Boolean,
            _ => ColumnKind::Text,
        };
        Shape { kind, range: self.range.filter(|_| matches!(kind, ColumnKind::Integer | ColumnKind::Float)) }
    }
}
