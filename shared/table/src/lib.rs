//! Delimited text, JSON Lines and Parquet → typed columns and a profile.
//!
//! ```text
//! file ─▶ bytes ─▶ UTF-8 text ─▶ pieces of whole rows ─▶ cells ─▶ values ─▶ statistics
//!        opened                   pieces                  cells    convert ─▶ Parquet
//! ```
//!
//! Types are decided over all rows, so that no later cell contradicts them. Memory does not grow with the number of rows: distinct values
//! and quantiles are exact up to a cap and estimated beyond, and the profile says which.

mod associations;
mod blocks;
mod category_pages;
mod cells;
mod convert;
mod delimited;
mod dialect;
mod distinct;
mod encoding;
mod ends;
mod error;
mod extremes;
mod frame;
mod header;
mod ingest;
mod input;
mod interner;
mod json_lines;
mod moments;
mod numeric;
mod opened;
mod parquet_file;
mod parquet_input;
mod pieces;
mod profiler;
mod reading;
mod relations;
mod rows;
mod sample;
mod scan;
mod stripes;
mod summary;
mod tally;
mod value;
mod word_counts;

pub use blocks::{Block, Blocks, NewColumn, NewType, ResultWriter, StoredTable};
pub use error::{Place, Position, TableError};
pub use frame::{Column, Frame, TextColumn, Values};
pub use ingest::{ingest, ingest_with, read_table};
pub use input::{Arrival, Input};
pub use parquet_file::{read_parquet, read_sample};
pub use relations::{is_sampled_for_relations, relations, relations_of_sample, sample_for_relations};
