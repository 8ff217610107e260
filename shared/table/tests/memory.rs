//! The memory for a table does not grow with it: tables of several sizes and forms are read, each in a process of its own, and the most
//! memory that the process had is compared.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::{
    env, fs,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
    sync::Arc,
};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use table::ingest;

/// Names the file that a child reads.
const FILE: &str = "AUTOML_TEST_TABLE";
/// What the reading of any table may take, in megabytes.
const MOST: u64 = 256;
/// What three times the rows may take more.
const MORE: u64 = 40;

/// The child: reads a table where one is named, and prints the most memory that it had, in megabytes.
#[test]
fn reads_a_table_in_a_process_of_its_own() {
    let Some(path) = env::var_os(FILE) else { return };
    let path = Path::new(&path);
    ingest(path, &path.with_extension("out")).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("peak {}", peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024);
}

fn peak(path: &Path) -> u64 {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "reads_a_table_in_a_process_of_its_own", "--nocapture"])
        .env(FILE, path)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let told = String::from_utf8_lossy(&child.stdout).into_owned();
    told.split("peak ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().parse().unwrap()
}

fn csv(path: &Path, rows: u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    writeln!(out, "id,amount,city,note,day").unwrap();
    for row in 0..rows {
        let mixed = row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let (city, day) = (["Oslo", "Berlin", "Lima"][(mixed % 3) as usize], 1 + mixed % 28);
        writeln!(out, "{row},{}.{:02},{city},note {mixed},2024-01-{day:02}", mixed % 10_000, mixed % 97).unwrap();
    }
}

fn json_lines(path: &Path, rows: u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    for row in 0..rows {
        let mixed = row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        writeln!(out, "{{\"id\": {row}, \"amount\": {}.5, \"note\": \"note {mixed}\", \"flag\": {}}}", mixed % 10_000, mixed % 2 == 0)
            .unwrap();
    }
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let rows = [600_000, 1_800_000];
    for (form, write) in [("csv", csv as fn(&Path, u64)), ("jsonl", json_lines)] {
        let peaks = rows.map(|rows| {
            let path = at(&format!("{rows}.{form}"));
            write(&path, rows);
            peak(&path)
        });
        assert!(peaks[1] < MOST && peaks[1] < peaks[0] + MORE, "{form}: {peaks:?} MB for {rows:?} rows");
        println!("{form}: {peaks:?} MB for {rows:?} rows");
    }
    // What was written of the CSV file is a Parquet file.
    let peaks = rows.map(|rows| {
        let path = at(&format!("{rows}.parquet"));
        fs::rename(at(&format!("{rows}.out")), &path).unwrap_or_default();
        ingest(&at(&format!("{rows}.csv")), &path).unwrap();
        peak(&path)
    });
    assert!(peaks[1] < MOST && peaks[1] < peaks[0] + MORE, "parquet: {peaks:?} MB for {rows:?} rows");
    println!("parquet: {peaks:?} MB for {rows:?} rows");
}

#[test]
fn memory_does_not_grow_with_the_width_or_the_length_of_values() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, batch: &RecordBatch| {
        let path = folder.path().join(name);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        path
    };
    let rows = 40_000;
    let floats = |seed: u64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values((0..rows).map(|row| (row ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) as f64)))
    };
    let columns = (0..300).map(|column| (format!("c{column}"), floats(column)));
    let wide = peak(&write("wide.parquet", &RecordBatch::try_from_iter(columns).unwrap()));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..65_536).map(|row| ["v", "w"][row % 2].repeat(4_000))));
    let long = peak(&write("long.parquet", &RecordBatch::try_from_iter([("s", texts)]).unwrap()));
    let late = (0..65_536).map(|row| if row < 3_000 { row.to_string() } else { ["v", "w"][row % 2].repeat(8_000) });
    let late = peak(&write(
        "late.parquet",
        &RecordBatch::try_from_iter([("s", Arc::new(StringArray::from_iter_values(late)) as ArrayRef)]).unwrap(),
    ));
    let distinct: ArrayRef = Arc::new(StringArray::from_iter_values((0..30_000).map(|row| format!("{row}{}", "v".repeat(4_000)))));
    let distinct = peak(&write("distinct.parquet", &RecordBatch::try_from_iter([("s", distinct)]).unwrap()));
    let peaks = format!("wide {wide}, long {long}, late {late}, distinct {distinct} MB");
    println!("{peaks}");
    assert!(wide < 360 && long < 120 && late < 220 && distinct < 160, "{peaks}");
}
