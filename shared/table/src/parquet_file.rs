//! The typed table as Parquet: 64-bit integers and floats, booleans, moments, text, with a dictionary where it repeats; zstd; row groups of half a million
//! rows; the columns' kinds in the file's metadata. Columns are encoded side by side.

use std::{collections::HashMap, fs::File, io::Write, path::Path, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray as _, DictionaryArray},
    datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType},
};
use bytes::Bytes;
use domain::{ColumnKind, date};
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
        arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding, ZstdLevel},
    column::writer::ColumnCloseResult,
    file::{
        metadata::KeyValue,
        metadata::PageIndexPolicy,
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};
use rayon::prelude::*;

use crate::{Column, Frame, TableError, TextColumn, Values, category_pages::CategoryWriter, tally::data_type};

/// Rows of a row group, about: it ends with a round of pieces, which has more where rows are short.
pub(crate) const GROUP_ROWS: usize = 500_000;
/// Bytes that a row group may take in memory before it ends early.
pub(crate) const GROUP_BYTES: usize = 48 << 20;
/// Rows that a sample takes one after the other.
const RUN_ROWS: usize = 200;
/// Rows that are turned into a frame at a time.
pub(crate) const BATCH_ROWS: usize = 16_384;

/// Writes pieces of a table.
pub(crate) struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    groups: ArrowRowGroupWriterFactory,
    fields: Vec<Field>,
    open: Vec<ColumnWriter>,
    rows: usize,
    written_groups: usize,
}

impl<W: Write + Send> Writer<W> {
    /// A writer of columns of those names and kinds. A column whose values seldom repeat has no dictionary.
    pub(crate) fn new(out: W, columns: &[(String, ColumnKind)], repeats: &[bool]) -> Result<Self, TableError> {
        let fields: Vec<Field> =
            columns.iter().zip(repeats).map(|((name, kind), repeats)| Field::new(name, data_type(*kind, *repeats), true)).collect();
        let kinds: Vec<(&str, ColumnKind)> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let kinds = serde_json::to_string(&kinds).unwrap_or_default();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            // The profile knows more than the smallest and the largest value, and every reader wants all rows.
            .set_statistics_enabled(EnabledStatistics::None)
            .set_key_value_metadata(Some(vec![KeyValue::new("column_kinds".to_owned(), kinds)]));
        for ((name, kind), repeats) in columns.iter().zip(repeats) {
            let path = ColumnPath::new(vec![name.clone()]);
            properties = properties.set_column_dictionary_enabled(path.clone(), *repeats);
            match kind {
                ColumnKind::Integer | ColumnKind::Date => {
                    // Differences of whole numbers take few bits, of which little is left to compress.
                    properties = properties
                        .set_column_dictionary_enabled(path.clone(), false)
                        .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                        .set_column_compression(path, Compression::UNCOMPRESSED);
                }
                ColumnKind::Text => properties = properties.set_column_encoding(path, Encoding::DELTA_LENGTH_BYTE_ARRAY),
                // The first bytes of floats, which are alike, are compressed apart from the last ones, which are not.
                ColumnKind::Float => properties = properties.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
                ColumnKind::Boolean => {}
            }
        }
        let writer = ArrowWriter::try_new(out, Arc::new(Schema::new(fields.clone())), Some(properties.build()))?;
        let (file, groups) = writer.into_serialized_writer()?;
        Ok(Self { file, groups, fields, open: Vec::new(), rows: 0, written_groups: 0 })
    }

    /// The columns' writers, for one piece of `rows` rows.
    pub(crate) fn columns(&mut self, rows: usize) -> Result<Vec<&mut ColumnWriter>, TableError> {
        let bytes = || self.open.iter().map(ColumnWriter::memory_size).sum::<usize>();
        if self.rows > 0 && (self.rows + rows > GROUP_ROWS || bytes() > GROUP_BYTES) {
            self.end_group()?;
        }
        if self.open.is_empty() {
            let schema = self.file.schema_descr();
            let values = self.groups.create_column_writers(self.written_groups)?;
            let open =
                values.into_iter().zip(&self.fields).zip(schema.columns()).map(|((values, field), column)| match field.data_type() {
                    DataType::Dictionary(_, _) => ColumnWriter::Categories(Box::new(CategoryWriter::new(column.clone()))),
                    _ => ColumnWriter::Values(Box::new(values), field.clone()),
                });
            self.open = open.collect();
        }
        self.rows += rows;
        Ok(self.open.iter_mut().collect())
    }

