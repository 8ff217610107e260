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

/// The reports with the number of their cards.
fn reports() -> [(&'static str, String, usize); 4] {
    [
        ("data", eda::report(), 13),
        ("two labels", training::of_labels(2), 17),
        ("many labels", training::of_labels(12), 16),
        ("numbers", training::of_numbers(), 14),
    ]
}

#[test]
fn nothing_overflows_nothing_is_fetched_and_no_script_runs() {
    let folder = tempfile::tempdir().unwrap();
    for (name, report, cards) in reports() {
        for (width, dark) in [(360, false), (360, true), (1_100, false), (1_100, true)] {
            let Some(seen) = seen(folder.path(), &report, width, dark) else {
                println!("not looked at: no Chromium is installed (apt-get install chromium)");
                return;
            };
            let expected = format!(r#"{{"overflow":0,"wide":[],"ran":0,"fetched":0,"scripts":0,"sections":{cards}}}"#);
            assert_eq!(seen, expected, "{name}, {width} pixels wide, dark: {dark}");
        }
    }
}

#[test]
fn they_are_drawn_light_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    for (name, report, _) in reports() {
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
