//! Data reports as unkind as can be.

use std::{fmt::Write as _, fs, path::Path};

use domain::{
    Association, ColumnKind, ColumnProfile, DateRange, HistogramBin, Measure, NumericStats, ProblemGuess, ProblemType, Profile, ReadAs,
    Role, TargetGroup, TargetRelation, TargetRelations, TextStats, TopValue, exclusions, findings,
};
use report::{EdaTarget, eda_report};

use crate::{HOSTILE, LONG};

fn bins() -> Vec<HistogramBin> {
    (0..20_u32).map(|bin| HistogramBin { low: f64::from(bin), high: f64::from(bin + 1), count: u64::from(bin * bin) }).collect()
}

fn columns() -> Vec<ColumnProfile> {
    let base = |name: &str, kind, role| ColumnProfile {
        name: name.to_owned(),
        kind,
        role,
        missing: 40,
        missing_by_stripe: vec![0, 20, 20],
        unique: 1_234,
        samples: vec![HOSTILE.to_owned(), LONG.to_owned(), "1".to_owned()],
        ..ColumnProfile::default()
    };
    let value = |value: &str, count| TopValue { value: value.to_owned(), count };
    let numbers = |name: &str| ColumnProfile {
        numeric: Some(NumericStats {
            min: -123_456_789.123,
            q25: 3.0,
            median: 4.0,
            q75: 1e300,
            max: 1e300,
            mean: 4.5,
            std: 1e-300,
            outliers: 99_999_999,
            infinite: 3,
            skewness: 12.0,
            histogram: bins(),
            ..NumericStats::default()
        }),
        ..base(name, ColumnKind::Float, Role::Numeric)
    };
    let texts = |name: &str| ColumnProfile {
        text: Some(TextStats {
            min_characters: 1,
            max_characters: 1_000_000,
            mean_characters: 12_345.678,
            padded: 3,
            ..TextStats::default()
        }),
        top_values: vec![value(HOSTILE, 500), value(LONG, 300), value("", 10)],
        ..base(name, ColumnKind::Text, Role::Categorical)
    };
    let dates = DateRange {
        min: "1900-01-01T12:34:56.789012".to_owned(),
        max: "2024-12-31T23:59:59.999999".to_owned(),
        has_time: true,
        largest_gap_seconds: Some(1e9),
        usual_step_seconds: Some(86_400.0),
        gaps: Some(12),
        timeline: bins(),
    };
    vec![
        texts(HOSTILE),
        numbers(LONG),
        numbers("مرحبا بالعالم"),
        texts(&format!("{LONG}2")),
        ColumnProfile { dates: Some(dates), ..base("when", ColumnKind::Date, Role::Datetime) },
        numbers("plain"),
    ]
}

/// The data report of a table whose names and values are as unkind as can be.
pub(crate) fn report() -> String {
    let columns = columns();
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut associations = Vec::new();
    for (at, one) in names.iter().enumerate() {
        for other in names.iter().skip(at + 1) {
            let measure = if at == 0 { Measure::Missing } else { Measure::Pearson };
            associations.push(Association { one: one.clone(), other: other.clone(), measure, value: -0.7, spearman: Some(0.8) });
        }
    }
    let group = |label: &str| TargetGroup { label: label.to_owned(), rows: 500, mean: None, shares: vec![0.3, 0.6] };
    let features = names.iter().skip(1).map(|name| TargetRelation {
        column: name.clone(),
        score: 0.97,
        is_copy: false,
        groups: vec![group(HOSTILE), group(LONG), group("-1.234e-300 – 5.678e300")],
    });
    let relations = TargetRelations { rows: 1_000, classes: vec![HOSTILE.to_owned(), LONG.to_owned()], features: features.collect() };
    let rows = vec![vec![Some(HOSTILE.to_owned()), Some(LONG.to_owned()), None, Some("x".to_owned()), None, Some("1".to_owned())]; 12];
    let read_as =
        ReadAs { format: "csv".to_owned(), delimiter: Some(';'), notes: vec![HOSTILE.to_owned(), LONG.to_owned()], ..ReadAs::default() };
    let profile = Profile {
        rows: 1_000,
        columns,
        bytes: 12_345_678,
        fingerprint: format!("blake3:{}", "0f".repeat(32)),
        duplicate_rows: 100,
        stripe_rows: 400,
        sampled_rows: 900,
        associations,
        read_as,
        first_rows: rows,
        ..Profile::default()
    };
    let problem = ProblemGuess { problem_type: ProblemType::Classification, confidence: 0.8, reason: LONG.to_owned() };
    let found = findings(&profile, Some((HOSTILE, problem.problem_type)), &relations);
    eda_report(&profile, Some(&EdaTarget { name: HOSTILE, problem, relations: &relations, left_out: &[] }), &found)
}

/// The report of a file whose name, columns and values are hostile, read as any upload is.
pub(crate) fn report_of_a_file(folder: &Path) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut csv = format!("id,{},{LONG},when,{}\n", quoted(HOSTILE), quoted(&format!("{HOSTILE} 2")));
    for row in 0..300 {
        let value = if row % 3 == 0 { quoted(HOSTILE) } else { format!("{LONG}{}", row % 7) };
        writeln!(csv, "{row},{value},{}e{},2024-{:02}-01,{}", row * 37 % 101, row % 200, row % 12 + 1, quoted(["<b>", "&amp;"][row % 2]))
            .unwrap();
    }
    let name = format!("{}.csv", HOSTILE.replace('/', ""));
    let (file, parquet) = (folder.join(name.chars().take(100).collect::<String>()), folder.join("data.parquet"));
    fs::write(&file, csv).unwrap();
    let profile = Profile { file_name: name, ..table::ingest(&file, &parquet).unwrap() };
    let target = format!("{HOSTILE} 2");
    let problem = ProblemGuess { problem_type: ProblemType::Classification, confidence: 1.0, reason: HOSTILE.to_owned() };
    let relations = table::relations(&parquet, &profile, &target, problem.problem_type).unwrap();
    let left_out = exclusions(&profile, &target, &relations);
    let found = findings(&profile, Some((&target, problem.problem_type)), &relations);
    eda_report(&profile, Some(&EdaTarget { name: &target, problem, relations: &relations, left_out: &left_out }), &found)
}
