//! The reports in a real browser: nothing reaches over the page's edge on a phone or a screen, nothing is fetched and no script runs,
//! whatever the table calls its columns and values.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use domain::{
    Association, ColumnKind, ColumnProfile, DateRange, HistogramBin, Measure, NumericStats, ProblemGuess, ProblemType, Profile, ReadAs,
    Role, TargetGroup, TargetRelation, TargetRelations, TextStats, TopValue,
};
use report::{EdaTarget, eda_report};

/// A name that would run a script, load an image or break out of an attribute if it were not escaped.
const HOSTILE: &str = "\"'><script>parent.ran=1</script><img src=https://example.invalid/x onerror=parent.ran=1><svg onload=parent.ran=1>";
const LONG: &str = "a_name_without_any_place_to_break_it_that_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on";

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
    eda_report(&profile, Some(&EdaTarget { name: HOSTILE, problem, relations: &relations, left_out: &[] }))
}

/// A page that shows the report in a frame of its own origin and writes down what it sees there.
fn harness(report: &str, width: u32) -> String {
    let document = report.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        r#"<!DOCTYPE html><body><iframe id="report" width="{width}" height="4000" srcdoc="{document}"></iframe><pre id="seen">nothing</pre>
<script>
var frame = document.getElementById("report");
frame.onload = function () {{
  var page = frame.contentDocument, root = page.documentElement, wide = [];
  page.querySelectorAll("body *").forEach(function (element) {{
    var scrolls = element.closest(".scroll") || element.closest("svg svg, svg *");
    if (!scrolls && element.getBoundingClientRect().right > root.clientWidth + 1) wide.push(element.tagName + "." + element.className);
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
fn seen(folder: &Path, report: &str, width: u32, dark: bool) -> Option<String> {
    let page = folder.join("harness.html");
    fs::write(&page, harness(report, width)).unwrap();
    let url = format!("file://{}", page.display());
    let output = browser(folder, dark, &["--virtual-time-budget=5000", "--dump-dom", &url])?;
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = dom.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(told, _)| told.to_owned());
    Some(told.unwrap_or_else(|| format!("no answer: {}", String::from_utf8_lossy(&output.stderr))))
}

#[test]
fn nothing_overflows_nothing_is_fetched_and_no_script_runs() {
    let (folder, report) = (tempfile::tempdir().unwrap(), report());
    for (width, dark) in [(360, false), (360, true), (1_100, false), (1_100, true)] {
        let Some(seen) = seen(folder.path(), &report, width, dark) else {
            println!("not looked at: no Chromium is installed (apt-get install chromium)");
            return;
        };
        let expected = r#"{"overflow":0,"wide":[],"ran":0,"fetched":0,"scripts":0,"sections":13}"#;
        assert_eq!(seen, expected, "{width} pixels wide, dark: {dark}");
    }
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
