//! Delimited text and Parquet → typed columns and a profile.
//!
//! A file is read twice. The first pass decides each column's type over all rows, so that no later cell contradicts it; the second
//! profiles the typed cells and writes them as Parquet, a row group at a time. Memory does not grow with the number of rows: distinct
//! values and quantiles are exact up to a cap and estimated beyond, and the profile says which.

mod cell;
mod delimited;
mod distinct;
mod error;
mod frame;
mod header;
mod ingest;
mod kinds;
mod numeric;
mod parquet_file;
mod profile;
mod source;

pub use error::TableError;
pub use frame::{Column, Frame, TextColumn, Values};
pub use ingest::{ingest, read_csv};
pub use parquet_file::read_parquet;
