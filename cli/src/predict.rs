//! `automl predict`: one prediction for each row of a table, in its order.

use std::{
    fs,
    io::{Write as _, stderr},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use engine::Unread;
use model::{Predictions, Predictor};
use serde_json::json;

pub(crate) const EXAMPLES: &str = "\
Examples:
  automl predict --model model/model.onnx --data new.csv --out predictions.csv
  automl predict --model model/model.onnx --data new.parquet --out predictions.csv --json

The output has one line for each row, in order: `prediction`, and for classification `probability_<label>` for each label.
The table may have other columns too, and its columns in any order; one that the model needs must not be missing.";

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
    /// Print what was done, or the error, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<String> {
    let onnx = fs::read(&arguments.model).with_context(|| format!("cannot read {}", arguments.model.display()))?;
    let predictor = Predictor::load(&onnx).with_context(|| arguments.model.display().to_string())?;
    let frame = table::read_table(&arguments.data).with_context(|| arguments.data.display().to_string())?;
    let features = &predictor.manifest().features;
    let absent: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).filter(|name| frame.column(name).is_none()).collect();
    if !absent.is_empty() {
        bail!("{} lacks columns that the model needs: {}", arguments.data.display(), absent.join(", "));
    }
    let rows: Vec<usize> = (0..frame.rows).collect();
    let (batch, unread) = engine::batch(&frame, features, &rows)?;
    for Unread { column, expected, cells, row, text } in unread {
        let others = if cells > 1 { format!(" and {} more cells", cells - 1) } else { String::new() };
        // A warning that cannot be written is not worth a failed prediction.
        let _ = writeln!(stderr(), "warning: '{text}' in row {row}{others} of column '{column}' is no {expected} and counts as missing");
    }
    let predictions = predictor.predict(&batch)?;
    let labels: Vec<String> = predictor.manifest().labels.iter().map(ToString::to_string).collect();
    write(arguments, &labels, &predictions).with_context(|| format!("cannot write {}", arguments.out.display()))?;
    if arguments.json {
        let target = &predictor.manifest().target;
        return Ok(serde_json::to_string_pretty(&json!({ "rows": frame.rows, "target": target, "labels": labels, "out": arguments.out }))?);
    }
    Ok(format!("{} predictions in {}", frame.rows, arguments.out.display()))
}

fn write(arguments: &Arguments, labels: &[String], predictions: &Predictions) -> Result<()> {
    let mut csv = csv::Writer::from_path(&arguments.out)?;
    match predictions {
        Predictions::Numbers(numbers) => {
            csv.write_record(["prediction"])?;
            for number in numbers {
                csv.write_record([number.to_string()])?;
            }
        }
        Predictions::Classes { labels: chosen, probabilities } => {
            let names = labels.iter().map(|label| format!("probability_{label}"));
            csv.write_record(std::iter::once("prediction".to_owned()).chain(names))?;
            for (label, row) in chosen.iter().zip(probabilities.chunks(labels.len().max(1))) {
                let label = labels.get(*label).context("the model names a label that its manifest does not list")?;
                csv.write_record(std::iter::once(label.clone()).chain(row.iter().map(f32::to_string)))?;
            }
        }
    }
    csv.flush()?;
    Ok(())
}
