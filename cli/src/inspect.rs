//! `automl inspect`: what a model file says of itself.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context, Result};
use model::{FeatureKind, Manifest, Predictor};

use crate::train::named;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The model file.
    model: PathBuf,
    /// Print the manifest as JSON.
    #[arg(long)]
    json: bool,
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
    writeln!(text, "hold-out")?;
    for (name, value) in named(&manifest.metrics) {
        writeln!(text, "  {name:<16} {value:.4}")?;
    }
    writeln!(text, "features")?;
    for feature in &manifest.features {
        let importance = manifest.importances.iter().find(|(name, _)| *name == feature.name).map_or(0.0, |(_, share)| *share);
        let input = match (&feature.kind, manifest.numeric_stats.get(&feature.name)) {
            (FeatureKind::Numeric, Some(range)) => format!("number, {} to {}", range.min, range.max),
            (FeatureKind::Numeric, None) => "number".to_owned(),
            (FeatureKind::Date { .. }, _) => "date".to_owned(),
            (FeatureKind::Categorical { categories }, _) => format!("one of {} texts", categories.len()),
        };
        writeln!(text, "  {:<28} {importance:.4}  {input}", feature.name)?;
    }
    Ok(text)
}
