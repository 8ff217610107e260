//! The reports in a real browser: nothing reaches over the page's edge on a phone or a screen, nothing is fetched and no script runs,
//! whatever the table calls its columns and values.

#![allow(clippy::unwrap_used)]

mod eda;
mod training;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// A name that would run a script, load an image or break out of an attribute if it were not escaped.
const HOSTILE: &str = "\"'><script>parent.ran=1</script><img src=https://example.invalid/x onerror=parent.ran=1><svg onload=parent.ran=1>";
const LONG: &str = "a_name_without_any_place_to_break_it_that_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on";

/// 21 cm less margins of 1.6 cm, at 96 pixels an inch.
const PAPER_WIDTH: u32 = 672;

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

/// The reports with the number of their cards.
fn reports(folder: &Path) -> [(&'static str, String, usize); 5] {
    [
        ("data", eda::report(), 13),
        ("data of a hostile file", eda::report_of_a_file(folder), 12),
        ("two labels", training::of_labels(2), 18),
        ("many labels", training::of_labels(12), 17),
        ("numbers", training::of_numbers(), 15),
    ]
}

#[test]
fn nothing_overflows_nothing_is_fetched_and_no_script_runs() {
    let folder = tempfile::tempdir().unwrap();
    for (name, report, cards) in reports(folder.path()) {
        for (width, on) in [(360, On::Light), (360, On::Dark), (1_100, On::Light), (1_100, On::Dark), (PAPER_WIDTH, On::Paper)] {
            let Some(seen) = seen(folder.path(), &report, width, on) else {
                println!("not looked at: no Chromium is installed (apt-get install chromium)");
                return;
            };
            let expected = format!(r#"{{"overflow":0,"wide":[],"ran":0,"fetched":0,"scripts":0,"sections":{cards}}}"#);
            assert_eq!(seen, expected, "{name}, {width} pixels wide, {on:?}");
        }
    }
}

#[test]
fn a_files_name_is_shown_as_text() {
    let folder = tempfile::tempdir().unwrap();
    assert!(eda::report_of_a_file(folder.path()).contains("onerror=parent.ran=1"));
}

#[test]
fn a_data_report_is_printed_on_pages() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    fs::write(&page, eda::report()).unwrap();
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
fn they_are_drawn_light_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    for (name, report, _) in reports(folder.path()) {
        fs::write(&page, report).unwrap();
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
        assert!(light.len() > 50_000 && dark.len() > 50_000, "{name}: an empty page is small: {} and {} bytes", light.len(), dark.len());
        assert_ne!(light, dark, "{name}");
    }
}
