//! Delimited text in, typed table and profile out.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use domain::{ColumnKind, ColumnProfile, ColumnType, Profile};
use proptest::prelude::*;
use table::{Frame, Input, TableError, Values, ingest, read_parquet};

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
    let late = format!("a\n{}{}", "1\n".repeat(5_000), "oops\n".repeat(100));
    assert_eq!(kinds(&late), [Text], "text in the last rows");
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
    let extra = message(b"a,b\n1,2\n1,2,xyz\n");
    assert!(extra.starts_with("Expected 2 fields in line 3, saw 3: 'xyz' is one too many; quote"), "{extra}");
    assert!(message(b"a,b\n1,\"2\n3,4\n").contains("in line 2, column 'b' ('\"2 3,4"), "{}", message(b"a,b\n1,\"2\n3,4\n"));
    assert!(message(b"a,b\n\"x\ny\",\"2\n3,4\n").contains("in line 3, column 'b'"), "a quote that opens in the row's second line");
    assert!(message(b"a,b\n1,2\n4,x\0y\n").contains("line 3, column 'b' ('x y') holds a control character"));
    let control = message(&(1..=8).chain(0..=8).collect::<Vec<u8>>());
    assert!(control.starts_with("the file is not text: line 1 ('"), "a name of control characters is no name: {control}");
    let parquet = message(b"PAR1 and no more");
    assert!(parquet.starts_with("the Parquet file cannot be read") && parquet.ends_with("upload it again"), "{parquet}");
    assert!(message(b"a,b\r1,2\r\"3\",4,5\r").contains("in line 3"), "lines that end with a carriage return");
    assert!(message(b"Sales of the year\na,b\n1,2\n3,4\n").contains("remove the lines above the names"), "a title");
    let wide = format!("{}\n", vec!["c"; 5_000].join(","));
    assert!(message(wide.as_bytes()).contains("5000 columns"));
    let long = message(format!("a,b\n1,2\n3,{}\n", "xy".repeat(600_000)).as_bytes());
    assert!(long.contains("line 3, column 'b' ('xyxy") && long.contains("has 1200000 bytes"), "{long}");
    let endless = message(format!("a,b\n{}", "1,".repeat(20_000_000)).as_bytes());
    assert!(endless.contains("the row that begins in line 2 ('1,1,"), "{endless}");
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
    std::fs::write(&csv, b"a\n1\n\0\n").unwrap();
    ingest(&csv, &folder.path().join("t.parquet")).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn other_delimiters_encodings_and_compressions_are_found() {
    let (profile, frame) = read("name;größe;anteil\nä;1,5;12 %\nö;2,25;7 %\n".as_bytes()).unwrap();
    assert_eq!(profile.read_as.delimiter, Some(';'));
    assert_eq!(texts(&frame, 1), [Some("1.5".to_owned()), Some("2.25".to_owned())]);
    assert!(profile.columns[2].written_as.as_deref().unwrap().contains("percent"));

    let (profile, frame) = read(b"name,n\ncaf\xe9,1\n").unwrap();
    assert_eq!(profile.read_as.encoding.as_deref(), Some("windows-1252"));
    assert!(profile.read_as.notes[0].contains("windows-1252"));
    assert_eq!(texts(&frame, 0), [Some("café".to_owned())]);

    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain("a\tb\n1\tß\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let (profile, frame) = read(&utf16).unwrap();
    assert_eq!((profile.read_as.encoding.as_deref(), profile.read_as.delimiter), (Some("UTF-16LE"), Some('\t')));
    assert_eq!(texts(&frame, 1), [Some("ß".to_owned())]);

    let zstd = zstd::encode_all(b"a,b\n1,2\n".as_slice(), 1).unwrap();
    let (profile, _) = read(&zstd).unwrap();
    assert_eq!((profile.read_as.compression.as_deref(), profile.rows, profile.bytes), (Some("zstd"), 1, zstd.len() as u64));
    let cut = &zstd[..zstd.len() - 3];
    assert!(message(cut).contains("may be damaged"), "{}", message(cut));
}

#[test]
fn a_table_without_names_gets_some() {
    let (profile, frame) = read(b"5.1,setosa\n4.9,setosa\n6.2,virginica\n").unwrap();
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, frame.rows), (vec!["column_1", "column_2"], 3));
    assert!(!profile.read_as.header && profile.read_as.notes[0].contains("column_1"));
}

