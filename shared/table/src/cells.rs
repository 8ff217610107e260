//! A piece of a delimited file, whole rows of it, cut into cells by column. Source: RFC 4180, with what real files do beyond it.

use std::borrow::Cow;

use domain::limits::MAX_CELL_BYTES;
use memchr::memchr;

use crate::{dialect::Dialect, ends::Ends, pieces::Piece};

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
    /// Column after column, each with room for as many rows.
    all: Vec<Cell>,
    room: usize,
    /// How many columns there are.
    pub columns: usize,
    /// How many rows there are.
    pub rows: usize,
}

impl Cells {
    /// Room for `rows` rows of empty cells.
    pub(crate) fn empty(columns: usize, rows: usize) -> Self {
        Self { all: vec![Cell::EMPTY; columns * rows], room: rows, columns, rows }
    }

    /// Puts a cell.
    pub(crate) fn put(&mut self, column: usize, row: usize, cell: Cell) {
        if let Some(place) = self.all.get_mut(column * self.room + row) {
            *place = cell;
        }
    }

    /// The cells of a column.
    pub(crate) fn column(&self, column: usize) -> &[Cell] {
        let begin = column * self.room;
        self.all.get(begin..begin + self.rows).unwrap_or_default()
    }
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
    /// It has more cells than there are names.
    TooManyCells {
        /// Where the first one begins that is too many.
        at: usize,
        /// How many it has.
        got: usize,
    },
    /// The cell of a column is too long.
    LongCell {
        /// The column's position.
        column: usize,
        /// Where the cell begins.
        at: usize,
        /// Its bytes.
        length: usize,
    },
    /// The quoted cell of a column does not end.
    OpenQuote {
        /// The column's position.
        column: usize,
        /// Where the quote opens.
        at: usize,
    },
}

impl Cell {
    /// A cell without a value.
    pub(crate) const EMPTY: Self = Self { start: 0, length: 0 };

    /// The cell of those bytes, which are its text.
    pub(crate) fn plain(start: usize, length: usize) -> Self {
        Self { start: place(start), length: place(length) }
    }

    /// Its bytes in the piece, quotes included.
    #[inline]
    pub(crate) fn raw(self, piece: &[u8]) -> &[u8] {
        piece.get(self.start()..self.start() + self.length()).unwrap_or_default()
    }

    /// Its length in the piece, quotes included.
    pub(crate) fn length(self) -> usize {
        (self.length & !QUOTED) as usize
    }

    /// Whether its text has to be freed of quotes.
    pub(crate) fn is_quoted(self) -> bool {
        self.length & QUOTED != 0
    }

