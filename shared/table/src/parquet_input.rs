//! Someone else's Parquet file: its texts are cells that are typed as those of delimited text are, its other values what the file says.
//!
//! Batches have as many rows as fit a piece's bytes, whatever the table's width; texts come with the file's own dictionary, so that a long one
//! that repeats is held once.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray as _, BinaryArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray, make_array},
    compute::{cast, nullif},
    datatypes::{DataType, Field, Float64Type, Int32Type, Schema, SchemaRef},
    error::ArrowError,
};
use domain::{
    ColumnKind, Profile, ReadAs,
    limits::{MAX_CELL_BYTES, MAX_COLUMNS, MAX_DECOMPRESSION_RATIO, MAX_ROW_BYTES, MAX_TABLE_BYTES, RATIO_FREE_BYTES},
};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
    file::metadata::ParquetMetaData,
};

use crate::{
    Input, TableError,
    cells::Cell,
    error::{Place, Position, beginning},
    header::unique_names,
    ingest::{Known, beside, output, put},
    opened::Fingerprint,
    reading::{Cut, Held, ROUND_BYTES, Ready, Rounds, Stop, read},
    tally::data_type,
};

/// Bytes of a batch, about, and the most rows that it has.
const BATCH_BYTES: u64 = 2 << 20;
const BATCH_ROWS: u64 = 65_536;
/// Bytes of all texts of a batch, those counted that repeat.
const TEXT_BYTES: usize = 4 << 20;
/// Bytes of a value of fixed width, about.
const VALUE_BYTES: u64 = 8;

/// A Parquet file, whose columns must be flat.
pub(crate) struct ParquetTable<'a> {
    input: &'a Input,
    names: Vec<String>,
    columns: Vec<Reading>,
    schema: SchemaRef,
    metadata: Arc<ParquetMetaData>,
    file: File,
}

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As values of that kind.
    As(ColumnKind),
    /// As texts, which may be anything.
    Texts,
}

impl<'a> ParquetTable<'a> {
    pub(crate) fn open(input: &'a Input) -> Result<Self, TableError> {
        let file = input.complete()?;
        // The types of Parquet itself are fewer than those of Arrow that a writer may note beside them.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let loaded = guarded(|| ArrowReaderMetadata::load(&file, options))?;
        let fields = loaded.schema().fields();
        if fields.is_empty() {
            return Err(TableError::Empty);
        }
        if fields.len() > MAX_COLUMNS {
            return Err(TableError::TooManyColumns { got: fields.len() });
        }
        check_size(loaded.metadata(), input.size(), fields.len() as u64)?;
        let names = unique_names(&fields.iter().map(|field| field.name().clone()).collect::<Vec<_>>());
        let columns = fields.iter().map(|field| reading_of(field)).collect::<Result<Vec<_>, _>>()?;
        let with_dictionary = |field: &Arc<Field>| match field.data_type() {
            DataType::Utf8 | DataType::Binary => {
                let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(field.data_type().clone()));
                Arc::new(field.as_ref().clone().with_data_type(dictionary))
            }
            _ => field.clone(),
        };
        let schema = Schema::new_with_metadata(fields.iter().map(with_dictionary).collect::<Vec<_>>(), loaded.schema().metadata().clone());
        Ok(Self { input, names, columns, schema: Arc::new(schema), metadata: loaded.metadata().clone(), file })
    }

    /// One reading, with what earlier ones have found.
    pub(crate) fn read(self, parquet: &Path, known: &Known, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, Stop> {
        let options = ArrowReaderOptions::new().with_schema(self.schema.clone());
        let metadata = guarded(|| ArrowReaderMetadata::try_new(self.metadata.clone(), options))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file, metadata);
        let rows = u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or(0);
        let reader = guarded(|| builder.with_batch_size(batch_rows(&self.metadata)).build())?;
        let mut batches = Batches { reader, held: Vec::new(), read: 0, rows, bytes: self.input.size() };
        let first = match batches.next()? {
            Some(batch) => batch,
            None => Batch { batch: RecordBatch::new_empty(self.schema.clone()), begin: 0 },
        };
        let cut = |batch: &Batch| BatchCut::new(batch, &self.columns, &self.names);
        let plan = known.plan(&self.names, &cut(&first)?);
        let file = beside(parquet)?;
        let ready = |batch: &Batch| Ok(Ready::of(&cut(batch)?, &plan, batch.begin == 0));
        let (profile, out) = read(&plan, vec![first], &mut batches, ready, output(&file)?, on_bytes)?;
        put(file, out, parquet)?;
        let (bytes, fingerprint) = Fingerprint::of(self.input.complete()?)?;
        let read_as = ReadAs { format: "parquet".to_owned(), header: true, ..ReadAs::default() };
        Ok(Profile { bytes, fingerprint, read_as, ..profile })
    }
}

