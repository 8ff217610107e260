//! Delimited text and Parquet → typed columns and a streaming profile.

mod frame;

pub use frame::{Column, Frame, TextColumn, Values};
