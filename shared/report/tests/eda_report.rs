//! The data report for tables of every kind, the awkward ones included.

#![allow(clippy::unwrap_used)]

use domain::{
    Association, BadCell, BadCells, ColumnKind, ColumnProfile, DateRange, Exclusion, HistogramBin, Measure, NumericStats, ProblemGuess,
    ProblemType, Profile, ReadAs, Role, TargetFacts, TargetGroup, TargetRelation, TargetRelations, TextStats, TopValue, exclusions,
    explain_problem_type, findings,
};
use report::{EdaTarget, eda_report};

fn column(name: &str, kind: ColumnKind) -> ColumnProfile {
    ColumnProfile { name: name.to_owned(), kind, unique_exact: true, ..ColumnProfile::default() }
}

fn labels(name: &str, counts: &[(&str, u64)]) -> ColumnProfile {
    ColumnProfile {
        unique: counts.len() as u64,
        top_values: counts.iter().map(|(value, count)| TopValue { value: (*value).to_owned(), count: *count }).collect(),
        samples: counts.iter().map(|(value, _)| (*value).to_owned()).collect(),
        ..column(name, ColumnKind::Text)
    }
}

fn numbers(name: &str, skewness: f64) -> ColumnProfile {
    let histogram = [1, 5, 9, 4, 0, 1].iter().zip(0_u32..).map(|(&count, bin)| HistogramBin {
        low: f64::from(bin) * 10.0,
        high: f64::from(bin + 1) * 10.0,
        count,
    });
    ColumnProfile {
        unique: 18,
        samples: ["22.0", "38.0", "26.5", "35.0"].map(str::to_owned).to_vec(),
        numeric: Some(NumericStats {
            min: 0.42,
            q25: 20.125,
            median: 28.0,
            q75: 38.0,
            max: 1_234.5,
            mean: 29.699_118,
            std: 14.526_497,
            skewness,
            quantiles_exact: true,
            smallest: vec![0.42, 0.67, 0.75, 0.83, 0.92],
            largest: vec![1_234.5, 80.0, 74.0, 71.0, 70.5],
            histogram: histogram.collect(),
            ..NumericStats::default()
        }),
        ..column(name, ColumnKind::Float)
    }
}

fn table(rows: u64, columns: Vec<ColumnProfile>) -> Profile {
    Profile { rows, columns, bytes: 61_194, fingerprint: format!("blake3:{}", "0f".repeat(32)), ..Profile::default() }
}

/// The report without its style sheet, one element a line.
fn body(html: &str) -> String {
    html.split_once("<body>").unwrap().1.replace("><", ">\n<")
}

fn report(profile: &Profile, target: &str, problem_type: ProblemType) -> String {
    let relations = TargetRelations::default();
    let left_out = exclusions(profile, target, &relations);
    about(profile, target, problem_type, &relations, &left_out)
}

fn about(
    profile: &Profile,
    name: &str,
    problem_type: ProblemType,
    relations: &TargetRelations,
    left_out: &[(String, Exclusion)],
) -> String {
    let problem = ProblemGuess { problem_type, confidence: 0.9, reason: "it has 2 distinct values".to_owned() };
    let found = findings(profile, Some((name, problem_type)), relations);
    eda_report(profile, Some(&EdaTarget { name, problem, relations, left_out }), &found)
}

#[test]
fn a_classification_table() {
    let age = ColumnProfile { missing: 2_000, ..numbers("age", 0.4) };
    let id = ColumnProfile { unique: 10_000, ..column("passenger_id", ColumnKind::Integer) };
    let port =
        labels("port", &[("Southampton, the largest of them", 6_000), ("C", 2_000), ("Q", 1_000), ("D", 500), ("E", 300), ("F", 200)]);
    let profile = table(10_000, vec![labels("survived", &[("no", 8_000), ("yes", 2_000)]), id, age, port]);
    insta::assert_snapshot!(body(&report(&profile, "survived", ProblemType::Classification)));
}

#[test]
fn a_regression_table() {
    let profile = table(20, vec![numbers("strength", 2.3), numbers("cement", 0.0)]);
    insta::assert_snapshot!(body(&report(&profile, "strength", ProblemType::Regression)));
}

