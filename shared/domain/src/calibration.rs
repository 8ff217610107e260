//! Whether a model's probabilities were calibrated, and why.

use serde::{Deserialize, Serialize};

/// What came of calibrating a model's probabilities. Log losses are those of rows that neither the models nor the calibration learned from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CalibrationOutcome {
    /// They are.
    Calibrated {
        /// What log-odds (of more than two labels, logarithms of probabilities) are multiplied by: below 1 they said too much.
        slope: f64,
        /// What the log-odds of the second of two labels are raised by; absent with more labels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shift: Option<f64>,
        /// The log loss without.
        before: f64,
        /// The log loss with it.
        after: f64,
    },
    /// They are not: it would not lower the log loss by more than chance explains.
    NoGain {
        /// The log loss without.
        before: f64,
        /// The log loss with it.
        after: f64,
    },
    /// They are not: models of single folds say too much, but the model is the mean of several of them, which says less.
    Averaged {
        /// The log loss without, of the models of single folds.
        before: f64,
        /// Theirs with it.
        after: f64,
    },
    /// They are not: they say too little of rows by which boosting was stopped, and that flatters the models.
    EarlyStopped {
        /// The log loss without.
        before: f64,
        /// The log loss with it.
        after: f64,
    },
    /// They are not: there are too few rows to tell.
    FewRows {
        /// Rows that validation judged.
        rows: u64,
        /// Rows that are needed.
        needed: u64,
    },
    /// They are not: there are so many rows and labels that validation keeps the true label's probability only.
    ManyLabels,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_in_words_what_came_of_it() {
        let stored = |outcome| serde_json::to_string(&outcome).unwrap();
        let calibrated = CalibrationOutcome::Calibrated { slope: 0.5, shift: Some(0.25), before: 0.75, after: 0.5 };
        assert_eq!(stored(calibrated), r#"{"kind":"calibrated","slope":0.5,"shift":0.25,"before":0.75,"after":0.5}"#);
        assert_eq!(stored(CalibrationOutcome::FewRows { rows: 20, needed: 200 }), r#"{"kind":"few_rows","rows":20,"needed":200}"#);
    }
}