    fn end_group(&mut self) -> Result<(), TableError> {
        let chunks = std::mem::take(&mut self.open).into_par_iter().map(ColumnWriter::close).collect::<Result<Vec<_>, _>>()?;
        let mut group = self.file.next_row_group()?;
        for chunk in chunks {
            match chunk {
                Chunk::Values(chunk) => chunk.append_to_row_group(&mut group)?,
                Chunk::Categories(bytes, close) => group.append_column(&bytes, *close)?,
            }
        }
        group.close()?;
        self.rows = 0;
        self.written_groups += 1;
        Ok(())
    }

    /// Writes what is left and the footer; gives the output back.
    pub(crate) fn finish(mut self) -> Result<W, TableError> {
        if self.rows > 0 {
            self.end_group()?;
        }
        Ok(self.file.into_inner()?)
    }
}

/// Writes a column of a row group.
pub(crate) enum ColumnWriter {
    Values(Box<ArrowColumnWriter>, Field),
    Categories(Box<CategoryWriter>),
}

/// A column of a row group, complete.
enum Chunk {
    Values(Box<ArrowColumnChunk>),
    Categories(Bytes, Box<ColumnCloseResult>),
}

impl ColumnWriter {
    /// Adds a piece's values.
    pub(crate) fn write(&mut self, array: &ArrayRef) -> Result<(), TableError> {
        match self {
            Self::Values(writer, field) => {
                for leaf in compute_leaves(field, array)? {
                    writer.write(&leaf)?;
                }
            }
            Self::Categories(writer) => {
                let rows = array.as_dictionary_opt::<Int32Type>();
                let Some((rows, texts)) = rows.and_then(|rows| Some((rows, rows.values().as_string_opt::<i32>()?))) else {
                    return Err(TableError::ColumnType { column: writer.name().to_owned(), kind: array.data_type().to_string() });
                };
                writer.write(rows, texts)?;
            }
        }
        Ok(())
    }

    fn memory_size(&self) -> usize {
        match self {
            Self::Values(writer, _) => writer.memory_size(),
            Self::Categories(writer) => writer.memory_size(),
        }
    }

    fn close(self) -> Result<Chunk, TableError> {
        Ok(match self {
            Self::Values(writer, _) => Chunk::Values(Box::new(writer.close()?)),
            Self::Categories(writer) => {
                let (bytes, close) = writer.close()?;
                Chunk::Categories(bytes, Box::new(close))
            }
        })
    }
}

/// Reads a table that [`crate::ingest`] wrote. Integers come as floats, moments as ISO 8601 texts.
pub fn read_parquet(path: &Path) -> Result<Frame, TableError> {
    read(path, |_| None)
}

/// The same for at most about `most` rows, which are taken from all over the table in runs.
pub fn read_sample(path: &Path, most: usize) -> Result<Frame, TableError> {
    read(path, |rows| picked(rows, most))
}

/// Writes the rows that [`read_sample`] reads as a table of their own.
pub(crate) fn write_sample(path: &Path, most: usize, sample: &Path) -> Result<(), TableError> {
    let mut builder = ParquetRecordBatchReaderBuilder::try_new_with_options(
        open(path)?,
        ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional),
    )?;
    let rows = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    if let Some(picked) = picked(rows, most) {
        builder = builder.with_row_selection(picked);
    }
    let out = File::create(sample).map_err(|source| TableError::File { path: sample.to_owned(), source })?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(builder.schema()), Some(properties))?;
    for batch in builder.with_batch_size(BATCH_ROWS).build()? {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}

/// Runs of rows, at most about `most` together, from all over a table of `rows` rows; `None` where that is all of them.
pub(crate) fn picked(rows: usize, most: usize) -> Option<RowSelection> {
    let step = (rows * RUN_ROWS).checked_div(most).filter(|step| *step > RUN_ROWS)?;
    let mut picked = Vec::new();
    let mut at = 0;
    while at < rows {
        let run = RUN_ROWS.min(rows - at);
        picked.push(RowSelector::select(run));
        picked.push(RowSelector::skip((step - RUN_ROWS).min(rows - at - run)));
        at += step;
    }
    Some(RowSelection::from(picked))
}