#[test]
fn a_table_with_everything_that_can_be_told() {
    let pair = |one: &str, other: &str, measure, value, spearman| Association {
        one: one.to_owned(),
        other: other.to_owned(),
        measure,
        value,
        spearman,
    };
    let age = ColumnProfile { role: Role::Numeric, missing: 150, missing_by_stripe: vec![100, 50], ..numbers("age", 6.5) };
    let port = ColumnProfile {
        missing: 20,
        missing_by_stripe: vec![0, 20],
        text: Some(TextStats { min_characters: 1, max_characters: 11, mean_characters: 4.5, padded: 3, ..TextStats::default() }),
        ..labels("port", &[("Southampton", 700), ("Cherbourg", 280)])
    };
    let dates = DateRange {
        min: "2024-01-01".to_owned(),
        max: "2024-12-31".to_owned(),
        has_time: false,
        largest_gap_seconds: Some(3.0 * 86_400.0),
        usual_step_seconds: Some(86_400.0),
        gaps: Some(12),
        timeline: vec![HistogramBin { low: 1.7e9, high: 1.72e9, count: 600 }, HistogramBin { low: 1.72e9, high: 1.74e9, count: 400 }],
    };
    let when = ColumnProfile { role: Role::Datetime, unique: 360, dates: Some(dates), ..column("when", ColumnKind::Date) };
    let target = labels("survived", &[("no", 600), ("yes", 400)]);
    let row = |cells: [Option<&str>; 4]| cells.map(|cell| cell.map(str::to_owned)).to_vec();
    let profile = Profile {
        duplicate_rows: 12,
        duplicate_rows_exact: true,
        stripe_rows: 512,
        sampled_rows: 1_000,
        associations: vec![
            pair("age", "survived", Measure::CorrelationRatio, 0.61, None),
            pair("port", "survived", Measure::CramersV, 0.34, None),
            pair("age", "port", Measure::Missing, 0.8, None),
        ],
        first_rows: vec![row([Some("no"), Some("22.0"), None, Some("2024-01-01")]), row([Some("yes"), None, Some("Cherbourg"), None])],
        ..table(1_000, vec![target, age, port, when])
    };
    let group = |label: &str, rows, yes: f64| TargetGroup { label: label.to_owned(), rows, mean: None, shares: vec![1.0 - yes, yes] };
    let relation = |column: &str, score, groups| TargetRelation { column: column.to_owned(), score, is_copy: false, groups };
    let relations = TargetRelations {
        rows: 1_000,
        classes: vec!["no".to_owned(), "yes".to_owned()],
        features: vec![
            relation("age", 0.97, vec![group("0.42 – 30", 500, 0.9), group("31 – 80", 350, 0.1), group("missing", 150, 0.4)]),
            relation("port", 0.0, vec![]),
        ],
    };
    insta::assert_snapshot!(body(&about(&profile, "survived", ProblemType::Classification, &relations, &[])));
}

#[test]
fn a_small_messy_file() {
    let csv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/messy.csv");
    let parquet = tempfile::NamedTempFile::new().unwrap();
    let profile = Profile { file_name: "messy.csv".to_owned(), ..table::ingest(&csv, parquet.path()).unwrap() };
    let problem = explain_problem_type(TargetFacts::of(profile.column("renewed").unwrap(), profile.rows));
    let relations = table::relations(parquet.path(), &profile, "renewed", problem.problem_type).unwrap();
    let left_out = exclusions(&profile, "renewed", &relations);
    let found = findings(&profile, Some(("renewed", problem.problem_type)), &relations);
    let target = EdaTarget { name: "renewed", problem, relations: &relations, left_out: &left_out };
    insta::assert_snapshot!(body(&eda_report(&profile, Some(&target), &found)));
}

#[test]
fn a_table_without_weaknesses_has_no_preprocessing_notes() {
    let profile = table(400, vec![labels("y", &[("a", 200), ("b", 200)]), numbers("x", 0.0)]);
    let html = report(&profile, "y", ProblemType::Classification);
    assert!(!html.contains("Preprocessing Notes"));
    assert!(html.contains("Balanced classes."));
}

#[test]
fn imbalance_beyond_three_to_one_warns_and_beyond_one_and_a_half_is_mentioned() {
    let with_counts = |a, b| {
        let profile = table(a + b, vec![labels("y", &[("a", a), ("b", b)]), numbers("x", 0.0)]);
        report(&profile, "y", ProblemType::Classification)
    };
    let severe = with_counts(301, 100);
    assert!(severe.contains("Class imbalance") && severe.contains("Imbalanced classes: the largest class has 3.0 times"));
    let slight = with_counts(300, 100);
    assert!(!slight.contains("Class imbalance") && slight.contains("Slightly imbalanced classes"));
    assert!(with_counts(150, 100).contains("Balanced classes."));
}

