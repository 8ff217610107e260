//! A job as clients see it. Every key is always there, `null` when unknown.

use std::collections::BTreeMap;

use api::InOrder;
use cloud::{CloudError, ObjectPath};
use domain::{
    Cost, DatasetId, FeatureType, Job, JobId, JobStatus, Metrics, NumericRange, PreprocessingInfo, ProblemType, Timestamp, TrainingSettings,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    App,
    prediction_answer::PredictionAnswer,
    progress::{JobProgress, cost},
};

/// A job.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobResponse {
    job_id: JobId,
    dataset_id: DatasetId,
    status: JobStatus,
    target_column: String,
    dataset_name: Option<String>,
    problem_type: Option<ProblemType>,
    /// Seconds that the job may take.
    time_budget: Option<u32>,
    /// What the owner calls the classes of a numeric target.
    label_mapping: Option<BTreeMap<String, String>>,
    /// What the owner decided about the training; `null` and empty where nothing was.
    settings: TrainingSettings,
    /// Decides every random choice of the training.
    seed: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    progress: JobProgress,
    /// What it has cost, or costs at most while it is not finished; `null` when it never started.
    cost: Option<Cost>,
    metrics: Option<Metrics>,
    #[serde(flatten)]
    urls: Urls,
    error_message: Option<String>,
    tags: Option<Vec<String>>,
    notes: Option<String>,
    deployed: bool,
    deployed_at: Option<Timestamp>,
    preprocessing_info: Option<Inputs>,
    /// What it predicts; `null` for a training.
    prediction: Option<PredictionAnswer>,
}

/// Where a completed job's files can be downloaded for a while.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "clients know these names")]
struct Urls {
    model_download_url: Option<String>,
    onnx_model_download_url: Option<String>,
    report_download_url: Option<String>,
    eda_report_download_url: Option<String>,
    training_report_download_url: Option<String>,
    csv_download_url: Option<String>,
    parquet_download_url: Option<String>,
}

/// The model's inputs; choices and labels in the order of their codes, as forms show them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PreprocessingInfo")]
struct Inputs {
    feature_columns: Vec<String>,
    feature_count: usize,
    dropped_columns: Option<Vec<String>>,
    dropped_count: Option<usize>,
    dropped_reasons: BTreeMap<String, String>,
    feature_types: BTreeMap<String, FeatureType>,
    categorical_mappings: BTreeMap<String, InOrder<String, u32>>,
    numeric_stats: BTreeMap<String, NumericRange>,
    /// Of features that hold texts of any kind, the words whose presence is learned from beside the length.
    text_words: BTreeMap<String, Vec<String>>,
    target_mapping: Option<InOrder<String, String>>,
}

impl App {
    pub(crate) async fn job_response(&self, job: Job) -> Result<JobResponse, CloudError> {
        let urls = if job.status == JobStatus::Completed { self.urls(&job).await? } else { Urls::default() };
        Ok(JobResponse::new(job, urls))
    }

    async fn urls(&self, job: &Job) -> Result<Urls, CloudError> {
        let files = &job.files;
        let results = job.prediction.as_ref().and_then(|prediction| prediction.outcome.as_ref());
        let url = async |path: Option<&String>| match path {
            Some(path) => self.objects.presign_get(&path.parse::<ObjectPath>()?, self.url_lifetime).await.map(Some),
            None => Ok(None),
        };
        Ok(Urls {
            model_download_url: url(files.model_path.as_ref()).await?,
            onnx_model_download_url: url(files.onnx_model_path.as_ref()).await?,
            report_download_url: url(files.report_path.as_ref()).await?,
            eda_report_download_url: url(files.eda_report_path.as_ref()).await?,
            training_report_download_url: url(files.training_report_path.as_ref()).await?,
            csv_download_url: url(results.map(|results| &results.csv_path)).await?,
            parquet_download_url: url(results.map(|results| &results.parquet_path)).await?,
        })
    }
}

