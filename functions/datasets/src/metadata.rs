//! A dataset as clients see it.

use api::InOrder;
use domain::{ColumnStats, ColumnType, Dataset, DatasetId, DatasetStatus, ProblemType, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// What is known of a table; columns are in the order of the file everywhere.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DatasetMetadata {
    dataset_id: DatasetId,
    /// Last part of the object's key.
    filename: String,
    /// Bytes of the object.
    file_size: u64,
    /// When it was read.
    uploaded_at: Timestamp,
    /// Data rows.
    row_count: u64,
    column_types: InOrder<String, ColumnType>,
    column_stats: InOrder<String, ColumnStats>,
    columns: Vec<String>,
    /// Always `null`: the problem type belongs to a job.
    problem_type: Option<ProblemType>,
    status: DatasetStatus,
    /// Why it cannot be used.
    error: Option<String>,
}

impl From<Dataset> for DatasetMetadata {
    fn from(dataset: Dataset) -> Self {
        let Dataset { mut column_types, mut column_stats, columns, .. } = dataset;
        Self {
            dataset_id: dataset.dataset_id,
            filename: dataset.filename,
            file_size: dataset.file_size,
            uploaded_at: dataset.uploaded_at,
            row_count: dataset.row_count,
            column_types: columns.iter().filter_map(|name| column_types.remove_entry(name)).collect(),
            column_stats: columns.iter().filter_map(|name| column_stats.remove_entry(name)).collect(),
            columns,
            problem_type: dataset.problem_type,
            status: dataset.status,
            error: dataset.error,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::UserId;

    use super::*;

    #[test]
    fn columns_keep_the_order_of_the_file() {
        let stats = ColumnStats { unique: 2, missing: 1, missing_pct: 33.33 };
        let dataset = Dataset {
            columns: vec!["z".to_owned(), "a".to_owned()],
            column_types: [("a".to_owned(), ColumnType::Numeric), ("z".to_owned(), ColumnType::Categorical)].into(),
            column_stats: [("a".to_owned(), stats.clone()), ("z".to_owned(), stats)].into(),
            status: DatasetStatus::Ready,
            error: None,
            ..Dataset::failed(DatasetId::random(), UserId::default(), "a.csv".to_owned(), None, 10, String::new())
        };
        let json = serde_json::to_string(&DatasetMetadata::from(dataset)).unwrap();
        assert!(json.contains(r#""column_types":{"z":"categorical","a":"numeric"}"#), "{json}");
        assert!(json.contains(r#""column_stats":{"z":{"unique":2,"missing":1,"missing_pct":33.33},"a":"#), "{json}");
        assert!(json.contains(r#""problem_type":null"#), "{json}");
        assert!(!json.contains("user_id") && !json.contains("etag"), "{json}");
    }
}
