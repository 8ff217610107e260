//! The table that the demo uses when it is given none: red wines and the quality that tasters gave them, from
//! `linfa-datasets` (P. Cortez et al., "Modeling wine preferences by data mining from physicochemical properties", 2009).

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// The column to predict.
pub(super) const TARGET: &str = "quality";

/// Writes the table as CSV into `folder` and says where.
pub(super) fn write(folder: &Path) -> anyhow::Result<PathBuf> {
    let wines = linfa_datasets::winequality();
    let mut csv = format!("{},{TARGET}\n", wines.feature_names().join(","));
    for (features, quality) in wines.records().rows().into_iter().zip(wines.targets().iter()) {
        for value in features {
            write!(csv, "{value},")?;
        }
        writeln!(csv, "{quality}")?;
    }
    let path = folder.join("winequality.csv");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, csv))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
