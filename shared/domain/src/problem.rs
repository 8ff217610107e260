//! Classification or regression, decided from the target's values alone.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ColumnKind, ColumnProfile};

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProblemType {
    /// One of a few labels.
    Classification,
    /// A number.
    Regression,
}

impl fmt::Display for ProblemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
        })
    }
}

/// The facts that the rule looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetFacts {
    /// Rows, those without a value included.
    pub rows: u64,
    /// Distinct values, missing not counted.
    pub unique: u64,
    /// Whether the values are numbers (booleans are not).
    pub numeric: bool,
    /// Whether every value is a finite whole number; true when there is no value.
    pub integer_like: bool,
}

impl TargetFacts {
    /// The facts of `column` in a table of `rows` rows.
    pub fn of(column: &ColumnProfile, rows: u64) -> Self {
        Self {
            rows,
            unique: column.unique,
            numeric: matches!(column.kind, ColumnKind::Integer | ColumnKind::Float),
            integer_like: match (&column.numeric, column.unique) {
                (Some(stats), _) => stats.is_integer,
                (None, unique) => unique == 0,
            },
        }
    }
}

/// Most distinct whole numbers that still read as labels.
const MAX_INTEGER_LABELS: u64 = 10;
/// Distinct numbers below this, and below the share, read as labels.
const MAX_NUMBER_LABELS: u64 = 20;
const MAX_LABEL_SHARE: f64 = 0.05;

/// What a target is taken for, how sure that is, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemGuess {
    /// Classification or regression.
    pub problem_type: ProblemType,
    /// From 0.5, where either could be meant, to 1.
    pub confidence: f64,
    /// The facts that it rests on.
    pub reason: String,
}

/// The rule's answer with its reason.
pub fn explain_problem_type(facts: TargetFacts) -> ProblemGuess {
    let problem_type = detect_problem_type(facts);
    let TargetFacts { rows, unique, numeric, integer_like } = facts;
    let (confidence, reason) = match problem_type {
        _ if rows == 0 => (0.5, "the table has no rows".to_owned()),
        ProblemType::Classification if !numeric => (1.0, format!("its {unique} distinct values are not numbers")),
        ProblemType::Classification if integer_like && unique <= 2 => (0.99, format!("it has {unique} distinct whole numbers")),
        ProblemType::Classification if integer_like => (0.8, format!("it has only {unique} distinct whole numbers")),
        ProblemType::Classification => (0.6, format!("it has only {unique} distinct numbers in {rows} rows")),
        ProblemType::Regression if integer_like && unique < 2 * MAX_NUMBER_LABELS => {
            (0.6, format!("its {unique} distinct whole numbers are too many for labels, but not by far"))
        }
        ProblemType::Regression if integer_like => (0.95, format!("it has {unique} distinct whole numbers")),
        ProblemType::Regression if unique <= MAX_INTEGER_LABELS => (0.7, format!("its {unique} distinct numbers are not all whole")),
        ProblemType::Regression => (0.99, format!("it has {unique} distinct numbers, not all whole")),
    };
    ProblemGuess { problem_type, confidence, reason }
}

/// Text and booleans are labels; numbers are labels when they are few: at most 10 whole ones, or fewer than 20 that are also fewer
/// than 5 % of the rows.
pub fn detect_problem_type(facts: TargetFacts) -> ProblemType {
    let few_integers = facts.integer_like && facts.unique <= MAX_INTEGER_LABELS;
    let few_numbers = facts.unique < MAX_NUMBER_LABELS && facts.rows > 0 && (facts.unique as f64 / facts.rows as f64) < MAX_LABEL_SHARE;
    if facts.rows == 0 || !facts.numeric || few_integers || few_numbers { ProblemType::Classification } else { ProblemType::Regression }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProblemType::{Classification, Regression};

    fn of_numbers(values: &[f64]) -> ProblemType {
        let present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let mut distinct = present.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        detect_problem_type(TargetFacts {
            rows: values.len() as u64,
            unique: distinct.len() as u64,
            numeric: true,
            integer_like: present.iter().all(|value| value.is_finite() && value.fract() == 0.0),
        })
    }

    fn repeated(values: impl Iterator<Item = f64> + Clone, times: usize) -> Vec<f64> {
        std::iter::repeat_n(values, times).flatten().collect()
    }

    fn range(n: u32) -> impl Iterator<Item = f64> + Clone {
        (0..n).map(f64::from)
    }

    #[test]
    fn few_whole_numbers_are_labels() {
        let nan = f64::NAN;
        for values in [
            vec![0., 1., 0., 1., 1., 0., 1., 0.],
            vec![1., 2., 1., 2., 1., 2., 2., 1.],
            repeated(range(4), 5),
            repeated(range(10), 10),
            vec![-1., 0., 1., 0.],
            vec![],
            vec![1.],
            vec![5.; 5],
            vec![0., 1., nan, 0., 1., nan, 0.],
            vec![1., 2.0, 3., 4.0, 5.],
            vec![nan; 5],
        ] {
            assert_eq!(of_numbers(&values), Classification, "{values:?}");
        }
    }

    #[test]
    fn many_or_fractional_numbers_are_quantities() {
        let nan = f64::NAN;
        for values in [
            vec![35.5, 42.1, 38.7, 41.2, 50.8, 33.4, 45.6, 39.2],
            range(100).collect(),
            range(50).collect(),
            vec![0.15, 0.23, 0.45, 0.67, 0.89],
            vec![-1.5, -2.5, -3.5],
            vec![1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 6e-5],
            vec![2.5; 5],
            vec![35.5, 42.1, nan, 41.2, 50.8, nan, 45.6],
            repeated(range(11), 5),
            vec![1., 2., f64::INFINITY, 1., 2.],
        ] {
            assert_eq!(of_numbers(&values), Regression, "{values:?}");
        }
    }

    #[test]
    fn the_share_of_distinct_numbers_must_be_below_five_percent() {
        let mut values = repeated(range(11), 20);
        assert_eq!(of_numbers(&values), Regression, "exactly 5 %");
        values.push(0.0);
        assert_eq!(of_numbers(&values), Classification, "one row more");

        let fractions = |n: u32| range(n).map(|value| value + 0.5);
        let mut values = repeated(fractions(19), 20);
        assert_eq!(of_numbers(&values), Regression, "exactly 5 %");
        values.push(0.5);
        assert_eq!(of_numbers(&values), Classification, "one row more");
        assert_eq!(of_numbers(&repeated(fractions(20), 200)), Regression, "twenty values");
    }

    #[test]
    fn the_reason_says_how_sure_it_is() {
        let guess = |unique, numeric, integer_like| explain_problem_type(TargetFacts { rows: 1_000, unique, numeric, integer_like });
        assert_eq!(guess(3, false, false).confidence, 1.0);
        assert!(guess(2, true, true).confidence > guess(9, true, true).confidence);
        assert!(guess(21, true, true).confidence < guess(900, true, true).confidence);
        assert_eq!(guess(900, true, false).reason, "it has 900 distinct numbers, not all whole");
        assert_eq!(guess(12, true, false).problem_type, Classification);
    }

    #[test]
    fn text_and_booleans_are_labels() {
        let facts = TargetFacts { rows: 200, unique: 200, numeric: false, integer_like: false };
        assert_eq!(detect_problem_type(facts), Classification);
    }
}
