//! A job, which trains a model or predicts a table with one, and its state machine.
//!
//! ```text
//! pending ──▶ running ──▶ completed
//!    │           │
//!    └───────────┴──────▶ failed, cancelled
//! ```

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    DatasetId, JobId, Metrics, PREDICTION_SECONDS, Prediction, PredictionSource, PreprocessingInfo, ProblemType, Progress, Timestamp,
    TrainingSettings, UserId,
};

/// The seed where none is asked for: the same table and budget give the same split.
pub const DEFAULT_SEED: u32 = 42;

fn default_seed() -> u32 {
    DEFAULT_SEED
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// Submitted, not started.
    Pending,
    /// The trainer works on it.
    Running,
    /// Its results are stored.
    Completed,
    /// It ended without a result; the job's `error_message` says why.
    Failed,
    /// Its owner ended it.
    Cancelled,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The statuses from which this one may be entered. A running job may be started again: Batch retries an attempt whose host
    /// was lost.
    pub fn entered_from(self) -> &'static [Self] {
        match self {
            Self::Pending => &[],
            Self::Running | Self::Failed | Self::Cancelled => &[Self::Pending, Self::Running],
            Self::Completed => &[Self::Running],
        }
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The status as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// It learns a model from a table.
    Training,
    /// It predicts a table with another job's model.
    Prediction,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Training => "Training",
            Self::Prediction => "Prediction",
        })
    }
}

/// Where a job's files are, each as `s3://bucket/key`; `None` until it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobFiles {
    /// The pickle of builtin types that older clients download.
    pub model_path: Option<String>,
    /// The model.
    pub onnx_model_path: Option<String>,
    /// The model's manifest.
    #[serde(default)]
    pub manifest_path: Option<String>,
    /// Every model that was tried, as JSON.
    #[serde(default)]
    pub leaderboard_path: Option<String>,
    /// The data report, under its older name.
    pub report_path: Option<String>,
    /// The data report.
    pub eda_report_path: Option<String>,
    /// The training report.
    pub training_report_path: Option<String>,
    /// SHA-256 of the model file, in hex.
    #[serde(default)]
    pub model_sha256: Option<String>,
}

/// A job's item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its identifier.
    pub job_id: JobId,
    /// The table it learns from or predicts; of an object that belongs to no dataset, the table that the model learned from.
    pub dataset_id: DatasetId,
    /// Its owner.
    #[serde(default)]
    pub user_id: UserId,
    /// Where it stands.
    pub status: JobStatus,
    /// The dataset's file name.
    pub dataset_name: Option<String>,
    /// The column to predict.
    pub target_column: String,
    /// Classification or regression: provisional until the job is completed.
    pub problem_type: Option<ProblemType>,
    /// Seconds that it may take.
    #[serde(default)]
    pub time_budget: Option<u32>,
    /// What the owner calls the classes of a numeric target: `{"0": "stays", "1": "leaves"}`.
    #[serde(default)]
    pub label_mapping: Option<BTreeMap<String, String>>,
    /// What the owner decided about the training.
    #[serde(default)]
    pub settings: TrainingSettings,
    /// Decides every random choice of the training.
    #[serde(default = "default_seed")]
    pub seed: u32,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When the item last changed.
    pub updated_at: Timestamp,
    /// When the trainer started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Batch's identifier of it.
    pub batch_job_id: Option<String>,
    /// The latest news while it runs.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Hold-out metrics; of a prediction, those on the rows whose target the table has.
    pub metrics: Option<Metrics>,
    /// Where its files are.
    #[serde(flatten)]
    pub files: JobFiles,
    /// The model's inputs.
    pub preprocessing_info: Option<PreprocessingInfo>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// The owner's tags.
    pub tags: Option<Vec<String>>,
    /// The owner's notes.
    pub notes: Option<String>,
    /// Whether the prediction endpoint answers for it.
    #[serde(default)]
    pub deployed: bool,
    /// Since when.
    pub deployed_at: Option<Timestamp>,
    /// What it predicts; `None` for a training, whose item does not have the attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
}

impl Job {
    /// A job that was just submitted.
    pub fn pending(
        dataset_id: DatasetId,
        user_id: UserId,
        dataset_name: String,
        target_column: String,
        problem_type: ProblemType,
        time_budget: u32,
    ) -> Self {
        let now = Timestamp::now();
        Self {
            job_id: JobId::random(),
            dataset_id,
            user_id,
            status: JobStatus::Pending,
            dataset_name: Some(dataset_name),
            target_column,
            problem_type: Some(problem_type),
            time_budget: Some(time_budget),
            label_mapping: None,
            settings: TrainingSettings::default(),
            seed: DEFAULT_SEED,
            created_at: now,
            updated_at: now,
            started_at: None,
            completed_at: None,
            batch_job_id: None,
            progress: None,
            metrics: None,
            files: JobFiles::default(),
            preprocessing_info: None,
            error_message: None,
            tags: None,
            notes: None,
            deployed: false,
            deployed_at: None,
            prediction: None,
        }
    }

    /// A prediction of `source` with this job's model, that was just submitted. `table` is the name of the file that is predicted.
    #[must_use]
    pub fn predicting(&self, source: PredictionSource, dataset_id: DatasetId, table: String, keep: Vec<String>) -> Self {
        let (user_id, target) = (self.user_id.clone(), self.target_column.clone());
        let learned = self.problem_type.unwrap_or(ProblemType::Classification);
        let prediction = Prediction { model_job_id: self.job_id, source, keep, outcome: None };
        Self { prediction: Some(prediction), ..Self::pending(dataset_id, user_id, table, target, learned, PREDICTION_SECONDS) }
    }

    /// What it does.
    pub fn work(&self) -> Work {
        if self.prediction.is_some() { Work::Prediction } else { Work::Training }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_status_is_never_left() {
        for status in JobStatus::ALL {
            for from in status.entered_from() {
                assert!(!from.is_final(), "{from} → {status}");
            }
        }
    }

    #[test]
    fn a_job_is_completed_only_while_it_runs() {
        assert_eq!(JobStatus::Completed.entered_from(), [JobStatus::Running]);
    }

    #[test]
    fn a_prediction_is_its_models_owners() {
        let owner = UserId::new("someone");
        let model = Job::pending(DatasetId::random(), owner.clone(), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60);
        let table = DatasetId::random();
        let job = model.predicting(PredictionSource::Dataset(table), table, "b.csv".to_owned(), Vec::new());
        assert_eq!((job.work(), model.work()), (Work::Prediction, Work::Training));
        assert_eq!((job.user_id, job.dataset_id, job.target_column.as_str()), (owner, table, "y"));
        assert_eq!(job.prediction.map(|prediction| prediction.model_job_id), Some(model.job_id));
    }

    #[test]
    fn the_stored_status_is_the_serialised_one() {
        for status in JobStatus::ALL {
            let text = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(status.as_str());
            assert_eq!(JobStatus::deserialize(text).unwrap(), status);
        }
    }
}
