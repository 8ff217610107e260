//! Why a training gave no model, or a prediction no results.

use std::{error::Error, io, path::PathBuf};

/// A training that gave no model. The messages are for the person who submitted the job.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The stored table cannot be read.
    #[error(transparent)]
    Table(#[from] table::TableError),
    /// The table cannot be learned from.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// The model cannot be written, or answers differently from the trainer.
    #[error(transparent)]
    Model(#[from] model::ModelError),
    /// The manifest cannot be written as JSON.
    #[error("cannot write the model's manifest: {0}")]
    Manifest(#[from] serde_json::Error),
    /// A result cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A prediction that gave no results. The messages are for the person who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum PredictionError {
    /// The table does not have all of the model's features.
    #[error("the table lacks columns that the model needs: {}", .0.join(", "))]
    MissingFeatures(Vec<String>),
    /// The table does not have all columns that are to be kept.
    #[error("the table lacks columns that are to be kept: {}; keep only columns that it has", .0.join(", "))]
    MissingKept(Vec<String>),
    /// The results would have two columns of one name.
    #[error("the results would have two columns named '{0}'; do not keep it, or rename it in the table")]
    NameTwice(String),
    /// The model answers with a label that it does not know itself.
    #[error("the model names a label that its manifest does not list; train it again")]
    UnknownLabel,
    /// The table cannot be read, or the results not be written.
    #[error(transparent)]
    Table(#[from] table::TableError),
    /// The table's cells cannot be read as the model needs them.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// The model fails.
    #[error(transparent)]
    Model(#[from] model::ModelError),
    /// The results cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The message of an error and of its sources on one line, each said once: some errors repeat their source's message in their own.
pub fn whole_message(error: &(dyn Error + 'static)) -> String {
    let mut whole = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !whole.ends_with(&message) {
            whole = format!("{whole}: {message}");
        }
        source = error.source();
    }
    whole.lines().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, below) = texts.split_first().unwrap();
        Layer { text, source: (!below.is_empty()).then(|| Box::new(layers(below))) }
    }

    #[test]
    fn sources_follow_their_error() {
        assert_eq!(
            whole_message(&layers(&["cannot fetch the table", "service error", "access denied"])),
            "cannot fetch the table: service error: access denied"
        );
    }

    #[test]
    fn a_source_that_the_error_repeats_is_said_once() {
        assert_eq!(
            whole_message(&layers(&["cannot read a.csv: no such file", "no such file", "no such file"])),
            "cannot read a.csv: no such file"
        );
    }

    #[test]
    fn a_message_keeps_to_one_line() {
        assert_eq!(whole_message(&layers(&["first\nsecond"])), "first second");
    }
}
