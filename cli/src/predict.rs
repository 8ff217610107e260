//! `automl predict`: one prediction for each row of a table, in its order.

use std::{
    collections::BTreeMap,
    fs,
    io::{Write as _, stderr},
    path::PathBuf,
};

use anyhow::{Context, Result};
use domain::{Metric, Metrics, UnreadCells};
use model::Predictor;
use serde_json::json;
use tempfile::NamedTempFile;
use trainer::{ResultFiles, Wanted};

pub(crate) const EXAMPLES: &str = "\
Examples:
  automl predict --model model/model.onnx --data new.csv --out predictions.csv
  automl predict --model model/model.onnx --data new.parquet --out predictions.csv --json
  automl predict --model model/model.onnx --data new.csv --keep customer_id --out predictions.csv

The output has one line for each row, in order: `prediction`, and for classification `probability_<label>` for each label.
The table may have other columns too, and its columns in any order; one that the model needs must not be missing.
Where it has the target, the model is judged on the rows that have a value there.";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The table with the rows to predict; columns that the model does not use are ignored.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The CSV file to write: `prediction`, and for classification `probability_<label>` for each label.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A column that stands before the predictions; may be given several times.
    #[arg(long, value_name = "COLUMN")]
    keep: Vec<String>,
    /// Print what was done, or the error, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<String> {
    let onnx = fs::read(&arguments.model).with_context(|| format!("cannot read {}", arguments.model.display()))?;
    let predictor = Predictor::load(&onnx).with_context(|| arguments.model.display().to_string())?;
    let of_data = || arguments.data.display().to_string();
    let typed = NamedTempFile::new().context("cannot make a temporary file")?;
    let profile = table::ingest(&arguments.data, typed.path()).with_context(of_data)?;
    let wanted = Wanted { keep: &arguments.keep, names: &BTreeMap::new(), profile: &profile };
    let files = ResultFiles { csv: &arguments.out, parquet: None };
    let predicted = trainer::predict(&predictor, typed.path(), wanted, files, &mut |_, _| {}).with_context(of_data)?;
    for UnreadCells { column, expected, cells, row, line, text } in predicted.unread {
        let others = if cells > 1 { format!(" and {} more cells", cells - 1) } else { String::new() };
        let place = match (row, line) {
            (Some(row), _) => format!("row {row}"),
            (None, line) => format!("line {}", line.unwrap_or_default()),
        };
        // A warning that cannot be written is not worth a failed prediction.
        let _ = writeln!(stderr(), "warning: '{text}' in {place}{others} of column '{column}' is no {expected} and counts as missing");
    }
    if arguments.json {
        let target = &predictor.manifest().target;
        let labels: Vec<String> = predictor.manifest().labels.iter().map(ToString::to_string).collect();
        let told = json!({
            "rows": predicted.rows, "target": target, "labels": labels, "out": arguments.out, "metrics": predicted.metrics,
            "judged_rows": predicted.judged_rows, "unknown_targets": predicted.unknown_targets,
        });
        return Ok(serde_json::to_string_pretty(&told)?);
    }
    let judged = predicted.metrics.as_ref().map(|metrics| judged(metrics, predicted.judged_rows)).unwrap_or_default();
    Ok(format!("{} predictions in {}{judged}", predicted.rows, arguments.out.display()))
}

/// How right the model was, in short.
fn judged(metrics: &Metrics, rows: u64) -> String {
    let values = Metric::ALL.into_iter().filter_map(|metric| Some(format!("{metric} {:.4}", metrics.get(metric)?)));
    format!("\non {rows} rows whose target is known: {}", values.collect::<Vec<_>>().join(", "))
}
