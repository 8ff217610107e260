//! Profiles and Parquet files against pandas, pyarrow and `DuckDB`, on generated tables and on the real ones that are at hand.

#![allow(clippy::unwrap_used)]

use std::{env, ffi::OsStr, fmt::Write as _, fs, path::Path, process::Command};

use table::ingest;

/// A sequence that looks random and is always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn cell(&mut self, column: usize) -> String {
        if column % 3 == 1 && self.below(10) == 0 {
            return ["", "NA", "null", "NaN", "#N/A"][self.below(5) as usize].to_owned();
        }
        match column {
            0 => self.below(1_000_000).to_string(),
            1 => format!("{}.{:03}", self.below(2_000) as i64 - 1_000, self.below(1_000)),
            2 => ["True", "False"][self.below(2) as usize].to_owned(),
            3 => ["Oslo", "São Paulo", "東京", "New York", "a \"quoted\" one", "two\nlines", "comma, here", " padded "]
                [self.below(8) as usize]
                .to_owned(),
            4 => format!("{}e{}", self.below(90) + 10, self.below(20) as i64 - 10),
            5 => (self.below(7) as i64 - 3).to_string(),
            6 => format!("text {} of many", self.below(100_000)),
            7 => ["1.5", "inf", "-inf", "-0.0", "2", "1e400"][self.below(5) as usize].to_owned(),
            _ => "7".to_owned(),
        }
    }
}

fn generated(rows: usize, seed: u64) -> String {
    let mut numbers = Numbers(seed);
    let mut csv = "count,amount,flag,city,exponent,small,note,edge,always\n".to_owned();
    for _ in 0..rows {
        let cells: Vec<String> = (0..9)
            .map(|column| {
                let cell = numbers.cell(column);
                if cell.contains([',', '"', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
            })
            .collect();
        writeln!(csv, "{}", cells.join(",")).unwrap();
    }
    csv
}

/// Numbers and dates in the ways in which people write them, one way a column.
fn formatted(rows: usize) -> String {
    let mut numbers = Numbers(11);
    let mut csv = "german;swiss;share;price;code;negative;iso;german_day;us_moment;named;zip\n".to_owned();
    for _ in 0..rows {
        let (thousands, rest, cents) = (numbers.below(900) + 100, numbers.below(1_000), numbers.below(100));
        let (year, month, day) = (1990 + numbers.below(40), 1 + numbers.below(12), 1 + numbers.below(28));
        let (hour, minute) = (numbers.below(24), numbers.below(60));
        let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][(month - 1) as usize];
        let cells = [
            format!("{thousands}.{rest:03},{cents:02}"),
            format!("{thousands}'{rest:03}.{cents:02}"),
            format!("{cents} %"),
            format!("${thousands},{rest:03}.{cents:02}"),
            format!("EUR {rest}.{cents:02}"),
            format!("{rest}.{cents:02}-"),
            format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:30"),
            format!("{day:02}.{month:02}.{year}"),
            format!("{month:02}/{day:02}/{year} {hour:02}:{minute:02}"),
            format!("{day} {name} {year}"),
            format!("0{:04}", numbers.below(10_000)),
        ];
        let cells = cells.map(|cell| if numbers.below(20) == 0 { String::new() } else { cell });
        writeln!(csv, "{}", cells.join(";")).unwrap();
    }
    csv
}

/// More rows than a row group has.
fn long() -> String {
    let mut numbers = Numbers(3);
    let mut csv = "number,city\n".to_owned();
    for _ in 0..1_100_000 {
        writeln!(csv, "{},{}", numbers.below(1_000), ["Oslo", "Lima", "東京"][numbers.below(3) as usize]).unwrap();
    }
    csv
}

fn put(folder: &Path, name: &str, csv: &Path) {
    let profile = ingest(csv, &folder.join(format!("{name}.parquet"))).unwrap();
    fs::write(folder.join(format!("{name}.json")), serde_json::to_vec(&profile).unwrap()).unwrap();
}

#[test]
fn figures_are_those_of_pandas_and_files_those_of_arrow_and_duckdb() {
    let Ok(python) = env::var("AUTOML_PYTHON") else {
        println!("not compared with pandas: AUTOML_PYTHON names no Python that has it (`make test` does)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in [("few", 7), ("some", 1_000), ("many", 60_000)] {
        let path = folder.path().join(format!("{name}.csv"));
        fs::write(&path, generated(rows, rows as u64)).unwrap();
        put(folder.path(), name, &path);
    }
    for (name, csv) in [("formatted", formatted(5_000)), ("long", long())] {
        let path = folder.path().join(format!("{name}.csv"));
        fs::write(&path, csv).unwrap();
        put(folder.path(), name, &path);
    }
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/datasets");
    match fs::read_dir(&real) {
        Err(_) => println!("no real tables compared: {} is not there", real.display()),
        Ok(files) => {
            for path in files.map(|file| file.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(".train.csv")) {
                let name = path.file_name().unwrap().to_string_lossy().replace(".train.csv", "");
                put(folder.path(), &name, &path);
                fs::write(folder.path().join(format!("{name}.path")), path.to_string_lossy().as_bytes()).unwrap();
            }
        }
    }
    run(&python, "peers.py", &[folder.path().as_os_str()]);
}

#[test]
fn parquet_files_of_pyarrow_are_read_as_pandas_reads_them() {
    let Ok(python) = env::var("AUTOML_PYTHON") else {
        println!("not compared with pyarrow: AUTOML_PYTHON names no Python that has it (`make test` does)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    run(&python, "foreign.py", &["write".as_ref(), folder.path().as_os_str()]);
    let mut read = 0;
    for path in fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()) {
        let profile = ingest(&path, &path.with_extension("ours")).unwrap();
        fs::write(path.with_extension("json"), serde_json::to_vec(&profile).unwrap()).unwrap();
        read += 1;
    }
    assert_eq!(read, 6);
    run(&python, "foreign.py", &["check".as_ref(), folder.path().as_os_str()]);
}

/// Runs a script beside this test, which must find nothing wrong.
fn run(python: &str, script: &str, arguments: &[&OsStr]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let done = Command::new(python).arg(script).args(arguments).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{told}");
}
