//! From a table and its profile to what can be learned: the rows whose target is known, the labels, the features and their categories.

use std::collections::BTreeMap;

use domain::{ColumnKind, FeatureType, NumericRange, PreprocessingInfo, ProblemType, Profile, TargetFacts, detect_problem_type, limits};
use model::{Feature, FeatureKind, Label};
use rayon::prelude::*;
use table::{Column, Frame, TextColumn, Values};

use crate::{
    EngineError, Options, encode,
    matrix::{Matrix, Target},
};

/// The fewest rows of the most frequent label: one is held out, one learned, one watched while learning.
const MIN_LABEL_ROWS: usize = 3;
/// The largest number that can be a target; sums and differences of such numbers still fit 32-bit floats.
const MAX_TARGET: f64 = 1e37;

/// A table ready to be split and learned.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Classification or regression.
    pub problem_type: ProblemType,
    /// The model's inputs, in the order of the table.
    pub features: Vec<Feature>,
    /// Sorted labels; empty for regression.
    pub labels: Vec<Label>,
    /// Rows of the table (0-based) whose target is known.
    pub rows: Vec<usize>,
    /// The target in those rows.
    pub target: Target,
    /// The columns that are not used, and why.
    pub dropped: Vec<(String, String)>,
}

impl Prepared {
    /// Chooses rows, labels and features.
    pub(crate) fn new(frame: &Frame, profile: &Profile, options: &Options) -> Result<Self, EngineError> {
        let target = options.target.as_str();
        let missing_target = || EngineError::MissingTarget(target.to_owned());
        let column = frame.column(target).ok_or_else(missing_target)?;
        let facts = TargetFacts::of(profile.column(target).ok_or_else(missing_target)?, profile.rows);
        let problem_type = options.problem_type.unwrap_or_else(|| match &column.values {
            Values::Numbers(_) => detect_problem_type(facts),
            Values::Booleans(_) | Values::Texts(_) => ProblemType::Classification,
        });
        let (labels, rows, values) = match problem_type {
            ProblemType::Classification => read_classes(column, target)?,
            ProblemType::Regression => read_numbers(column, target)?,
        };
        let (features, dropped) = choose_features(frame, options, &rows)?;
        Ok(Self { problem_type, features, labels, rows, target: values, dropped })
    }

    /// The features' values in some of the usable rows, given by their positions in `rows`.
    pub(crate) fn matrix(&self, frame: &Frame, positions: &[u32]) -> Result<Matrix, EngineError> {
        let rows = self.table_rows(positions);
        let column = |feature: &Feature| {
            let column = frame.column(&feature.name).ok_or_else(|| EngineError::MissingFeature(feature.name.clone()))?;
            encode::column(column, &feature.kind, &rows)
        };
        Ok(Matrix { columns: self.features.par_iter().map(column).collect::<Result<_, _>>()? })
    }

    /// Rows of the table for positions in `rows`.
    pub(crate) fn table_rows(&self, positions: &[u32]) -> Vec<usize> {
        positions.iter().map(|&position| self.rows[position as usize]).collect()
    }

    /// What clients are told about the inputs and labels.
    pub(crate) fn info(&self, profile: &Profile) -> PreprocessingInfo {
        let kind = |feature: &Feature| profile.column(&feature.name).map(|column| column.kind);
        let names = |keep: &dyn Fn(&Feature) -> bool| self.features.iter().filter(|f| keep(f)).map(|f| f.name.clone()).collect::<Vec<_>>();
        let numeric = |feature: &Feature| feature.kind == FeatureKind::Numeric;
        let dropped: Vec<String> = self.dropped.iter().map(|(name, _)| name.clone()).collect();
        PreprocessingInfo {
            feature_columns: names(&|_| true),
            feature_count: self.features.len(),
            dropped_count: (!dropped.is_empty()).then_some(dropped.len()),
            dropped_columns: (!dropped.is_empty()).then_some(dropped),
            dropped_reasons: self.dropped.iter().cloned().collect(),
            feature_types: self
                .features
                .iter()
                .map(|feature| (feature.name.clone(), if numeric(feature) { FeatureType::Numeric } else { FeatureType::Categorical }))
                .collect(),
            categorical_mappings: self.features.iter().filter_map(mapping).collect(),
            numeric_stats: self.features.iter().filter(|f| numeric(f)).filter_map(|f| Some((f.name.clone(), range(profile, f)?))).collect(),
            numeric_columns: names(&|feature| numeric(feature) && kind(feature) != Some(ColumnKind::Boolean)),
            categorical_columns: names(&|feature| !numeric(feature)),
            target_mapping: self.target_mapping(),
        }
    }