/// Reads a part of a file. The reader takes much of what a file says for granted, and panics where it is not so.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, TableError> {
    let damaged = |_| Err(ParquetError::General("what it says of itself cannot be; it is damaged".to_owned()));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(damaged).map_err(TableError::BadParquet)
}

/// The limits, by what the file says of itself: values that repeat take no bytes in it, but they are read.
fn check_size(metadata: &ParquetMetaData, bytes: u64, columns: u64) -> Result<(), TableError> {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let text: u64 = metadata.row_groups().iter().map(|group| count(group.total_byte_size())).fold(0, u64::saturating_add);
    let cells = count(metadata.file_metadata().num_rows()).saturating_mul(columns);
    if text.max(cells.saturating_mul(2)) > MAX_TABLE_BYTES {
        return Err(TableError::TooLarge);
    }
    if text > bytes.saturating_mul(MAX_DECOMPRESSION_RATIO).max(RATIO_FREE_BYTES) {
        return Err(TableError::Inflated);
    }
    Ok(())
}

/// As many rows as fit a batch's bytes, in the row group with the longest rows.
fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let longest = metadata.row_groups().iter().filter_map(|group| {
        let bytes = u64::try_from(group.total_byte_size()).ok()?;
        bytes.checked_div(u64::try_from(group.num_rows()).ok()?)
    });
    let columns = metadata.file_metadata().schema_descr().num_columns() as u64;
    let row = longest.max().unwrap_or(0).max(columns * VALUE_BYTES);
    (BATCH_BYTES / row.max(1)).clamp(1, BATCH_ROWS) as usize
}

/// What a column is read as.
fn reading_of(field: &Field) -> Result<Reading, TableError> {
    Ok(match field.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            Reading::As(ColumnKind::Integer)
        }
        DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _)
        | DataType::Null => Reading::As(ColumnKind::Float),
        DataType::Boolean => Reading::As(ColumnKind::Boolean),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => Reading::As(ColumnKind::Date),
        DataType::Utf8 | DataType::Binary | DataType::FixedSizeBinary(_) | DataType::Time32(_) | DataType::Time64(_) => Reading::Texts,
        other => return Err(TableError::ColumnType { column: field.name().clone(), kind: kind_name(other) }),
    })
}

/// A type that is not read, in words where it is a usual one.
fn kind_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) => "list".to_owned(),
        DataType::Struct(_) => "struct".to_owned(),
        DataType::Map(_, _) => "map".to_owned(),
        other => other.to_string(),
    }
}

/// Some rows of the file.
struct Batch {
    batch: RecordBatch,
    /// Rows before it.
    begin: u64,
}

struct Batches {
    reader: ParquetRecordBatchReader,
    /// What was read and not yet given out, the last rows first.
    held: Vec<RecordBatch>,
    read: u64,
    rows: u64,
    /// The file's bytes.
    bytes: u64,
}

