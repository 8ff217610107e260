//! What is found about the column that is to be predicted.

use super::{About, FindingKind, MISSING_HEAVY, Severity, percent, tail};
use crate::{NumericStats, ProblemType};

/// Largest class to smallest class from which classes are imbalanced, and severely so.
const IMBALANCE: f64 = 3.0;
const SEVERE_IMBALANCE: f64 = 10.0;
/// Classes of fewer rows are rare.
const RARE_CLASS_ROWS: u64 = 10;
/// Skewness from which a target is skewed.
const SKEWED: f64 = 1.0;
/// Excess kurtosis from which the search tries a loss that far values weigh less in.
const HEAVY_TAILED: f64 = 2.0;

impl About<'_> {
    pub(super) fn target(&mut self, problem_type: ProblemType) {
        let column = self.column;
        if column.missing > 0 {
            let share = self.missing_share();
            let reason = format!("{} rows ({}) have no target value", column.missing, percent(share));
            let severity = if share > MISSING_HEAVY { Severity::Warning } else { Severity::Note };
            self.add(FindingKind::MissingTarget, severity, reason, "these rows are left out of training");
        }
        match (problem_type, &column.numeric) {
            (ProblemType::Classification, _) => self.classes(),
            (ProblemType::Regression, Some(stats)) if stats.skewness.abs() > SKEWED => {
                let reason = format!("its skewness is {:.2}: {}", stats.skewness, tail(stats.skewness));
                self.add(FindingKind::SkewedTarget, Severity::Note, reason, losses(stats));
            }
            _ => {}
        }
    }

    fn classes(&mut self) {
        let column = self.column;
        let (Some(largest), Some(smallest)) = (column.top_values.first(), column.top_values.last()) else { return };
        let listed = column.top_values.len() as u64 == column.unique;
        let ratio = largest.count as f64 / smallest.count.max(1) as f64;
        if column.unique > 1 && ratio > IMBALANCE {
            let at_least = if listed { "" } else { "at least " };
            let reason = format!("'{}' has {at_least}{ratio:.1} times the rows of '{}'", largest.value, smallest.value);
            let severity = if ratio > SEVERE_IMBALANCE { Severity::Warning } else { Severity::Note };
            self.add(
                FindingKind::ClassImbalance,
                severity,
                reason,
                "rows are set aside in the same shares; judge by log loss or AUC, not by accuracy alone; 'balance_classes' weighs them alike",
            );
        }
        let rare = column.top_values.iter().filter(|class| class.count < RARE_CLASS_ROWS).count() as u64;
        let rare = if listed { rare } else { rare.max(u64::from(smallest.count < RARE_CLASS_ROWS)) };
        if rare > 0 {
            let at_least = if listed { "" } else { "at least " };
            let reason = format!(
                "{at_least}{rare} of {} classes have fewer than {RARE_CLASS_ROWS} rows, such as '{}' with {}",
                column.unique, smallest.value, smallest.count
            );
            self.add(
                FindingKind::RareClasses,
                Severity::Warning,
                reason,
                "they are kept, but can hardly be learned or measured; merge them or collect more rows",
            );
        }
    }
}

/// What the search tries for a skewed target, beside the squared error.
fn losses(stats: &NumericStats) -> &'static str {
    match (stats.min >= 0.0, stats.kurtosis > HEAVY_TAILED) {
        (true, true) => {
            "losses for counts and amounts (Poisson, Tweedie) and one that far values weigh less in (Huber) are tried beside the squared \
             error; what does best is kept"
        }
        (true, false) => "losses for counts and amounts (Poisson, Tweedie) are tried beside the squared error; what does best is kept",
        (false, true) => "a loss that far values weigh less in (Huber) is tried beside the squared error; what does best is kept",
        (false, false) => "large values weigh most in the squared error that is learned; 'mae' as the metric weighs them less",
    }
}