    fn target_mapping(&self) -> Option<BTreeMap<String, String>> {
        let entry = |(code, label): (usize, &Label)| match label {
            Label::Number(value) => (value.to_string(), value.to_string()),
            Label::Text(text) => (code.to_string(), text.clone()),
        };
        (self.problem_type == ProblemType::Classification).then(|| self.labels.iter().enumerate().map(entry).collect())
    }
}

fn mapping(feature: &Feature) -> Option<(String, BTreeMap<String, u32>)> {
    let FeatureKind::Categorical { categories } = &feature.kind else { return None };
    Some((feature.name.clone(), categories.iter().cloned().zip(0..).collect()))
}

fn range(profile: &Profile, feature: &Feature) -> Option<NumericRange> {
    let column = profile.column(&feature.name)?;
    if column.kind == ColumnKind::Boolean {
        return Some(NumericRange { min: 0.0, max: 1.0, is_integer: true });
    }
    let stats = column.numeric.as_ref()?;
    Some(NumericRange { min: stats.min, max: stats.max, is_integer: stats.is_integer })
}

type Known = (Vec<Label>, Vec<usize>, Target);

fn read_classes(column: &Column, name: &str) -> Result<Known, EngineError> {
    let (labels, codes) = match &column.values {
        Values::Numbers(values) => number_labels(values),
        Values::Booleans(values) => {
            let texts = TextColumn {
                codes: values.iter().map(|value| value.map_or(TextColumn::MISSING, u32::from)).collect(),
                dictionary: vec![encode::boolean_text(false).to_owned(), encode::boolean_text(true).to_owned()],
            };
            text_labels(&texts)
        }
        Values::Texts(texts) => text_labels(texts),
    };
    let (rows, classes): (Vec<usize>, Vec<u32>) = codes.into_iter().enumerate().filter_map(|(row, code)| Some((row, code?))).unzip();
    check_rows(rows.len(), name)?;
    if let [only] = labels.as_slice() {
        return Err(EngineError::OneValue { target: name.to_owned(), value: label_text(only) });
    }
    if labels.len() > limits::MAX_CLASSES {
        return Err(EngineError::TooManyLabels { target: name.to_owned(), labels: labels.len(), limit: limits::MAX_CLASSES });
    }
    let count = labels.len();
    let mut frequencies = vec![0; count];
    for &class in &classes {
        frequencies[class as usize] += 1;
    }
    if frequencies.iter().all(|&rows| rows < MIN_LABEL_ROWS) {
        return Err(EngineError::LabelsTooRare { target: name.to_owned() });
    }
    Ok((labels, rows, Target::Classes { classes, count }))
}

/// Sorted labels, and the position of each row's; none where there is no finite number.
fn number_labels(values: &[f64]) -> (Vec<Label>, Vec<Option<u32>>) {
    // Adding 0 makes -0 and 0 one label.
    let known = || values.iter().map(|value| value + 0.0);
    let mut distinct: Vec<f64> = known().filter(|value| value.is_finite()).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    let position = |value: f64| distinct.binary_search_by(|label| label.total_cmp(&value)).ok().and_then(|found| u32::try_from(found).ok());
    let codes = known().map(position).collect();
    (distinct.into_iter().map(Label::Number).collect(), codes)
}

/// Sorted labels that occur, and the position of each row's.
fn text_labels(texts: &TextColumn) -> (Vec<Label>, Vec<Option<u32>>) {
    let counts = entry_counts(texts, 0..texts.codes.len());
    let mut used: Vec<usize> = (0..counts.len()).filter(|&entry| counts[entry] > 0).collect();
    used.sort_unstable_by_key(|&entry| &texts.dictionary[entry]);
    let mut positions = vec![None; texts.dictionary.len()];
    (0..).zip(&used).for_each(|(position, &entry)| positions[entry] = Some(position));
    let codes = texts.codes.iter().map(|&code| positions.get(code as usize).copied().flatten()).collect();
    (used.into_iter().map(|entry| Label::Text(texts.dictionary[entry].clone())).collect(), codes)
}

