//! `automl profile`: what a table holds, as a table, as JSON or as the data report.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use domain::{Finding, Profile, Severity, TargetFacts, TargetRelations, exclusions, explain_problem_type, findings, quality_score};
use report::EdaTarget;
use serde_json::json;
use table::Input;

use crate::status_line;

/// How often the progress bar changes, and how wide it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
const BAR_WIDTH: usize = 40;
/// The most findings that are printed.
const MAX_FINDINGS: usize = 20;

pub(crate) const EXAMPLES: &str = "\
Examples:
  automl profile customers.csv
  automl profile customers.csv --target churned --out report.html
  automl profile events.jsonl.gz --json | jq '.columns[].name'";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The table: CSV and its relatives, JSON Lines or Parquet, gzip or zstd.
    data: PathBuf,
    /// The column that a model would predict; with it, the report tells how it goes with the others.
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Write the data report as HTML to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the profile, or the error, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<String> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let parquet = scratch.path().join("data.parquet");
    let mut bar = ReadingBar::start(&arguments.data);
    let profile = Input::whole(&arguments.data).and_then(|input| table::ingest_with(&input, &parquet, &mut |bytes| bar.show(bytes)));
    bar.end();
    let mut profile = profile.with_context(|| arguments.data.display().to_string())?;
    profile.file_name = arguments.data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let column = match &arguments.target {
        Some(name) => Some(profile.column(name).with_context(|| format!("the table has no column '{name}'"))?),
        None => None,
    };
    let problem = column.map(|column| explain_problem_type(TargetFacts::of(column, profile.rows)));
    let mut relations = TargetRelations::default();
    if let (Some(column), Some(problem)) = (column, &problem) {
        relations = table::relations(&parquet, &profile, &column.name, problem.problem_type)?;
    }
    let left_out = column.map(|column| exclusions(&profile, &column.name, &relations)).unwrap_or_default();
    let target =
        column.zip(problem).map(|(column, problem)| EdaTarget { name: &column.name, problem, relations: &relations, left_out: &left_out });
    let found = findings(&profile, target.as_ref().map(|target| (target.name, target.problem.problem_type)), &relations);
    if let Some(path) = &arguments.out {
        let html = report::eda_report(&profile, target.as_ref(), &found);
        fs::write(path, html).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.json {
        return Ok(serde_json::to_string_pretty(&profile)?);
    }
    as_text(&profile, target.as_ref(), &found)
}

fn as_text(profile: &Profile, target: Option<&EdaTarget<'_>>, found: &[Finding]) -> Result<String> {
    let mut text = format!("{} rows, {} columns\n", profile.rows, profile.columns.len());
    writeln!(text, "{:<28} {:<8} {:>9} {:>9}  remark", "column", "type", "missing", "unique")?;
    for column in &profile.columns {
        let remark = match target {
            Some(target) if target.name == column.name => format!("target, {}: {}", target.problem.problem_type, target.problem.reason),
            Some(target) => target
                .left_out
                .iter()
                .find(|(name, _)| *name == column.name)
                .map(|(_, reason)| format!("left out: {reason}"))
                .unwrap_or_default(),
            None => String::new(),
        };
        let line = format!(
            "{:<28} {:<8} {:>9} {:>9}  {remark}",
            one_line(&column.name),
            name_of(json!(column.kind)),
            column.missing,
            column.unique
        );
        writeln!(text, "{}", line.trim_end())?;
    }
    writeln!(text, "data quality {} of 100", quality_score(profile, found))?;
    for finding in found.iter().filter(|finding| finding.severity > Severity::Note).take(MAX_FINDINGS) {
        let column = finding.column.as_ref().map(|column| format!(" '{}'", one_line(column))).unwrap_or_default();
        writeln!(text, "{}{column}: {}; {}", finding.kind.title(), one_line(&finding.reason), finding.action)?;
    }
    Ok(text)
}

/// How much of a file has been read, on standard error where that is a terminal. A file that is read again begins anew.
struct ReadingBar {
    total: u64,
    written: Instant,
    shown: bool,
}

impl ReadingBar {
    fn start(path: &Path) -> Self {
        Self { total: fs::metadata(path).map_or(0, |file| file.len()), written: Instant::now(), shown: false }
    }

    fn show(&mut self, bytes: u64) {
        if !status_line::on_a_terminal() || self.written.elapsed() < PROGRESS_EVERY {
            return;
        }
        (self.written, self.shown) = (Instant::now(), true);
        let share = bytes as f64 / self.total.max(1) as f64;
        let bar = status_line::bar(share.min(1.0), BAR_WIDTH);
        status_line::show(&format!("{bar} {:.0} of {:.0} MB", bytes as f64 / 1e6, self.total as f64 / 1e6));
    }

    fn end(&self) {
        if self.shown {
            status_line::clear();
        }
    }
}

/// The name under which a plain variant is stored.
fn name_of(variant: serde_json::Value) -> String {
    match variant {
        serde_json::Value::String(name) => name,
        other => other.to_string(),
    }
}

/// A name that keeps to its line.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