    /// Its text.
    #[inline]
    pub(crate) fn text(self, piece: &[u8]) -> Cow<'_, [u8]> {
        let raw = self.raw(piece);
        if self.is_quoted() { Cow::Owned(unquoted(raw)) } else { Cow::Borrowed(raw) }
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
pub(crate) fn split(piece: &Piece, dialect: Dialect, columns: usize) -> Result<Cells, BadRow> {
    let Piece { lines, is_plain, .. } = *piece;
    let piece = piece.bytes.as_slice();
    let quoted = !is_plain && memchr(QUOTE, piece).is_some();
    if !quoted && let Some(cells) = split_regular(piece, dialect, columns, lines) {
        return Ok(cells);
    }
    let room = lines + 1;
    let mut cells = Cells { all: vec![Cell::EMPTY; columns * room], room, columns, rows: 0 };
    let longest = if quoted {
        cut(piece, dialect, &mut cells, |at, ends| next_cell(piece, at, dialect, ends))?
    } else {
        cut(piece, dialect, &mut cells, |at, ends| {
            let end = ends.next();
            Some((Cell { start: place(at), length: place(text_length(piece, at, end, dialect)) }, end))
        })?
    };
    if longest > MAX_CELL_BYTES {
        each_row(piece, dialect, |_| true)?;
    }
    Ok(cells)
}

/// Cuts a piece without quotes each of whose lines has as many cells as there are columns; `None` when it is not such a piece.
fn split_regular(piece: &[u8], dialect: Dialect, columns: usize, lines: usize) -> Option<Cells> {
    /// Cells that are cut by row and written by column while they are near the processor.
    const BLOCK_CELLS: usize = 4_096;
    // A lonely cell in a line may be a blank line.
    if columns < 2 || piece.last() != Some(&dialect.end) {
        return None;
    }
    let ends = Ends::new(piece, dialect.delimiter, dialect.end).all(columns * lines);
    if ends.len() != columns * lines {
        return None;
    }
    let mut all = vec![Cell::EMPTY; ends.len()];
    let (mut begin, mut row, mut longest) = (0, 0, 0);
    for block in ends.chunks((BLOCK_CELLS / columns).max(1) * columns) {
        let rows = block.len() / columns;
        for (column, cells) in all.chunks_exact_mut(lines).enumerate() {
            let cells = cells.get_mut(row..row + rows)?;
            let ends = block.iter().skip(column).step_by(columns);
            if column == 0 {
                // What ends the row before ends what is before its first cell.
                let lasts = block.iter().skip(columns - 1).step_by(columns);
                let starts = std::iter::once(begin).chain(lasts.map(|end| end + 1));
                cells.iter_mut().zip(starts).zip(ends).for_each(|((cell, start), end)| *cell = Cell { start, length: end - start });
            } else {
                let starts = block.iter().skip(column - 1).step_by(columns).map(|end| end + 1);
                cells.iter_mut().zip(starts).zip(ends).for_each(|((cell, start), end)| *cell = Cell { start, length: end - start });
            }
            if column + 1 == columns {
                for cell in &mut *cells {
                    let (start, end) = (cell.start(), cell.start() + cell.length());
                    if piece.get(end) != Some(&dialect.end) {
                        return None;
                    }
                    cell.length = place(text_length(piece, start, end, dialect));
                }
            }
            longest = cells.iter().map(|cell| cell.length).fold(longest, u32::max);
        }
        begin = block.last()? + 1;
        row += rows;
    }
    (longest as usize <= MAX_CELL_BYTES).then_some(Cells { all, room: lines, columns, rows: lines })
}

/// Cuts a piece by what gives the cell at a byte and where it ends; the longest cell's bytes.
#[inline(always)]
#[allow(clippy::inline_always, reason = "it is the innermost loop of all reading, once for pieces with quotes and once for the others")]
fn cut(
    piece: &[u8],
    dialect: Dialect,
    cells: &mut Cells,
    next: impl Fn(usize, &mut Ends<'_>) -> Option<(Cell, usize)>,
) -> Result<usize, BadRow> {
    let Cells { room, columns, .. } = *cells;
    let mut ends = Ends::new(piece, dialect.delimiter, dialect.end);
    let (mut at, mut longest) = (0, 0);
    while at < piece.len() {
        let begin = at;
        let (mut column, mut to, mut more) = (0, cells.rows, None);
        loop {
            let Some((cell, end)) = next(at, &mut ends) else {
                return Err(BadRow { at: begin, problem: Problem::OpenQuote { column, at } });
            };
            let is_last = piece.get(end) != Some(&dialect.delimiter);
            longest = longest.max(cell.length);
            if column < columns {
                if let Some(place) = cells.all.get_mut(to) {
                    *place = cell;
                }
            } else if cell.length > 0 {
                // Empty cells at the end are what a trailing delimiter leaves.
                more = more.or(Some(at));
            }
            (column, to, at) = (column + 1, to + room, end + 1);
            if is_last {
                break;
            }
        }
        if let Some(at) = more {
            return Err(BadRow { at: begin, problem: Problem::TooManyCells { at, got: column } });
        }
        // A blank line's only cell is written over by the next row's first.
        cells.rows += usize::from(column > 1 || !is_blank(piece, begin, at - 1));
    }
    Ok((longest & !QUOTED) as usize)
}

/// Visits each row of a piece that is not blank, until `visit` says that it has seen enough.
pub(crate) fn each_row(piece: &[u8], dialect: Dialect, mut visit: impl FnMut(&[Cell]) -> bool) -> Result<(), BadRow> {
    let mut ends = Ends::new(piece, dialect.delimiter, dialect.end);
    let (mut at, mut cells) = (0, Vec::new());
    while at < piece.len() {
        let begin = at;
        cells.clear();
        loop {
            let open = BadRow { at: begin, problem: Problem::OpenQuote { column: cells.len(), at } };
            let (cell, end) = next_cell(piece, at, dialect, &mut ends).ok_or(open)?;
            if cell.length() > MAX_CELL_BYTES {
                let problem = Problem::LongCell { column: cells.len(), at: cell.start(), length: cell.length() };
                return Err(BadRow { at: begin, problem });
            }
            cells.push(cell);
            at = end + 1;
            if piece.get(end) != Some(&dialect.delimiter) {
                break;
            }
        }
        let is_row = cells.len() > 1 || !is_blank(piece, begin, at - 1);
        if is_row && !visit(&cells) {
            break;
        }
    }
    Ok(())
}

/// The cell that begins at `at`, and where what ends it is; `None` when it is quoted and does not end.
#[inline(always)]
#[allow(clippy::inline_always, reason = "it is the innermost loop of all reading")]
fn next_cell(piece: &[u8], at: usize, dialect: Dialect, ends: &mut Ends<'_>) -> Option<(Cell, usize)> {
    let rest = piece.get(at..).unwrap_or_default();
    let quoted = rest.first() == Some(&QUOTE);
    if quoted {
        ends.skip_to(at + quoted_length(rest)?);
    }
    let end = ends.next();
    let length = text_length(piece, at, end, dialect);
    Some((if quoted { quoted_cell(at, length, rest) } else { Cell { start: place(at), length: place(length) } }, end))
}

/// The bytes of a cell from `at` to `end`, without the carriage return that is part of a row's end.
fn text_length(piece: &[u8], at: usize, end: usize, dialect: Dialect) -> usize {
    let length = end - at.min(end);
    let returns = piece.get(end) != Some(&dialect.delimiter) && dialect.end == b'\n' && length > 0 && piece.get(end - 1) == Some(&b'\r');
    length - usize::from(returns)
}

/// A position within a piece; pieces are far smaller than 4 GB.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A cell without its quotes, where nothing else has to be done about them.
fn quoted_cell(at: usize, length: usize, rest: &[u8]) -> Cell {
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

/// Whether a line holds blanks only.
fn is_blank(piece: &[u8], begin: usize, end: usize) -> bool {
    piece.get(begin..end).is_none_or(|line| line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', end: b'\n', header: true, skipped: 0 };

    fn rows(text: &str) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let text = text.as_bytes();
        let visited = each_row(text, COMMA, |row| {
            rows.push(row.iter().map(|cell| String::from_utf8(cell.text(text).into_owned()).unwrap()).collect());
            true
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
        let cut = |text: &str| split(&Piece::new(text.as_bytes().to_vec(), 1, COMMA.end), COMMA, 2).map(|cells| cells.rows);
        assert_eq!(cut("1\n1,2\n1,2,,\n"), Ok(3), "short rows are padded, empty cells at the end are dropped");
        assert_eq!(cut("1,2\n1,2,3\n"), Err(BadRow { at: 4, problem: Problem::TooManyCells { at: 8, got: 3 } }));
        assert_eq!(cut("1,2\n1,\"2\n3,4\n"), Err(BadRow { at: 4, problem: Problem::OpenQuote { column: 1, at: 6 } }));
    }
}
