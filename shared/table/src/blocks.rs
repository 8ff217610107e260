//! A table that ingest wrote, a block of rows at a time, for work whose memory must not grow with the rows; and what came of each block
//! beside some of the table's own columns, written as Parquet block by block.

use std::{
    borrow::Cow,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, Float32Array, Float64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType},
};
use domain::date;
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use crate::{
    Frame, TableError,
    parquet_file::{BATCH_ROWS, GROUP_BYTES, GROUP_ROWS, Growing, load},
};

/// Cells of a block, about, and the fewest rows that it has all the same.
const BLOCK_CELLS: usize = 4 << 20;
const FEWEST_ROWS: usize = 256;

/// A table that [`crate::ingest`] wrote, of which only the outline was read.
#[derive(Debug)]
pub struct StoredTable {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl StoredTable {
    /// Opens the table in `path`.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        Ok(Self { path: path.to_owned(), metadata: load(path)? })
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Whether it has a column of that exact name.
    pub fn has(&self, column: &str) -> bool {
        self.field(column).is_some()
    }

    /// Its rows in their order: `columns` to work with, `kept` as they are. A column that the table does not have is left out.
    pub fn blocks(&self, columns: &[&str], kept: &[String]) -> Result<Blocks, TableError> {
        let file = File::open(&self.path).map_err(|source| TableError::File { path: self.path.clone(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let fields = self.metadata.schema().fields();
        let is_read = |name: &String| columns.contains(&name.as_str()) || kept.contains(name);
        let read = fields.iter().enumerate().filter(|(_, field)| is_read(field.name())).map(|(position, _)| position);
        let mask = ProjectionMask::roots(builder.parquet_schema(), read);
        let rows = (BLOCK_CELLS / (columns.len() + kept.len()).max(1)).clamp(FEWEST_ROWS, BATCH_ROWS);
        let reader = builder.with_projection(mask).with_batch_size(rows).build()?;
        Ok(Blocks { reader, columns: columns.iter().map(|name| (*name).to_owned()).collect(), kept: kept.to_vec() })
    }

    fn field(&self, column: &str) -> Option<&Field> {
        self.metadata.schema().fields().iter().find(|field| field.name() == column).map(AsRef::as_ref)
    }
}

/// The rows of a table, block by block.
#[derive(Debug)]
pub struct Blocks {
    reader: ParquetRecordBatchReader,
    columns: Vec<String>,
    kept: Vec<String>,
}

impl Iterator for Blocks {
    type Item = Result<Block, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(TableError::from).and_then(|batch| Block::of(&batch, &self.columns, &self.kept)))
    }
}

/// Some rows of a table, one after the other.
#[derive(Debug)]
pub struct Block {
    /// The columns to work with.
    pub frame: Frame,
    kept: Vec<ArrayRef>,
}

impl Block {
    fn of(batch: &RecordBatch, columns: &[String], kept: &[String]) -> Result<Self, TableError> {
        let mut frame = Frame { rows: batch.num_rows(), columns: Vec::new() };
        for (field, values) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if columns.contains(field.name()) {
                let mut growing = Growing::new(field)?;
                growing.extend(values)?;
                frame.columns.push(growing.column);
            }
        }
        Ok(Self { frame, kept: kept.iter().filter_map(|name| batch.column_by_name(name)).cloned().collect() })
    }

    /// The texts of the kept columns in a row (0-based), in their order: moments in ISO 8601, what is missing as nothing.
    pub fn kept_texts(&self, row: usize) -> impl Iterator<Item = Cow<'_, str>> {
        self.kept.iter().map(move |column| text(column, row).unwrap_or_default())
    }
}

