//! A column of categories as the pages of a Parquet column chunk. Each piece of a table comes with a dictionary of its own, so that texts are
//! looked up once for a piece, not once for a row.
//! Source: Apache Parquet's specification, "Encodings" (plain, dictionary, and the hybrid of run lengths and packed bits) and "Data Pages".

use std::collections::HashMap;

use arrow::{
    array::{Array as _, BooleanBufferBuilder, DictionaryArray, StringArray},
    datatypes::Int32Type,
};
use bytes::Bytes;
use foldhash::fast::FixedState;
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::{
        page::{CompressedPage, Page, PageWriter as _},
        writer::ColumnCloseResult,
    },
    errors::{ParquetError, Result},
    file::{
        metadata::{ColumnChunkMetaData, OffsetIndexBuilder},
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

/// Rows of a page, at most.
const PAGE_ROWS: usize = 1 << 16;
/// Bytes of plain texts that end a page.
const PAGE_BYTES: usize = 1 << 20;
/// Bytes of a dictionary from which texts are written one by one.
const DICTIONARY_BYTES: usize = 1 << 20;
/// What an entry of a hash map takes beside its text, about.
const ENTRY_BYTES: usize = 48;
const ZSTD_LEVEL: i32 = 1;

/// The pages of one column of one row group.
pub(crate) struct CategoryWriter {
    column: ColumnDescPtr,
    codes: HashMap<Box<str>, u32, FixedState>,
    /// Each text after its length.
    dictionary: Vec<u8>,
    /// Whether the dictionary has become too large for new texts.
    is_full: bool,
    open: OpenPage,
    pages: Vec<PageData>,
    rows: u64,
}

/// The page that rows are added to.
struct OpenPage {
    /// Which rows have a text.
    valid: BooleanBufferBuilder,
    /// Of those rows, the places in the dictionary; or, once that is full, the texts.
    codes: Vec<u32>,
    texts: Vec<u8>,
}

/// A page that is complete.
struct PageData {
    rows: usize,
    encoding: Encoding,
    compressed: Bytes,
    size: usize,
}

impl PageData {
    fn new(rows: usize, encoding: Encoding, content: &[u8]) -> Result<Self> {
        let compressed = zstd::bulk::compress(content, ZSTD_LEVEL).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(Self { rows, encoding, compressed: compressed.into(), size: content.len() })
    }
}

impl CategoryWriter {
    pub(crate) fn new(column: ColumnDescPtr) -> Self {
        let open = OpenPage { valid: BooleanBufferBuilder::new(PAGE_ROWS), codes: Vec::new(), texts: Vec::new() };
        Self { column, codes: HashMap::default(), dictionary: Vec::new(), is_full: false, open, pages: Vec::new(), rows: 0 }
    }

    /// The column's name.
    pub(crate) fn name(&self) -> &str {
        self.column.name()
    }

    /// Bytes that are held, about.
    pub(crate) fn memory_size(&self) -> usize {
        let pages: usize = self.pages.iter().map(|page| page.compressed.len()).sum();
        let dictionary = 2 * self.dictionary.len() + self.codes.len() * ENTRY_BYTES;
        pages + dictionary + self.open.codes.capacity() * size_of::<u32>() + self.open.texts.capacity()
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, rows: &DictionaryArray<Int32Type>, texts: &StringArray) -> Result<()> {
        let mut begin = 0;
        while begin < rows.len() {
            let count = (PAGE_ROWS - self.open.valid.len()).min(rows.len() - begin);
            self.add(&rows.slice(begin, count), texts);
            if self.open.valid.len() == PAGE_ROWS || self.open.texts.len() > PAGE_BYTES {
                self.end_page()?;
            }
            begin += count;
        }
        if !self.is_full && self.dictionary.len() > DICTIONARY_BYTES {
            self.end_page()?;
            self.is_full = true;
        }
        Ok(())
    }

    fn add(&mut self, rows: &DictionaryArray<Int32Type>, texts: &StringArray) {
        let keys: &[i32] = rows.keys().values();
        let present: Vec<usize> = match rows.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => {
                self.open.valid.append_n(keys.len(), true);
                keys.iter().map(|key| *key as usize).collect()
            }
            Some(nulls) => {
                self.open.valid.append_buffer(nulls.inner());
                nulls.valid_indices().filter_map(|row| keys.get(row)).map(|key| *key as usize).collect()
            }
        };
        let text = |place: usize| if place < texts.len() { texts.value(place) } else { "" };
        if self.is_full {
            present.iter().for_each(|place| put_text(&mut self.open.texts, text(*place)));
            return;
        }
        let mut used = vec![false; texts.len()];
        present.iter().for_each(|place| {
            if let Some(used) = used.get_mut(*place) {
                *used = true;
            }
        });
        let codes: Vec<u32> = used.iter().enumerate().map(|(place, used)| if *used { self.code_of(text(place)) } else { 0 }).collect();
        self.open.codes.extend(present.iter().map(|place| codes.get(*place).copied().unwrap_or_default()));
    }

    /// The text's place in the dictionary.
    fn code_of(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let code = self.codes.len() as u32;
        self.codes.insert(text.into(), code);
        put_text(&mut self.dictionary, text);
        code
    }

    fn end_page(&mut self) -> Result<()> {
        let rows = self.open.valid.len();
        if rows == 0 {
            return Ok(());
        }
        let valid = self.open.valid.finish();
        let mut levels = Vec::new();
        if valid.count_set_bits() == rows {
            put_varint(&mut levels, (rows as u64) << 1);
            levels.push(1);
        } else {
            put_packed_header(&mut levels, rows);
            levels.extend(valid.values().iter().take(rows.div_ceil(8)));
        }
        let mut content = (levels.len() as u32).to_le_bytes().to_vec();
        content.append(&mut levels);
        let encoding = if self.is_full {
            content.append(&mut self.open.texts);
            Encoding::PLAIN
        } else {
            put_codes(&mut content, &self.open.codes, self.codes.len());
            self.open.codes.clear();
            Encoding::RLE_DICTIONARY
        };
        self.pages.push(PageData::new(rows, encoding, &content)?);
        self.rows += rows as u64;
        Ok(())
    }

    /// The column chunk: its bytes, and what the file has to know of them.
    pub(crate) fn close(mut self) -> Result<(Bytes, ColumnCloseResult)> {
        self.end_page()?;
        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let dictionary = PageData::new(self.codes.len(), Encoding::PLAIN, &self.dictionary)?;
        let page = Page::DictionaryPage {
            buf: dictionary.compressed,
            num_values: dictionary.rows as u32,
            encoding: dictionary.encoding,
            is_sorted: false,
        };
        let written = writer.write_page(CompressedPage::new(page, dictionary.size))?;
        let (mut compressed, mut uncompressed) = (written.compressed_size, written.uncompressed_size);
        let data_offset = written.bytes_written as i64;
        let mut offsets = OffsetIndexBuilder::new();
        for page in self.pages {
            let data = Page::DataPage {
                buf: page.compressed,
                num_values: page.rows as u32,
                encoding: page.encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let written = writer.write_page(CompressedPage::new(data, page.size))?;
            compressed += written.compressed_size;
            uncompressed += written.uncompressed_size;
            offsets.append_row_count(page.rows as i64);
            offsets.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        }
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_total_compressed_size(compressed as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(self.rows.cast_signed())
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(data_offset)
            .build()?;
        let bytes = Bytes::from(sink.into_inner()?);
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(offsets.build()),
        };
        Ok((bytes, close))
    }
}

/// A text in plain encoding.
fn put_text(to: &mut Vec<u8>, text: &str) {
    to.extend_from_slice(&(text.len() as u32).to_le_bytes());
    to.extend_from_slice(text.as_bytes());
}

/// Places in a dictionary of `distinct` texts: how many bits each has, and all of them as one run of packed bits.
fn put_codes(to: &mut Vec<u8>, codes: &[u32], distinct: usize) {
    let width = usize::BITS - distinct.saturating_sub(1).leading_zeros();
    let width = width.max(1);
    to.push(width as u8);
    if codes.is_empty() {
        return;
    }
    put_packed_header(to, codes.len());
    let end = to.len() + codes.len().div_ceil(8) * width as usize;
    to.reserve(end - to.len() + size_of::<u32>());
    let (mut word, mut bits) = (0_u64, 0);
    for code in codes {
        word |= u64::from(*code) << bits;
        bits += width;
        if bits >= u32::BITS {
            to.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= u32::BITS;
            bits -= u32::BITS;
        }
    }
    to.extend_from_slice(&(word as u32).to_le_bytes());
    to.resize(end, 0);
}

/// What stands before a run of packed values: how many groups of eight it has.
fn put_packed_header(to: &mut Vec<u8>, values: usize) {
    put_varint(to, (values.div_ceil(8) as u64) << 1 | 1);
}

/// Seven bits to a byte, the lowest first.
fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray as _};
    use domain::ColumnKind;
    use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
    use proptest::prelude::*;

    use super::*;
    use crate::parquet_file::Writer;

    /// The pieces of a column as a file.
    fn file_of(pieces: &[Vec<Option<String>>]) -> Bytes {
        let mut writer = Writer::new(Vec::new(), &[("c".to_owned(), ColumnKind::Text)], &[true]).unwrap();
        for piece in pieces {
            let rows: DictionaryArray<Int32Type> = piece.iter().map(Option::as_deref).collect();
            let rows: ArrayRef = Arc::new(rows);
            writer.columns(piece.len()).unwrap().into_iter().for_each(|column| column.write(&rows).unwrap());
        }
        writer.finish().unwrap().into()
    }

    fn read(file: Bytes, picked: Option<RowSelection>) -> Vec<Option<String>> {
        let mut builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        if let Some(picked) = picked {
            builder = builder.with_row_selection(picked);
        }
        let mut texts = Vec::new();
        for batch in builder.build().unwrap() {
            let batch = batch.unwrap();
            let rows = batch.column(0).as_dictionary::<Int32Type>();
            texts.extend(rows.downcast_dict::<StringArray>().unwrap().into_iter().map(|text| text.map(str::to_owned)));
        }
        texts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn categories_come_back_as_they_were(pieces in proptest::collection::vec(
            proptest::collection::vec(proptest::option::weighted(0.9, "[a-cé]{0,2}"), 1..300), 1..6)) {
            prop_assert_eq!(read(file_of(&pieces), None), pieces.concat());
        }
    }

    #[test]
    fn pages_and_dictionaries_end_where_they_are_full() {
        let none = vec![None; 1_000];
        let few: Vec<Option<String>> = (0..150_000).map(|row| (row % 7 != 0).then(|| format!("category {}", row % 5))).collect();
        let many: Vec<Option<String>> = (0..150_000).map(|row| (row % 11 != 0).then(|| format!("text number {row}"))).collect();
        let pieces = [none, few.clone(), many, few];
        let all = pieces.concat();
        let file = file_of(&pieces);
        assert!(read(file.clone(), None) == all, "all rows");
        let picked = RowSelection::from(vec![
            RowSelector::skip(100_000),
            RowSelector::select(3),
            RowSelector::skip(200_000),
            RowSelector::select(2),
        ]);
        assert_eq!(read(file, Some(picked)), [&all[100_000..100_003], &all[300_003..300_005]].concat());
    }
}