#[test]
fn the_smallest_of_unlisted_classes_bounds_the_imbalance() {
    let target = ColumnProfile { unique: 12, ..labels("y", &[("a", 50), ("b", 30)]) };
    let html = report(&table(100, vec![target, numbers("x", 0.0)]), "y", ProblemType::Classification);
    assert!(html.contains("the largest class has at least 25.0 times the rows of the smallest"));
    assert!(html.contains("... and 10 more classes"));
}

#[test]
fn a_single_class_is_said() {
    let profile = table(5, vec![labels("y", &[("only", 5)]), numbers("x", 0.0)]);
    assert!(report(&profile, "y", ProblemType::Classification).contains("The target has a single class"));
}

#[test]
fn a_target_without_values_is_said() {
    let target = ColumnProfile { missing: 5, ..column("y", ColumnKind::Float) };
    let profile = table(5, vec![target, numbers("x", 0.0)]);
    for problem_type in [ProblemType::Classification, ProblemType::Regression] {
        assert!(report(&profile, "y", problem_type).contains("no value in any row"), "{problem_type:?}");
    }
}

#[test]
fn a_table_of_one_kind_has_no_summary_of_the_other() {
    let texts = report(&table(20, vec![labels("y", &[("a", 20)])]), "y", ProblemType::Classification);
    assert!(texts.contains("Categorical Features Summary") && !texts.contains("Numeric Features Summary"));
    let figures = report(&table(20, vec![numbers("y", 0.0)]), "y", ProblemType::Regression);
    assert!(!figures.contains("Categorical Features Summary") && figures.contains("Numeric Features Summary"));
}

#[test]
fn a_table_without_rows_or_columns_still_has_a_report() {
    let empty = table(0, vec![column("y", ColumnKind::Float), column("x", ColumnKind::Text)]);
    assert!(report(&empty, "y", ProblemType::Classification).contains("0 rows and 2 columns"));
    let nothing = table(0, vec![]);
    assert!(report(&nothing, "y", ProblemType::Classification).contains("0 rows and 0 columns"));
}

#[test]
fn missing_values_above_five_percent_stand_out() {
    let with_missing = |missing| {
        let profile = table(100, vec![ColumnProfile { missing, ..numbers("x", 0.0) }, labels("y", &[("a", 50), ("b", 50)])]);
        report(&profile, "y", ProblemType::Classification)
    };
    assert!(with_missing(6).contains("<td class=\"n alarm\">6.0%</td>"));
    assert!(with_missing(5).contains("<td class=\"n\">5.0%</td>"));
}

#[test]
fn names_and_values_from_the_table_are_text_and_never_markup() {
    let hostile = "\"><script>alert('x')</script><img src=x onerror=alert(1)>";
    let target = labels(hostile, &[(hostile, 3), ("</title><svg onload=alert(1)>", 1)]);
    let copy = ColumnProfile { duplicate_of: Some("<b>first</b>".to_owned()), ..labels("<i>copy</i>", &[("<u>", 2), ("&", 2)]) };
    let profile = table(4, vec![target, copy, numbers("</style><script>", 0.0)]);
    let reasons = [("<i>copy</i>".to_owned(), Exclusion::Duplicate { of: "<b>first</b>".to_owned() })];
    let html = about(&profile, hostile, ProblemType::Classification, &TargetRelations::default(), &reasons);
    for markup in ["<script", "<img", "<svg onload", "<i>", "<b>", "<u>"] {
        assert!(!html.contains(markup), "{markup}");
    }
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(html.contains("&lt;script&gt;alert"));
}

#[test]
fn the_widest_table_of_the_longest_names_stays_below_two_megabytes() {
    let name = |position: usize| format!("{}{position}", "\"<".repeat(100_000 / (position + 1) + 60));
    let columns = (0..4_096).map(|position| {
        let long = "\"".repeat(100);
        let base = if position % 2 == 0 { numbers(&name(position), 0.0) } else { labels(&name(position), &[(&long, 9), (&long, 9)]) };
        let samples = vec![long; 5];
        ColumnProfile { samples, missing: 7, duplicate_of: (position % 3 == 0).then(|| name(0)), ..base }
    });
    let profile = table(20, columns.collect());
    let html = report(&profile, &name(1), ProblemType::Classification);
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    assert!(html.contains("The first 1,500 of 4,096 columns are listed."));
}

