//! A column's cells of one piece as values of the type that the column has.

use std::{cell::Cell as Counter, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanArray, BooleanBufferBuilder, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    },
    buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::Int32Type,
};
use domain::date;

use crate::{
    cells::Cell,
    interner::Interner,
    tally::{CellType, Tally, count},
    value::{
        boolean, is_missing, is_padding,
        number::{self, Number},
    },
};

/// Bad cells that are shown.
const SHOWN_BAD: usize = 20;
/// How much of a bad cell is shown.
const SHOWN_BYTES: usize = 40;

/// A column's cells of one piece as values.
pub(crate) struct Converted {
    /// Its values, of the type that [`crate::tally::data_type`] says.
    pub(crate) array: ArrayRef,
    /// What its cells are.
    pub(crate) tally: Tally,
    /// The first cells that do not fit: the row of each in its piece, and its beginning.
    pub(crate) bad: Vec<(usize, String)>,
    /// How many there are.
    pub(crate) bad_count: u64,
}

/// Reads the cells of a column. Texts that repeat become categories of a dictionary.
pub(crate) fn convert(kind: CellType, repeats: bool, cells: &[Cell], piece: &[u8]) -> Converted {
    let mut reader = Reader { piece, tally: Tally::default(), bad: Vec::new(), bad_count: 0 };
    let array = reader.read(kind, repeats, cells);
    Converted { array, tally: reader.tally, bad: reader.bad, bad_count: reader.bad_count }
}

/// Counts cells without reading them as anything.
pub(crate) fn tally<'a>(cells: impl Iterator<Item = &'a Cell>, piece: &[u8]) -> Tally {
    let mut tally = Tally::default();
    cells.for_each(|cell| tally.see(&cell.text(piece), 1));
    tally
}

struct Reader<'a> {
    piece: &'a [u8],
    tally: Tally,
    bad: Vec<(usize, String)>,
    bad_count: u64,
}