impl Batches {
    fn next(&mut self) -> Result<Option<Batch>, TableError> {
        if self.held.is_empty() {
            let Some(batch) = guarded(|| Ok(self.reader.next().transpose()?))? else { return Ok(None) };
            self.held = parts_of(&batch);
            self.held.reverse();
        }
        let Some(batch) = self.held.pop() else { return Ok(None) };
        let begin = self.read;
        self.read += batch.num_rows() as u64;
        Ok(Some(Batch { batch, begin }))
    }
}

/// A batch in parts whose texts, written out row by row, have no more than a few bytes: a long text is once in the file's dictionary, but may
/// be in every row.
fn parts_of(batch: &RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let most = (TEXT_BYTES / longest_row(batch).max(1)).clamp(1, rows.max(1));
    (0..rows.max(1)).step_by(most).map(|begin| batch.slice(begin, most.min(rows - begin))).collect()
}

/// Bytes of the texts of a row at most.
fn longest_row(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(longest_text).sum()
}

/// Bytes of the longest text in a column's dictionary.
fn longest_text(array: &ArrayRef) -> usize {
    let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() else { return 0 };
    let longest = |offsets: &[i32]| offsets.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).max().unwrap_or(0) as usize;
    match (dictionary.values().as_string_opt::<i32>(), dictionary.values().as_binary_opt::<i32>()) {
        (Some(texts), _) => longest(texts.value_offsets()),
        (_, Some(bytes)) => longest(bytes.value_offsets()),
        _ => 0,
    }
}

impl Rounds for Batches {
    type Piece = Batch;

    fn next_round(&mut self) -> Result<Vec<Batch>, TableError> {
        let (mut round, mut bytes) = (Vec::new(), 0);
        while bytes < ROUND_BYTES {
            let Some(batch) = self.next()? else { break };
            bytes += batch.batch.get_array_memory_size() + batch.batch.num_rows() * longest_row(&batch.batch);
            round.push(batch);
        }
        Ok(round)
    }

    fn take_back(&mut self, _: Vec<Batch>) {}

    fn passed(&self) -> u64 {
        // The file does not say where the reader is in it.
        let share = u128::from(self.bytes) * u128::from(self.read);
        share.checked_div(u128::from(self.rows)).and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
    }
}

/// What cannot be read is the file's fault.
fn bad_values(error: ArrowError) -> TableError {
    TableError::BadParquet(ParquetError::from(error))
}

/// A batch in columns.
struct BatchCut {
    rows: usize,
    begin: u64,
    columns: Vec<ColumnCut>,
}

enum ColumnCut {
    Values(ColumnKind, ArrayRef),
    /// Texts, and the cell of each row among them.
    Cells(StringArray, Vec<Cell>),
}

impl BatchCut {
    fn new(Batch { batch, begin }: &Batch, readings: &[Reading], names: &[String]) -> Result<Self, Stop> {
        let mut columns = Vec::with_capacity(readings.len());
        for ((array, reading), name) in batch.columns().iter().zip(readings).zip(names) {
            columns.push(match reading {
                Reading::As(kind) => ColumnCut::Values(*kind, values_of(array, *kind).map_err(bad_values)?),
                Reading::Texts => {
                    let (texts, cells) = texts_of(array).map_err(bad_values)?;
                    if let Some((row, cell)) = cells.iter().enumerate().find(|(_, cell)| cell.length() > MAX_CELL_BYTES) {
                        let begins = beginning(cell.raw(texts.value_data()));
                        let place = Place { at: Position::Row(begin + row as u64 + 1), column: Some(name.clone()), begins };
                        return Err(TableError::CellTooLong { place, got: cell.length() }.into());
                    }
                    ColumnCut::Cells(texts, cells)
                }
            });
        }
        let cut = Self { rows: batch.num_rows(), begin: *begin, columns };
        cut.check_rows()?;
        Ok(cut)
    }

