//! What the cells of a column are, decided over all of them.
//!
//! The rule: a column whose cells with a value are all numbers, all booleans or all dates is of that kind; so is one of at least 99 %
//! numbers or dates, whose other cells are then bad and count as missing. Every other column is text. Numbers and dates may be written in
//! any one way that fits all of them. Digits with leading zeros, all of one length, stay text.

use arrow::datatypes::{DataType, TimeUnit};
use domain::{
    ColumnKind,
    date::{self, ORDER_COUNT, Order},
};

use crate::value::{
    boolean, is_blank, is_missing,
    number::{self, FORMAT_COUNT, Format, Number},
};

/// Bad cells that a column may have, as a share of its cells with a value.
const BAD_SHARE: f64 = 0.01;

/// What a column's cells are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellType {
    Integer,
    Float,
    /// Numbers with separators or signs.
    Formatted(Format),
    Boolean,
    Date(Order),
    Text,
    /// Digits that keep their leading zeros.
    Digits,
}

impl CellType {
    /// Its kind.
    pub(crate) fn kind(self) -> ColumnKind {
        match self {
            Self::Integer => ColumnKind::Integer,
            Self::Float | Self::Formatted(_) => ColumnKind::Float,
            Self::Boolean => ColumnKind::Boolean,
            Self::Date(_) => ColumnKind::Date,
            Self::Text | Self::Digits => ColumnKind::Text,
        }
    }
}

/// A kind in Parquet; texts that repeat are categories with a dictionary.
pub(crate) fn data_type(kind: ColumnKind, repeats: bool) -> DataType {
    match kind {
        ColumnKind::Integer => DataType::Int64,
        ColumnKind::Float => DataType::Float64,
        ColumnKind::Boolean => DataType::Boolean,
        ColumnKind::Date => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnKind::Text if repeats => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        ColumnKind::Text => DataType::Utf8,
    }
}

/// How many cells are what. A cell counts where it fits first: as a plain number, a boolean, a date, a formatted number, or as nothing of
/// these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) integers: u64,
    pub(crate) floats: u64,
    pub(crate) booleans: u64,
    pub(crate) dates: u64,
    /// How many dates fit each order.
    pub(crate) orders: [u64; ORDER_COUNT],
    pub(crate) formatted: u64,
    /// How many formatted numbers and plain ones with decimals fit each format.
    pub(crate) formats: [u64; FORMAT_COUNT],
    pub(crate) others: u64,
    blanks: u64,
    pub(crate) percent: bool,
    pub(crate) currency: bool,
    pub(crate) digits: Digits,
}

/// Adds to the counts whose bits are set.
pub(crate) fn count(counts: &mut [u64], bits: u8, times: u64) {
    counts.iter_mut().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).for_each(|(_, count)| *count += times);
}

/// What is known of cells that are digits only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Digits {
    leading_zero: bool,
    /// Their length, as long as all have one.
    length: Option<u32>,
    lengths_differ: bool,
}

impl Digits {
    pub(crate) fn see(&mut self, cell: &[u8]) {
        let length = cell.len() as u32;
        self.leading_zero |= length > 1 && cell.first() == Some(&b'0');
        self.lengths_differ |= self.length.is_some_and(|known| known != length);
        self.length = Some(length);
    }

    fn merge(&mut self, other: Self) {
        self.leading_zero |= other.leading_zero;
        self.lengths_differ |= other.lengths_differ || matches!((self.length, other.length), (Some(one), Some(two)) if one != two);
        self.length = self.length.or(other.length);
    }

    /// Whether nothing can be lost, whatever follows.
    pub(crate) fn is_settled(self) -> bool {
        self.lengths_differ
    }

    fn would_be_lost(self) -> bool {
        self.leading_zero && !self.lengths_differ
    }
}

/// Whether the cell begins with a letter that begins no boolean, no month and neither `inf` nor `nan`.
fn is_plainly_text(cell: &[u8]) -> bool {
    matches!(cell.first(), Some(first) if first.is_ascii_alphabetic() && !b"adfijmnostADFIJMNOST".contains(first))
}

impl Tally {
    /// Counts a cell that occurs `times`.
    #[inline]
    pub(crate) fn see(&mut self, cell: &[u8], times: u64) {
        if is_plainly_text(cell) {
            self.others += times;
        } else if !is_missing(cell) {
            self.look_at(cell, times);
        }
    }

    fn look_at(&mut self, cell: &[u8], times: u64) {
        if is_blank(cell) {
            self.blanks += times;
            return;
        }
        match number::plain(cell) {
            Some(Number::Integer(_)) => {
                self.integers += times;
                self.digits.see(cell);
                return;
            }
            Some(Number::Float(_)) => {
                self.floats += times;
                count(&mut self.formats, number::formats_of(cell), times);
                return;
            }
            None => {}
        }
        // Digits beyond 64 bits are a name, not a quantity.
        let may_be_more = cell.iter().any(u8::is_ascii_digit) && !cell.iter().all(u8::is_ascii_digit);
        if boolean(cell).is_some() {
            self.booleans += times;
            return;
        }
        if may_be_more {
            let orders = date::orders_of(cell);
            if orders != 0 {
                self.dates += times;
                count(&mut self.orders, orders, times);
                return;
            }
            let formats = number::formats_of(cell);
            if formats != 0 {
                self.formatted += times;
                count(&mut self.formats, formats, times);
                let (percent, currency) = number::signs_of(cell);
                (self.percent, self.currency) = (self.percent || percent, self.currency || currency);
                return;
            }
        }
        self.others += times;
    }