impl Reader<'_> {
    fn read(&mut self, kind: CellType, repeats: bool, cells: &[Cell]) -> ArrayRef {
        match kind {
            CellType::Integer => {
                let zeros = Counter::new(0);
                let see_zero = |first: Option<&u8>, length: usize| zeros.set(zeros.get() + u64::from(length > 1 && first == Some(&b'0')));
                let short = |text: &[u8], start: usize, length| {
                    let value = number::short_integer(text, start, length)?;
                    see_zero(text.get(start), length);
                    Some(value)
                };
                let (values, valid) = self.numbers(cells, short, |number, text| match number {
                    Number::Integer(value) => {
                        see_zero(text.first(), text.len());
                        Some(value)
                    }
                    Number::Float(_) => None,
                });
                self.tally.integers += fitting(cells, valid.as_ref());
                self.tally.digits.leading_zeros += zeros.get();
                self.see_lengths(cells, valid.as_ref());
                Arc::new(Int64Array::new(ScalarBuffer::from(values), valid))
            }
            CellType::Float => {
                let (whole, exponents) = (Counter::new(0), Counter::new(0));
                let short = |text: &[u8], start, length| {
                    let (value, point) = number::short_float(text, start, length)?;
                    whole.set(whole.get() + u64::from(!point));
                    Some(value)
                };
                let (values, valid) = self.numbers(cells, short, |number, text| {
                    if matches!(number, Number::Integer(_)) {
                        whole.set(whole.get() + 1);
                    } else if number::has_exponent(text) {
                        exponents.set(exponents.get() + 1);
                    }
                    Some(number.as_f64())
                });
                let floats = fitting(cells, valid.as_ref()) - whole.get();
                self.tally.integers += whole.get();
                self.tally.floats += floats;
                self.tally.dotted += floats - exponents.get();
                Arc::new(Float64Array::new(ScalarBuffer::from(values), valid))
            }
            CellType::Formatted(format) => {
                let (values, valid) = self.values(cells, |reader, cell| {
                    let value = format.parse(cell)?;
                    reader.tally.see(cell, 1);
                    Some(value)
                });
                Arc::new(Float64Array::new(ScalarBuffer::from(values), valid))
            }
            CellType::Date(order) => {
                let (values, valid) = self.values(cells, |reader, cell| {
                    let moment = order.parse(cell)?;
                    if !order.is_unambiguous() {
                        count(&mut reader.tally.orders, date::orders_of(cell), 1);
                    }
                    Some(moment)
                });
                let dates = fitting(cells, valid.as_ref());
                self.tally.dates += dates;
                if order.is_unambiguous() {
                    count(&mut self.tally.orders, order.bit(), dates);
                }
                Arc::new(TimestampMicrosecondArray::new(ScalarBuffer::from(values), valid))
            }
            CellType::Boolean => {
                let mut missing = Vec::new();
                let value = |(row, cell): (usize, &Cell)| {
                    boolean(&cell.text(self.piece)).unwrap_or_else(|| {
                        missing.push(row);
                        self.missing_or_misfit(row, *cell);
                        false
                    })
                };
                let values: BooleanBuffer = cells.iter().enumerate().map(value).collect();
                let valid = validity(cells.len(), &missing);
                self.tally.booleans += fitting(cells, valid.as_ref());
                Arc::new(BooleanArray::new(values, valid))
            }
            CellType::Text | CellType::Digits | CellType::Stored(_) if repeats => Arc::new(self.categories(cells)),
            CellType::Text | CellType::Digits | CellType::Stored(_) => Arc::new(self.texts(cells)),
        }
    }

    /// Plain numbers: those that `short` reads where they stand, and others that `fit` accepts.
    fn numbers<T: Copy + Default>(
        &mut self,
        cells: &[Cell],
        short: impl Fn(&[u8], usize, usize) -> Option<T>,
        fit: impl Fn(Number, &[u8]) -> Option<T>,
    ) -> (Vec<T>, Option<NullBuffer>) {
        let mut missing = Vec::new();
        let piece = self.piece;
        let values = cells.iter().enumerate().map(|(row, cell)| {
            if !cell.is_quoted()
                && let Some(value) = short(piece, cell.start(), cell.length())
            {
                return value;
            }
            let text = cell.text(piece);
            number::plain(&text).and_then(|number| fit(number, &text)).unwrap_or_else(|| {
                missing.push(row);
                self.missing_or_misfit(row, *cell);
                T::default()
            })
        });
        (values.collect(), validity(cells.len(), &missing))
    }

    /// Other values.
    fn values<T: Copy + Default>(&mut self, cells: &[Cell], read: impl Fn(&mut Self, &[u8]) -> Option<T>) -> (Vec<T>, Option<NullBuffer>) {
        let (mut values, mut missing) = (Vec::with_capacity(cells.len()), Vec::new());
        for (row, cell) in cells.iter().enumerate() {
            let value = read(self, &cell.text(self.piece));
            if value.is_none() {
                missing.push(row);
                self.missing_or_misfit(row, *cell);
            }
            values.push(value.unwrap_or_default());
        }
        (values, validity(cells.len(), &missing))
    }

    /// Notes a cell that is not of the column's type, unless it is missing.
    fn missing_or_misfit(&mut self, row: usize, cell: Cell) {
        let text = cell.text(self.piece);
        if is_missing(&text) {
            return;
        }
        self.tally.see(&text, 1);
        if is_padding(&text) {
            return;
        }
        self.bad_count += 1;
        if self.bad.len() < SHOWN_BAD {
            let shown = String::from_utf8_lossy(text.get(..SHOWN_BYTES).unwrap_or(&text)).into_owned();
            self.bad.push((row, shown));
        }
    }

    /// Notes how long whole numbers are, as long as that tells something.
    fn see_lengths(&mut self, cells: &[Cell], valid: Option<&NullBuffer>) {
        for (row, cell) in cells.iter().enumerate() {
            if self.tally.digits.has_lengths() {
                break;
            }
            if valid.is_none_or(|valid| valid.is_valid(row)) {
                self.tally.digits.see_length(cell.text(self.piece).len());
            }
        }
    }

    /// Texts by a dictionary of the piece; what they could be counts by distinct text.
    fn categories(&mut self, cells: &[Cell]) -> DictionaryArray<Int32Type> {
        let mut interner = Interner::new(self.piece);
        let mut keys: Vec<i32> = cells.iter().map(|cell| interner.code_of(*cell)).collect();
        let distinct = interner.into_texts();
        let mut counts = vec![0_u64; distinct.len()];
        for key in &keys {
            if let Some(count) = counts.get_mut(*key as usize) {
                *count += 1;
            }
        }
        let missing: Vec<bool> = distinct.iter().map(|text| is_missing(text)).collect();
        for ((text, count), missing) in distinct.iter().zip(counts).zip(&missing) {
            if !missing {
                self.tally.see(text, count);
            }
        }
        let is_missing = |key: &i32| missing.get(*key as usize) == Some(&true);
        let mut rows = Vec::new();
        if missing.contains(&true) {
            let missing_rows = keys.iter_mut().enumerate().filter(|(_, key)| is_missing(key));
            rows.extend(missing_rows.map(|(row, key)| {
                *key = 0;
                row
            }));
        }
        let texts: StringArray = distinct.iter().map(|text| std::str::from_utf8(text).ok()).collect();
        let keys = Int32Array::new(ScalarBuffer::from(keys), validity(cells.len(), &rows));
        // The keys are those of the dictionary.
        DictionaryArray::try_new(keys, Arc::new(texts)).unwrap_or_else(|_| std::iter::repeat_n(None::<&str>, cells.len()).collect())
    }

    /// Texts one by one.
    fn texts(&mut self, cells: &[Cell]) -> StringArray {
        let length = cells.iter().map(|cell| cell.length()).sum();
        let mut bytes: Vec<u8> = Vec::with_capacity(length);
        let mut offsets = Vec::with_capacity(cells.len() + 1);
        let mut missing = Vec::new();
        offsets.push(0);
        for (row, cell) in cells.iter().enumerate() {
            let text = cell.text(self.piece);
            if is_missing(&text) {
                missing.push(row);
            } else {
                self.tally.see(&text, 1);
                bytes.extend_from_slice(&text);
            }
            offsets.push(bytes.len() as i32);
        }
        let valid = validity(cells.len(), &missing);
        // The piece is UTF-8, and cells begin and end at ASCII bytes.
        StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), valid)
            .unwrap_or_else(|_| std::iter::repeat_n(None::<&str>, cells.len()).collect())
    }
}

fn fitting(cells: &[Cell], valid: Option<&NullBuffer>) -> u64 {
    (cells.len() - valid.map_or(0, NullBuffer::null_count)) as u64
}

fn validity(rows: usize, missing: &[usize]) -> Option<NullBuffer> {
    if missing.is_empty() {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(rows);
    valid.append_n(rows, true);
    missing.iter().for_each(|row| valid.set_bit(*row, false));
    Some(NullBuffer::new(valid.finish()))
}
