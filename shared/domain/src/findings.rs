//! What a person should know about a table before a model learns from it, each with its reason and what will be done about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ColumnKind, ColumnProfile, Exclusion, ProblemType, Profile, TargetRelations, exclusions, is_high_cardinality, is_identifier_name,
    is_quasi_constant,
};

/// Shares of missing cells that are mentioned, and that are heavy.
const MISSING_MENTIONED: f64 = 0.05;
const MISSING_HEAVY: f64 = 0.5;
/// Largest class to smallest class from which classes are imbalanced.
const IMBALANCE: f64 = 3.0;
/// Classes of fewer rows are rare.
const RARE_CLASS_ROWS: u64 = 10;
/// Skewness from which a target, and a feature, is skewed.
const SKEWED_TARGET: f64 = 1.0;
const SKEWED: f64 = 5.0;
/// The share of outliers that is mentioned.
const OUTLIERS: f64 = 0.05;
/// The share of numbers or dates among texts from which types are mixed.
const MIXED: f64 = 0.02;
/// Rows below which a model's measure is a rough one.
const FEW_ROWS: u64 = 200;
/// The share of repeated rows that is mentioned.
const REPEATED_ROWS: f64 = 0.01;
/// Texts more than this share of which are distinct have many categories.
const HIGH_CARDINALITY_SHARE: f64 = 0.1;
const MANY_CATEGORIES: u64 = 50;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// May cost accuracy.
    Warning,
    /// A model may be useless or wrong if nothing is done.
    Serious,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A column names the rows.
    Identifier,
    /// A column has one value, or nearly so.
    Constant,
    /// A column repeats another.
    Duplicate,
    /// A feature tells the target almost perfectly.
    Leakage,
    /// A text column has very many values.
    HighCardinality,
    /// Cells are missing.
    Missing,
    /// The target has no value in some rows.
    MissingTarget,
    /// Some classes are much larger than others.
    ClassImbalance,
    /// Some classes have very few rows.
    RareClasses,
    /// A numeric target is skewed.
    SkewedTarget,
    /// A feature is very skewed.
    Skewed,
    /// Values lie far from the others.
    Outliers,
    /// Values are infinite.
    Infinite,
    /// A text column holds numbers or dates too.
    MixedTypes,
    /// Dates that could not be read as such.
    DatesAsText,
    /// Texts begin or end with blanks.
    Padded,
    /// Cells do not fit their column.
    BadCells,
    /// Rows repeat others.
    DuplicateRows,
    /// The table is small.
    FewRows,
}

impl FindingKind {
    /// Its name for a reader.
    pub fn title(self) -> &'static str {
        match self {
            Self::Identifier => "Identifier",
            Self::Constant => "Constant",
            Self::Duplicate => "Duplicate column",
            Self::Leakage => "Target leakage",
            Self::HighCardinality => "High cardinality",
            Self::Missing => "Missing values",
            Self::MissingTarget => "Missing target",
            Self::ClassImbalance => "Class imbalance",
            Self::RareClasses => "Rare classes",
            Self::SkewedTarget => "Skewed target",
            Self::Skewed => "Skewed",
            Self::Outliers => "Outliers",
            Self::Infinite => "Infinite values",
            Self::MixedTypes => "Mixed types",
            Self::DatesAsText => "Dates as text",
            Self::Padded => "Blanks at the ends",
            Self::BadCells => "Bad cells",
            Self::DuplicateRows => "Duplicate rows",
            Self::FewRows => "Few rows",
        }
    }
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The column; `null` where it is about the whole table.
    pub column: Option<String>,
    /// What it rests on.
    pub reason: String,
    /// What training does about it.
    pub action: String,
}

