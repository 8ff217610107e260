//! What can be wrong with a table. Lines are counted from 1, as a text editor counts them.

use std::{io, path::PathBuf};

use domain::limits::{MAX_CELL_BYTES, MAX_COLUMNS, MAX_ROW_BYTES};

/// Why a table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file has no header.
    #[error("No columns to parse from file: it is empty")]
    Empty,
    /// The file is not text.
    #[error("the file is not text: line {line} holds a control character that no text has; upload CSV, JSON Lines or Parquet")]
    Binary {
        /// Where the first such character is.
        line: u64,
    },
    /// The file is of a kind that is not read.
    #[error("the file is {0}; save the table as CSV, JSON Lines or Parquet and upload that")]
    Unsupported(&'static str),
    /// The file's bytes cannot be read or decompressed.
    #[error("the file cannot be read to its end: {0}; it may be damaged, upload it again")]
    Source(#[source] io::Error),
    /// A line is no JSON object.
    #[error("line {line} is no JSON object: {reason}")]
    Json {
        /// The line.
        line: u64,
        /// What the parser says.
        reason: String,
    },
    /// A row over the limit.
    #[error("the row that begins in line {line} has more than {MAX_ROW_BYTES} bytes; is its end missing?")]
    RowTooLong {
        /// Where the row begins.
        line: u64,
    },
    /// An uploaded Parquet file is damaged.
    #[error("the Parquet file cannot be read: {0}")]
    BadParquet(#[source] parquet::errors::ParquetError),
    /// A row has more cells than the header has names.
    #[error("Expected {expected} fields in line {line}, saw {got}; quote cells that contain the separator")]
    TooManyFields {
        /// Where the row begins.
        line: u64,
        /// Names in the header.
        expected: usize,
        /// Cells in the row.
        got: usize,
    },
    /// A quoted cell does not end.
    #[error(
        "the quoted cell that begins in line {line} is never closed; add the missing quote, or upload the file again if it was cut off"
    )]
    UnclosedQuote {
        /// Where the quote opens.
        line: u64,
    },
    /// More columns than the limit.
    #[error("the table has {got} columns; at most {MAX_COLUMNS} are supported")]
    TooManyColumns {
        /// Names in the header.
        got: usize,
    },
    /// A cell over the limit.
    #[error(
        "line {line}, column '{column}' has a cell of {got} bytes, which begins with '{begins}'; at most {MAX_CELL_BYTES} are supported"
    )]
    CellTooLong {
        /// Where the record begins.
        line: u64,
        /// The column's name.
        column: String,
        /// Its beginning.
        begins: String,
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

impl TableError {
    /// Whether the table itself is at fault, and not the machine.
    pub fn is_about_the_table(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::Parquet(_) | Self::Arrow(_))
    }
}
