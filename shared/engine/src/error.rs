//! Why a table cannot be trained on, in words that a person can act on.

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
    /// Text where the model expects a number.
    #[error("column '{column}' has the text '{text}' in row {row}, where the model expects a number; correct or empty the cell")]
    NotANumber {
        /// The column.
        column: String,
        /// Its 1-based data row.
        row: usize,
        /// The cell.
        text: String,
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
    /// The worker threads could not be started.
    #[error("cannot start the worker threads; ask for fewer")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}
