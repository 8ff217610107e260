//! `automl inspect`: what a model file says of itself.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context, Result};
use model::{FeatureKind, Manifest, ModelCard, Predictor};
use report::{format_time, how_calibrated, how_judged};

use crate::train::result::figures;

/// Words of a feature that are named.
const SHOWN_WORDS: usize = 8;

pub(crate) const EXAMPLES: &str = "\
Examples:
  automl inspect model/model.onnx
  automl inspect model/model.onnx --json | jq .card";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The model file.
    model: PathBuf,
    /// Print the whole manifest, or the error, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<String> {
    let path = &arguments.model;
    let onnx = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let predictor = Predictor::load(&onnx).with_context(|| path.display().to_string())?;
    let manifest = predictor.manifest();
    if arguments.json { Ok(serde_json::to_string_pretty(manifest)?) } else { Ok(as_text(manifest)?) }
}

fn as_text(manifest: &Manifest) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "target      {}", manifest.target)?;
    if !manifest.labels.is_empty() {
        writeln!(text, "labels      {}", manifest.labels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))?;
    }
    writeln!(text, "estimator   {}", manifest.metrics.best_estimator)?;
    writeln!(text, "created     {} by version {}", manifest.created_at, manifest.product_version)?;
    writeln!(text, "data        {}", manifest.data_fingerprint)?;
    if let Some(card) = &manifest.card {
        write_card(&mut text, card)?;
    }
    let baselines = manifest.card.as_ref().map_or(&[][..], |card| &card.baselines);
    writeln!(text, "\n{}", figures(&manifest.metrics, baselines)?)?;
    writeln!(text, "features")?;
    for feature in &manifest.features {
        let importance = manifest.importances.iter().find(|(name, _)| *name == feature.name).map_or(0.0, |(_, share)| *share);
        let input = match (&feature.kind, manifest.numeric_stats.get(&feature.name)) {
            (FeatureKind::Numeric, Some(range)) => format!("number, {} to {}", range.min, range.max),
            (FeatureKind::Numeric, None) => "number".to_owned(),
            (FeatureKind::Date { .. }, _) => "date".to_owned(),
            (FeatureKind::Text { words, .. }, _) => of_text(words),
            (FeatureKind::Categorical { categories }, _) => format!("one of {} texts", categories.len()),
        };
        writeln!(text, "  {:<28} {importance:.4}  {input}", feature.name)?;
    }
    Ok(text)
}

/// The first words are the most frequent ones.
fn of_text(words: &[String]) -> String {
    match words {
        [] => "text, its length".to_owned(),
        _ if words.len() <= SHOWN_WORDS => format!("text, its length and the words {}", words.join(", ")),
        _ => format!(
            "text, its length and {} words: {}, …",
            words.len(),
            words.iter().take(SHOWN_WORDS).map(String::as_str).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn write_card(text: &mut String, card: &ModelCard) -> Result<(), std::fmt::Error> {
    writeln!(text, "for         {}", card.intended_use)?;
    writeln!(text, "judged      {}", how_judged(card.validation, card.judged_rows))?;
    if let Some(outcome) = card.calibration {
        writeln!(text, "calibration {}", how_calibrated(outcome))?;
    }
    let left_out = if card.dropped_rows > 0 { format!(", {} without a usable target left out", card.dropped_rows) } else { String::new() };
    writeln!(text, "learned     from {} rows{left_out}, within {}, seed {}", card.training_rows, format_time(card.time_budget), card.seed)?;
    let versions = card.versions.iter().map(|(name, version)| format!("{name} {version}"));
    writeln!(text, "built with  {}", versions.collect::<Vec<_>>().join(", "))?;
    for (column, reason) in &card.dropped_columns {
        writeln!(text, "left out    {column}: {reason}")?;
    }
    for warning in &card.beware {
        writeln!(text, "beware      {warning}")?;
    }
    Ok(())
}
