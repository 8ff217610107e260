//! A piece of a delimited file, whole rows of it, cut into cells by column. Source: RFC 4180, with what real files do beyond it.

use std::borrow::Cow;

use domain::limits::MAX_CELL_BYTES;
use memchr::{memchr, memchr2};

use crate::dialect::Dialect;

const QUOTE: u8 = b'"';
/// Marks a cell whose text has to be freed of quotes.
const QUOTED: u32 = 1 << 31;

/// A cell's place in its piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    start: u32,
    /// Its length, with [`QUOTED`].
    length: u32,
}

/// Cells by column; every column has as many as there are rows.
#[derive(Debug)]
pub(crate) struct Cells {
    /// The columns.
    pub columns: Vec<Vec<Cell>>,
    /// How many rows there are.
    pub rows: usize,
}

/// What is wrong with a row, which begins at the byte `at` of its piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRow {
    pub(crate) at: usize,
    pub(crate) problem: Problem,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It has so many cells, more than there are names.
    TooManyCells(usize),
    /// The cell of that column has so many bytes.
    LongCell(usize, usize),
    /// A quoted cell does not end.
    OpenQuote,
}

impl Cell {
    const EMPTY: Self = Self { start: 0, length: 0 };

    /// Its bytes in the piece, quotes included.
    pub(crate) fn raw(self, piece: &[u8]) -> &[u8] {
        piece.get(self.start()..self.start() + self.length()).unwrap_or_default()
    }

    fn length(self) -> usize {
        (self.length & !QUOTED) as usize
    }

    /// Its text.
    pub(crate) fn text(self, piece: &[u8]) -> Cow<'_, [u8]> {
        let raw = self.raw(piece);
        if self.length & QUOTED == 0 { Cow::Borrowed(raw) } else { Cow::Owned(unquoted(raw)) }
    }

    /// Where it begins.
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }
}

/// The text of a cell that begins with a quote: doubled quotes are one, and what follows the closing one is kept.
fn unquoted(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().skip(1).peekable();
    while let Some(byte) = bytes.next() {
        if byte == QUOTE && bytes.next_if_eq(&QUOTE).is_none() {
            text.extend(bytes);
            break;
        }
        text.push(byte);
    }
    text
}

/// Cuts a piece, which begins with a row, into `columns` columns. Short rows are padded with empty cells.
pub(crate) fn split(piece: &[u8], dialect: Dialect, columns: usize) -> Result<Cells, BadRow> {
    let mut cells = Cells { columns: vec![Vec::new(); columns], rows: 0 };
    each_row(piece, dialect, |row| {
        // Empty cells at the end are what a trailing delimiter leaves.
        if row.iter().skip(columns).any(|cell| !cell.raw(piece).is_empty()) {
            return Err(Problem::TooManyCells(row.len()));
        }
        for (column, cell) in cells.columns.iter_mut().zip(row.iter().chain(std::iter::repeat(&Cell::EMPTY))) {
            column.push(*cell);
        }
        cells.rows += 1;
        Ok(true)
    })?;
    Ok(cells)
}

/// Visits each row of a piece that is not blank, until `visit` says that it has seen enough.
pub(crate) fn each_row(piece: &[u8], dialect: Dialect, mut visit: impl FnMut(&[Cell]) -> Result<bool, Problem>) -> Result<(), BadRow> {
    let (mut at, mut cells) = (0, Vec::new());
    while at < piece.len() {
        let begin = at;
        cells.clear();
        at = row(piece, begin, dialect, &mut cells)?;
        if is_blank(&cells, piece) {
            continue;
        }
        let long = cells.iter().position(|cell: &Cell| cell.length() > MAX_CELL_BYTES);
        let seen = match long.and_then(|column| Some((column, cells.get(column)?.length()))) {
            Some((column, length)) => Err(Problem::LongCell(column, length)),
            None => visit(&cells),
        };
        if !seen.map_err(|problem| BadRow { at: begin, problem })? {
            break;
        }
    }
    Ok(())
}

/// One row's cells; where the next one begins.
fn row(piece: &[u8], begin: usize, dialect: Dialect, cells: &mut Vec<Cell>) -> Result<usize, BadRow> {
    let mut at = begin;
    loop {
        let rest = piece.get(at..).unwrap_or_default();
        let (length, quoted) = if rest.first() == Some(&QUOTE) {
            let quoted = quoted_length(rest).ok_or(BadRow { at: begin, problem: Problem::OpenQuote })?;
            let after = rest.get(quoted..).unwrap_or_default();
            (quoted + memchr2(dialect.delimiter, dialect.end, after).unwrap_or(after.len()), true)
        } else {
            (memchr2(dialect.delimiter, dialect.end, rest).unwrap_or(rest.len()), false)
        };
        let ends = rest.get(length) != Some(&dialect.delimiter);
        let mut text = length;
        if ends && dialect.end == b'\n' && length > 0 && rest.get(length - 1) == Some(&b'\r') {
            text -= 1;
        }
        cells.push(cell(at, text, quoted, rest));
        at += length + 1;
        if ends {
            return Ok(at);
        }
    }
}

/// A cell without its quotes, where nothing else has to be done about them.
fn cell(at: usize, length: usize, quoted: bool, rest: &[u8]) -> Cell {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    if !quoted {
        return Cell { start: place(at), length: place(length) };
    }
    match rest.get(1..length.saturating_sub(1)) {
        Some(inner) if rest.get(length - 1) == Some(&QUOTE) && memchr(QUOTE, inner).is_none() => {
            Cell { start: place(at + 1), length: place(inner.len()) }
        }
        _ => Cell { start: place(at), length: place(length) | QUOTED },
    }
}

/// The length of a cell's quoted part, both quotes included; `None` when it does not end.
pub(crate) fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr(QUOTE, text.get(at..)?)?;
        if text.get(at + 1) != Some(&QUOTE) {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// A line of blanks only.
fn is_blank(row: &[Cell], piece: &[u8]) -> bool {
    matches!(row, [only] if only.raw(piece).iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', end: b'\n', header: true };

    fn rows(text: &str) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let text = text.as_bytes();
        let visited = each_row(text, COMMA, |row| {
            rows.push(row.iter().map(|cell| String::from_utf8(cell.text(text).into_owned()).unwrap()).collect());
            Ok(true)
        });
        visited.unwrap();
        rows
    }

    #[test]
    fn rows_and_cells_are_cut_as_people_mean_them() {
        assert_eq!(
            rows("a,b\n1,\"x\ny\"\r\n\n  \n,\"he said \"\"no\"\"\"\nlast,"),
            [["a", "b"], ["1", "x\ny"], ["", "he said \"no\""], ["last", ""]]
        );
        assert_eq!(rows("5\" pipe,\"a\"b,\"\"\n"), [["5\" pipe", "ab", ""]]);
    }

    #[test]
    fn rows_have_as_many_cells_as_there_are_names() {
        let cut = |text: &str| split(text.as_bytes(), COMMA, 2).map(|cells| cells.rows);
        assert_eq!(cut("1\n1,2\n1,2,,\n"), Ok(3), "short rows are padded, empty cells at the end are dropped");
        assert_eq!(cut("1,2\n1,2,3\n"), Err(BadRow { at: 4, problem: Problem::TooManyCells(3) }));
        assert_eq!(cut("1,2\n1,\"2\n3,4\n"), Err(BadRow { at: 4, problem: Problem::OpenQuote }));
    }
}
