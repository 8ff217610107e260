//! Where our objects lie in their buckets.
//!
//! ```text
//! datasets bucket   datasets/{dataset}/{filename}    the upload
//!                   tables/{dataset}/data.parquet    what ingest writes: beside `datasets/`, so that it never triggers ingest
//!                   tables/{dataset}/sample.parquet
//!                   tables/{dataset}/profile.json
//! models bucket     models/{job}/model.onnx  model.pkl  manifest.json  leaderboard.json
//! reports bucket    reports/{job}/eda_report.html  training_report.html
//! ```

use domain::{DatasetId, JobId};

/// The prefix of all uploads.
pub const UPLOADS: &str = "datasets/";

/// The folder of a dataset's upload.
pub fn upload_prefix(dataset: DatasetId) -> String {
    format!("{UPLOADS}{dataset}/")
}

/// The uploaded file.
pub fn upload_key(dataset: DatasetId, filename: &str) -> String {
    format!("{UPLOADS}{dataset}/{filename}")
}

/// The dataset that an uploaded object belongs to; `None` for other keys.
pub fn dataset_of_upload(key: &str) -> Option<DatasetId> {
    let (dataset, filename) = key.strip_prefix(UPLOADS)?.split_once('/')?;
    dataset.parse().ok().filter(|_| !filename.is_empty())
}

/// The folder of what ingest writes.
pub fn table_prefix(dataset: DatasetId) -> String {
    format!("tables/{dataset}/")
}

/// The typed table.
pub fn table_key(dataset: DatasetId) -> String {
    format!("tables/{dataset}/data.parquet")
}

/// Some of the table's rows: those that the target is looked up in against the features, where that is a part of them.
pub fn sample_key(dataset: DatasetId) -> String {
    format!("tables/{dataset}/sample.parquet")
}

/// The table's profile.
pub fn profile_key(dataset: DatasetId) -> String {
    format!("tables/{dataset}/profile.json")
}

/// A file of a job's model: `model.onnx`, `model.pkl`, `manifest.json` or `leaderboard.json`.
pub fn model_key(job: JobId, file: &str) -> String {
    format!("models/{job}/{file}")
}

/// A job's report: `eda_report.html` or `training_report.html`.
pub fn report_key(job: JobId, file: &str) -> String {
    format!("reports/{job}/{file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uploads_key_names_its_dataset() {
        let dataset = DatasetId::random();
        assert_eq!(dataset_of_upload(&upload_key(dataset, "a b/ü.csv")), Some(dataset));
    }

    #[test]
    fn other_keys_belong_to_no_dataset() {
        let dataset = DatasetId::random();
        for key in [table_key(dataset), upload_prefix(dataset), "datasets/7/a.csv".to_owned(), "datasets/a.csv".to_owned(), String::new()] {
            assert_eq!(dataset_of_upload(&key), None, "{key}");
        }
    }
}
