//! What a job predicts, where it is no training: the model of another job answers for every row of a table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DatasetId, JobId};

/// Seconds that a prediction may take. A table is read, predicted and written piece by piece, so this is no matter of memory: it is what
/// the longest file that may be uploaded takes, several times over.
pub const PREDICTION_SECONDS: u32 = 3_600;

/// A prediction of a table: what is asked and, once it is done, what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The training whose model answers.
    pub model_job_id: JobId,
    /// The table.
    pub source: PredictionSource,
    /// The columns that stand before the predictions in the results.
    #[serde(default)]
    pub keep: Vec<String>,
    /// What came of it; `None` until it is completed.
    #[serde(default)]
    pub outcome: Option<PredictionOutcome>,
}

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionSource {
    /// The typed table of a dataset.
    Dataset(DatasetId),
    /// An object of the datasets bucket, by its key, in any form that an upload may have.
    Object(String),
}

/// The results of a prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionOutcome {
    /// How many rows were predicted.
    pub rows: u64,
    /// Where they are as CSV, as `s3://bucket/key`.
    pub csv_path: String,
    /// Where they are as Parquet.
    pub parquet_path: String,
    /// The rows that the metrics are of; 0 where the table has no target.
    #[serde(default)]
    pub judged_rows: u64,
    /// Rows whose target is something that the model cannot have meant: no label that it knows, or no number.
    #[serde(default)]
    pub unknown_targets: u64,
    /// The columns with cells that could not be read and count as missing, the first hundred of them.
    #[serde(default)]
    pub unread: Vec<UnreadCells>,
}

/// Cells of a column that are not what a model expects there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadCells {
    /// The column.
    pub column: String,
    /// `number`, `date` or `boolean`.
    pub expected: String,
    /// How many cells there are.
    pub cells: u64,
    /// The first one's row, from 1, where the model found it …
    pub row: Option<u64>,
    /// … or its line in the file, where that was found as the table was read: a few cells that do not fit their column.
    pub line: Option<u64>,
    /// Its beginning.
    pub text: String,
}
