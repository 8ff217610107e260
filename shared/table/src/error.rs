//! What can be wrong with a table. Lines are counted from 1, as a text editor counts them.

use std::{io, path::PathBuf};

use domain::limits::{MAX_CELL_BYTES, MAX_COLUMNS};

/// Why a table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file has no header.
    #[error("No columns to parse from file: it is empty")]
    Empty,
    /// The file is not text.
    #[error("the file is not text: line {line} holds a NUL byte; upload a CSV file in UTF-8")]
    Binary {
        /// Where the first NUL byte is.
        line: u64,
    },
    /// A cell is not UTF-8.
    #[error("line {line}, column '{column}' is not UTF-8 text; save the file as UTF-8 and upload it again")]
    Encoding {
        /// Where the record begins.
        line: u64,
        /// The column's name, or its number in the header.
        column: String,
    },
    /// A row has more cells than the header has names.
    #[error("Expected {expected} fields in line {line}, saw {got}; quote cells that contain a comma")]
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
    #[error("line {line}, column '{column}' has a cell of {got} bytes; at most {MAX_CELL_BYTES} are supported")]
    CellTooLong {
        /// Where the record begins.
        line: u64,
        /// The column's name.
        column: String,
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
    /// The delimited text cannot be read.
    #[error("cannot read the table: {0}")]
    Csv(#[from] csv::Error),
    /// The Parquet file cannot be read or written.
    #[error("cannot read or write the Parquet file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Columns cannot be built.
    #[error("cannot build the table's columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet column of a type that ingest never writes.
    #[error("column '{column}' of the Parquet file has the unsupported type {kind}")]
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
