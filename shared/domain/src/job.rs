//! A training job and its state machine.
//!
//! ```text
//! pending ──▶ running ──▶ completed
//!    │           │
//!    └───────────┴──────▶ failed, cancelled
//! ```

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DatasetId, JobId, Metrics, PreprocessingInfo, ProblemType, Progress, Timestamp, TrainingSettings, UserId};

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
    /// Its model and reports are stored.
    Completed,
    /// It ended without a model; the job's `error_message` says why.
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
    /// The table it learns from.
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
    /// Seconds that training may take.
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
    /// Hold-out metrics.
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
        }
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
    fn the_stored_status_is_the_serialised_one() {
        for status in JobStatus::ALL {
            let text = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(status.as_str());
            assert_eq!(JobStatus::deserialize(text).unwrap(), status);
        }
    }
}