/// How often each text of the dictionary occurs in some rows.
fn entry_counts(texts: &TextColumn, rows: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut counts = vec![0; texts.dictionary.len()];
    for row in rows {
        if let Some(count) = texts.codes.get(row).and_then(|&code| counts.get_mut(code as usize)) {
            *count += 1;
        }
    }
    counts
}

fn read_numbers(column: &Column, name: &str) -> Result<Known, EngineError> {
    let Values::Numbers(values) = &column.values else { return Err(EngineError::NotNumeric(name.to_owned())) };
    let rows: Vec<usize> = (0..values.len()).filter(|&row| values[row].is_finite()).collect();
    check_rows(rows.len(), name)?;
    if let Some(&row) = rows.iter().find(|&&row| values[row].abs() > MAX_TARGET) {
        return Err(EngineError::TargetOutOfRange { target: name.to_owned(), row: row + 1, value: values[row] });
    }
    let numbers: Vec<f64> = rows.iter().map(|&row| values[row]).collect();
    if let [first, rest @ ..] = numbers.as_slice()
        && rest.iter().all(|value| value.total_cmp(first).is_eq())
    {
        return Err(EngineError::OneValue { target: name.to_owned(), value: first.to_string() });
    }
    Ok((Vec::new(), rows, Target::Numbers(numbers)))
}

fn check_rows(rows: usize, target: &str) -> Result<(), EngineError> {
    if rows < limits::MIN_TRAINING_ROWS {
        return Err(EngineError::TooFewRows { target: target.to_owned(), rows, needed: limits::MIN_TRAINING_ROWS });
    }
    Ok(())
}

/// A label as text.
pub(crate) fn label_text(label: &Label) -> String {
    match label {
        Label::Number(value) => value.to_string(),
        Label::Text(text) => text.clone(),
    }
}

type Choice = (Vec<Feature>, Vec<(String, String)>);

fn choose_features(frame: &Frame, options: &Options, rows: &[usize]) -> Result<Choice, EngineError> {
    let target = options.target.as_str();
    let dropped: Vec<(String, String)> = options.left_out.iter().map(|(name, exclusion)| (name.clone(), exclusion.to_string())).collect();
    let is_dropped = |name: &str| dropped.iter().any(|(dropped, _)| dropped == name);
    let feature = |column: &Column| {
        let kind = match &column.values {
            Values::Numbers(_) | Values::Booleans(_) => FeatureKind::Numeric,
            Values::Texts(texts) => FeatureKind::Categorical { categories: categories(texts, rows) },
        };
        Feature { name: column.name.clone(), kind }
    };
    let features: Vec<Feature> =
        frame.columns.iter().filter(|column| column.name != target && !is_dropped(&column.name)).map(feature).collect();
    if features.is_empty() {
        let reasons: Vec<String> = dropped.iter().map(|(name, reason)| format!("'{name}' is left out as {reason}")).collect();
        let reasons = if reasons.is_empty() { "it is the only column".to_owned() } else { reasons.join(", ") };
        return Err(EngineError::NoFeatures { target: target.to_owned(), reasons });
    }
    Ok((features, dropped))
}

/// The most frequent texts in some rows, sorted by code point.
fn categories(texts: &TextColumn, rows: &[usize]) -> Vec<String> {
    let counts = entry_counts(texts, rows.iter().copied());
    let mut used: Vec<usize> = (0..counts.len()).filter(|&entry| counts[entry] > 0 && !texts.dictionary[entry].is_empty()).collect();
    used.sort_unstable_by_key(|&entry| (std::cmp::Reverse(counts[entry]), &texts.dictionary[entry]));
    used.truncate(limits::MAX_CATEGORIES);
    let mut categories: Vec<String> = used.into_iter().map(|entry| texts.dictionary[entry].clone()).collect();
    categories.sort_unstable();
    categories
}
