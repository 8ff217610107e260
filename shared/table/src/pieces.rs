//! A text file in pieces that end where rows end, so that each can be cut by itself.

use std::io::{self, Read};

use domain::limits::MAX_ROW_BYTES;
use memchr::{memchr_iter, memchr2, memrchr};

use crate::{
    TableError,
    cells::quoted_length,
    dialect::Dialect,
    error::{Place, Position, beginning},
};

/// Bytes of a piece, about: so few that what is made of it stays near the processor, and as many rows as make its columns worth the while.
const LEAST_BYTES: usize = 1 << 20;
const MOST_BYTES: usize = 4 << 20;
const ROWS: usize = 4_096;
const QUOTE: u8 = b'"';

/// Whole rows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The rows' bytes.
    pub bytes: Vec<u8>,
    /// The line in the file of the first byte, from 1.
    pub line: u64,
    /// What ends lines.
    pub line_end: u8,
    /// How many of those there are.
    pub lines: usize,
    /// Whether it is the file's first.
    pub is_first: bool,
    /// Whether it is known to have neither quotes nor NULs.
    pub is_plain: bool,
}

impl Piece {
    /// Rows that begin at a line.
    pub(crate) fn new(bytes: Vec<u8>, line: u64, line_end: u8) -> Self {
        let lines = memchr_iter(line_end, &bytes).count();
        Self { bytes, line, line_end, lines, is_first: false, is_plain: false }
    }

    /// Drops the bytes before `begin`.
    pub(crate) fn skip(&mut self, begin: usize) {
        let passed = memchr_iter(self.line_end, self.bytes.drain(..begin.min(self.bytes.len())).as_slice()).count();
        self.line += passed as u64;
        self.lines -= passed;
    }

    /// The line of the byte `at`.
    pub(crate) fn line_at(&self, at: usize) -> u64 {
        self.line + memchr_iter(self.line_end, self.bytes.get(..at).unwrap_or(&self.bytes)).count() as u64
    }

    /// What begins at the byte `at`.
    pub(crate) fn place(&self, at: usize, column: Option<String>) -> Place {
        Place { at: Position::Line(self.line_at(at)), column, begins: beginning(self.bytes.get(at..).unwrap_or_default()) }
    }
}

/// Reads pieces.
pub(crate) struct Pieces<R> {
    source: R,
    dialect: Dialect,
    /// Whether a row may go on beyond its line in quotes.
    quotes: bool,
    /// What was read after the last row's end.
    rest: Vec<u8>,
    /// Buffers of earlier pieces, whose memory is at hand.
    used: Vec<Vec<u8>>,
    line: u64,
    begun: bool,
    ended: bool,
    size: usize,
}

impl<R: Read> Pieces<R> {
    /// The pieces of what follows `beginning` in `source`, with that in front.
    pub(crate) fn new(source: R, dialect: Dialect, beginning: Vec<u8>) -> Self {
        let row = beginning.len() / memchr_iter(dialect.end, &beginning).count().max(1);
        let size = (row * ROWS).clamp(LEAST_BYTES, MOST_BYTES);
        Self { source, dialect, quotes: true, rest: beginning, used: Vec::new(), line: 1, begun: false, ended: false, size }
    }

    /// The same of a text whose rows are lines.
    pub(crate) fn of_lines(source: R, beginning: Vec<u8>) -> Self {
        let dialect = Dialect { delimiter: b'\n', end: b'\n', header: false, skipped: 0 };
        Self { quotes: false, ..Self::new(source, dialect, beginning) }
    }

    /// How many pieces make up so many bytes.
    pub(crate) fn in_bytes(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.size)
    }

    /// Takes back a piece that is done with, for its memory.
    pub(crate) fn take_back(&mut self, piece: Piece) {
        // One long row is no reason to hold its memory for all the others.
        if piece.bytes.capacity() <= 2 * self.size {
            self.used.push(piece.bytes);
        }
    }

    /// The next piece, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, TableError> {
        let mut bytes = self.used.pop().unwrap_or_default();
        let mut filled = self.rest.len();
        if bytes.len() < filled {
            bytes.resize(filled, 0);
        }
        bytes.iter_mut().zip(&self.rest).for_each(|(to, from)| *to = *from);
        loop {
            if !self.ended {
                let wanted = self.size.saturating_sub(filled).max(self.size / 4).max(1);
                bytes.resize(filled + wanted, 0);
                let count = fill(&mut self.source, bytes.get_mut(filled..).unwrap_or_default()).map_err(TableError::of_source)?;
                filled += count;
                self.ended = count < wanted;
            }
            bytes.truncate(filled);
            if bytes.is_empty() {
                return Ok(None);
            }
            let is_plain = self.quotes && memchr2(QUOTE, 0, &bytes).is_none();
            let end = if self.ended {
                Some(bytes.len())
            } else if self.quotes && !is_plain {
                last_row_end(&bytes, self.dialect)
            } else {
                memrchr(self.dialect.end, &bytes).map(|last| last + 1)
            };
            if let Some(end) = end {
                self.rest.clear();
                self.rest.extend_from_slice(bytes.get(end..).unwrap_or_default());
                bytes.truncate(end);
                let piece = Piece::new(bytes, self.line, self.dialect.end);
                self.line += piece.lines as u64;
                let is_first = !std::mem::replace(&mut self.begun, true);
                return Ok(Some(Piece { is_first, is_plain, ..piece }));
            }
            if bytes.len() > MAX_ROW_BYTES {
                let open = if self.quotes { open_quote(&bytes, self.dialect) } else { None };
                let piece = Piece::new(bytes, self.line, self.dialect.end);
                return Err(match open {
                    Some(at) => TableError::UnclosedQuote { place: piece.place(at, None) },
                    None => TableError::RowTooLong { place: piece.place(0, None) },
                });
            }
        }
    }
}

