//! The typed table as Parquet: 64-bit integers and floats, booleans, dictionary-encoded text; zstd; row groups of 100,000 rows.

use std::{collections::HashMap, fs::File, io::Write, path::Path, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray as _, BooleanBuilder, DictionaryArray, Float64Builder, Int64Builder, RecordBatch, StringDictionaryBuilder,
    },
    datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema},
};
use domain::ColumnKind;
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use crate::{Column, Frame, TableError, TextColumn, Values, profile::Typed};

/// Rows of a row group.
const GROUP_ROWS: usize = 100_000;
/// Rows that are turned into columns at a time.
const BATCH_ROWS: usize = 16_384;

enum Builder {
    Integers(Int64Builder),
    Floats(Float64Builder),
    Booleans(BooleanBuilder),
    Texts(StringDictionaryBuilder<Int32Type>),
}

/// Writes rows as Parquet.
pub(crate) struct Writer<W: Write + Send> {
    out: ArrowWriter<W>,
    schema: Arc<Schema>,
    builders: Vec<Builder>,
    rows: usize,
}

impl<W: Write + Send> Writer<W> {
    /// A writer of columns of those names and kinds.
    pub(crate) fn new(out: W, columns: impl Iterator<Item = (String, ColumnKind)>) -> Result<Self, TableError> {
        let (mut fields, mut builders) = (Vec::new(), Vec::new());
        for (name, kind) in columns {
            let (data_type, builder) = match kind {
                ColumnKind::Integer => (DataType::Int64, Builder::Integers(Int64Builder::new())),
                ColumnKind::Float => (DataType::Float64, Builder::Floats(Float64Builder::new())),
                ColumnKind::Boolean => (DataType::Boolean, Builder::Booleans(BooleanBuilder::new())),
                ColumnKind::Text => {
                    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                    (text, Builder::Texts(StringDictionaryBuilder::new()))
                }
            };
            fields.push(Field::new(name, data_type, true));
            builders.push(builder);
        }
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let out = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        Ok(Self { out, schema, builders, rows: 0 })
    }

    /// Adds a cell to a column. A cell of another kind than the column's is stored as missing.
    pub(crate) fn push(&mut self, column: usize, cell: Typed<'_>) {
        match (self.builders.get_mut(column), cell) {
            (Some(Builder::Integers(builder)), Typed::Integer(value)) => builder.append_value(value),
            (Some(Builder::Integers(builder)), _) => builder.append_null(),
            (Some(Builder::Floats(builder)), Typed::Float(value)) => builder.append_value(value),
            (Some(Builder::Floats(builder)), _) => builder.append_null(),
            (Some(Builder::Booleans(builder)), Typed::Boolean(value)) => builder.append_value(value),
            (Some(Builder::Booleans(builder)), _) => builder.append_null(),
            (Some(Builder::Texts(builder)), Typed::Text(value)) => builder.append_value(value),
            (Some(Builder::Texts(builder)), _) => builder.append_null(),
            (None, _) => {}
        }
    }

    /// Ends a row, to which every column has had its cell.
    pub(crate) fn end_row(&mut self) -> Result<(), TableError> {
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let columns: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        self.out.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
        self.rows = 0;
        Ok(())
    }

    /// Writes what is left and the footer; gives the output back.
    pub(crate) fn finish(mut self) -> Result<W, TableError> {
        if self.rows > 0 {
            self.flush()?;
        }
        Ok(self.out.into_inner()?)
    }
}

impl Builder {
    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Integers(builder) => Arc::new(builder.finish()),
            Self::Floats(builder) => Arc::new(builder.finish()),
            Self::Booleans(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Reads a table that [`crate::ingest`] wrote. Integers come as floats.
pub fn read_parquet(path: &Path) -> Result<Frame, TableError> {
    let file = File::open(path).map_err(|source| TableError::File { path: path.to_owned(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let mut columns = builder.schema().fields().iter().map(|field| Growing::new(field)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = 0;
    for batch in builder.with_batch_size(BATCH_ROWS).build()? {
        let batch = batch?;
        rows += batch.num_rows();
        for (column, values) in columns.iter_mut().zip(batch.columns()) {
            column.extend(values)?;
        }
    }
    Ok(Frame { rows, columns: columns.into_iter().map(|growing| growing.column).collect() })
}

/// A column that is read batch by batch.
struct Growing {
    column: Column,
    codes: HashMap<String, u32>,
}

impl Growing {
    fn new(field: &Field) -> Result<Self, TableError> {
        let values = match field.data_type() {
            DataType::Int64 | DataType::Float64 => Values::Numbers(Vec::new()),
            DataType::Boolean => Values::Booleans(Vec::new()),
            DataType::Dictionary(_, _) => Values::Texts(TextColumn::default()),
            other => return Err(TableError::ColumnType { column: field.name().clone(), kind: other.to_string() }),
        };
        Ok(Self { column: Column { name: field.name().clone(), values }, codes: HashMap::new() })
    }

    fn extend(&mut self, array: &ArrayRef) -> Result<(), TableError> {
        match &mut self.column.values {
            Values::Numbers(numbers) => {
                if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
                    numbers.extend(integers.iter().map(|value| value.map_or(f64::NAN, |value| value as f64)));
                    return Ok(());
                }
                if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
                    numbers.extend(floats.iter().map(|value| value.unwrap_or(f64::NAN)));
                    return Ok(());
                }
            }
            Values::Booleans(booleans) => {
                if let Some(values) = array.as_boolean_opt() {
                    booleans.extend(values.iter());
                    return Ok(());
                }
            }
            Values::Texts(texts) => {
                if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>()
                    && append(texts, &mut self.codes, dictionary).is_some()
                {
                    return Ok(());
                }
            }
        }
        Err(TableError::ColumnType { column: self.column.name.clone(), kind: array.data_type().to_string() })
    }
}

/// Appends a batch's texts; `None` when its dictionary holds no text.
fn append(texts: &mut TextColumn, known: &mut HashMap<String, u32>, batch: &DictionaryArray<Int32Type>) -> Option<()> {
    let values = batch.values().as_string_opt::<i32>()?;
    let mut code_of: Vec<Option<u32>> = vec![None; values.len()];
    for key in batch.keys() {
        let place = key.and_then(|key| usize::try_from(key).ok());
        let Some((place, slot)) = place.and_then(|place| Some((place, code_of.get_mut(place)?))) else {
            texts.codes.push(TextColumn::MISSING);
            continue;
        };
        let code = *slot.get_or_insert_with(|| {
            let text = values.value(place);
            known.get(text).copied().unwrap_or_else(|| {
                let code = texts.dictionary.len() as u32;
                texts.dictionary.push(text.to_owned());
                known.insert(text.to_owned(), code);
                code
            })
        });
        texts.codes.push(code);
    }
    Some(())
}