/// What is found in a table whose column `target` is to be predicted, the most severe first, then in the order of the table.
pub fn findings(profile: &Profile, target: Option<(&str, ProblemType)>, relations: &TargetRelations) -> Vec<Finding> {
    let mut found = Vec::new();
    let left_out = target.map(|(name, _)| exclusions(profile, name, relations)).unwrap_or_default();
    about_rows(profile, &mut found);
    for column in &profile.columns {
        let mut about = About { found: &mut found, column };
        let reason = left_out.iter().find(|(name, _)| *name == column.name).map(|(_, reason)| reason);
        match target {
            Some((name, problem_type)) if name == column.name => about.target(profile, problem_type),
            _ => about.feature(profile, reason, relations),
        }
        // How a column is written does not matter when nobody learns from it.
        if reason.is_none() {
            about.cells();
        }
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn about_rows(profile: &Profile, found: &mut Vec<Finding>) {
    let mut add = |kind, severity, reason, action: &str| {
        found.push(Finding { kind, severity, column: None, reason, action: action.to_owned() });
    };
    if profile.rows < FEW_ROWS {
        let reason = format!("the table has {} rows", profile.rows);
        add(FindingKind::FewRows, Severity::Warning, reason, "the measured quality is rough; more rows help more than more training");
    }
    let share = profile.duplicate_rows as f64 / profile.rows.max(1) as f64;
    if profile.rows >= FEW_ROWS && share >= REPEATED_ROWS {
        let about = if profile.duplicate_rows_exact { "" } else { "about " };
        let reason = format!("{about}{} rows ({}) repeat an earlier row in every column", profile.duplicate_rows, percent(share));
        let severity = if share >= 0.1 { Severity::Warning } else { Severity::Note };
        add(FindingKind::DuplicateRows, severity, reason, "they are kept; if they are errors, the measured quality is too good");
    }
}

/// Collects what is found about one column.
struct About<'a> {
    found: &'a mut Vec<Finding>,
    column: &'a ColumnProfile,
}

impl About<'_> {
    fn add(&mut self, kind: FindingKind, severity: Severity, reason: String, action: &str) {
        let column = Some(self.column.name.clone());
        self.found.push(Finding { kind, severity, column, reason, action: action.to_owned() });
    }

    fn target(&mut self, profile: &Profile, problem_type: ProblemType) {
        let column = self.column;
        if column.missing > 0 {
            let share = column.missing as f64 / profile.rows.max(1) as f64;
            let reason = format!("{} rows ({}) have no target value", column.missing, percent(share));
            let severity = if share > MISSING_HEAVY { Severity::Warning } else { Severity::Note };
            self.add(FindingKind::MissingTarget, severity, reason, "these rows are left out of training");
        }
        match (problem_type, &column.numeric) {
            (ProblemType::Classification, _) => {
                let (Some(largest), Some(smallest)) = (column.top_values.first(), column.top_values.last()) else { return };
                let listed = column.top_values.len() as u64 == column.unique;
                let ratio = largest.count as f64 / smallest.count.max(1) as f64;
                if column.unique > 1 && ratio > IMBALANCE {
                    let reason = format!(
                        "'{}' has {}{ratio:.1} times the rows of '{}'",
                        largest.value,
                        if listed { "" } else { "at least " },
                        smallest.value
                    );
                    let severity = if ratio > 10.0 { Severity::Warning } else { Severity::Note };
                    self.add(
                        FindingKind::ClassImbalance,
                        severity,
                        reason,
                        "the hold-out keeps the shares; judge by log loss or AUC, not by accuracy alone",
                    );
                }
                let rare = column.top_values.iter().filter(|class| class.count < RARE_CLASS_ROWS).count() as u64;
                let rare = if listed { rare } else { rare.max(u64::from(smallest.count < RARE_CLASS_ROWS)) };
                if rare > 0 {
                    let reason = format!(
                        "{} of {} classes have fewer than {RARE_CLASS_ROWS} rows, such as '{}' with {}",
                        rare, column.unique, smallest.value, smallest.count
                    );
                    self.add(
                        FindingKind::RareClasses,
                        Severity::Warning,
                        reason,
                        "they are kept, but can hardly be learned or measured; merge them or collect more rows",
                    );
                }
            }
            (ProblemType::Regression, Some(stats)) if stats.skewness.abs() > SKEWED_TARGET => {
                let reason = format!("its skewness is {:.2}: {}", stats.skewness, tail(stats.skewness));
                self.add(FindingKind::SkewedTarget, Severity::Note, reason, "it is learned as it is; large values weigh most in the error");
            }
            _ => {}
        }
    }

    fn feature(&mut self, profile: &Profile, left_out: Option<&Exclusion>, relations: &TargetRelations) {
        let (column, rows) = (self.column, profile.rows);
        let out = "left out of training";
        match left_out {
            Some(Exclusion::Constant) => {
                let reason = format!(
                    "{} of its rows hold '{}'",
                    percent(column.top_count() as f64 / rows.max(1) as f64),
                    column.top_values.first().map_or("", |top| &top.value)
                );
                self.add(FindingKind::Constant, Severity::Note, reason, out);
                return;
            }
            Some(Exclusion::Duplicate { of }) => {
                self.add(FindingKind::Duplicate, Severity::Note, format!("it equals '{of}' in every row"), out);
                return;
            }
            Some(Exclusion::Identifier) => {
                self.add(FindingKind::Identifier, Severity::Note, format!("its {} distinct values name the rows", column.unique), out);
                return;
            }
            Some(Exclusion::Leak) => {
                let reason = "it is the target in other words: each tells the other".to_owned();
                self.add(
                    FindingKind::Leakage,
                    Severity::Serious,
                    reason,
                    "left out of training: it would hardly be known when a prediction is made",
                );
                return;
            }
            Some(Exclusion::HighCardinality) => {
                let reason = format!("{} distinct texts in {} rows", column.unique, rows);
                self.add(FindingKind::HighCardinality, Severity::Note, reason, out);
                return;
            }
            None if is_quasi_constant(column, rows) || column.unique == 0 => {
                let reason =
                    if column.unique == 0 { "it has no value".to_owned() } else { "nearly all of its rows hold one value".to_owned() };
                self.add(FindingKind::Constant, Severity::Note, reason, "it adds nothing to a model");
            }
            None => {}
        }
        if let Some(relation) = relations.of(&column.name).filter(|relation| relation.tells_nearly_all()) {
            let reason = format!("it alone explains {} of the target", percent(relation.score));
            self.add(
                FindingKind::Leakage,
                Severity::Serious,
                reason,
                "kept; if it is known only after the target is, remove it and train again",
            );
        }
        let present = rows - column.missing.min(rows);
        if is_identifier_name(&column.name) && column.unique > 2 {
            let reason = format!("its name reads as an identifier's, but its {} values repeat", column.unique);
            self.add(
                FindingKind::Identifier,
                Severity::Note,
                reason,
                "kept as a feature; rows of one identifier may stand on both sides of a split",
            );
        }
        if is_high_cardinality(column, present, HIGH_CARDINALITY_SHARE) && column.unique > MANY_CATEGORIES {
            let reason = format!("{} distinct texts in {present} rows", column.unique);
            self.add(FindingKind::HighCardinality, Severity::Note, reason, "kept; rare ones are treated as one");
        }
        let share = column.missing as f64 / rows.max(1) as f64;
        if share > MISSING_MENTIONED {
            let severity = if share > MISSING_HEAVY { Severity::Warning } else { Severity::Note };
            let reason = format!("{} of its cells are missing", percent(share));
            self.add(FindingKind::Missing, severity, reason, "kept: that a value is missing is learned from too");
        }
        let Some(stats) = &column.numeric else { return };
        if stats.skewness.abs() > SKEWED {
            let reason = format!("its skewness is {:.1}: {}", stats.skewness, tail(stats.skewness));
            self.add(FindingKind::Skewed, Severity::Note, reason, "trees do not mind; linear models see it standardised");
        }
        let outliers = stats.outliers as f64 / present.max(1) as f64;
        if outliers > OUTLIERS {
            let reason = format!("{} of its values lie more than 1.5 interquartile ranges outside the quartiles", percent(outliers));
            self.add(FindingKind::Outliers, Severity::Note, reason, "kept as they are");
        }
    }

    fn cells(&mut self) {
        let column = self.column;
        if column.bad.count > 0 {
            let example = column.bad.examples.first();
            let example = example.map(|cell| format!(", such as '{}' in line {}", cell.text, cell.line)).unwrap_or_default();
            let reason =
                format!("{} cells are no {}{example}", column.bad.count, if column.kind == ColumnKind::Date { "date" } else { "number" });
            self.add(FindingKind::BadCells, Severity::Warning, reason, "they count as missing");
        }
        if let Some(stats) = column.numeric.as_ref().filter(|stats| stats.infinite > 0) {
            self.add(
                FindingKind::Infinite,
                Severity::Warning,
                format!("{} values are infinite", stats.infinite),
                "they are learned as the largest there are",
            );
        }
        let Some(text) = &column.text else { return };
        if let Some(mixture) = text.mixture {
            let all = (mixture.numbers + mixture.dates + mixture.others).max(1) as f64;
            let (numbers, dates) = (mixture.numbers as f64 / all, mixture.dates as f64 / all);
            if dates > 0.5 {
                let reason = format!("{} of its texts are dates, but not all in one order", percent(dates));
                self.add(
                    FindingKind::DatesAsText,
                    Severity::Warning,
                    reason,
                    "it is learned as text; write all dates alike, best as 2024-12-31",
                );
            } else if numbers > MIXED && !column.digits_only {
                let reason = format!("{} of its values are numbers, the others are not", percent(numbers));
                self.add(
                    FindingKind::MixedTypes,
                    Severity::Warning,
                    reason,
                    "it is learned as text; if it is meant to be numeric, mend the other cells",
                );
            }
        }
        if text.padded > 0 {
            let reason = format!("{} values begin or end with a blank", text.padded);
            self.add(FindingKind::Padded, Severity::Note, reason, "kept: 'a' and ' a' are two values, also in predictions");
        }
    }
}

