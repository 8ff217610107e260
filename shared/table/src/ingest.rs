//! A file of any known kind → its typed table as Parquet and its profile.
//!
//! What the columns are is guessed from the first piece. A column that turns out to be something else makes the reading begin again with
//! what is known by then, so that types are decided over the whole table. Memory does not grow with the rows.

use std::{fs::File, io::BufWriter, path::Path};

use domain::{ColumnKind, Profile};
use encoding_rs::{Encoding, UTF_8};
use tempfile::NamedTempFile;

use crate::{
    Frame, Input, TableError,
    delimited::read_delimited,
    encoding::Survey,
    json_lines::{is_json_lines, read_json_lines},
    opened::{Content, Text, content_of},
    parquet_file::read_parquet,
    parquet_input::ParquetTable,
    reading::{Cut, Plan, Stop},
    tally::CellType,
};

/// How often a reading may begin again for what columns are; then those that still do not fit are text.
const MAX_READINGS: usize = 3;
/// How often it may begin again for whatever reason.
const MAX_BEGINNINGS: usize = 3 * MAX_READINGS;

/// Reads the file `path` and writes its typed table to `parquet`, which appears complete or not at all.
pub fn ingest(path: &Path, parquet: &Path) -> Result<Profile, TableError> {
    ingest_with(&Input::whole(path)?, parquet, &mut |_| {})
}

/// The same of a file that may still be arriving; `on_bytes` is told how many of the file's bytes have been read.
pub fn ingest_with(input: &Input, parquet: &Path, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, TableError> {
    let content = content_of(input)?;
    let mut known = Known::default();
    for _ in 0..MAX_BEGINNINGS {
        let read = match content {
            Content::Parquet => ParquetTable::open(input)?.read(parquet, &known, on_bytes),
            Content::Text => {
                let text = Text::open(input, known.survey.as_ref().map(|survey| survey.encoding))?;
                let read = if is_json_lines(&text.beginning)? { read_json_lines } else { read_delimited };
                read(text, parquet, &known, on_bytes)
            }
        };
        match read {
            Ok(profile) => return Ok(profile),
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Reencode) => known.survey = Some(Survey::of(input)?),
            Err(Stop::Rename(names)) => (known.names, known.types) = (Some(names), None),
            Err(Stop::Retype(found)) => known.learn(found),
        }
    }
    Err(TableError::Changed)
}

/// Reads a file into memory, typed as [`ingest`] types it.
pub fn read_table(path: &Path) -> Result<Frame, TableError> {
    let typed = NamedTempFile::new().map_err(|source| TableError::File { path: std::env::temp_dir(), source })?;
    ingest(path, typed.path())?;
    read_parquet(typed.path())
}

/// What earlier readings have found.
#[derive(Default)]
pub(crate) struct Known {
    /// What its bytes mean, where they are not UTF-8.
    survey: Option<Survey>,
    /// The names of all columns, where the first piece does not tell them.
    pub(crate) names: Option<Vec<String>>,
    types: Option<Vec<CellType>>,
    /// How many readings have found other types.
    retyped: usize,
}

impl Known {
    /// What the next reading takes the columns for.
    pub(crate) fn plan(&self, names: &[String], first: &impl Cut) -> Plan {
        Plan::new(names, self.types.as_deref(), self.retyped == 0, first)
    }

    /// What a person should know about the text's encoding.
    pub(crate) fn notes(&self, encoding: &'static Encoding) -> Vec<String> {
        let mut notes = Vec::new();
        if encoding != UTF_8 {
            notes.push(format!("The text is {}; it was converted to UTF-8.", encoding.name()));
        }
        notes.extend(self.survey.as_ref().and_then(Survey::note));
        notes
    }

    fn learn(&mut self, found: Vec<CellType>) {
        self.retyped += 1;
        let before = self.types.take().unwrap_or_default();
        let settle = |(at, kind)| {
            let is_settled = self.retyped < MAX_READINGS || before.get(at) == Some(&kind);
            if is_settled { kind } else { CellType::Stored(ColumnKind::Text) }
        };
        self.types = Some(found.into_iter().enumerate().map(settle).collect());
    }
}

/// A file beside its place.
pub(crate) fn beside(parquet: &Path) -> Result<NamedTempFile, TableError> {
    let folder = parquet.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder).map_err(|source| TableError::File { path: parquet.to_owned(), source })
}

/// What a Parquet file is written to; it is put in its place when it is complete.
pub(crate) fn output(file: &NamedTempFile) -> Result<BufWriter<File>, TableError> {
    let out = file.as_file().try_clone().map_err(|source| TableError::File { path: file.path().to_owned(), source })?;
    Ok(BufWriter::new(out))
}

/// Puts a complete file in its place.
pub(crate) fn put(file: NamedTempFile, out: BufWriter<File>, parquet: &Path) -> Result<(), TableError> {
    let in_file = |source| TableError::File { path: parquet.to_owned(), source };
    out.into_inner().map_err(|error| in_file(error.into_error()))?;
    file.persist(parquet).map_err(|error| in_file(error.error))?;
    Ok(())
}