#[test]
fn all_of_two_thousand_columns_have_a_section() {
    let columns = (0..2_000).map(|position| {
        let name = format!("a measured column of number {position}");
        if position % 3 == 0 {
            labels(&name, &[("a value of some length", 9), ("another value", 8), ("a third", 3)])
        } else {
            ColumnProfile { missing: 3, ..numbers(&name, 9.0) }
        }
    });
    let profile = table(20, columns.collect());
    let html = report(&profile, "a measured column of number 0", ProblemType::Classification);
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    assert_eq!(html.matches("<figure class=\"small\" id=\"c").count(), 2_000);
    assert!(html.contains("<a href=\"#c7\"><bdi>a measured column of number 7") && html.contains("id=\"c7\""));
}

#[test]
fn a_card_tells_what_was_found_in_its_column() {
    let bad = BadCells { count: 1, examples: vec![BadCell { line: 7, text: "n.a.".to_owned() }] };
    let empty = ColumnProfile { missing: 400, ..column("nothing", ColumnKind::Float) };
    let grades = ColumnProfile {
        numeric: Some(NumericStats { min: 1.0, max: 3.0, ..NumericStats::default() }),
        kind: ColumnKind::Integer,
        ..labels("grade", &[("3", 9), ("1", 8), ("2", 3)])
    };
    let profile = table(400, vec![labels("y", &[("a", 200), ("b", 200)]), ColumnProfile { bad, ..numbers("x", 9.0) }, empty, grades]);
    let html = report(&profile, "y", ProblemType::Classification);
    let cards = html.split_once("Numeric Features Summary</h2>").unwrap().1;
    for told in
        ["its skewness is 9.0", "1 cells are no number, such as 'n.a.' in line 7", "Columns Without Values", "it has no value in any row"]
    {
        assert!(cards.contains(told), "{told}");
    }
    let at = |text: &str| cards.find(text).unwrap();
    assert!(at("<bdi>1</bdi>") < at("<bdi>2</bdi>") && at("<bdi>2</bdi>") < at("<bdi>3</bdi>"), "grades are in their order");
}

#[test]
fn a_target_with_zeros_has_a_logarithmic_view() {
    let stats = NumericStats {
        min: 0.0,
        max: 900.0,
        skewness: 5.0,
        log_histogram: vec![HistogramBin { low: 0.0, high: 900.0, count: 9 }],
        ..NumericStats::default()
    };
    let target = ColumnProfile { numeric: Some(stats), unique: 18, ..column("y", ColumnKind::Float) };
    assert!(report(&table(20, vec![target]), "y", ProblemType::Regression).contains("the same on the scale of log(1 + x)"));
}

#[test]
fn the_reader_is_told_how_the_file_was_read() {
    let plain = profile_of_columns();
    let mut messy = plain.clone();
    messy.read_as = ReadAs {
        format: "csv".to_owned(),
        compression: Some("gzip".to_owned()),
        encoding: Some("windows-1252".to_owned()),
        delimiter: Some(';'),
        header: true,
        notes: vec!["The text is windows-1252; it was converted to UTF-8.".to_owned()],
    };
    if let Some(column) = messy.columns.first_mut() {
        column.written_as = Some("numbers like 1.234,56".to_owned());
        column.bad = BadCells { count: 2, examples: vec![BadCell { line: 7, text: "<i>?</i>".to_owned() }] };
        column.dates =
            Some(DateRange { min: "2023-12-31".to_owned(), max: "2024-06-05".to_owned(), has_time: false, ..DateRange::default() });
    }
    let html = report(&messy, "y", ProblemType::Regression);
    for text in [
        "Text, cells separated by ';', encoded as windows-1252, compressed with gzip.",
        "it was converted to UTF-8",
        "numbers like 1.234,56",
        "from 2023-12-31 to 2024-06-05",
        "2 cells",
        "in line 7",
        "&lt;i&gt;?&lt;/i&gt;",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!report(&plain, "y", ProblemType::Regression).contains("How It Was Read"));
}

fn profile_of_columns() -> Profile {
    Profile { rows: 200, columns: vec![numbers("x", 0.0), numbers("y", 0.0)], bytes: 100, ..Profile::default() }
}
