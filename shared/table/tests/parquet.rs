//! Parquet files that others wrote: their compressions and types, what is refused, and what a damaged one does.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::{fs::File, path::Path, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BinaryArray, Decimal128Array, DictionaryArray, DurationMicrosecondArray, FixedSizeBinaryArray, Int32Array, Int64Array,
        LargeStringArray, ListArray, RecordBatch, StringArray, StructArray, Time64MicrosecondArray, TimestampNanosecondArray, UInt64Array,
    },
    datatypes::{DataType, Field, Int32Type, Schema},
};
use domain::{ColumnKind, Profile};
use parquet::{
    arrow::ArrowWriter,
    basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel},
    file::properties::WriterProperties,
};
use proptest::prelude::*;
use table::{Frame, TableError, Values, ingest, read_parquet};

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, compression: Compression) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> Result<(Profile, Frame), TableError> {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours) = (folder.path().join("theirs.parquet"), folder.path().join("ours.parquet"));
    write(&theirs, columns, compression);
    let profile = ingest(&theirs, &ours)?;
    Ok((profile, read_parquet(&ours)?))
}

/// The kind and the texts of a column by itself.
fn column(array: ArrayRef) -> (ColumnKind, Vec<Option<String>>) {
    let (profile, frame) = read(vec![("a", array)], Compression::SNAPPY).unwrap();
    let texts = match &frame.columns[0].values {
        Values::Texts(texts) => (0..frame.rows).map(|row| texts.get(row).map(str::to_owned)).collect(),
        Values::Numbers(numbers) => numbers.iter().map(|number| (!number.is_nan()).then(|| number.to_string())).collect(),
        Values::Booleans(booleans) => booleans.iter().map(|value| value.map(|value| value.to_string())).collect(),
    };
    (profile.columns[0].kind, texts)
}

fn texts(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn every_usual_compression_is_read() {
    let gzip = Compression::GZIP(GzipLevel::default());
    let (brotli, zstd) = (Compression::BROTLI(BrotliLevel::default()), Compression::ZSTD(ZstdLevel::default()));
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, gzip, brotli, zstd, Compression::LZ4, Compression::LZ4_RAW] {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..2_000));
        let (profile, frame) = read(vec![("n", numbers)], compression).unwrap();
        assert_eq!((profile.rows, frame.rows, profile.columns[0].unique), (2_000, 2_000, 2_000), "{compression}");
    }
}

#[test]
fn moments_with_a_zone_are_in_utc() {
    let moments = TimestampNanosecondArray::from(vec![Some(1_704_067_200_000_000_000), None]);
    for zone in ["UTC", "Europe/Berlin", "+01:00"] {
        let (kind, texts) = column(Arc::new(moments.clone().with_timezone(zone)));
        assert_eq!((kind, texts), (ColumnKind::Date, vec![Some("2024-01-01".to_owned()), None]), "{zone}");
    }
}

#[test]
fn other_types_become_what_is_near_to_them() {
    let keys = || Int32Array::from(vec![1, 0, 1]);
    let of_numbers = DictionaryArray::<Int32Type>::new(keys(), Arc::new(Int64Array::from(vec![10, 20])));
    assert_eq!(column(Arc::new(of_numbers)), (ColumnKind::Integer, texts(&["20", "10", "20"])));
    let of_texts = DictionaryArray::<Int32Type>::new(keys(), Arc::new(LargeStringArray::from(vec!["x", "y"])));
    assert_eq!(column(Arc::new(of_texts)), (ColumnKind::Text, texts(&["y", "x", "y"])));
    assert_eq!(column(Arc::new(Time64MicrosecondArray::from(vec![3_661_000_000]))), (ColumnKind::Text, texts(&["01:01:01"])));
    assert_eq!(column(Arc::new(BinaryArray::from(vec![b"abc".as_slice(), b"\xFF\x00"]))), (ColumnKind::Text, texts(&["abc", "ff00"])));
    let fixed = FixedSizeBinaryArray::try_from_iter([[0xAB_u8, 1], [0, 2]].iter()).unwrap();
    assert_eq!(column(Arc::new(fixed)), (ColumnKind::Text, texts(&["ab01", "0002"])));
    let decimals = Decimal128Array::from(vec![125, -50]).with_precision_and_scale(10, 2).unwrap();
    assert_eq!(column(Arc::new(decimals)), (ColumnKind::Float, texts(&["1.25", "-0.5"])));
    assert_eq!(column(Arc::new(DurationMicrosecondArray::from(vec![1, 2]))).0, ColumnKind::Integer);
    assert_eq!(column(Arc::new(UInt64Array::from(vec![1, 2]))).0, ColumnKind::Float);
}