    /// Adds the counts of another piece.
    pub(crate) fn add(&mut self, other: &Self) {
        self.integers += other.integers;
        self.floats += other.floats;
        self.booleans += other.booleans;
        self.dates += other.dates;
        self.orders.iter_mut().zip(other.orders).for_each(|(count, more)| *count += more);
        self.formatted += other.formatted;
        self.formats.iter_mut().zip(other.formats).for_each(|(count, more)| *count += more);
        self.others += other.others;
        self.blanks += other.blanks;
        self.percent |= other.percent;
        self.currency |= other.currency;
        self.digits.merge(other.digits);
    }

    /// What the column is.
    pub(crate) fn decide(&self) -> CellType {
        let plain = self.integers + self.floats;
        let all = plain + self.booleans + self.dates + self.formatted + self.others;
        let allowed = |bad: u64| bad as f64 <= BAD_SHARE * all as f64;
        if all == 0 {
            return if self.blanks == 0 { CellType::Float } else { CellType::Text };
        }
        if self.booleans == all && self.blanks == 0 {
            return CellType::Boolean;
        }
        if !allowed(all - plain) {
            let (format, fitting) = Format::best_of(&self.formats);
            if self.formatted > 0 && allowed(all - self.integers - fitting) {
                return CellType::Formatted(format);
            }
            let (order, fitting) = Order::best_of(&self.orders);
            return if self.dates > 0 && allowed(all - fitting) { CellType::Date(order) } else { CellType::Text };
        }
        if self.floats == 0 && self.digits.would_be_lost() {
            CellType::Digits
        } else if self.floats == 0 {
            CellType::Integer
        } else {
            CellType::Float
        }
    }

    /// How the cells are written, where that is not plain.
    pub(crate) fn written_as(&self, decided: CellType) -> Option<String> {
        match decided {
            CellType::Formatted(format) => {
                let mut text = format!("numbers like {}", format.example());
                if self.percent {
                    text.push_str(" with a percent sign (45 % is read as 45)");
                }
                if self.currency {
                    text.push_str(" with a currency sign");
                }
                if format.is_comma_thousands() && self.formats.iter().filter(|count| Some(*count) == self.formats.iter().max()).count() > 1
                {
                    text.push_str("; the comma could also be a decimal one");
                }
                Some(text)
            }
            CellType::Date(order) => {
                let mut text = format!("dates like {}", order.example());
                if self.orders.iter().filter(|count| Some(*count) == self.orders.iter().max()).count() > 1 {
                    text.push_str("; day and month could also be the other way round");
                }
                Some(text)
            }
            CellType::Digits => Some("digits with leading zeros, kept as they are".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(cells: &[&str]) -> (CellType, Option<String>) {
        let mut tally = Tally::default();
        cells.iter().for_each(|cell| tally.see(cell.as_bytes(), 1));
        (tally.decide(), tally.written_as(tally.decide()))
    }

    fn kind(cells: &[&str]) -> CellType {
        decided(cells).0
    }

    #[test]
    fn plain_columns_are_what_pandas_says() {
        assert_eq!(kind(&["1", "2", "NA"]), CellType::Integer);
        assert_eq!(kind(&["1", "2.5"]), CellType::Float);
        assert_eq!(kind(&["", "nan"]), CellType::Float);
        assert_eq!(kind(&["True", "False"]), CellType::Boolean);
        assert_eq!(kind(&["True", "1"]), CellType::Text);
        assert_eq!(kind(&["1", "x"]), CellType::Text);
        assert_eq!(kind(&[" ", "a"]), CellType::Text);
        assert_eq!(kind(&["007", "8"]), CellType::Integer);
    }

    #[test]
    fn digits_of_one_length_keep_their_zeros() {
        assert_eq!(kind(&["01234", "99999"]), CellType::Digits);
        assert_eq!(kind(&["0", "1"]), CellType::Integer);
        assert_eq!(kind(&["01", "2.5"]), CellType::Float);
    }

    #[test]
    fn numbers_and_dates_may_be_written_in_one_way() {
        let (kind, written) = decided(&["1.234,50 €", "12,5", "7"]);
        assert!(matches!(kind, CellType::Formatted(_)));
        assert_eq!(written.unwrap(), "numbers like 1.234,56 with a currency sign");
        assert!(decided(&["1,234", "5,678"]).1.unwrap().contains("could also be a decimal"));
        assert_eq!(decided(&["31.12.2024", "01.02.2024"]).1.unwrap(), "dates like 31/12/2024");
        assert!(decided(&["03/04/2024"]).1.unwrap().contains("other way round"));
        assert_eq!(decided(&["1,5", "1.5"]).0, CellType::Text, "no one way fits both");
        assert_eq!(decided(&["2024-01-01", "01/02/2024"]).0, CellType::Text);
    }

    #[test]
    fn one_in_a_hundred_may_be_bad() {
        let mut cells = vec!["1"; 99];
        cells.push("unknown");
        assert_eq!(kind(&cells), CellType::Integer);
        cells.push("?");
        assert_eq!(kind(&cells), CellType::Text);
        let mut dates = vec!["2024-01-01"; 200];
        dates.push("soon");
        assert!(matches!(kind(&dates), CellType::Date(_)));
        let mut blanks = vec!["1"; 5];
        blanks.push(" ");
        assert_eq!(kind(&blanks), CellType::Integer, "blanks are missing where the column is not text");
    }
}