#[test]
fn json_lines_are_a_table() {
    let lines = b"{\"a\": 1, \"b\": \"x, y\"}\n\n{\"b\": null, \"c\": true, \"a\": 2.5}\n{\"c\": false, \"d\": {\"e\": [1]}}\n";
    let (profile, frame) = read(lines).unwrap();
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, profile.read_as.format.as_str()), (vec!["a", "b", "c", "d"], "jsonl"));
    assert_eq!(kinds_of(&profile), [ColumnKind::Float, ColumnKind::Text, ColumnKind::Boolean, ColumnKind::Text]);
    assert_eq!(texts(&frame, 1), [Some("x, y".to_owned()), None, None]);
    assert_eq!(texts(&frame, 3)[2].as_deref(), Some("{\"e\":[1]}"));
    assert_eq!(profile.bytes, lines.len() as u64);
    assert!(message(b"{\"a\": 1\n{\"a\": 2}\n").starts_with("line 1 ('{\"a\": 1') is no JSON object"));
    assert!(message(b"{\"a\": 1}\n{\"a\": }\n").starts_with("line 2 ('{\"a\": }') is no JSON object"));
    assert!(message(b"[{\"a\": 1}]").contains("a JSON array; save"));
    assert!(message(b"{\n  \"a\": 1\n}\n").contains("objects of several lines; save"));
    let (profile, _) = read(b"{a},b\n1,2\n").unwrap();
    assert_eq!((profile.read_as.format.as_str(), profile.columns[0].name.as_str()), ("csv", "{a}"), "a name in braces is no object");
}

#[test]
fn a_parquet_file_is_read_like_the_table_that_it_was_made_from() {
    let csv = b"n,x,flag,day,text\n1,1.5,True,2024-01-31,a\n2,,False,2024-02-29,b\n,2.5,,,\n";
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("t.csv"), csv).unwrap();
    let first = ingest(&at("t.csv"), &at("one.parquet")).unwrap();
    let second = ingest(&at("one.parquet"), &at("two.parquet")).unwrap();
    assert_eq!(second.read_as.format, "parquet");
    assert_eq!(
        first.columns,
        second
            .columns
            .iter()
            .cloned()
            .zip(&first.columns)
            .map(|(column, first)| ColumnProfile { written_as: first.written_as.clone(), ..column })
            .collect::<Vec<_>>()
    );
    let frames = ["one.parquet", "two.parquet"].map(|name| format!("{:?}", read_parquet(&at(name)).unwrap()));
    assert_eq!(frames[0], frames[1]);
    let mut broken = std::fs::read(at("one.parquet")).unwrap();
    broken.truncate(broken.len() / 2);
    std::fs::write(at("broken.parquet"), broken).unwrap();
    assert!(ingest(&at("broken.parquet"), &at("three.parquet")).unwrap_err().is_about_the_table());
}

#[test]
fn json_lines_are_typed_as_cells_are_and_keep_their_lines() {
    let line = |row: usize| match row {
        150 => "{\"n\": \"?\", \"d\": \"31.12.2024\"}\n\n".to_owned(),
        _ => format!("{{\"n\": {row}, \"d\": \"0{}.02.2024\", \"flag\": \" True\"}}\n", 1 + row % 9),
    };
    let (profile, _) = read((0..300).map(line).collect::<String>().as_bytes()).unwrap();
    assert_eq!(kinds_of(&profile), [ColumnKind::Integer, ColumnKind::Date, ColumnKind::Boolean]);
    assert_eq!((profile.columns[0].bad.examples[0].line, profile.columns[0].bad.examples[0].text.as_str()), (151, "?"));
    let (profile, frame) = read(b"{\"name\": \"caf\xe9\"}\n{\"name\": \"x\"}\n").unwrap();
    assert_eq!((profile.read_as.format.as_str(), profile.read_as.encoding.as_deref()), ("jsonl", Some("windows-1252")));
    assert_eq!(texts(&frame, 0)[0].as_deref(), Some("café"));
}