#[test]
fn texts_are_typed_as_cells_are() {
    let of = |cells: Vec<Option<&str>>| column(Arc::new(StringArray::from(cells)));
    assert_eq!(of(vec![Some("1"), Some("NA"), None, Some(" ")]), (ColumnKind::Integer, vec![Some("1".to_owned()), None, None, None]));
    assert_eq!(of(vec![Some("31.12.2024"), Some("")]), (ColumnKind::Date, vec![Some("2024-12-31".to_owned()), None]));
    assert_eq!(of(vec![Some("1.234,5 €"), Some("7")]), (ColumnKind::Float, texts(&["1234.5", "7"])));
    assert_eq!(of(vec![Some("True"), Some("False")]).0, ColumnKind::Boolean);
    let cells: Vec<String> = (0..300).map(|row| if row == 150 { "?".to_owned() } else { row.to_string() }).collect();
    let (profile, _) = read(vec![("a", Arc::new(StringArray::from(cells)))], Compression::SNAPPY).unwrap();
    let bad = &profile.columns[0].bad.examples[0];
    assert_eq!((profile.columns[0].kind, bad.line, bad.text.as_str()), (ColumnKind::Integer, 151, "?"));
}

#[test]
fn what_cannot_be_read_says_why() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    let part: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let object = StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int64, true)), part)]);
    for (array, kind) in [(Arc::new(list) as ArrayRef, "list"), (Arc::new(object), "struct")] {
        let error = read(vec![("nested", array)], Compression::SNAPPY).unwrap_err();
        assert!(error.is_about_the_table());
        assert!(error.to_string().starts_with(&format!("column 'nested' of the Parquet file has the type {kind}")), "{error}");
    }
    let long = StringArray::from(vec!["x".to_owned(), "v".repeat(2_000_000)]);
    let error = read(vec![("s", Arc::new(long))], Compression::SNAPPY).unwrap_err().to_string();
    assert!(error.contains("the cell in row 2, column 's' ('vvv") && error.contains("2000000 bytes"), "{error}");
    let cell: ArrayRef = Arc::new(StringArray::from(vec!["v".repeat(1_000_000)]));
    let names: Vec<String> = (0..40).map(|column| format!("c{column}")).collect();
    let error = read(names.iter().map(|name| (name.as_str(), cell.clone())).collect(), Compression::SNAPPY).unwrap_err();
    assert!(matches!(error, TableError::RowTooLong { .. }), "{error}");
}

#[test]
fn an_empty_table_keeps_its_columns() {
    let none: ArrayRef = Arc::new(StringArray::from(Vec::<Option<&str>>::new()));
    let (profile, frame) = read(vec![("a", none)], Compression::SNAPPY).unwrap();
    assert_eq!((profile.rows, profile.columns.len(), frame.columns.len()), (0, 1, 1));
}

/// A file with pages of several kinds.
fn small_file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let numbers: ArrayRef = Arc::new((0..50).map(|row| (row % 7 != 0).then_some(row)).collect::<Int64Array>());
    let words: ArrayRef = Arc::new(StringArray::from_iter_values((0..50).map(|row| format!("w{}", row % 5))));
    write(&path, vec![("n", numbers), ("s", words)], Compression::SNAPPY);
    std::fs::read(path).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_damaged_file_is_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = small_file();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let path = folder.path().join("t.parquet");
        std::fs::write(&path, bytes).unwrap();
        if let Err(error) = ingest(&path, &folder.path().join("out.parquet")) {
            prop_assert!(error.is_about_the_table(), "{error}");
        }
    }
}

#[test]
fn a_file_that_says_it_is_larger_than_it_may_be_is_refused() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, false)]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).set_dictionary_enabled(false).build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema.clone(), Some(properties)).unwrap();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["0".repeat(500_000); 32]));
    for _ in 0..20 {
        writer.write(&RecordBatch::try_new(schema.clone(), vec![texts.clone()]).unwrap()).unwrap();
    }
    writer.close().unwrap();
    assert!(matches!(ingest(&path, &folder.path().join("out.parquet")), Err(TableError::Inflated)));
}
