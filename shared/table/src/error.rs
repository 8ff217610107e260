//! What can be wrong with a table. Lines are counted from 1, as a text editor counts them.

use std::{fmt, io, path::PathBuf};

use domain::limits::{MAX_CELL_BYTES, MAX_COLUMNS, MAX_DECOMPRESSION_RATIO, MAX_ROW_BYTES, MAX_TABLE_BYTES};

/// Why a table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file has no header.
    #[error("No columns to parse from file: it is empty")]
    Empty,
    /// The file is not text.
    #[error("the file is not text: {place} holds a control character that no text has; upload CSV, JSON Lines or Parquet")]
    Binary {
        /// Where the first such character is.
        place: Place,
    },
    /// The file is of a kind that is not read.
    #[error("the file is {0}; save the table as CSV, JSON Lines or Parquet and upload that")]
    Unsupported(&'static str),
    /// The file's bytes cannot be read or decompressed.
    #[error("the file cannot be read to its end: {0}; it may be damaged, upload it again")]
    Source(#[source] io::Error),
    /// The file becomes too many times as large as it is.
    #[error("the file becomes more than {MAX_DECOMPRESSION_RATIO} times as large when it is decompressed; upload it without compression")]
    Inflated,
    /// The table is over the limit.
    #[error("the table has more than {MAX_TABLE_BYTES} bytes once it is decompressed; upload a part of it")]
    TooLarge,
    /// A line is no JSON object.
    #[error("{place} is no JSON object: {reason}")]
    Json {
        /// The line.
        place: Place,
        /// What the parser says.
        reason: String,
    },
    /// A row over the limit.
    #[error("the row that begins in {place} has more than {MAX_ROW_BYTES} bytes; is its end missing?")]
    RowTooLong {
        /// Where the row begins.
        place: Place,
    },
    /// An uploaded Parquet file is damaged.
    #[error("the Parquet file cannot be read: {0}; it may be damaged, upload it again")]
    BadParquet(#[source] parquet::errors::ParquetError),
    /// A row has more cells than the header has names.
    #[error("Expected {expected} fields in line {line}, saw {got}: '{begins}' is one too many; {}", advice(*expected, *line))]
    TooManyFields {
        /// Where the row begins.
        line: u64,
        /// Names in the header.
        expected: usize,
        /// Cells in the row.
        got: usize,
        /// The beginning of the first cell that is one too many.
        begins: String,
    },
    /// A quoted cell does not end.
    #[error("the quoted cell that begins in {place} is never closed; add the missing quote, or upload the file again if it was cut off")]
    UnclosedQuote {
        /// Where the quote opens.
        place: Place,
    },
    /// More columns than the limit.
    #[error("the table has {got} columns; at most {MAX_COLUMNS} are supported")]
    TooManyColumns {
        /// Names in the header.
        got: usize,
    },
    /// A cell over the limit.
    #[error("the cell in {place} has {got} bytes; at most {MAX_CELL_BYTES} are supported")]
    CellTooLong {
        /// Where it is.
        place: Place,
        /// The cell's bytes.
        got: usize,
    },
    /// The file changed between the two passes.
    #[error("the file changed while it was read; upload it again")]
    Changed,
    /// A file cannot be read or written.
    #[error("cannot read or write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The Parquet file cannot be read or written.
    #[error("cannot read or write the Parquet file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Columns cannot be built.
    #[error("cannot build the table's columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet column of a type that is not read.
    #[error("column '{column}' of the Parquet file has the type {kind}, which is not supported; flatten it or make it text")]
    ColumnType {
        /// The column's name.
        column: String,
        /// Its type.
        kind: String,
    },
}

/// Where something is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, or the row of a file that has no lines; from 1.
    pub at: Position,
    /// The column's name, or its position where it has none.
    pub column: Option<String>,
    /// The beginning of what is there.
    pub begins: String,
}

/// A position in a file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// A line, as a text editor counts.
    Line(u64),
    /// A row.
    Row(u64),
}

/// Bytes of what is at a place that an error shows.
const SHOWN_BEGINNING: usize = 40;

/// The beginning of a text, as an error shows it.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(bytes.get(..SHOWN_BEGINNING).unwrap_or(bytes)).into_owned();
    shown.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Position::Line(line) => write!(f, "line {line}")?,
            Position::Row(row) => write!(f, "row {row}")?,
        }
        if let Some(column) = self.column.as_deref().filter(|column| !column.trim().is_empty()) {
            write!(f, ", column '{column}'")?;
        }
        if self.begins.is_empty() { Ok(()) } else { write!(f, " ('{}')", self.begins) }
    }
}

/// What to do about a row with too many cells.
fn advice(expected: usize, line: u64) -> &'static str {
    if expected == 1 && line <= TITLE_LINES {
        "if the file begins with a title, remove the lines above the names"
    } else {
        "quote cells that contain the separator"
    }
}

/// Lines at a file's beginning that may be a title rather than names.
const TITLE_LINES: u64 = 10;

impl TableError {
    /// Why bytes could not be had: a limit, or the source itself.
    pub(crate) fn of_source(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Source)
    }

    /// Whether the table itself is at fault, and not the machine.
    pub fn is_about_the_table(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::Parquet(_) | Self::Arrow(_))
    }
}
