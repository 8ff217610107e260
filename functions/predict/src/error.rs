//! Why a deployed model gives no prediction.

use cloud::CloudError;
use model::ModelError;

/// A failure that is not the caller's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PredictError {
    /// The model cannot be fetched.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The stored file would take too much of the function's memory.
    #[error(
        "the model's file has {} MB, and this function has the memory for one of {} MB: give it more, or train with a smaller \
         config.max_model_mb", .bytes >> 20, .most >> 20
    )]
    TooLarge {
        /// Of the file.
        bytes: u64,
        /// The longest that is loaded.
        most: u64,
    },
    /// The stored file is not what the trainer stored.
    #[error("the stored model is not the one that was trained: its SHA-256 is {got}, expected {expected}; train again")]
    Changed {
        /// Of the job.
        expected: String,
        /// Of the file.
        got: String,
    },
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model gave nothing, or a label that it does not have.
    #[error("the model gave no answer; train again")]
    NoOutcome,
    /// The predictions cannot be written as CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The thread that ran the model.
    #[error("the model's run ended early")]
    Ended(#[from] tokio::task::JoinError),
}
