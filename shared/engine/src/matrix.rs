//! The training rows as the models read them: by column, 32 bits.

/// Columns of one length, in the order of the model's inputs.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    /// One per input.
    pub columns: Vec<Column>,
    /// Whether trees look at the column.
    pub for_trees: Vec<bool>,
}

/// An input's values.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    /// Numbers; `NaN` when missing.
    Numbers(Vec<f32>),
    /// Categories by code, 0 when missing or rare.
    Codes {
        /// One per row.
        codes: Vec<u16>,
        /// Number of codes, 0 included.
        count: usize,
    },
}

/// What is learned, one value per row.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Numbers.
    Numbers(Vec<f64>),
    /// Positions in the sorted list of labels.
    Classes {
        /// One per row.
        classes: Vec<u32>,
        /// Number of labels, at least 2.
        count: usize,
    },
}

impl Target {
    /// Rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Classes { classes, .. } => classes.len(),
        }
    }

    /// The values of some rows, in their order.
    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|&row| values[row as usize]).collect()),
            Self::Classes { classes, count } => {
                Self::Classes { classes: rows.iter().map(|&row| classes[row as usize]).collect(), count: *count }
            }
        }
    }

    /// The label or number that all rows have, if they have one only.
    pub(crate) fn only_value(&self) -> Option<f64> {
        match self {
            Self::Numbers(values) => values.first().copied().filter(|first| values.iter().all(|value| value.total_cmp(first).is_eq())),
            Self::Classes { classes, .. } => {
                classes.first().filter(|first| classes.iter().all(|class| class == *first)).map(|&class| f64::from(class))
            }
        }
    }

    /// Number of labels; 0 for numbers.
    pub(crate) fn labels(&self) -> usize {
        match self {
            Self::Numbers(_) => 0,
            Self::Classes { count, .. } => *count,
        }
    }

    /// Scores that a model has for each row: one, but one per label when there are more than two.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::Classes { count, .. } if *count > 2 => *count,
            _ => 1,
        }
    }
}
