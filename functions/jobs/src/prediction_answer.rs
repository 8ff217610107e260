//! What a job predicts, as clients see it.

use domain::{DatasetId, JobId, Prediction, PredictionSource, UnreadCells};
use schemars::JsonSchema;
use serde::Serialize;

/// What is predicted and, once it is completed, what came of it.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "PredictedTable")]
pub(crate) struct PredictionAnswer {
    /// The job whose model answers.
    model_job_id: JobId,
    /// The dataset that is predicted; `null` where it is an object.
    predicted_dataset_id: Option<DatasetId>,
    /// The object that is predicted; `null` where it is a dataset.
    object_key: Option<String>,
    /// The columns that stand before the predictions.
    keep: Vec<String>,
    /// How many rows were predicted.
    rows: Option<u64>,
    /// The rows that the metrics are of; 0 where the table has no target.
    judged_rows: Option<u64>,
    /// Rows whose target is no label that the model knows, or no number: the metrics leave them out.
    unknown_targets: Option<u64>,
    /// The columns with cells that could not be read and count as missing, the first hundred of them.
    unread_cells: Option<Vec<UnreadCells>>,
}

impl From<Prediction> for PredictionAnswer {
    fn from(Prediction { model_job_id, source, keep, outcome }: Prediction) -> Self {
        let (predicted_dataset_id, object_key) = match source {
            PredictionSource::Dataset(dataset) => (Some(dataset), None),
            PredictionSource::Object(key) => (None, Some(key)),
        };
        Self {
            model_job_id,
            predicted_dataset_id,
            object_key,
            keep,
            rows: outcome.as_ref().map(|outcome| outcome.rows),
            judged_rows: outcome.as_ref().map(|outcome| outcome.judged_rows),
            unknown_targets: outcome.as_ref().map(|outcome| outcome.unknown_targets),
            unread_cells: outcome.map(|outcome| outcome.unread),
        }
    }
}
