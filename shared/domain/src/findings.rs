//! What a person should know about a table before a model learns from it, each with its reason and what will be done about it.

mod cells;
mod feature;
mod quality;
mod target;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Association, ColumnProfile, Exclusion, Measure, ProblemType, Profile, TargetRelation, TargetRelations, column_rules::left_out,
};

pub use quality::quality_score;

/// Rows below which a model's measure is a rough one.
const FEW_ROWS: u64 = 200;
/// The share of repeated rows that is mentioned.
const REPEATED_ROWS: f64 = 0.01;
/// The association from which two features say nearly the same.
const NEARLY_ONE: f64 = 0.95;
/// Missing cells beyond this share are heavy.
const MISSING_HEAVY: f64 = 0.5;

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
    /// A column has no value, one value, or nearly so.
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
    /// Two features say nearly the same.
    Correlated,
    /// Most values are 0.
    Zeros,
    /// Values lie far from the others.
    Outliers,
    /// Values are infinite.
    Infinite,
    /// A text column holds numbers or dates too.
    MixedTypes,
    /// Dates that could not be read as such.
    DatesAsText,
    /// Days written as whole numbers, such as 20241231.
    DatesAsNumbers,
    /// Cells could also be read in another way.
    Ambiguous,
    /// One value, such as -999 or `?`, seems to stand for a missing one.
    Placeholder,
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
            Self::Correlated => "Highly correlated",
            Self::Zeros => "Many zeros",
            Self::Outliers => "Outliers",
            Self::Infinite => "Infinite values",
            Self::MixedTypes => "Mixed types",
            Self::DatesAsText => "Dates as text",
            Self::DatesAsNumbers => "Dates as numbers",
            Self::Ambiguous => "Ambiguous cells",
            Self::Placeholder => "Placeholder",
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

