//! A delimited file → its typed table as Parquet and its profile.

use std::{io::BufWriter, path::Path};

use domain::Profile;

use crate::{
    Frame, TableError,
    delimited::Delimited,
    kinds::shapes,
    parquet_file::{Writer, read_parquet},
    profile::{ColumnScan, Typed, profiles},
};

/// Reads the comma-separated file `csv` and writes its typed table to `parquet`, which appears complete or not at all.
pub fn ingest(csv: &Path, parquet: &Path) -> Result<Profile, TableError> {
    let mut table = Delimited::open(csv)?;
    let shapes = shapes(&mut table)?;
    let seen = table.seen();

    let in_file = |source| TableError::File { path: parquet.to_owned(), source };
    let folder = parquet.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = tempfile::NamedTempFile::new_in(folder).map_err(in_file)?;
    let out = BufWriter::new(partial.as_file().try_clone().map_err(in_file)?);

    let mut table = Delimited::open(csv)?;
    let names = table.names().to_vec();
    let mut writer = Writer::new(out, names.iter().cloned().zip(shapes.iter().map(|shape| shape.kind)))?;
    let mut scans: Vec<ColumnScan> = names.iter().zip(&shapes).map(|(name, shape)| ColumnScan::new(name, shape, names.len())).collect();
    let mut rows = 0;
    while let Some(row) = table.next_row()? {
        for (column, ((text, shape), scan)) in row.cells().zip(&shapes).zip(&mut scans).enumerate() {
            let text = text?;
            let cell = Typed::of(shape.kind, text).ok_or(TableError::Changed)?;
            scan.add(cell, text);
            writer.push(column, cell);
        }
        writer.end_row()?;
        rows += 1;
    }
    if table.seen() != seen {
        return Err(TableError::Changed);
    }
    writer.finish()?.into_inner().map_err(|error| in_file(error.into_error()))?;
    partial.persist(parquet).map_err(|error| in_file(error.error))?;
    Ok(Profile { rows, columns: profiles(scans), bytes: seen.bytes, sha256: seen.sha256 })
}

/// Reads a comma-separated file into memory, typed as [`ingest`] types it.
pub fn read_csv(path: &Path) -> Result<Frame, TableError> {
    let in_file = |source| TableError::File { path: std::env::temp_dir(), source };
    let typed = tempfile::NamedTempFile::new().map_err(in_file)?;
    ingest(path, typed.path())?;
    read_parquet(typed.path())
}
