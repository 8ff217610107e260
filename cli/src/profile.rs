//! `automl profile`: what a table holds, as a table, as JSON or as the data report.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use domain::{ColumnProfile, Profile, TargetFacts, detect_problem_type, exclusions};
use serde_json::json;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The table: CSV and its relatives, JSON Lines or Parquet, gzip or zstd.
    data: PathBuf,
    /// The column that a model would predict; by default the last one.
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Write the data report as HTML to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the profile as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<String> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let profile =
        table::ingest(&arguments.data, &scratch.path().join("data.parquet")).with_context(|| arguments.data.display().to_string())?;
    let target = target(&profile, arguments.target.as_deref())?;
    let left_out = exclusions(&profile, &target.name);
    let problem_type = detect_problem_type(TargetFacts::of(target, profile.rows));
    if let Some(path) = &arguments.out {
        let html = report::eda_report(&profile, &target.name, problem_type, &left_out);
        fs::write(path, html).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.json {
        return Ok(serde_json::to_string_pretty(&profile)?);
    }
    let mut text = format!("{} rows, {} columns\n", profile.rows, profile.columns.len());
    writeln!(text, "{:<28} {:<8} {:>9} {:>9}  remark", "column", "type", "missing", "unique")?;
    for column in &profile.columns {
        let reason = left_out.iter().find(|(name, _)| *name == column.name).map(|(_, reason)| format!("left out: {reason}"));
        let remark =
            if column.name == target.name { format!("target, {}", name_of(json!(problem_type))) } else { reason.unwrap_or_default() };
        let line = format!(
            "{:<28} {:<8} {:>9} {:>9}  {remark}",
            one_line(&column.name),
            name_of(json!(column.kind)),
            column.missing,
            column.unique
        );
        writeln!(text, "{}", line.trim_end())?;
    }
    Ok(text)
}

fn target<'a>(profile: &'a Profile, name: Option<&str>) -> Result<&'a ColumnProfile> {
    match name {
        Some(name) => profile.column(name).with_context(|| format!("the table has no column '{name}'")),
        None => match profile.columns.last() {
            Some(column) => Ok(column),
            None => bail!("the table has no column"),
        },
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