/// What is found in a table, the most severe first, then in the order of the table. With the column that is to be predicted and how it goes
/// with the others, what that means for it is found too; without, what any training would find.
pub fn findings(profile: &Profile, target: Option<(&str, ProblemType)>, relations: &TargetRelations) -> Vec<Finding> {
    let mut found = Vec::new();
    let left_out = left_out(profile, target.map(|(name, _)| name), relations);
    let left_out: HashMap<&str, &Exclusion> = left_out.iter().map(|(name, reason)| (name.as_str(), reason)).collect();
    let relations: HashMap<&str, &TargetRelation> =
        relations.features.iter().map(|relation| (relation.column.as_str(), relation)).collect();
    let mut twins: HashMap<&str, &Association> = HashMap::new();
    let is_feature = |name: &str| !left_out.contains_key(name) && target.is_none_or(|(target, _)| target != name);
    for pair in profile.associations.iter().filter(|pair| is_nearly_one(pair) && is_feature(&pair.one) && is_feature(&pair.other)) {
        twins.entry(&pair.other).or_insert(pair);
    }
    about_rows(profile, &mut found);
    for column in &profile.columns {
        let reason = left_out.get(column.name.as_str()).copied();
        let mut about = About { found: &mut found, column, rows: profile.rows, left_out: reason };
        match target {
            Some((name, problem_type)) if name == column.name => about.target(problem_type),
            _ => about.feature(relations.get(column.name.as_str()).copied(), twins.get(column.name.as_str()).copied()),
        }
        about.cells();
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

/// Whether two columns say nearly the same.
fn is_nearly_one(pair: &Association) -> bool {
    let strongest = pair.spearman.map_or(pair.value.abs(), |rho| rho.abs().max(pair.value.abs()));
    pair.measure != Measure::Missing && strongest >= NEARLY_ONE
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
    /// Rows of the table.
    rows: u64,
    left_out: Option<&'a Exclusion>,
}

impl About<'_> {
    fn add(&mut self, kind: FindingKind, severity: Severity, reason: String, action: &str) {
        let column = Some(self.column.name.clone());
        self.found.push(Finding { kind, severity, column, reason, action: action.to_owned() });
    }

    /// Rows with a value.
    fn present(&self) -> u64 {
        self.rows - self.column.missing.min(self.rows)
    }

    fn missing_share(&self) -> f64 {
        self.column.missing as f64 / self.rows.max(1) as f64
    }
}

/// Which way the few far values lie.
fn tail(skewness: f64) -> &'static str {
    if skewness > 0.0 { "a few values are much larger than the rest" } else { "a few values are much smaller than the rest" }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BadCell, ColumnKind, Mixture, NumericStats, TargetRelation, TextStats, TopValue};

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
        let plain = TextStats { min_characters: 1, max_characters: 9, mean_characters: 5.0, ..TextStats::default() };
        let mixture = |numbers, dates| Some(Mixture { numbers, dates, others: 300, in_one_order: dates });
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
    fn of_distinct_text_it_is_said_what_is_learned() {
        let told = |common_words, mean_words| {
            let text = Some(TextStats { mean_words, common_words, ..TextStats::default() });
            let profile =
                Profile { rows: 1_000, columns: vec![ColumnProfile { text, ..column("x", ColumnKind::Text, 900) }], ..Profile::default() };
            let found = findings(&profile, None, &TargetRelations::default()).into_iter().find(|finding| finding.column.is_some()).unwrap();
            (found.reason, found.action)
        };
        let reason = |end: &str| format!("900 distinct texts in 1000 rows{end}");
        assert_eq!(told(0, 1.0), (reason(", and no words that many of them have"), "left out of training".to_owned()));
        assert_eq!(told(0, 5.0), (reason("; no word is in many of them"), "kept; its length is learned from".to_owned()));
        assert_eq!(told(1, 1.0), (reason("; 1 word is in many of them"), "kept; its length and that word are learned from".to_owned()));
        assert_eq!(
            told(70, 5.0),
            (reason("; 70 words are in many of them"), "kept; its length and the most frequent words are learned from".to_owned())
        );
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

    /// What is said of a column of a table of 1,000 rows of which nothing is to be predicted.
    fn said(feature: ColumnProfile) -> Vec<(FindingKind, String, String)> {
        let profile = Profile { rows: 1_000, columns: vec![column("a", ColumnKind::Float, 900), feature], ..Profile::default() };
        let found = findings(&profile, None, &TargetRelations::default());
        found.into_iter().map(|finding| (finding.kind, finding.reason, finding.action)).collect()
    }

    #[test]
    fn what_any_training_would_leave_out_is_found_without_a_target() {
        use FindingKind::*;
        let one = |feature| said(feature).into_iter().map(|(kind, _, action)| (kind, action)).collect::<Vec<_>>();
        let out = || "left out of training".to_owned();
        assert_eq!(one(column("user_id", ColumnKind::Integer, 1_000)), [(Identifier, out())]);
        assert_eq!(one(column("user_id", ColumnKind::Float, 1_000)), [(Identifier, out())]);
        let copy = ColumnProfile { duplicate_of: Some("a".to_owned()), ..column("b", ColumnKind::Float, 900) };
        assert_eq!(one(copy), [(Duplicate, out())]);
        assert_eq!(
            one(ColumnProfile { missing: 1_000, ..column("b", ColumnKind::Float, 0) }),
            [(Constant, out())],
            "and not 100 % missing"
        );
        let [(_, reason, _)] = said(column("user_id", ColumnKind::Integer, 30)).try_into().unwrap();
        assert_eq!(reason, "its name reads as an identifier's, but it has only 30 values in 1000 rows");
    }

    #[test]
    fn features_that_say_nearly_the_same_are_found_once() {
        let pair = |one: &str, other: &str, value, spearman| Association {
            one: one.to_owned(),
            other: other.to_owned(),
            measure: Measure::Pearson,
            value,
            spearman,
        };
        let associations = vec![pair("a", "y", 0.99, None), pair("a", "b", -0.6, Some(-0.97)), pair("a", "c", 0.9, Some(0.9))];
        let columns = ["a", "b", "c", "y"].map(|name| column(name, ColumnKind::Float, 700)).to_vec();
        let profile = Profile { rows: 1_000, columns, associations, ..Profile::default() };
        let found = findings(&profile, Some(("y", ProblemType::Regression)), &TargetRelations::default());
        let told: Vec<_> = found.iter().map(|finding| (finding.kind, finding.column.as_deref(), finding.reason.as_str())).collect();
        assert_eq!(told, [(FindingKind::Correlated, Some("b"), "it says nearly the same as 'a' (ρ = -0.97)")]);
    }

    #[test]
    fn mixtures_are_told_as_they_are_also_of_columns_that_are_left_out() {
        use FindingKind::*;
        let told = |unique, mixture, top: &[&str]| {
            let stats =
                TextStats { min_characters: 1, max_characters: 9, mean_characters: 5.0, mixture: Some(mixture), ..TextStats::default() };
            let top_values = top.iter().map(|value| TopValue { value: (*value).to_owned(), count: 100 }).collect();
            let found = said(ColumnProfile { text: Some(stats), top_values, ..column("x", ColumnKind::Text, unique) });
            found.into_iter().filter(|(kind, ..)| *kind != HighCardinality).map(|(kind, reason, _)| (kind, reason)).collect::<Vec<_>>()
        };
        let mixture = |numbers, dates, others, in_one_order| Mixture { numbers, dates, others, in_one_order };
        let is = |kind, reason: &str| vec![(kind, reason.to_owned())];
        assert_eq!(
            told(900, mixture(900, 0, 100, 0), &["unknown", "17"]),
            is(MixedTypes, "90.0 % of its values are numbers, the others are not, such as 'unknown' in 100 rows")
        );
        assert_eq!(
            told(40, mixture(0, 950, 50, 950), &["soon"]),
            is(DatesAsText, "95.0 % of its texts are dates; the others are not, such as 'soon' in 100 rows")
        );
        assert_eq!(
            told(40, mixture(0, 1_000, 0, 600), &["1/2/2024"]),
            is(DatesAsText, "100.0 % of its texts are dates in more than one order")
        );
        assert_eq!(
            told(40, mixture(0, 250, 750, 250), &["1/2/2024"]),
            is(MixedTypes, "25.0 % of its values are dates, the others are not")
        );
        assert_eq!(told(40, mixture(1_000, 0, 0, 0), &["1,5"]), is(MixedTypes, "its texts are numbers, but not written in one way"));
        assert_eq!(told(40, mixture(1, 0, 999, 0), &["a"]), []);
        assert_eq!(told(40, mixture(1, 0, 999, 0), &["a", "?"]), is(Placeholder, "'?' in 100 rows seems to mean that there is no value"));
        assert_eq!(told(3, mixture(0, 0, 9, 0), &["2024-01", "2024-12"]), is(DatesAsText, "its texts read as months, such as '2024-01'"));
    }

    #[test]
    fn numbers_that_stand_for_something_else_are_found() {
        use FindingKind::{DatesAsNumbers, Placeholder};
        let found = |value: &str, count, smallest: &[f64], largest: &[f64]| {
            let (min, max) = (smallest[0], largest[0]);
            let stats = NumericStats { min, max, smallest: smallest.to_vec(), largest: largest.to_vec(), ..NumericStats::default() };
            let top_values = vec![TopValue { value: value.to_owned(), count }];
            let found = said(ColumnProfile { numeric: Some(stats), top_values, ..column("x", ColumnKind::Integer, 300) });
            found.into_iter().map(|(kind, ..)| kind).collect::<Vec<_>>()
        };
        assert_eq!(found("-999", 23, &[-999.0, 3.0, 4.0], &[80.0, 79.0]), [Placeholder]);
        assert_eq!(found("99999", 23, &[0.0, 3.0], &[99_999.0, 41_310.0]), [Placeholder]);
        assert_eq!(found("-1", 700, &[-1.0, 0.0], &[80.0, 79.0]), [Placeholder]);
        assert_eq!(found("-999", 23, &[-1_200.0, -999.0], &[80.0, 79.0]), [], "others are below 0 too");
        assert_eq!(found("99", 23, &[1.0, 2.0], &[99.0, 98.0]), [], "it is one of many");
        assert_eq!(found("20240131", 23, &[20_231_231.0, 20_240_131.0], &[20_241_130.0, 20_240_229.0]), [DatesAsNumbers]);
        assert_eq!(found("20240131", 23, &[20_231_331.0, 20_240_131.0], &[20_241_130.0, 20_240_229.0]), [], "there is no month 13");
    }

    #[test]
    fn a_reading_that_is_in_doubt_is_a_finding() {
        let written_as = Some("dates like 12/31/2024; day and month could also be the other way round".to_owned());
        let [(kind, reason, _)] = said(ColumnProfile { written_as, ..column("when", ColumnKind::Date, 300) }).try_into().unwrap();
        assert_eq!((kind, reason.as_str()), (FindingKind::Ambiguous, "day and month could also be the other way round"));
    }

    #[test]
    fn the_losses_for_a_skewed_target_are_those_that_the_search_tries() {
        let action = |min, kurtosis| {
            let stats = NumericStats { min, kurtosis, skewness: 3.0, ..NumericStats::default() };
            let target = ColumnProfile { numeric: Some(stats), ..column("y", ColumnKind::Float, 900) };
            let profile = Profile { rows: 1_000, columns: vec![target], ..Profile::default() };
            findings(&profile, Some(("y", ProblemType::Regression)), &TargetRelations::default()).remove(0).action
        };
        assert!(action(0.0, 9.0).contains("Poisson, Tweedie") && action(0.0, 9.0).contains("Huber"));
        assert!(action(-1.0, 9.0).contains("Huber") && !action(-1.0, 9.0).contains("Poisson"));
        assert!(!action(-1.0, 1.0).contains("tried"));
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