#[test]
fn a_field_that_comes_late_is_a_column() {
    let early: String = (0..100_000).map(|row| format!("{{\"a\": {row}, \"b\": \"x\"}}\n")).collect();
    let (profile, frame) = read(format!("{early}{{\"late\": 2.5, \"a\": 7}}\n").as_bytes()).unwrap();
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, profile.rows), (vec!["a", "b", "late"], 100_001));
    assert_eq!(texts(&frame, 2).last().unwrap().as_deref(), Some("2.5"));
}

#[test]
fn a_damaged_character_does_not_change_the_others() {
    let (profile, frame) = read(b"name,n\nK\xc3\xb6ln,1\nT\xc3\xbcr\xe9,2\nM\xc3\xbcnchen,3\n").unwrap();
    assert_eq!(profile.read_as.encoding.as_deref(), Some("UTF-8"));
    assert!(profile.read_as.notes[0].contains("but for 1 bytes that are no characters, in line 3"), "{:?}", profile.read_as.notes);
    assert_eq!(texts(&frame, 0), [Some("Köln".to_owned()), Some("Tür\u{fffd}".to_owned()), Some("München".to_owned())]);
}

#[test]
fn long_texts_are_told_apart_by_all_of_them() {
    let long = "東".repeat(400);
    let (profile, _) = read(format!("a,b\n{long}1,x\n{long}2,x\n{long}2,x\n").as_bytes()).unwrap();
    let column = &profile.columns[0];
    assert_eq!((column.unique, column.top_values[0].count), (2, 2));
    assert_eq!(column.top_values[0].value, "東".repeat(66), "the beginning");
}

#[test]
fn progress_is_told_in_bytes_of_the_file_whatever_its_form() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let csv: String = std::iter::once("a,b\n".to_owned()).chain((0..400_000).map(|row| format!("{row},x{}\n", row % 9))).collect();
    let lines: String = (0..200_000).map(|row| format!("{{\"a\": {row}, \"b\": \"x\"}}\n")).collect();
    std::fs::write(at("t.csv"), &csv).unwrap();
    std::fs::write(at("t.jsonl"), lines).unwrap();
    std::fs::write(at("t.csv.zst"), zstd::encode_all(csv.as_bytes(), 1).unwrap()).unwrap();
    ingest(&at("t.csv"), &at("t.parquet")).unwrap();
    for name in ["t.csv", "t.jsonl", "t.csv.zst", "t.parquet"] {
        let mut told = Vec::new();
        let input = Input::whole(&at(name)).unwrap();
        table::ingest_with(&input, &at("out.parquet"), &mut |bytes| told.push(bytes)).unwrap();
        let size = std::fs::metadata(at(name)).unwrap().len();
        assert!(told.len() > 1 && told.is_sorted() && told.last() == Some(&size), "{name}: {told:?} of {size}");
    }
}

#[test]
fn excels_separator_line_is_no_header() {
    let (profile, frame) = read(b"sep=;\r\na;b\r\n1;x\r\n2;y,z\r\n").unwrap();
    assert_eq!((profile.read_as.delimiter, profile.columns[0].name.as_str(), frame.rows), (Some(';'), "a", 2));
    assert!(message(b"sep=;\na;b\n1;2;3\n").contains("in line 3"));
}

#[test]
fn whole_numbers_beyond_the_floats_are_told_apart() {
    let csv: String = (0_i64..50).map(|row| format!("{},{}\n", (1_i64 << 60) + 256 * row, (1_i64 << 60) + 256 * row + 1)).collect();
    let (profile, _) = read(format!("a,b\n{csv}").as_bytes()).unwrap();
    assert_eq!(profile.columns[1].duplicate_of, None);
}

#[test]
fn bytes_that_are_no_text_in_any_encoding_are_refused() {
    for bytes in [b"\x89PNG\r\n\x1a\n\xff\xe1\x01".as_slice(), b"a,b\n1,2\n\xff\x07,3\n", b"\xff\xd8\xff\xe0\x10JFIF"] {
        assert!(message(bytes).contains("is not text"), "{}", message(bytes));
    }
}