fn tail(skewness: f64) -> &'static str {
    if skewness > 0.0 { "a few values are much larger than the rest" } else { "a few values are much smaller than the rest" }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// From 0 to 100, how ready a table is to be learned from: 100 less what its findings and its missing cells cost.
pub fn quality_score(profile: &Profile, findings: &[Finding]) -> u32 {
    let cells = (profile.rows * profile.columns.len() as u64).max(1) as f64;
    let missing = profile.columns.iter().map(|column| column.missing).sum::<u64>() as f64 / cells;
    let columns = profile.columns.len().max(1) as f64;
    let cost: f64 = findings
        .iter()
        .map(|finding| {
            let weight = match finding.severity {
                Severity::Note => 2.0,
                Severity::Warning => 8.0,
                Severity::Serious => 25.0,
            };
            // What is wrong with one of many columns matters less, unless it is serious.
            if finding.column.is_some() && finding.severity != Severity::Serious { weight * (4.0 / columns).min(1.0) } else { weight }
        })
        .sum();
    (100.0 - cost - 40.0 * missing).clamp(0.0, 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BadCell, Mixture, NumericStats, TargetRelation, TextStats, TopValue};

    fn column(name: &str, kind: ColumnKind, unique: u64) -> ColumnProfile {
        ColumnProfile { name: name.to_owned(), kind, unique, unique_exact: true, ..ColumnProfile::default() }
    }

    fn classes(counts: &[u64]) -> ColumnProfile {
        let top_values = counts.iter().enumerate().map(|(class, count)| TopValue { value: format!("c{class}"), count: *count }).collect();
        ColumnProfile { top_values, ..column("y", ColumnKind::Text, counts.len() as u64) }
    }

    fn kinds(feature: ColumnProfile, target: ColumnProfile, relations: &TargetRelations) -> Vec<(FindingKind, Option<String>)> {
        let problem = if target.kind == ColumnKind::Text { ProblemType::Classification } else { ProblemType::Regression };
        let profile =
            Profile { rows: 1_000, columns: vec![feature, column("other", ColumnKind::Float, 900), target], ..Profile::default() };
        findings(&profile, Some(("y", problem)), relations).into_iter().map(|finding| (finding.kind, finding.column)).collect()
    }

    fn of_feature(feature: ColumnProfile) -> Vec<FindingKind> {
        let found = kinds(feature, classes(&[500, 500]), &TargetRelations::default());
        found.into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn each_weakness_of_a_column_is_found() {
        use FindingKind::*;
        let number = |stats: NumericStats| ColumnProfile { numeric: Some(stats), ..column("x", ColumnKind::Float, 400) };
        let text = |text: TextStats| ColumnProfile { text: Some(text), ..column("x", ColumnKind::Text, 30) };
        let plain = TextStats { min_characters: 1, max_characters: 9, mean_characters: 5.0, padded: 0, mixture: None };
        let mixture = |numbers, dates| Some(Mixture { numbers, dates, others: 300 });
        assert_eq!(of_feature(column("x", ColumnKind::Float, 400)), []);
        assert_eq!(of_feature(column("user_id", ColumnKind::Integer, 900)), [Identifier]);
        assert_eq!(of_feature(column("user_id", ColumnKind::Integer, 30)), [Identifier], "kept, and said");
        assert_eq!(of_feature(ColumnProfile { missing: 600, ..column("x", ColumnKind::Float, 300) }), [Missing]);
        assert_eq!(of_feature(column("x", ColumnKind::Text, 120)), [HighCardinality]);
        assert_eq!(
            of_feature(number(NumericStats { skewness: -9.0, outliers: 100, infinite: 1, ..NumericStats::default() })),
            [Infinite, Skewed, Outliers]
        );
        assert_eq!(of_feature(text(TextStats { padded: 3, mixture: mixture(100, 0), ..plain.clone() })), [MixedTypes, Padded]);
        assert_eq!(of_feature(text(TextStats { mixture: mixture(0, 600), ..plain })), [DatesAsText]);
        let bad = crate::BadCells { count: 1, examples: vec![BadCell { line: 7, text: "n.a.".to_owned() }] };
        assert_eq!(of_feature(ColumnProfile { bad, ..column("x", ColumnKind::Float, 400) }), [BadCells]);
    }

    #[test]
    fn each_weakness_of_a_target_is_found() {
        use FindingKind::*;
        let none = TargetRelations::default();
        let feature = || column("x", ColumnKind::Float, 400);
        let about_target = |target| kinds(feature(), target, &none).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(about_target(classes(&[995, 5])), [ClassImbalance, RareClasses]);
        assert_eq!(about_target(classes(&[500, 400])), []);
        let skewed = NumericStats { skewness: 3.0, ..NumericStats::default() };
        let target = ColumnProfile { numeric: Some(skewed), missing: 1, ..column("y", ColumnKind::Float, 900) };
        assert_eq!(about_target(target), [MissingTarget, SkewedTarget]);
    }

    #[test]
    fn a_feature_that_tells_all_is_a_leak() {
        let relation = |score, is_copy| TargetRelations {
            features: vec![TargetRelation { column: "x".to_owned(), score, is_copy, groups: vec![] }],
            ..TargetRelations::default()
        };
        let leaks = |relations: &TargetRelations| {
            let found = kinds(column("x", ColumnKind::Float, 400), classes(&[500, 500]), relations);
            found.contains(&(FindingKind::Leakage, Some("x".to_owned())))
        };
        assert!(leaks(&relation(0.99, false)) && leaks(&relation(0.5, true)));
        assert!(!leaks(&relation(0.9, false)));
    }

    #[test]
    fn the_score_falls_with_what_is_found() {
        let good = Profile { rows: 1_000, columns: vec![column("x", ColumnKind::Float, 400), classes(&[500, 500])], ..Profile::default() };
        let none = TargetRelations::default();
        let target = Some(("y", ProblemType::Classification));
        assert_eq!(quality_score(&good, &findings(&good, target, &none)), 100);
        let poor =
            Profile { columns: vec![ColumnProfile { missing: 900, ..column("x", ColumnKind::Float, 40) }, classes(&[995, 5])], ..good };
        assert!(quality_score(&poor, &findings(&poor, target, &none)) < 70);
    }
}