/// What stands in a row of a column; `None` when it is missing.
fn text(column: &ArrayRef, row: usize) -> Option<Cow<'_, str>> {
    if row >= column.len() || column.is_null(row) {
        return None;
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return Some(Cow::Borrowed(texts.value(row)));
    }
    if let Some(coded) = column.as_dictionary_opt::<Int32Type>() {
        return Some(Cow::Borrowed(coded.values().as_string_opt::<i32>()?.value(coded.key(row)?)));
    }
    if let Some(flags) = column.as_boolean_opt() {
        return Some(Cow::Borrowed(if flags.value(row) { "True" } else { "False" }));
    }
    let integer = column.as_primitive_opt::<Int64Type>().map(|values| values.value(row).to_string());
    let number = || column.as_primitive_opt::<Float64Type>().map(|values| values.value(row).to_string());
    let moment = || column.as_primitive_opt::<TimestampMicrosecondType>().map(|values| date::iso(values.value(row)));
    integer.or_else(number).or_else(moment).map(Cow::Owned)
}

/// What a new column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewType {
    /// Numbers of 64 bits.
    Number,
    /// Numbers of 32 bits.
    Float,
    /// Texts.
    Text,
}

/// The values of a new column in the rows of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum NewColumn {
    /// Numbers of 64 bits.
    Numbers(Vec<f64>),
    /// Numbers of 32 bits.
    Floats(Vec<f32>),
    /// Texts.
    Texts(Vec<String>),
}

/// Writes the kept columns of blocks, each in its own type, and new ones behind them.
#[derive(Debug)]
pub struct ResultWriter {
    writer: ArrowWriter<File>,
    schema: Arc<Schema>,
}

impl ResultWriter {
    /// A file in `path` for the columns of `table` that are kept and new ones of those names.
    pub fn create(path: &Path, table: &StoredTable, kept: &[String], new: &[(String, NewType)]) -> Result<Self, TableError> {
        let kept = kept.iter().filter_map(|name| table.field(name)).cloned();
        let new = new.iter().map(|(name, kind)| {
            let kind = match kind {
                NewType::Number => DataType::Float64,
                NewType::Float => DataType::Float32,
                NewType::Text => DataType::Utf8,
            };
            Field::new(name, kind, false)
        });
        let schema = Arc::new(Schema::new(kept.chain(new).collect::<Vec<_>>()));
        let file = File::create(path).map_err(|source| TableError::File { path: path.to_owned(), source })?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        Ok(Self { writer, schema })
    }

    /// Adds a block's kept columns and the new ones, which are as long as the block.
    pub fn write(&mut self, block: &Block, new: Vec<NewColumn>) -> Result<(), TableError> {
        let new = new.into_iter().map(|column| -> ArrayRef {
            match column {
                NewColumn::Numbers(values) => Arc::new(Float64Array::from(values)),
                NewColumn::Floats(values) => Arc::new(Float32Array::from(values)),
                NewColumn::Texts(values) => Arc::new(StringArray::from(values)),
            }
        });
        let columns = block.kept.iter().cloned().chain(new).collect();
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
        Ok(())
    }

    /// Writes what is left and the footer.
    pub fn finish(self) -> Result<(), TableError> {
        self.writer.close()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, fs};

    use super::*;
    use crate::{Values, ingest, read_parquet};

    fn stored(csv: &str) -> (tempfile::TempDir, StoredTable) {
        let folder = tempfile::tempdir().unwrap();
        let (text, parquet) = (folder.path().join("a.csv"), folder.path().join("a.parquet"));
        fs::write(&text, csv).unwrap();
        ingest(&text, &parquet).unwrap();
        let table = StoredTable::open(&parquet).unwrap();
        (folder, table)
    }

    fn long_table(rows: usize) -> String {
        let mut csv = "id,name,size,day,on\n".to_owned();
        for row in 0..rows {
            writeln!(csv, "{},n{},{}.5,2024-01-{:02},{}", 7 * row, row % 90, row % 10, row % 28 + 1, row % 2 == 0).unwrap();
        }
        csv
    }

