//! The reports in a real browser: nothing reaches over the page's edge on a phone or a screen, nothing is fetched and no script runs,
//! whatever the table calls its columns and values.

#![allow(clippy::unwrap_used)]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
};

use domain::{
    Association, ColumnKind, ColumnProfile, DateRange, HistogramBin, Measure, NumericStats, ProblemGuess, ProblemType, Profile, ReadAs,
    Role, TargetGroup, TargetRelation, TargetRelations, TextStats, TopValue, exclusions, findings,
};
use report::{EdaTarget, eda_report};

/// A name that would run a script, load an image or break out of an attribute if it were not escaped.
const HOSTILE: &str = "\"'><script>parent.ran=1</script><img src=https://example.invalid/x onerror=parent.ran=1><svg onload=parent.ran=1>";
const LONG: &str = "a_name_without_any_place_to_break_it_that_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on";

/// 21 cm less margins of 1.6 cm, at 96 pixels an inch.
const PAPER_WIDTH: u32 = 672;

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
        text: Some(TextStats { min_characters: 1, max_characters: 1_000_000, mean_characters: 12_345.678, padded: 3, mixture: None }),
        top_values: vec![value(HOSTILE, 500), value(LONG, 300), value("", 10)],
        ..base(name, ColumnKind::Text, Role::Categorical)
    };
    let dates = DateRange {
        min: "1900-01-01T12:34:56.789012".to_owned(),
        max: "2024-12-31T23:59:59.999999".to_owned(),
        has_time: true,
        largest_gap_seconds: Some(1e9),
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

fn report() -> String {
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
fn report_of_a_file(folder: &Path) -> String {
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

/// What the report is looked at on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum On {
    Light,
    Dark,
    /// The rules of the style sheet for print apply, and nothing scrolls.
    Paper,
}

/// A page that shows the report in a frame of its own origin and writes down what it sees there.
fn harness(report: &str, width: u32, on: On) -> String {
    let report = if on == On::Paper { report.replace("@media print", "@media all") } else { report.to_owned() };
    let scrolls = if on == On::Paper { "false" } else { "element.closest('.scroll')" };
    let document = report.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        r#"<!DOCTYPE html><body><iframe id="report" width="{width}" height="4000" srcdoc="{document}"></iframe><pre id="seen">nothing</pre>
<script>
var frame = document.getElementById("report");
frame.onload = function () {{
  var page = frame.contentDocument, root = page.documentElement, wide = [];
  page.querySelectorAll("body *").forEach(function (element) {{
    var scrolls = {scrolls} || element.closest("svg svg, svg *");
    var cell = element.closest("th, td"), right = element.getBoundingClientRect().right;
    var covers = cell && right > cell.getBoundingClientRect().right + 1;
    if (!scrolls && (covers || right > root.clientWidth + 1)) wide.push(element.tagName + "." + element.className);
  }});
  document.getElementById("seen").textContent = JSON.stringify({{
    overflow: root.scrollWidth - root.clientWidth, wide: wide.slice(0, 5), ran: window.ran || 0,
    fetched: frame.contentWindow.performance.getEntriesByType("resource").length,
    scripts: page.scripts.length, sections: page.querySelectorAll("section").length
  }});
}};
</script></body>"#
    )
}

/// Runs the browser headless; `None` without one.
fn browser(folder: &Path, dark: bool, arguments: &[&str]) -> Option<Output> {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let colours = if dark { "--blink-settings=preferredColorScheme=0" } else { "--blink-settings=preferredColorScheme=1" };
    let always = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", profile.as_str(), colours];
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    browsers.iter().find_map(|browser| Command::new(browser).args(always).args(arguments).output().ok())
}

/// What the browser saw; `None` without one.
fn seen(folder: &Path, report: &str, width: u32, on: On) -> Option<String> {
    let page = folder.join("harness.html");
    fs::write(&page, harness(report, width, on)).unwrap();
    let url = format!("file://{}", page.display());
    let output = browser(folder, on == On::Dark, &["--virtual-time-budget=5000", "--dump-dom", &url])?;
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = dom.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(told, _)| told.to_owned());
    Some(told.unwrap_or_else(|| format!("no answer: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Looks at a report on a phone, on a screen and on paper of A4 within its margins; `None` without a browser.
fn look_at(folder: &Path, report: &str, sections: usize) -> Option<()> {
    for (width, on) in [(360, On::Light), (360, On::Dark), (1_100, On::Light), (1_100, On::Dark), (PAPER_WIDTH, On::Paper)] {
        let seen = seen(folder, report, width, on)?;
        let expected = format!(r#"{{"overflow":0,"wide":[],"ran":0,"fetched":0,"scripts":0,"sections":{sections}}}"#);
        assert_eq!(seen, expected, "{width} pixels wide, {on:?}");
    }
    Some(())
}

#[test]
fn nothing_overflows_nothing_is_fetched_and_no_script_runs() {
    let folder = tempfile::tempdir().unwrap();
    if look_at(folder.path(), &report(), 13).is_none() {
        println!("not looked at: no Chromium is installed (apt-get install chromium)");
    }
}

#[test]
fn neither_does_it_of_a_hostile_file() {
    let folder = tempfile::tempdir().unwrap();
    let report = report_of_a_file(folder.path());
    assert!(report.contains("onerror=parent.ran=1"), "the file's name is shown, as text");
    if look_at(folder.path(), &report, 12).is_none() {
        println!("not looked at: no Chromium is installed (apt-get install chromium)");
    }
}

#[test]
fn it_is_printed_on_pages() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    fs::write(&page, report()).unwrap();
    let pdf = folder.path().join("report.pdf");
    let (to, url) = (format!("--print-to-pdf={}", pdf.display()), format!("file://{}", page.display()));
    let Some(output) = browser(folder.path(), false, &["--no-pdf-header-footer", &to, &url]) else {
        println!("not printed: no Chromium is installed (apt-get install chromium)");
        return;
    };
    let pdf = fs::read(&pdf).unwrap_or_else(|_| panic!("no pages: {}", String::from_utf8_lossy(&output.stderr)));
    let text = String::from_utf8_lossy(&pdf);
    assert!(text.starts_with("%PDF"));
    let pages = text.matches("/Type /Page\n").count();
    assert!((3..=30).contains(&pages), "{pages} pages");
}

#[test]
fn it_is_drawn_light_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    fs::write(&page, report()).unwrap();
    let drawn = |dark: bool| {
        let picture = folder.path().join(format!("{dark}.png"));
        let (to, url) = (format!("--screenshot={}", picture.display()), format!("file://{}", page.display()));
        let output = browser(folder.path(), dark, &["--window-size=1000,3000", &to, &url])?;
        Some(fs::read(&picture).unwrap_or_else(|_| panic!("no picture: {}", String::from_utf8_lossy(&output.stderr))))
    };
    let (Some(light), Some(dark)) = (drawn(false), drawn(true)) else {
        println!("not looked at: no Chromium is installed (apt-get install chromium)");
        return;
    };
    assert!(light.starts_with(b"\x89PNG") && dark.starts_with(b"\x89PNG"));
    assert!(light.len() > 50_000 && dark.len() > 50_000, "an empty page is small: {} and {} bytes", light.len(), dark.len());
    assert_ne!(light, dark);
}