fn open(path: &Path) -> Result<File, TableError> {
    File::open(path).map_err(|source| TableError::File { path: path.to_owned(), source })
}

/// The outline of a Parquet file.
pub(crate) fn load(path: &Path) -> Result<ArrowReaderMetadata, TableError> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    Ok(ArrowReaderMetadata::load(&open(path)?, options)?)
}

/// Reads the columns side by side, of all rows or of those that are picked.
fn read(path: &Path, pick: impl Fn(usize) -> Option<RowSelection> + Sync) -> Result<Frame, TableError> {
    let metadata = load(path)?;
    let rows = usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let fields = metadata.schema().fields();
    let part = fields.len().div_ceil(rayon::current_num_threads()).max(1);
    let read_part = |begin: usize| {
        let part = begin..(begin + part).min(fields.len());
        let mut columns = fields.iter().skip(begin).take(part.len()).map(|field| Growing::new(field)).collect::<Result<Vec<_>, _>>()?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open(path)?, metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), part);
        if let Some(picked) = pick(rows) {
            builder = builder.with_row_selection(picked);
        }
        let mut read = 0;
        for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
            let batch = batch?;
            read += batch.num_rows();
            for (column, values) in columns.iter_mut().zip(batch.columns()) {
                column.extend(values)?;
            }
        }
        Ok((read, columns))
    };
    let parts = (0..fields.len()).into_par_iter().step_by(part).map(read_part).collect::<Result<Vec<_>, TableError>>()?;
    let rows = parts.first().map_or(0, |(rows, _)| *rows);
    Ok(Frame { rows, columns: parts.into_iter().flat_map(|(_, columns)| columns).map(|growing| growing.column).collect() })
}

/// A column that is read batch by batch.
pub(crate) struct Growing {
    pub(crate) column: Column,
    codes: HashMap<String, u32>,
}

impl Growing {
    pub(crate) fn new(field: &Field) -> Result<Self, TableError> {
        let values = match field.data_type() {
            DataType::Int64 | DataType::Float64 => Values::Numbers(Vec::new()),
            DataType::Boolean => Values::Booleans(Vec::new()),
            DataType::Dictionary(_, _) | DataType::Utf8 | DataType::Timestamp(_, _) => Values::Texts(TextColumn::default()),
            other => return Err(TableError::ColumnType { column: field.name().clone(), kind: other.to_string() }),
        };
        Ok(Self { column: Column { name: field.name().clone(), values }, codes: HashMap::new() })
    }

    pub(crate) fn extend(&mut self, array: &ArrayRef) -> Result<(), TableError> {
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
                if let Some(moments) = array.as_primitive_opt::<TimestampMicrosecondType>() {
                    for moment in moments {
                        let code = moment.map_or(TextColumn::MISSING, |moment| code_of(texts, &mut self.codes, &date::iso(moment)));
                        texts.codes.push(code);
                    }
                    return Ok(());
                }
                if let Some(plain) = array.as_string_opt::<i32>() {
                    for text in plain {
                        let code = text.map_or(TextColumn::MISSING, |text| code_of(texts, &mut self.codes, text));
                        texts.codes.push(code);
                    }
                    return Ok(());
                }
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

fn code_of(texts: &mut TextColumn, known: &mut HashMap<String, u32>, text: &str) -> u32 {
    known.get(text).copied().unwrap_or_else(|| {
        let code = texts.dictionary.len() as u32;
        texts.dictionary.push(text.to_owned());
        known.insert(text.to_owned(), code);
        code
    })
}

/// Appends a batch's texts; `None` when its dictionary holds no text.
fn append(texts: &mut TextColumn, known: &mut HashMap<String, u32>, batch: &DictionaryArray<Int32Type>) -> Option<()> {
    let values = batch.values().as_string_opt::<i32>()?;
    let mut codes: Vec<Option<u32>> = vec![None; values.len()];
    for key in batch.keys() {
        let place = key.and_then(|key| usize::try_from(key).ok());
        let Some((place, slot)) = place.and_then(|place| Some((place, codes.get_mut(place)?))) else {
            texts.codes.push(TextColumn::MISSING);
            continue;
        };
        let code = *slot.get_or_insert_with(|| code_of(texts, known, values.value(place)));
        texts.codes.push(code);
    }
    Some(())
}
