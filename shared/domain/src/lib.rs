//! What exists in the product, as plain data: datasets, jobs and their state machine, profiles of tables, metrics, and the
//! rules over them (problem type, time budget, columns to exclude). No I/O, nothing of AWS, imports none of our crates.
//!
//! The names of serialised fields are those of the HTTP interface and of the stored items; additions are additive.

mod budget;
mod calibration;
mod column_rules;
mod cost;
mod dataset;
pub mod date;
mod drift;
mod findings;
mod ids;
mod job;
mod leaderboard;
pub mod limits;
mod metric;
mod metrics;
mod prediction;
mod preprocessing;
mod problem;
mod profile;
mod progress;
mod relation;
mod settings;
mod timestamp;
mod validation;
pub mod words;

pub use budget::{TIME_BUDGET_SECONDS, default_time_budget};
pub use calibration::CalibrationOutcome;
pub use column_rules::{
    Exclusion, exclusions, is_constant, is_high_cardinality, is_identifier, is_identifier_name, is_quasi_constant, is_read_as_text,
};
pub use cost::{Cost, TRAINER_MEMORY_GB, TRAINER_VCPUS};
pub use dataset::{ColumnStats, ColumnType, Dataset, DatasetStatus};
pub use drift::{Drift, DriftLevel};
pub use findings::{Finding, FindingKind, Severity, findings, quality_score};
pub use ids::{DatasetId, InvalidId, JobId, UserId};
pub use job::{DEFAULT_SEED, Job, JobFiles, JobStatus, Work};
pub use leaderboard::{Leaderboard, RankedModel};
pub use metric::{Metric, UnknownMetric, asked_metric};
pub use metrics::{Interval, Metrics};
pub use prediction::{PREDICTION_SECONDS, Prediction, PredictionOutcome, PredictionSource, UnreadCells};
pub use preprocessing::{FeatureType, NumericRange, PreprocessingInfo};
pub use problem::{ProblemGuess, ProblemType, TargetFacts, detect_problem_type, explain_problem_type};
pub use profile::{
    Association, BadCell, BadCells, ColumnKind, ColumnProfile, DateRange, HistogramBin, Measure, Mixture, NumericStats, Profile, ReadAs,
    Role, TextStats, TopValue,
};
pub use progress::{Phase, Progress};
pub use relation::{TargetGroup, TargetRelation, TargetRelations};
pub use settings::{Family, Monotone, TrainingSettings, UnknownFamily};
pub use timestamp::Timestamp;
pub use validation::Validation;
