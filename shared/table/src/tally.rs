//! What the cells of a column are, decided over all of them.
//!
//! The rule: a column whose cells with a value are all numbers, all booleans or all dates is of that kind; so is one of at least 99 %
//! numbers or dates, whose other cells are then bad and count as missing. Every other column is text. Numbers and dates may be written in
//! any one way: the one that explains most cells. Digits stay text where numbers would lose zeros in most of them, or in some of them where
//! all are of one length. Cells of blanks, and missing tokens between blanks, are missing where the column is not text.

use arrow::datatypes::{DataType, TimeUnit};
use domain::{
    ColumnKind,
    date::{self, ORDER_COUNT, Order},
};

use crate::value::{
    boolean, is_missing, is_padding,
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
    /// Of that kind, whatever the values are: the file says so, or no other kind holds.
    Stored(ColumnKind),
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
            Self::Stored(kind) => kind,
        }
    }

    /// Whether no cell can make it something else.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Stored(_))
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
    /// How many formatted numbers and plain ones with decimals fit each format, those in `dotted` not counted.
    pub(crate) formats: [u64; FORMAT_COUNT],
    /// Plain numbers that fit each format with a decimal point, whose formats were not looked at.
    pub(crate) dotted: u64,
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
    /// How many begin with a zero that a number would lose.
    pub(crate) leading_zeros: u64,
    /// Their length, as long as all have one.
    length: Option<u32>,
    lengths_differ: bool,
}

impl Digits {
    pub(crate) fn see_length(&mut self, length: usize) {
        let length = length as u32;
        self.lengths_differ |= self.length.is_some_and(|known| known != length);
        self.length = Some(length);
    }

    fn merge(&mut self, other: Self) {
        self.leading_zeros += other.leading_zeros;
        self.lengths_differ |= other.lengths_differ || matches!((self.length, other.length), (Some(one), Some(two)) if one != two);
        self.length = self.length.or(other.length);
    }

    /// Whether more lengths tell nothing new.
    pub(crate) fn has_lengths(self) -> bool {
        self.lengths_differ
    }

    /// Whether `all` cells are codes rather than numbers.
    fn are_codes(self, all: u64) -> bool {
        self.leading_zeros > 0 && (!self.lengths_differ || 2 * self.leading_zeros > all)
    }
}

/// Whether the cell begins with a letter that begins no boolean, no month, no currency's code and neither `inf` nor `nan`.
#[inline]
fn is_plainly_text(cell: &[u8]) -> bool {
    let first = cell.first().map_or(b' ', u8::to_ascii_lowercase);
    let begins_more = matches!(first, b'a' | b'd' | b'f' | b'i' | b'j' | b'm' | b'n' | b'o' | b's' | b't');
    first.is_ascii_lowercase() && !begins_more && !number::begins_with_code(cell)
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
        if is_padding(cell) {
            self.blanks += times;
            return;
        }
        match number::plain(cell) {
            Some(Number::Integer(_)) => {
                self.integers += times;
                self.digits.leading_zeros += if matches!(cell, [b'0', _, ..]) { times } else { 0 };
                self.digits.see_length(cell.len());
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
        self.dotted += other.dotted;
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
        if self.booleans == all {
            return CellType::Boolean;
        }
        let (format, in_format) = self.best_format();
        if self.formatted > 0 && in_format > plain && allowed(all - in_format) {
            return CellType::Formatted(format);
        }
        if !allowed(all - plain) {
            let (order, fitting) = Order::best_of(&self.orders);
            return if self.dates > 0 && allowed(all - fitting) { CellType::Date(order) } else { CellType::Text };
        }
        match (self.floats, self.digits.are_codes(self.integers)) {
            (0, true) => CellType::Digits,
            (0, false) => CellType::Integer,
            _ => CellType::Float,
        }
    }

    /// The format that explains most cells, and how many those are. Whole numbers fit each.
    fn best_format(&self) -> (Format, u64) {
        let mut counts = self.formats;
        let dotted = counts.iter_mut().zip(Format::all()).filter(|(_, format)| format.has_decimal_point());
        dotted.for_each(|(count, _)| *count += self.dotted);
        let (format, fitting) = Format::best_of(&counts);
        (format, self.integers + fitting)
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
            CellType::Integer if self.digits.leading_zeros > 0 => {
                Some(format!("whole numbers, {} of them with leading zeros, which are lost (007 is read as 7)", self.digits.leading_zeros))
            }
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

    /// Of 995 cells of one kind and 5 of another.
    fn kind_of_many(most: &str, some: &str) -> CellType {
        kind(&[vec![most; 995], vec![some; 5]].concat())
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
    fn digits_keep_their_zeros_where_one_length_or_most_of_them_say_so() {
        assert_eq!(kind(&["01234", "99999"]), CellType::Digits);
        assert_eq!(kind(&["0301234", "03012345", "089123"]), CellType::Digits, "telephone numbers");
        assert_eq!(kind(&["00123", "0123", "123"]), CellType::Digits);
        let (kind_of_some, written) = decided(&["007", "8", "12"]);
        assert_eq!(kind_of_some, CellType::Integer);
        assert!(written.unwrap().contains("1 of them with leading zeros"));
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
        assert!(matches!(kind_of_many("12", "1,234"), CellType::Formatted(_)), "the way that explains most cells");
        assert!(matches!(kind_of_many("12", "0,5"), CellType::Formatted(_)));
        assert!(matches!(kind_of_many("1.5", "1,234.5"), CellType::Formatted(_)));
        assert_eq!(kind_of_many("1e5", "1,234"), CellType::Float, "no format has exponents");
        assert!(matches!(decided(&["USD 7.50", "EUR 8", "9 GBP"]).0, CellType::Formatted(_)));
        assert!(matches!(decided(&["6.50-", "7"]).0, CellType::Formatted(_)));
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
        assert_eq!(kind(&["1", " NA ", "2"]), CellType::Integer);
        assert_eq!(kind(&[" True", "False ", " "]), CellType::Boolean);
        assert_eq!(kind(&["a", " NA "]), CellType::Text);
    }
}
