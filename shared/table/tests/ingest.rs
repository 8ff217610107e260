//! Delimited text in, typed table and profile out.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use domain::{ColumnKind, ColumnType, Profile};
use proptest::prelude::*;
use table::{Frame, TableError, Values, ingest, read_parquet};

fn read(csv: &[u8]) -> Result<(Profile, Frame), TableError> {
    let folder = tempfile::tempdir().unwrap();
    let (csv_path, parquet_path) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
    std::fs::write(&csv_path, csv).unwrap();
    let profile = ingest(&csv_path, &parquet_path)?;
    let frame = read_parquet(&parquet_path)?;
    Ok((profile, frame))
}

fn message(csv: &[u8]) -> String {
    read(csv).unwrap_err().to_string()
}

fn kinds(csv: &str) -> Vec<ColumnKind> {
    read(csv.as_bytes()).unwrap().0.columns.iter().map(|column| column.kind).collect()
}

fn texts(frame: &Frame, column: usize) -> Vec<Option<String>> {
    match &frame.columns[column].values {
        Values::Texts(texts) => (0..frame.rows).map(|row| texts.get(row).map(str::to_owned)).collect(),
        Values::Numbers(numbers) => numbers.iter().map(|number| (!number.is_nan()).then(|| number.to_string())).collect(),
        Values::Booleans(booleans) => booleans.iter().map(|value| value.map(|value| value.to_string())).collect(),
    }
}

#[test]
fn a_plain_table_gets_types_and_counts() {
    let (profile, frame) = read(b"id,name,price\n1,Product A,29.99\n2,,49.99\n3,Product C,\n4,Product D,19.99\n").unwrap();
    assert_eq!((profile.rows, frame.rows), (4, 4));
    let types: Vec<ColumnType> = profile.columns.iter().map(domain::ColumnProfile::column_type).collect();
    assert_eq!(types, [ColumnType::Numeric, ColumnType::Categorical, ColumnType::Numeric]);
    let missing: Vec<u64> = profile.columns.iter().map(|column| column.missing).collect();
    assert_eq!(missing, [0, 1, 1]);
    assert!((profile.columns[1].stats(profile.rows).missing_pct - 25.0).abs() < 1e-9);
    assert_eq!(profile.columns[0].unique, 4);
}

#[test]
fn types_are_decided_over_all_rows() {
    use ColumnKind::{Boolean, Float, Integer, Text};
    assert_eq!(kinds("a,b,c,d,e\n1,1.5,True,x,\n2,2,False,y,\n"), [Integer, Float, Boolean, Text, Float]);
    assert_eq!(kinds("a\nTrue\n1\n"), [Text], "a mix of booleans and numbers");
    assert_eq!(kinds("a,b\n007,0x1F\n8,1_000\n"), [Integer, Text]);
    assert_eq!(kinds("a,b\n18446744073709551616,inf\n1,-Infinity\n"), [Text, Float]);
    let late = format!("a\n{}oops\n", "1\n".repeat(5_000));
    assert_eq!(kinds(&late), [Text], "a text cell in the last row");
}

#[test]
fn the_shape_of_real_files_is_understood() {
    let (profile, frame) = read(b"\xEF\xBB\xBFa,a, b,\r\n\r\n1,\"x, \"\"y\"\"\nz\",3\r\n   \r\n2\r\n").unwrap();
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "a.1", " b", "Unnamed: 3"]);
    assert_eq!(frame.rows, 2, "blank lines are no rows, short rows are padded");
    assert_eq!(texts(&frame, 1), [Some("x, \"y\"\nz".to_owned()), None]);
}

#[test]
fn surrounding_blanks_of_texts_are_kept() {
    let (_, frame) = read(b"a,b\n x,1\n ?, 2 \n").unwrap();
    assert_eq!(texts(&frame, 0), [Some(" x".to_owned()), Some(" ?".to_owned())]);
    assert_eq!(texts(&frame, 1), [Some("1".to_owned()), Some("2".to_owned())]);
}

#[test]
fn a_header_without_rows_is_an_empty_table() {
    let (profile, frame) = read(b"a,b\n").unwrap();
    assert_eq!((profile.rows, profile.columns.len(), frame.rows), (0, 2, 0));
}

#[test]
fn errors_say_where() {
    assert_eq!(message(b""), "No columns to parse from file: it is empty");
    assert!(message(b"a,b\n1,2\n1,2,3\n").starts_with("Expected 2 fields in line 3, saw 3"));
    assert!(message(b"a,b\n1,\"2\n3,4\n").contains("begins in line 2"), "{}", message(b"a,b\n1,\"2\n3,4\n"));
    assert!(message(b"a,b\n1,2\n\0\0,4\n").contains("line 3 holds a NUL byte"));
    assert!(message(b"a,b\n1,2\n1,\xFF\n").contains("line 3, column 'b' is not UTF-8"));
    let wide = format!("{}\n", vec!["c"; 5_000].join(","));
    assert!(message(wide.as_bytes()).contains("5000 columns"));
}

#[test]
fn a_column_that_repeats_another_is_found() {
    let (profile, _) = read(b"a,b,c,d\n1,1.0,x,x\n2,2.0,y,y\n,,z,w\n").unwrap();
    let duplicates: Vec<Option<&str>> = profile.columns.iter().map(|column| column.duplicate_of.as_deref()).collect();
    assert_eq!(duplicates, [None, Some("a"), None, None]);
}

#[test]
fn nothing_is_left_behind_when_a_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("t.csv");
    std::fs::write(&csv, b"a\n1\n\xFF\n").unwrap();
    ingest(&csv, &folder.path().join("t.parquet")).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn texts_come_back_as_they_were(rows in prop::collection::vec(("[a-zA-Z ,\"\n;é東]{0,12}", "x[0-9]{0,3}"), 1..40)) {
        let csv: String = std::iter::once("a,b\n".to_owned())
            .chain(rows.iter().map(|(a, b)| format!("{},{}\n", quoted(a), quoted(b))))
            .collect();
        let (profile, frame) = read(csv.as_bytes()).unwrap();
        prop_assert_eq!(frame.rows, rows.len());
        let missing = rows.iter().filter(|(a, _)| ["", "NA", "NaN", "nan", "null", "NULL", "None"].contains(&a.as_str())).count();
        prop_assert_eq!(profile.columns[0].missing, missing as u64);
        if profile.columns[0].kind == ColumnKind::Text {
            let back = texts(&frame, 0);
            for ((a, _), cell) in rows.iter().zip(back) {
                prop_assert!(cell.is_none() || cell.as_deref() == Some(a.as_str()));
            }
        }
        prop_assert_eq!(texts(&frame, 1), rows.iter().map(|(_, b)| Some(b.clone())).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_come_back_to_the_last_bit(numbers in prop::collection::vec(prop_oneof![any::<f64>(), (-1000_i32..1000).prop_map(f64::from)], 1..60)) {
        let csv: String = std::iter::once("a,b\n".to_owned()).chain(numbers.iter().map(|number| format!("{number},x\n"))).collect();
        let (_, frame) = read(csv.as_bytes()).unwrap();
        if let Values::Numbers(back) = &frame.columns[0].values {
            for (number, cell) in numbers.iter().zip(back) {
                prop_assert!(number == cell || (number.is_nan() && cell.is_nan()));
            }
        } else {
            prop_assert!(numbers.iter().any(|number| number.abs() >= 1.8e19), "whole numbers beyond 64 bits are text");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), Just(b'\r'), Just(b'1'), any::<u8>()], 0..300)) {
        let _ = read(&bytes);
    }
}