    /// Whether a row is too long.
    fn check_rows(&self) -> Result<(), TableError> {
        let texts = || {
            self.columns.iter().filter_map(|column| if let ColumnCut::Cells(texts, cells) = column { Some((texts, cells)) } else { None })
        };
        let longest: usize = texts().map(|(_, cells)| cells.iter().map(|cell| cell.length()).max().unwrap_or(0)).sum();
        if longest <= MAX_ROW_BYTES {
            return Ok(());
        }
        for row in 0..self.rows {
            let cells = || texts().filter_map(|(texts, cells)| Some((texts, cells.get(row)?)));
            if cells().map(|(_, cell)| cell.length()).sum::<usize>() > MAX_ROW_BYTES {
                let begins = cells().next().map(|(texts, cell)| beginning(cell.raw(texts.value_data()))).unwrap_or_default();
                return Err(TableError::RowTooLong {
                    place: Place { at: Position::Row(self.begin + row as u64 + 1), column: None, begins },
                });
            }
        }
        Ok(())
    }
}

impl Cut for BatchCut {
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns.len()
    }

    fn column(&self, column: usize) -> Held<'_> {
        match self.columns.get(column) {
            Some(ColumnCut::Values(kind, array)) => Held::Values(*kind, array),
            Some(ColumnCut::Cells(texts, cells)) => Held::Cells(texts.value_data(), cells),
            None => Held::Cells(&[], &[]),
        }
    }

    fn line(&self, _: usize, row: usize) -> u64 {
        self.begin + row as u64 + 1
    }
}

/// Values as we keep them.
fn values_of(array: &ArrayRef, kind: ColumnKind) -> Result<ArrayRef, ArrowError> {
    let array = match array.data_type() {
        // A moment with a zone is one in UTC.
        DataType::Timestamp(unit, Some(_)) => {
            make_array(array.to_data().into_builder().data_type(DataType::Timestamp(*unit, None)).build()?)
        }
        _ => array.clone(),
    };
    let array = cast(&array, &data_type(kind, false))?;
    // NaN is what such files have for no value.
    match array.as_primitive_opt::<Float64Type>() {
        Some(floats) => nullif(&array, &floats.iter().map(|value| Some(value.is_some_and(f64::is_nan))).collect()),
        None => Ok(array),
    }
}

/// Texts, each distinct one of a dictionary once, and where in them each row's is.
fn texts_of(array: &ArrayRef) -> Result<(StringArray, Vec<Cell>), ArrowError> {
    let (keys, values): (Option<&PrimitiveArray<Int32Type>>, &ArrayRef) = match array.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => (Some(dictionary.keys()), dictionary.values()),
        None => (None, array),
    };
    let texts = if let Some(binary) = values.as_binary_opt::<i32>() {
        text_of_bytes(binary)
    } else if let Some(fixed) = values.as_fixed_size_binary_opt() {
        in_hex(fixed)
    } else {
        cast(values, &DataType::Utf8)?.as_string_opt::<i32>().cloned().unwrap_or_else(|| StringArray::new_null(values.len()))
    };
    let place = |row: usize| {
        let offsets = texts.value_offsets();
        let (Some(begin), Some(end)) = (offsets.get(row), offsets.get(row + 1)) else { return Cell::EMPTY };
        if texts.is_null(row) { Cell::EMPTY } else { Cell::plain(*begin as usize, (end - begin) as usize) }
    };
    let cells = match keys {
        Some(keys) => keys.iter().map(|key| key.and_then(|key| usize::try_from(key).ok()).map_or(Cell::EMPTY, place)).collect(),
        None => (0..texts.len()).map(place).collect(),
    };
    Ok((texts, cells))
}

/// Bytes that are text, as many writers store it; others in hex.
fn text_of_bytes(binary: &BinaryArray) -> StringArray {
    binary.iter().map(|bytes| bytes.map(|bytes| std::str::from_utf8(bytes).map_or_else(|_| hex(bytes), str::to_owned))).collect()
}

fn in_hex(fixed: &FixedSizeBinaryArray) -> StringArray {
    fixed.iter().map(|bytes| bytes.map(hex)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
