//! What is found about a column that a model would learn from, and whether it does.

use super::{About, FindingKind, MISSING_HEAVY, Severity, percent, tail};
use crate::{
    Association, Exclusion, Measure, TargetRelation, is_high_cardinality, is_identifier_name, is_quasi_constant, is_read_as_text,
    limits::MAX_CATEGORIES,
};

/// The share of missing cells that is mentioned.
const MISSING_MENTIONED: f64 = 0.05;
/// Skewness from which a feature is skewed.
const SKEWED: f64 = 5.0;
/// The share of zeros that is mentioned.
const MANY_ZEROS: f64 = 0.5;
/// The share of outliers that is mentioned.
const OUTLIERS: f64 = 0.05;
/// Texts more than this share of which are distinct, and that are more than so many, have many categories.
const HIGH_CARDINALITY_SHARE: f64 = 0.1;
const MANY_CATEGORIES: u64 = 50;
const OUT: &str = "left out of training";

impl About<'_> {
    /// `twin` is an earlier feature that says nearly the same, and how that was measured.
    pub(super) fn feature(&mut self, relation: Option<&TargetRelation>, twin: Option<&Association>) {
        if let Some(reason) = self.left_out {
            self.left_out_for(reason);
            return;
        }
        let column = self.column;
        if let Some(relation) = relation.filter(|relation| relation.tells_nearly_all()) {
            let reason = format!("it alone explains {} of the target", percent(relation.score));
            self.add(
                FindingKind::Leakage,
                Severity::Serious,
                reason,
                "kept; if it is known only after the target is, remove it and train again",
            );
        }
        if column.unique == 0 {
            self.add(FindingKind::Constant, Severity::Note, "it has no value in any row".to_owned(), "it adds nothing to a model");
            return;
        }
        if is_quasi_constant(column, self.rows) {
            self.add(FindingKind::Constant, Severity::Note, self.constant(), "it adds nothing to a model");
        }
        if is_identifier_name(&column.name) && column.unique > 2 {
            let reason = format!("its name reads as an identifier's, but it has only {} values in {} rows", column.unique, self.present());
            self.add(
                FindingKind::Identifier,
                Severity::Note,
                reason,
                "kept as a feature; as 'group_column' it keeps rows of one identifier on one side of a split",
            );
        }
        if is_read_as_text(column, self.rows) {
            self.prose();
        } else if is_high_cardinality(column, self.present(), HIGH_CARDINALITY_SHARE) && column.unique > MANY_CATEGORIES {
            let reason = format!("{} distinct texts in {} rows", column.unique, self.present());
            let action = if column.unique > MAX_CATEGORIES as u64 {
                "kept; the 1,000 most frequent are told apart, and what the target is on average in each is learned from too"
            } else {
                "kept; what the target is on average in each is learned from too"
            };
            self.add(FindingKind::HighCardinality, Severity::Note, reason, action);
        }
        let share = self.missing_share();
        if share > MISSING_MENTIONED {
            let severity = if share > MISSING_HEAVY { Severity::Warning } else { Severity::Note };
            let reason = format!("{} of its cells are missing", percent(share));
            self.add(FindingKind::Missing, severity, reason, "kept: that a value is missing is learned from too");
        }
        if let Some(twin) = twin {
            let (symbol, value) = match (twin.measure, twin.spearman) {
                (Measure::Pearson, Some(rho)) if rho.abs() > twin.value.abs() => ("ρ", rho),
                (Measure::CramersV, _) => ("V", twin.value),
                (Measure::CorrelationRatio, _) => ("η", twin.value),
                (Measure::Pearson | Measure::Missing, _) => ("r", twin.value),
            };
            let reason = format!("it says nearly the same as '{}' ({symbol} = {value:.2})", twin.one);
            self.add(FindingKind::Correlated, Severity::Note, reason, "both are kept; what one is worth is shared between the two");
        }
        self.spread();
    }

    fn prose(&mut self) {
        let common = self.column.text.as_ref().map_or(0, |text| text.common_words);
        let (words, action) = match common {
            0 => ("no word is in many of them".to_owned(), "kept; its length is learned from"),
            1 => ("1 word is in many of them".to_owned(), "kept; its length and that word are learned from"),
            _ => (format!("{common} words are in many of them"), "kept; its length and the most frequent words are learned from"),
        };
        let reason = format!("{} distinct texts in {} rows; {words}", self.column.unique, self.present());
        self.add(FindingKind::HighCardinality, Severity::Note, reason, action);
    }

    fn left_out_for(&mut self, reason: &Exclusion) {
        let column = self.column;
        let (kind, severity, reason) = match reason {
            Exclusion::Empty => (FindingKind::Constant, Severity::Note, "it has no value in any row".to_owned()),
            Exclusion::Constant => (FindingKind::Constant, Severity::Note, self.constant()),
            Exclusion::Duplicate { of } => (FindingKind::Duplicate, Severity::Note, format!("it equals '{of}' in every row")),
            Exclusion::Identifier => {
                let reason = format!("its {} distinct values in {} rows name the rows", column.unique, self.present());
                (FindingKind::Identifier, Severity::Note, reason)
            }
            Exclusion::Leak => {
                let reason = "it is the target in other words: each tells the other".to_owned();
                (FindingKind::Leakage, Severity::Serious, reason)
            }
            Exclusion::HighCardinality => {
                let reason = format!("{} distinct texts in {} rows, and no words that many of them have", column.unique, self.rows);
                (FindingKind::HighCardinality, Severity::Note, reason)
            }
        };
        let action =
            if kind == FindingKind::Leakage { "left out of training: it would hardly be known when a prediction is made" } else { OUT };
        self.add(kind, severity, reason, action);
    }

    fn constant(&self) -> String {
        let value = self.column.top_values.first().map_or("", |top| &top.value);
        format!("{} of its rows hold '{value}'", percent(self.column.top_count() as f64 / self.rows.max(1) as f64))
    }

    fn spread(&mut self) {
        let Some(stats) = &self.column.numeric else { return };
        if stats.skewness.abs() > SKEWED {
            let reason = format!("its skewness is {:.1}: {}", stats.skewness, tail(stats.skewness));
            self.add(FindingKind::Skewed, Severity::Note, reason, "trees do not mind; linear models see it standardised");
        }
        let zeros = stats.zeros as f64 / self.present().max(1) as f64;
        if zeros > MANY_ZEROS && self.column.unique > 2 {
            let reason = format!("{} of its values are 0", percent(zeros));
            self.add(FindingKind::Zeros, Severity::Note, reason, "kept: trees tell 0 from the rest");
        }
        let outliers = stats.outliers as f64 / self.present().max(1) as f64;
        if outliers > OUTLIERS {
            let reason = format!("{} of its values lie more than 1.5 interquartile ranges outside the quartiles", percent(outliers));
            self.add(FindingKind::Outliers, Severity::Note, reason, "kept as they are");
        }
    }
}