impl JobResponse {
    fn new(job: Job, urls: Urls) -> Self {
        let (progress, cost) = (JobProgress::of(&job), cost(&job));
        Self {
            job_id: job.job_id,
            dataset_id: job.dataset_id,
            status: job.status,
            target_column: job.target_column,
            dataset_name: job.dataset_name,
            problem_type: job.problem_type,
            time_budget: job.time_budget,
            label_mapping: job.label_mapping,
            settings: job.settings,
            seed: job.seed,
            created_at: job.created_at,
            updated_at: job.updated_at,
            started_at: job.started_at,
            completed_at: job.completed_at,
            progress,
            cost,
            metrics: job.metrics,
            urls,
            error_message: job.error_message,
            tags: job.tags,
            notes: job.notes,
            deployed: job.deployed,
            deployed_at: job.deployed_at,
            preprocessing_info: job.preprocessing_info.map(Inputs::from),
            prediction: job.prediction.map(PredictionAnswer::from),
        }
    }
}

impl From<PreprocessingInfo> for Inputs {
    fn from(info: PreprocessingInfo) -> Self {
        Self {
            feature_columns: info.feature_columns,
            feature_count: info.feature_count,
            dropped_columns: info.dropped_columns,
            dropped_count: info.dropped_count,
            dropped_reasons: info.dropped_reasons,
            feature_types: info.feature_types,
            categorical_mappings: info.categorical_mappings.into_iter().map(|(name, codes)| (name, by_code(codes))).collect(),
            numeric_stats: info.numeric_stats,
            text_words: info.text_words,
            target_mapping: info.target_mapping.map(by_number),
        }
    }
}

fn by_code(codes: BTreeMap<String, u32>) -> InOrder<String, u32> {
    let mut entries: Vec<_> = codes.into_iter().collect();
    entries.sort_by_key(|(_, code)| *code);
    InOrder(entries)
}

/// Labels by their codes, which are texts here; numeric labels are their own.
fn by_number(labels: BTreeMap<String, String>) -> InOrder<String, String> {
    let mut entries: Vec<_> = labels.into_iter().collect();
    let number = |code: &str| code.parse().unwrap_or(f64::INFINITY);
    entries.sort_by(|(one, _), (other, _)| number(one).total_cmp(&number(other)));
    InOrder(entries)
}

#[cfg(test)]
mod tests {
    use domain::UserId;
    use serde_json::{Value, json};

    use super::*;

    fn pending() -> Job {
        Job::pending(DatasetId::random(), UserId::default(), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60)
    }

    #[test]
    fn every_key_is_there_from_the_beginning() {
        let Value::Object(json) = serde_json::to_value(JobResponse::new(pending(), Urls::default())).unwrap() else { panic!("an object") };
        for key in [
            "job_id",
            "dataset_id",
            "status",
            "target_column",
            "dataset_name",
            "problem_type",
            "created_at",
            "updated_at",
            "started_at",
            "completed_at",
            "metrics",
            "model_download_url",
            "onnx_model_download_url",
            "report_download_url",
            "eda_report_download_url",
            "training_report_download_url",
            "error_message",
            "tags",
            "notes",
            "deployed",
            "deployed_at",
            "preprocessing_info",
            "prediction",
            "csv_download_url",
            "parquet_download_url",
        ] {
            assert!(json.contains_key(key), "{key}");
        }
        assert_eq!((&json["metrics"], &json["deployed"], &json["status"]), (&Value::Null, &json!(false), &json!("pending")));
        assert!(!json.contains_key("user_id") && !json.contains_key("model_path"));
    }

    #[test]
    fn choices_and_labels_are_in_the_order_of_their_codes() {
        let codes = |pairs: &[(&str, u32)]| pairs.iter().map(|(text, code)| ((*text).to_owned(), *code)).collect::<BTreeMap<_, _>>();
        let labels = (0..12).map(|code| (code.to_string(), format!("label {code}"))).collect();
        let info = PreprocessingInfo {
            categorical_mappings: [("c".to_owned(), codes(&[("b", 0), ("a", 1)]))].into(),
            target_mapping: Some(labels),
            text_words: [("t".to_owned(), vec!["mr".to_owned(), "mrs".to_owned()])].into(),
            ..PreprocessingInfo::default()
        };
        let json = serde_json::to_string(&Inputs::from(info)).unwrap();
        assert!(json.contains(r#"{"c":{"b":0,"a":1}}"#), "{json}");
        assert!(json.contains(r#""text_words":{"t":["mr","mrs"]}"#), "the most frequent first: {json}");
        assert!(json.contains(r#""9":"label 9","10":"label 10","11":"label 11""#), "{json}");
    }
}
