//! Why a table cannot be trained on, in words that a person can act on.

use domain::{Metric, ProblemType};
use thiserror::Error;

/// What went wrong.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The table has no column of the target's name.
    #[error("the table has no column '{0}'; choose one of its columns as the target")]
    MissingTarget(String),
    /// A regression target that holds no numbers.
    #[error("the target column '{0}' does not hold numbers; train a classification, or choose another column")]
    NotNumeric(String),
    /// A feature of the model is not among the table's columns.
    #[error("the table has no column '{0}', which the model needs; add it")]
    MissingFeature(String),
    /// Too few rows whose target is known.
    #[error("only {rows} rows have a value in the target column '{target}'; at least {needed} are needed")]
    TooFewRows {
        /// The target column.
        target: String,
        /// Rows with a usable value.
        rows: usize,
        /// The fewest that work.
        needed: usize,
    },
    /// Every row has the same target.
    #[error("the target column '{target}' has the same value '{value}' in every row; there is nothing to learn, choose another column")]
    OneValue {
        /// The target column.
        target: String,
        /// Its only value.
        value: String,
    },
    /// More labels than a classifier handles.
    #[error(
        "the target column '{target}' has {labels} distinct labels, at most {limit} can be told apart; choose another column or group the labels"
    )]
    TooManyLabels {
        /// The target column.
        target: String,
        /// Its distinct labels.
        labels: usize,
        /// The most that work.
        limit: usize,
    },
    /// No label is frequent enough to be learned and measured.
    #[error(
        "no label of the target column '{target}' occurs more than twice; at least three rows of one label are needed, choose another column"
    )]
    LabelsTooRare {
        /// The target column.
        target: String,
    },
    /// A regression target near or beyond the end of 32-bit floats.
    #[error("the target column '{target}' holds {value:e} in row {row}, beyond what a model can predict (±1e37); rescale the column")]
    TargetOutOfRange {
        /// The target column.
        target: String,
        /// Its 1-based data row.
        row: usize,
        /// The value there.
        value: f64,
    },
    /// Nothing is left to learn from.
    #[error("no column can be used to predict '{target}': {reasons}; add columns that describe the rows")]
    NoFeatures {
        /// The target column.
        target: String,
        /// Each column and why it is left out.
        reasons: String,
    },
    /// Text where the model expects a number or a date.
    #[error("column '{column}' has the text '{text}' in row {row}, where the model expects a {expected}; correct or empty the cell")]
    WrongCell {
        /// The column.
        column: String,
        /// Its 1-based data row.
        row: usize,
        /// The cell.
        text: String,
        /// `number` or `date`.
        expected: &'static str,
    },
    /// A column is shorter than its table says.
    #[error("column '{column}' has {rows} rows, fewer than the row {row} that was asked for; read the table again")]
    ShortColumn {
        /// The column.
        column: String,
        /// Its rows.
        rows: usize,
        /// The 1-based row that was asked for.
        row: usize,
    },
    /// A metric of the other problem type.
    #[error(
        "the metric {metric} judges a {}, but '{target}' is a {problem_type} target; choose another metric or problem type",
        metric.problem_type()
    )]
    WrongMetric {
        /// The metric.
        metric: Metric,
        /// What is learned.
        problem_type: ProblemType,
        /// The target column.
        target: String,
    },
    /// A column that a setting names is not there.
    #[error("{setting} is '{column}', but the table has no such column; name one of its columns")]
    MissingSetting {
        /// The setting.
        setting: &'static str,
        /// The name that it has.
        column: String,
    },
    /// A column of weights that holds something else.
    #[error("the column of weights '{column}' {problem}; correct it, or choose another")]
    WrongWeights {
        /// The column.
        column: String,
        /// What it holds.
        problem: String,
    },
    /// A column that predictions cannot be made to follow.
    #[error("predictions cannot be made to follow '{column}': {problem}")]
    NotMonotone {
        /// The column.
        column: String,
        /// Why not.
        problem: &'static str,
    },
    /// Two ways to validate at once.
    #[error("rows are validated in the order of '{time}' or by the groups of '{group}', not both; leave one out")]
    TimeAndGroup {
        /// The column of moments.
        time: String,
        /// The column of groups.
        group: String,
    },
    /// A metric that the target's values do not have.
    #[error("{metric} is not defined for the target column '{target}': {reason}; choose another metric")]
    UndefinedMetric {
        /// The metric.
        metric: Metric,
        /// The target column.
        target: String,
        /// Why not.
        reason: &'static str,
    },
    /// All rows are of one group.
    #[error("all rows have the same value in the group column '{0}'; choose another column, or none")]
    OneGroup(String),
    /// None of the families that were asked for can be used.
    #[error("{0}; ask for other families of models")]
    NoFamily(String),
    /// The worker threads could not be started.
    #[error("cannot start the worker threads; ask for fewer")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}
