//! Why a training gave no model.

use std::{io, path::PathBuf};

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
