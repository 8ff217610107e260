//! Records of a comma-separated file, checked one by one.

use std::{fs::File, path::Path};

use csv::{ByteRecord, ReaderBuilder, Terminator};
use domain::limits::{MAX_CELL_BYTES, MAX_COLUMNS};

use crate::{
    TableError,
    header::unique_names,
    source::{Seen, Source},
};

const BUFFER_BYTES: usize = 1 << 20;

/// A file with its header read.
pub(crate) struct Delimited {
    reader: csv::Reader<Source<File>>,
    record: ByteRecord,
    names: Vec<String>,
}

/// A data row: one text per column, empty where the row is short.
pub(crate) struct Row<'a> {
    record: &'a ByteRecord,
    names: &'a [String],
    line: u64,
}

impl Delimited {
    /// Opens a file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|source| TableError::File { path: path.to_owned(), source })?;
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::CRLF)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Source::new(file));
        let mut record = ByteRecord::new();
        loop {
            if !reader.read_byte_record(&mut record)? {
                check(&reader.get_ref().seen())?;
                return Err(TableError::Empty);
            }
            if !is_blank(&record) {
                break;
            }
        }
        if record.len() > MAX_COLUMNS {
            return Err(TableError::TooManyColumns { got: record.len() });
        }
        let line = line_of(&record);
        let name = |(position, bytes): (usize, &[u8])| {
            let text = std::str::from_utf8(bytes);
            text.map(str::to_owned).map_err(|_| TableError::Encoding { line, column: (position + 1).to_string() })
        };
        let header = record.iter().enumerate().map(name).collect::<Result<Vec<_>, _>>();
        let header = header.or_else(|error| check(&reader.get_ref().seen()).and(Err(error)))?;
        Ok(Self { reader, record, names: unique_names(&header) })
    }

    /// The columns' names.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The next row, `None` at the end.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>, TableError> {
        loop {
            if !self.reader.read_byte_record(&mut self.record)? {
                check(&self.seen())?;
                return Ok(None);
            }
            if !is_blank(&self.record) {
                break;
            }
        }
        let (record, names) = (&self.record, self.names.as_slice());
        let line = line_of(record);
        if record.len() > names.len() {
            if let Some(line) = self.seen().nul_line {
                return Err(TableError::Binary { line });
            }
            return Err(TableError::TooManyFields { line, expected: names.len(), got: record.len() });
        }
        if record.as_slice().len() > MAX_CELL_BYTES
            && let Some((position, cell)) = record.iter().enumerate().find(|(_, cell)| cell.len() > MAX_CELL_BYTES)
        {
            if let Some(line) = self.seen().open_quote_line {
                return Err(TableError::UnclosedQuote { line });
            }
            return Err(TableError::CellTooLong { line, column: name_at(&self.names, position), got: cell.len() });
        }
        Ok(Some(Row { record, names, line }))
    }

    /// What passed so far.
    pub(crate) fn seen(&self) -> Seen {
        self.reader.get_ref().seen()
    }
}

impl Row<'_> {
    /// The cells in column order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Result<&str, TableError>> {
        (0..self.names.len()).map(|position| {
            let bytes = self.record.get(position).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| TableError::Encoding { line: self.line, column: name_at(self.names, position) })
        })
    }
}

fn name_at(names: &[String], position: usize) -> String {
    names.get(position).cloned().unwrap_or_default()
}

fn check(seen: &Seen) -> Result<(), TableError> {
    match (seen.nul_line, seen.open_quote_line) {
        (Some(line), _) => Err(TableError::Binary { line }),
        (None, Some(line)) => Err(TableError::UnclosedQuote { line }),
        (None, None) => Ok(()),
    }
}

/// A line of blanks only; the parser itself skips empty lines.
fn is_blank(record: &ByteRecord) -> bool {
    record.len() <= 1 && record.get(0).is_none_or(|cell| cell.iter().all(|byte| matches!(byte, b' ' | b'\t')))
}

fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}
