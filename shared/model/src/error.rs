//! What can be wrong with a model file or its use.

use tract_core::prelude::TractError;

/// Why a model cannot be written, read or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The bytes are no ONNX file.
    #[error("the file is no ONNX model: {0}")]
    NotOnnx(#[from] prost::DecodeError),
    /// The file is over the limit.
    #[error("the model file has {bytes} bytes; at most {limit} are loaded")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The file was not written by this product, or not by a version that this one understands.
    #[error("the file is not one of this product's models: {reason}")]
    Foreign {
        /// What it lacks or has too much.
        reason: String,
    },
    /// A part of the file contradicts another.
    #[error("the model file is damaged: {reason}")]
    Damaged {
        /// What does not fit.
        reason: String,
    },
    /// The manifest cannot be read or written.
    #[error("the model's manifest: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The runtime refuses the graph or fails on the inputs.
    #[error("the model cannot be run: {0}")]
    Runtime(#[from] TractError),
    /// The inputs do not have the shape that the model takes.
    #[error("the model takes {expected}, got {got}")]
    Inputs {
        /// What it takes.
        expected: String,
        /// What came.
        got: String,
    },
    /// The pipeline cannot be written: it contradicts itself.
    #[error("the trained model contradicts itself: {reason}")]
    Pipeline {
        /// What does not fit.
        reason: String,
    },
    /// The stored model answers otherwise than the trained one.
    #[error("the stored model differs from the trained one in row {row}: {stored} instead of {trained}")]
    Parity {
        /// The row, from 1.
        row: usize,
        /// The trained model's figure.
        trained: f32,
        /// The stored model's figure.
        stored: f32,
    },
}

impl ModelError {
    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged { reason: reason.into() }
    }

    pub(crate) fn foreign(reason: impl Into<String>) -> Self {
        Self::Foreign { reason: reason.into() }
    }
}
