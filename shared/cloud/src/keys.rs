//! Where our objects lie in their buckets.
//!
//! ```text
//! datasets bucket   datasets/{dataset}/{filename}    the upload
//!                   tables/{dataset}/data.parquet    what ingest writes: beside `datasets/`, so that it never triggers ingest
//!                   tables/{dataset}/sample.parquet
//!                   tables/{dataset}/profile.json
//!                   inputs/{user}/…                  what a user's own programs put there to be predicted
//!                   predictions/{job}/predictions.csv  predictions.parquet
//! models bucket     models/{job}/model.onnx  model.pkl  manifest.json  leaderboard.json
//! reports bucket    reports/{job}/eda_report.html  training_report.html
//! ```

use domain::{DatasetId, JobId, UserId};

/// The prefix of all uploads.
pub const UPLOADS: &str = "datasets/";
/// The prefix of what programs put there by themselves.
const INPUTS: &str = "inputs/";

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

/// A file of a prediction's results: `predictions.csv` or `predictions.parquet`.
pub fn prediction_key(job: JobId, file: &str) -> String {
    format!("predictions/{job}/{file}")
}

/// Whether the key is of an object that this user's own programs put there.
pub fn is_input_of(key: &str, user: &UserId) -> bool {
    let folder = user.as_str();
    let rest = key.strip_prefix(INPUTS).and_then(|key| key.strip_prefix(folder)).and_then(|key| key.strip_prefix('/'));
    is_plain(folder) && !folder.contains('/') && rest.is_some_and(is_plain)
}

/// S3 takes keys as they are; who reads them as the path of a file does not: its steps are not empty, lead nowhere else and can be shown.
pub fn is_plain(key: &str) -> bool {
    key.split('/').all(|step| !matches!(step, "" | "." | "..")) && !key.contains(char::is_control)
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
    fn inputs_are_those_of_one_user() {
        let (alice, strange) = (UserId::new("alice"), UserId::new("a/../b"));
        for key in ["inputs/alice/a.csv", "inputs/alice/2026/01/ü b.parquet"] {
            assert!(is_input_of(key, &alice), "{key}");
        }
        for key in [
            "inputs/alice/",
            "inputs/alice",
            "inputs/alice2/a.csv",
            "inputs/bob/a.csv",
            "inputs/alice/../bob/a.csv",
            "inputs/alice//a",
            "x",
        ] {
            assert!(!is_input_of(key, &alice), "{key}");
        }
        for user in [strange, UserId::new(""), UserId::new("..")] {
            assert!(!is_input_of(&format!("inputs/{}/a.csv", user.as_str()), &user), "{user:?}");
        }
    }

    #[test]
    fn other_keys_belong_to_no_dataset() {
        let dataset = DatasetId::random();
        for key in [table_key(dataset), upload_prefix(dataset), "datasets/7/a.csv".to_owned(), "datasets/a.csv".to_owned(), String::new()] {
            assert_eq!(dataset_of_upload(&key), None, "{key}");
        }
    }
}
