//! From a table and its profile to what can be learned: the rows whose target is known, the labels, the features and their categories.

use std::collections::{BTreeMap, HashMap};

use domain::{
    ColumnKind, FeatureType, Metric, NumericRange, PreprocessingInfo, ProblemType, Profile, TargetFacts, TrainingSettings, date,
    detect_problem_type, is_read_as_text, limits,
};
use model::{DatePart, Feature, FeatureKind, Label, feature_of_input};
use table::{Column, Frame, TextColumn, Values};

use crate::{
    EngineError, Options,
    boost::loss,
    encode,
    matrix::{Matrix, Target},
    split::Arrangement,
    vocabulary,
};

/// The fewest rows of the most frequent label: one is held out, one learned, one watched while learning.
const MIN_LABEL_ROWS: usize = 3;
/// Date columns up to which the days between each two of them are features.
const MAX_COMPARED_DATES: usize = 4;
/// Choices that a form offers for a date; any other date may be sent too.
const DATE_CHOICES: usize = 100;
/// Choices that a form offers for a text, cut off after so many characters; any other text may be sent too.
const TEXT_CHOICES: usize = 20;
const LONGEST_CHOICE: usize = 200;
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
    /// How much those rows count in learning, 1 on average; all the same when absent.
    pub weights: Option<Vec<f32>>,
    /// How much they count in what is measured: the same, but labels are not balanced.
    pub given_weights: Option<Vec<f32>>,
    /// What validation must not tear apart.
    pub arrangement: Arrangement,
    /// What is optimised.
    pub metric: Metric,
    /// By input, the sign by which predictions must follow it; empty when none is asked for.
    pub monotone: Vec<i8>,
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
        let metric = match options.settings.metric {
            None => Metric::default_of(problem_type),
            Some(metric) if metric.problem_type() == problem_type => metric,
            Some(metric) => return Err(EngineError::WrongMetric { metric, problem_type, target: target.to_owned() }),
        };
        check_metric(metric, &values, target)?;
        let mut prepared = Self {
            problem_type,
            features: Vec::new(),
            labels,
            rows,
            target: values,
            weights: None,
            given_weights: None,
            arrangement: Arrangement::Free,
            metric,
            monotone: Vec::new(),
            dropped: Vec::new(),
        };
        prepared.weigh(frame, &options.settings, target)?;
        (prepared.features, prepared.dropped) = choose_features(frame, profile, options, &prepared.rows)?;
        prepared.arrangement = arrangement(frame, &options.settings, &prepared.rows)?;
        prepared.monotone = prepared.signs(&options.settings)?;
        Ok(prepared)
    }

    /// The inputs in all usable rows.
    pub(crate) fn matrix(&self, frame: &Frame) -> Result<Matrix, EngineError> {
        encode::matrix(frame, &self.features, &self.rows)
    }

    /// Reads the weights, leaves out the rows that count nothing, and balances the labels.
    fn weigh(&mut self, frame: &Frame, settings: &TrainingSettings, target: &str) -> Result<(), EngineError> {
        let mut weights = None;
        if let Some(name) = &settings.weight_column {
            let Values::Numbers(values) = &named(frame, name, "weight_column")?.values else {
                return Err(EngineError::WrongWeights { column: name.clone(), problem: "does not hold numbers".to_owned() });
            };
            let of = |row: usize| values.get(row).copied().unwrap_or(f64::NAN);
            if let Some(row) = self.rows.iter().find(|&&row| of(row) < 0.0 || of(row).is_infinite()) {
                let problem = format!("holds {} in row {}; weights are finite and not below 0", of(*row), row + 1);
                return Err(EngineError::WrongWeights { column: name.clone(), problem });
            }
            let kept: Vec<u32> = (0..).zip(&self.rows).filter(|&(_, &row)| of(row) > 0.0).map(|(position, _)| position).collect();
            self.target = self.target.select(&kept);
            self.rows = kept.iter().map(|&position| self.rows[position as usize]).collect();
            check_rows(self.rows.len(), name)?;
            if let Some(only) = self.target.only_value() {
                let value = self.labels.get(only as usize).map_or_else(|| only.to_string(), label_text);
                return Err(EngineError::OneValue { target: target.to_owned(), value });
            }
            weights = Some(self.rows.iter().map(|&row| of(row)).collect::<Vec<f64>>());
        }
        self.given_weights = weights.as_deref().map(of_mean_one);
        if let (true, Target::Classes { classes, count }) = (settings.balance_classes, &self.target) {
            let mut of_row = weights.unwrap_or_else(|| vec![1.0; classes.len()]);
            let mut totals = vec![0.0; *count];
            classes.iter().zip(&of_row).for_each(|(&class, weight)| totals[class as usize] += weight);
            classes.iter().zip(&mut of_row).for_each(|(&class, weight)| *weight /= totals[class as usize]);
            weights = Some(of_row);
        }
        self.weights = weights.as_deref().map(of_mean_one);
        Ok(())
    }

    fn signs(&self, settings: &TrainingSettings) -> Result<Vec<i8>, EngineError> {
        let outputs = self.target.outputs();
        for name in settings.monotone.keys() {
            let problem = match self.features.iter().find(|feature| &feature.name == name) {
                None => "it is not among the features",
                Some(feature) if feature.kind != FeatureKind::Numeric => "it does not hold numbers",
                Some(_) if outputs > 1 => "the target has more than two labels",
                Some(_) => continue,
            };
            return Err(EngineError::NotMonotone { column: name.clone(), problem });
        }
        if settings.monotone.is_empty() {
            return Ok(Vec::new());
        }
        let of = |feature: usize| settings.monotone.get(&self.features[feature].name).map_or(0, |&monotone| loss::sign(monotone));
        Ok(feature_of_input(&self.features, &[]).into_iter().map(of).collect())
    }

    /// Rows of the table for positions in `rows`.
    pub(crate) fn table_rows(&self, positions: &[u32]) -> Vec<usize> {
        positions.iter().map(|&position| self.rows[position as usize]).collect()
    }

    /// What clients are told about the inputs and labels.
    pub(crate) fn info(&self, frame: &Frame, profile: &Profile) -> PreprocessingInfo {
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
            categorical_mappings: self.features.iter().filter_map(|feature| mapping(frame, feature)).collect(),
            numeric_stats: self.features.iter().filter(|f| numeric(f)).filter_map(|f| Some((f.name.clone(), range(profile, f)?))).collect(),
            numeric_columns: names(&|feature| numeric(feature) && kind(feature) != Some(ColumnKind::Boolean)),
            categorical_columns: names(&|feature| !numeric(feature)),
            date_columns: names(&|feature| matches!(feature.kind, FeatureKind::Date { .. })),
            text_words: self.features.iter().filter_map(words).collect(),
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

/// The same weights in the unit in which they are 1 on average.
fn of_mean_one(weights: &[f64]) -> Vec<f32> {
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    weights.iter().map(|weight| (weight / mean) as f32).collect()
}

/// The words that a text is searched for.
fn words(feature: &Feature) -> Option<(String, Vec<String>)> {
    let FeatureKind::Text { words, .. } = &feature.kind else { return None };
    Some((feature.name.clone(), words.clone()))
}

/// The choices of a form and their codes; of a date or a text, some of those in the table.
fn mapping(frame: &Frame, feature: &Feature) -> Option<(String, BTreeMap<String, u32>)> {
    let choices = match &feature.kind {
        FeatureKind::Numeric => return None,
        FeatureKind::Categorical { categories } => categories.clone(),
        FeatureKind::Date { .. } => {
            let Values::Texts(texts) = &frame.column(&feature.name)?.values else { return None };
            let mut dates = texts.dictionary.clone();
            dates.sort_unstable();
            let step = dates.len().div_ceil(DATE_CHOICES).max(1);
            dates.into_iter().step_by(step).collect()
        }
        FeatureKind::Text { .. } => {
            let Values::Texts(texts) = &frame.column(&feature.name)?.values else { return None };
            let step = texts.dictionary.len().div_ceil(TEXT_CHOICES).max(1);
            let beginning = |text: &String| text.chars().take(LONGEST_CHOICE).collect::<String>();
            let mut some: Vec<String> = texts.dictionary.iter().step_by(step).map(beginning).filter(|text| !text.is_empty()).collect();
            some.sort_unstable();
            some.dedup();
            some
        }
    };
    Some((feature.name.clone(), choices.into_iter().zip(0..).collect()))
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

/// Whether a metric of numbers can judge these at all.
fn check_metric(metric: Metric, values: &Target, target: &str) -> Result<(), EngineError> {
    let Target::Numbers(values) = values else { return Ok(()) };
    let reason = match metric {
        Metric::Rmsle if values.iter().any(|&value| value < 0.0) => "it has values below 0",
        Metric::Mape if values.iter().all(|&value| value == 0.0) => "all its values are 0",
        _ => return Ok(()),
    };
    Err(EngineError::UndefinedMetric { metric, target: target.to_owned(), reason })
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

fn choose_features(frame: &Frame, profile: &Profile, options: &Options, rows: &[usize]) -> Result<Choice, EngineError> {
    let target = options.target.as_str();
    let settings = &options.settings;
    let mut dropped: Vec<(String, String)> =
        options.left_out.iter().map(|(name, exclusion)| (name.clone(), exclusion.to_string())).collect();
    for (name, holds) in settings.columns_of_rows() {
        dropped.retain(|(dropped, _)| dropped != name);
        dropped.push((name.to_owned(), holds.to_owned()));
    }
    let is_dropped = |name: &str| dropped.iter().any(|(dropped, _)| dropped == name);
    let is_date = |name: &str| profile.column(name).is_some_and(|column| column.kind == ColumnKind::Date);
    let is_text = |name: &str| profile.column(name).is_some_and(|column| is_read_as_text(column, profile.rows));
    let kept = || frame.columns.iter().filter(|column| column.name != target && !is_dropped(&column.name));
    let texts_read = kept().filter(|column| is_text(&column.name)).count();
    let mut dates: Vec<String> = Vec::new();
    let mut features = Vec::new();
    for column in kept() {
        let kind = match &column.values {
            Values::Numbers(_) | Values::Booleans(_) => FeatureKind::Numeric,
            Values::Texts(_) if is_date(&column.name) => {
                let kind = date_kind(column, rows, if dates.len() < MAX_COMPARED_DATES { &dates } else { &[] })?;
                dates.push(column.name.clone());
                kind
            }
            Values::Texts(texts) if is_text(&column.name) => vocabulary::text_kind(texts, rows, texts_read),
            Values::Texts(texts) => FeatureKind::Categorical { categories: categories(texts, rows) },
        };
        features.push(Feature { name: column.name.clone(), kind });
    }
    if features.is_empty() {
        let reasons: Vec<String> = dropped.iter().map(|(name, reason)| format!("'{name}' is left out as {reason}")).collect();
        let reasons = if reasons.is_empty() { "it is the only column".to_owned() } else { reasons.join(", ") };
        return Err(EngineError::NoFeatures { target: target.to_owned(), reasons });
    }
    Ok((features, dropped))
}

/// The parts of a column of dates that vary, and the days since the earlier columns of dates.
fn date_kind(column: &Column, rows: &[usize], earlier: &[String]) -> Result<FeatureKind, EngineError> {
    let mut moments: Vec<i64> = encode::moments(column, rows, &mut Vec::new())?.into_iter().flatten().collect();
    moments.sort_unstable();
    moments.dedup();
    let origin = moments.first().map_or(0, |&first| date::day(first));
    let varies = |part: DatePart| {
        let mut values = moments.iter().map(|&micros| part.of(micros, origin));
        values.next().is_some_and(|first| values.any(|value| value.to_bits() != first.to_bits()))
    };
    let mut parts: Vec<DatePart> = DatePart::ALL.into_iter().filter(|&part| varies(part)).collect();
    if parts.is_empty() {
        parts.push(DatePart::Elapsed);
    }
    Ok(FeatureKind::Date { parts, origin, since: earlier.to_vec() })
}

fn named<'a>(frame: &'a Frame, name: &str, setting: &'static str) -> Result<&'a Column, EngineError> {
    frame.column(name).ok_or_else(|| EngineError::MissingSetting { setting, column: name.to_owned() })
}

fn arrangement(frame: &Frame, settings: &TrainingSettings, rows: &[usize]) -> Result<Arrangement, EngineError> {
    if let (Some(time), Some(group)) = (&settings.time_column, &settings.group_column) {
        return Err(EngineError::TimeAndGroup { time: time.clone(), group: group.clone() });
    }
    if let Some(name) = &settings.time_column {
        let column = named(frame, name, "time_column")?;
        let times = match &column.values {
            Values::Numbers(values) => {
                // Numbers keep their order as whole ones, missing ones first.
                let order = |value: f64| {
                    let bits = (value + 0.0).to_bits().cast_signed();
                    if value.is_nan() { i64::MIN } else { bits ^ (((bits >> 63).cast_unsigned() >> 1).cast_signed()) }
                };
                rows.iter().map(|&row| values.get(row).map_or(i64::MIN, |&value| order(value))).collect()
            }
            _ => encode::moments(column, rows, &mut Vec::new())?.into_iter().map(|moment| moment.unwrap_or(i64::MIN)).collect(),
        };
        return Ok(Arrangement::Times(times));
    }
    let Some(name) = &settings.group_column else { return Ok(Arrangement::Free) };
    let column = named(frame, name, "group_column")?;
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut groups = Vec::with_capacity(rows.len());
    for &row in rows {
        let next = numbers.len() as u32;
        groups.push(*numbers.entry(encode::text(column, row)?.into_owned()).or_insert(next));
    }
    if numbers.len() < 2 {
        return Err(EngineError::OneGroup(name.clone()));
    }
    Ok(Arrangement::Groups(groups))
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