#[test]
fn other_kinds_of_files_are_named() {
    for (start, kind) in [(b"PK\x03\x04".as_slice(), "Excel"), (b"%PDF-1.7", "PDF"), (b"BZh9", "bzip2")] {
        assert!(message(start).contains(kind), "{}", message(start));
    }
}

#[test]
fn dates_have_a_range() {
    let (profile, frame) = read(b"d,t\n31.12.2023,2024-01-01 10:00\n01.02.2024,2024-01-02 00:00\n").unwrap();
    let [day, moment] = profile.columns.as_slice() else { panic!("two columns") };
    assert_eq!((day.kind, day.column_type()), (ColumnKind::Date, ColumnType::Datetime));
    let range = day.dates.clone().unwrap();
    assert_eq!((range.min.as_str(), range.max.as_str(), range.has_time), ("2023-12-31", "2024-02-01", false));
    assert!(moment.dates.clone().unwrap().has_time);
    assert_eq!(texts(&frame, 0), [Some("2023-12-31".to_owned()), Some("2024-02-01".to_owned())]);
}

#[test]
fn digits_with_leading_zeros_stay_text_and_look_numeric() {
    let (profile, frame) = read(b"zip,n\n01234,1\n99999,2\n").unwrap();
    let zip = &profile.columns[0];
    assert_eq!((zip.kind, zip.column_type(), zip.digits_only), (ColumnKind::Text, ColumnType::Numeric, true));
    assert_eq!(texts(&frame, 0)[0].as_deref(), Some("01234"));
}

#[test]
fn a_few_bad_cells_do_not_make_a_column_text() {
    let rows: String = (0..300).map(|row| if row == 150 { "x,?\n".to_owned() } else { format!("x,{row}.5\n") }).collect();
    let (profile, frame) = read(format!("a,b\n{rows}").as_bytes()).unwrap();
    let column = &profile.columns[1];
    assert_eq!((column.kind, column.missing, column.bad.count), (ColumnKind::Float, 1, 1));
    assert_eq!((column.bad.examples[0].line, column.bad.examples[0].text.as_str()), (152, "?"));
    assert_eq!(texts(&frame, 1)[150], None);
}

#[test]
fn what_a_column_is_does_not_depend_on_where_pieces_end() {
    // Far more than a piece, and the last rows decide each column.
    let body: String = (0..400_000).map(|row| format!("{row},{row},1,2024-01-01,{}\n", row % 7)).collect();
    let (profile, frame) = read(format!("a,b,c,d,e\n{body}1.5,x,True,01/02/2024,007\n").as_bytes()).unwrap();
    assert_eq!(kinds_of(&profile), [ColumnKind::Float, ColumnKind::Integer, ColumnKind::Integer, ColumnKind::Date, ColumnKind::Integer]);
    assert_eq!(frame.rows, 400_001);
    let bad: Vec<u64> = profile.columns.iter().map(|column| column.bad.count).collect();
    assert_eq!(bad, [0, 1, 1, 1, 0]);
    assert_eq!(profile.columns[1].bad.examples[0].line, 400_002);
}

fn kinds_of(profile: &Profile) -> Vec<ColumnKind> {
    profile.columns.iter().map(|column| column.kind).collect()
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
    fn numbers_come_back_to_the_last_bit(numbers in prop::collection::vec(prop_oneof![any::<f64>(), -2e19..2e19, (-1000_i32..1000).prop_map(f64::from)], 1..60)) {
        let csv: String = std::iter::once("a,b\n".to_owned()).chain(numbers.iter().map(|number| format!("{number},x\n"))).collect();
        let (_, frame) = read(csv.as_bytes()).unwrap();
        if let Values::Numbers(back) = &frame.columns[0].values {
            for (number, cell) in numbers.iter().zip(back) {
                prop_assert!(number == cell || (number.is_nan() && cell.is_nan()));
            }
        } else {
            let beyond = |number: &f64| *number < i64::MIN as f64 || *number >= u64::MAX as f64;
            prop_assert!(numbers.iter().any(beyond), "whole numbers beyond 64 bits are text");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), Just(b'\r'), Just(b'1'), any::<u8>()], 0..300)) {
        let _ = read(&bytes);
    }
}