/// Where the last row that is complete ends.
fn last_row_end(bytes: &[u8], dialect: Dialect) -> Option<usize> {
    let whole = open_quote(bytes, dialect).map_or(bytes, |open| bytes.get(..open).unwrap_or(bytes));
    let (mut until, mut within) = (whole, quoted_ranges(whole, dialect));
    loop {
        let end = memrchr(dialect.end, until)?;
        match within.iter().rposition(|(from, to)| (*from..*to).contains(&end)) {
            None => return Some(end + 1),
            Some(range) => {
                until = until.get(..within.get(range)?.0)?;
                within.truncate(range);
            }
        }
    }
}

/// The quoted parts that end, each as its first byte and the one after its last; few files have many.
fn quoted_ranges(bytes: &[u8], dialect: Dialect) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    each_quoted(bytes, dialect, |from, length| {
        if let Some(length) = length
            && memchr::memchr(dialect.end, bytes.get(from..from + length).unwrap_or_default()).is_some()
        {
            ranges.push((from, from + length));
        }
    });
    ranges
}

/// Where a quoted part begins that does not end.
fn open_quote(bytes: &[u8], dialect: Dialect) -> Option<usize> {
    let mut open = None;
    each_quoted(bytes, dialect, |from, length| {
        if length.is_none() {
            open = Some(from);
        }
    });
    open
}

/// Visits each quoted part: a quote begins one where a cell begins.
fn each_quoted(bytes: &[u8], dialect: Dialect, mut visit: impl FnMut(usize, Option<usize>)) {
    let mut done = 0;
    for at in memchr_iter(QUOTE, bytes) {
        let begins = at == 0 || bytes.get(at - 1).is_some_and(|before| *before == dialect.delimiter || *before == dialect.end);
        if at < done || !begins {
            continue;
        }
        let length = quoted_length(bytes.get(at..).unwrap_or_default());
        visit(at, length);
        match length {
            Some(length) => done = at + length,
            None => return,
        }
    }
}

/// Reads until `buffer` is full or the source ends; how many bytes there were.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// At most so many bytes from a source.
pub(crate) fn read_full(source: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', end: b'\n', header: true, skipped: 0 };

    fn pieces(text: &[u8], size: usize) -> Vec<Piece> {
        let mut pieces = Pieces { size, ..Pieces::new(text, COMMA, Vec::new()) };
        std::iter::from_fn(|| pieces.next().unwrap()).collect()
    }

    #[test]
    fn a_piece_never_ends_within_quotes() {
        let text = b"a,b\n1,\"x\ny\n\"\n2,\"z\"\n3,5\" pipe\n4,w\n";
        for size in 1..40 {
            let pieces = pieces(text, size);
            assert_eq!(pieces.iter().flat_map(|piece| piece.bytes.clone()).collect::<Vec<_>>(), text);
            for piece in &pieces {
                let before: usize = pieces.iter().take_while(|other| *other != piece).map(|other| other.bytes.len()).sum();
                assert_eq!(piece.line, 1 + text[..before].iter().filter(|byte| **byte == b'\n').count() as u64);
                assert!(piece.bytes.ends_with(b"\n") && !piece.bytes.ends_with(b"\"x\n") && !piece.bytes.ends_with(b"y\n"), "{size}");
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_hold_the_whole_file(text in "[a,\"\n ]{0,60}", size in 1_usize..30) {
            let whole: Vec<u8> = pieces(text.as_bytes(), size).into_iter().flat_map(|piece| piece.bytes).collect();
            prop_assert_eq!(whole, text.as_bytes());
        }
    }
}