    #[test]
    fn blocks_hold_every_row_once_in_their_order() {
        let (folder, table) = stored(&long_table(40_000));
        let whole = read_parquet(&folder.path().join("a.parquet")).unwrap();
        let numbers = |frame: &Frame, name: &str| match &frame.column(name).unwrap().values {
            Values::Numbers(numbers) => numbers.clone(),
            other => panic!("{other:?}"),
        };
        let names = |frame: &Frame| match &frame.column("name").unwrap().values {
            Values::Texts(texts) => (0..frame.rows).map(|row| texts.get(row).unwrap().to_owned()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let blocks: Vec<Block> = table.blocks(&["name", "id"], &[]).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(blocks.len() > 2 && table.rows() == 40_000);
        assert!(blocks.iter().all(|block| block.frame.rows <= BATCH_ROWS && block.frame.columns.len() == 2));
        assert_eq!(blocks.iter().flat_map(|block| numbers(&block.frame, "id")).collect::<Vec<_>>(), numbers(&whole, "id"));
        assert_eq!(blocks.iter().flat_map(|block| names(&block.frame)).collect::<Vec<_>>(), names(&whole));
    }

    #[test]
    fn a_wide_block_has_few_rows() {
        let header: Vec<String> = (0..1_000).map(|column| format!("c{column}")).collect();
        let row = vec!["1.5"; 1_000].join(",");
        let (_folder, table) = stored(&format!("{}\n{}", header.join(","), format!("{row}\n").repeat(6_000)));
        let names: Vec<&str> = header.iter().map(String::as_str).collect();
        let first = table.blocks(&names, &[]).unwrap().next().unwrap().unwrap();
        assert_eq!(first.frame.rows, BLOCK_CELLS / 1_000);
    }

    #[test]
    fn kept_cells_are_texts_of_what_stood_there() {
        let (_folder, table) = stored("id,size,day,on,name\n1,2.5,2024-03-01,True,a\n2,,2024-03-02 06:30,False,\n,4,,,c\n");
        let kept = ["on", "day", "size", "id", "name", "absent"].map(str::to_owned);
        let block = table.blocks(&[], &kept).unwrap().next().unwrap().unwrap();
        let row = |row: usize| block.kept_texts(row).collect::<Vec<_>>();
        assert_eq!(row(0), ["True", "2024-03-01", "2.5", "1", "a"]);
        assert_eq!(row(1), ["False", "2024-03-02T06:30:00", "", "2", ""]);
        assert_eq!(row(2), ["", "", "4", "", "c"]);
        assert!(!table.has("absent") && table.has("on"));
    }

    #[test]
    fn results_have_kept_columns_in_their_own_type_and_new_ones() {
        let (folder, table) = stored(&long_table(20_000));
        let kept = ["day", "id", "name"].map(str::to_owned);
        let path = folder.path().join("results.parquet");
        let new = [("prediction".to_owned(), NewType::Text), ("p".to_owned(), NewType::Float), ("n".to_owned(), NewType::Number)];
        let mut writer = ResultWriter::create(&path, &table, &kept, &new).unwrap();
        for block in table.blocks(&["size"], &kept).unwrap() {
            let block = block.unwrap();
            let rows = block.frame.rows;
            let new = vec![
                NewColumn::Texts(vec!["x".to_owned(); rows]),
                NewColumn::Floats(vec![0.25; rows]),
                NewColumn::Numbers(vec![1e300; rows]),
            ];
            writer.write(&block, new).unwrap();
        }
        writer.finish().unwrap();
        let metadata = load(&path).unwrap();
        let types: Vec<(&str, DataType)> =
            metadata.schema().fields().iter().map(|field| (field.name().as_str(), field.data_type().clone())).collect();
        assert_eq!(types[1], ("id", DataType::Int64));
        assert!(matches!(&types[0], ("day", DataType::Timestamp(..))) && matches!(&types[2], ("name", DataType::Dictionary(..))));
        assert_eq!(types[3..], [("prediction", DataType::Utf8), ("p", DataType::Float32), ("n", DataType::Float64)]);
        assert_eq!(metadata.metadata().file_metadata().num_rows(), 20_000);
    }
}
