//! Someone else's Parquet file → our own form of it, and its profile.

use std::path::Path;

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, RecordBatch},
    compute::{cast, nullif},
    datatypes::{DataType, Field, Float64Type},
};
use domain::{ColumnKind, Profile, ReadAs, limits::MAX_COLUMNS};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;

use crate::{
    Input, TableError,
    header::unique_names,
    ingest::{beside, output, put},
    opened::Fingerprint,
    parquet_file::Writer,
    profiler::{Profiler, SummedPiece},
    scan::Found,
    tally::data_type,
};

const BATCH_ROWS: usize = 65_536;
/// Rows that a profile shows, the cells that they may have together, and the characters of a cell.
const SHOWN_ROWS: usize = 100;
const SHOWN_CELLS: usize = 8_000;
const SHOWN_CHARACTERS: usize = 100;

/// Reads a Parquet file, whose columns must be flat.
pub(crate) fn ingest(input: &Input, parquet: &Path) -> Result<Profile, TableError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(input.complete()?).map_err(TableError::BadParquet)?;
    let fields: Vec<Field> = builder.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    if fields.is_empty() {
        return Err(TableError::Empty);
    }
    if fields.len() > MAX_COLUMNS {
        return Err(TableError::TooManyColumns { got: fields.len() });
    }
    let names = unique_names(&fields.iter().map(|field| field.name().clone()).collect::<Vec<_>>());
    let kinds = fields.iter().map(kind_of).collect::<Result<Vec<_>, _>>()?;
    let columns: Vec<(String, ColumnKind)> = names.into_iter().zip(kinds).collect();
    let file = beside(parquet)?;
    let mut writer = Writer::new(output(&file)?, &columns, &vec![true; columns.len()])?;
    let mut profiler = Profiler::new(&columns);
    let (mut rows, mut shown) = (0, Vec::new());
    for batch in builder.with_batch_size(BATCH_ROWS).build().map_err(TableError::BadParquet)? {
        let batch = batch?;
        if rows == 0 {
            shown = first_rows(&batch)?;
        }
        rows += batch.num_rows() as u64;
        take(&batch, &columns, &mut writer, &mut profiler)?;
    }
    put(file, writer.finish()?, parquet)?;
    let (bytes, fingerprint) = Fingerprint::of(input.complete()?)?;
    let read_as = ReadAs { format: "parquet".to_owned(), header: true, ..ReadAs::default() };
    Ok(Profile { bytes, fingerprint, read_as, first_rows: shown, ..profiler.finish(vec![Found::default(); columns.len()]) })
}

/// The first rows as texts.
fn first_rows(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, TableError> {
    let rows = batch.num_rows().min(SHOWN_ROWS).min(SHOWN_CELLS / batch.num_columns().max(1));
    let texts = batch.columns().iter().map(|column| cast(&column.slice(0, rows), &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
    let text = |column: &ArrayRef, row: usize| {
        let texts = column.as_string_opt::<i32>()?;
        (!texts.is_null(row)).then(|| texts.value(row).chars().take(SHOWN_CHARACTERS).collect())
    };
    Ok((0..rows).map(|row| texts.iter().map(|column| text(column, row)).collect()).collect())
}

fn take<W: std::io::Write + Send>(
    batch: &RecordBatch,
    columns: &[(String, ColumnKind)],
    writer: &mut Writer<W>,
    profiler: &mut Profiler,
) -> Result<(), TableError> {
    if batch.num_rows() == 0 {
        return Ok(());
    }
    let typed = |((_, kind), array): (&(String, ColumnKind), &ArrayRef)| {
        let array: ArrayRef = cast(array, &data_type(*kind, true))?;
        // NaN is what such files have for no value.
        match array.as_primitive_opt::<Float64Type>() {
            Some(floats) => Ok(nullif(&array, &floats.iter().map(|value| Some(value.is_some_and(f64::is_nan))).collect())?),
            None => Ok::<ArrayRef, TableError>(array),
        }
    };
    let arrays = columns.par_iter().zip(batch.columns()).map(typed).collect::<Result<Vec<_>, _>>()?;
    let summed = SummedPiece::of(columns, arrays, batch.num_rows());
    let writers = writer.columns(batch.num_rows())?;
    profiler.take(vec![summed], writers, |writer, array| writer.write(array))
}

fn kind_of(field: &Field) -> Result<ColumnKind, TableError> {
    let kind = |data_type: &DataType| match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            Some(ColumnKind::Integer)
        }
        DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _)
        | DataType::Null => Some(ColumnKind::Float),
        DataType::Boolean => Some(ColumnKind::Boolean),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => Some(ColumnKind::Date),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(ColumnKind::Text),
        _ => None,
    };
    let found = match field.data_type() {
        DataType::Dictionary(_, values) => kind(values).filter(|kind| *kind == ColumnKind::Text),
        other => kind(other),
    };
    found.ok_or_else(|| TableError::ColumnType { column: field.name().clone(), kind: field.data_type().to_string() })
}
