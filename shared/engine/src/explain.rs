//! How predictions depend on the features, seen on rows that were not learned from: how much worse they become when a feature's values are
//! swapped between rows (Breiman, 2001, permutation importance), what each feature adds to them (`shap`), and how they move with a feature
//! when all else stays (Friedman, 2001, partial dependence).
//!
//! Each of the three has its share of the time that is left. What a prediction takes is seen on a few rows; from that follow how many rows
//! a part looks at and how often. A few features on a few rows are looked at whatever the time, so that no part is ever missing.

use std::{cmp::Reverse, ops::Range, time::Instant};

use domain::Metric;
use model::{DatePart, Feature, FeatureKind, TextLength};

use crate::{
    apply::{Ensemble, Instead, Ready},
    clock::Deadline,
    judge::{Judged, Weights},
    matrix::{Column, Target},
    random::Random,
    search::{Found, Problem},
    shap::{self, Contribution},
};

/// The most rows that features are swapped in, and that an effect is the mean of; the fewest; and the fewest of effects when there is no
/// time.
const MAX_ROWS: usize = 2_000;
const MAX_EFFECT_ROWS: usize = 300;
const MIN_ROWS: usize = 100;
const MIN_EFFECT_ROWS: usize = 20;
/// How often each feature is swapped, at most.
const REPEATS: usize = 3;
/// Features that are looked at whatever the time.
const MIN_FEATURES: usize = 3;
/// The most features whose effect is shown, and the places where each is looked at.
const MAX_EFFECTS: usize = 8;
const MAX_PLACES: usize = 20;
/// What swapping may take of the time that is left, and swapping and SHAP values together; the effects have the rest.
const SWAPPING_SHARE: f64 = 0.4;
const SHAP_SHARE: f64 = 0.7;
/// The most labels whose probabilities are followed.
const MAX_CURVES: usize = 3;

/// How the predictions depend on the features.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explained {
    /// The metric of `permutation`.
    pub metric: Option<Metric>,
    /// By feature, by how much the metric gets worse when its values are swapped between rows; the largest first. Only the features that the
    /// model uses most where there was no time for all.
    pub permutation: Vec<Permuted>,
    /// What each feature adds to the predictions; the one that adds most first.
    pub shap: Vec<Contribution>,
    /// How the mean prediction moves with the features that matter most.
    pub effects: Vec<Effect>,
    /// The rows that each was looked at on.
    pub rows: ExplainedRows,
}

/// How many of the judged rows each part of an explanation looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExplainedRows {
    /// Rows whose values were swapped.
    pub permutation: usize,
    /// How often each feature's were.
    pub repeats: usize,
    /// Rows with SHAP values.
    pub shap: usize,
    /// Rows that the effects are the mean of.
    pub effects: usize,
}

/// What swapping a feature's values costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Permuted {
    /// The feature.
    pub feature: String,
    /// The mean loss of the metric over the repeats; negative when chance made it better.
    pub mean: f64,
    /// Its standard deviation over the repeats.
    pub deviation: f64,
}

/// The mean prediction by a feature's value.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The feature.
    pub feature: String,
    /// What was moved of a date or a text: what the model uses most of it.
    pub part: Option<Part>,
    /// Values or codes.
    pub places: Vec<f32>,
    /// The mean predictions there: one curve of numbers, one of the second of two labels, or those of the most frequent labels.
    pub curves: Vec<Curve>,
}

/// A number that a date or a text gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A part of a date.
    Date(DatePart),
    /// The days since another feature's date.
    Since(String),
    /// A count over a text.
    Length(TextLength),
    /// Whether a text has this word, 1 or 0.
    Word(String),
}

/// Mean predictions at some places.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The position of the label whose probability it is; `None` for numbers.
    pub label: Option<usize>,
    /// One for each place.
    pub means: Vec<f64>,
}

/// The features and which of them each input belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features<'a> {
    /// Names and gains in the order of the table.
    pub names: &'a [(String, f64)],
    /// The features themselves, in the same order.
    pub all: &'a [Feature],
    /// For each input the position of its feature.
    pub of_input: &'a [usize],
    /// For each input its share in what the model does.
    pub shares: &'a [f64],
}

impl Features<'_> {
    /// The inputs of a feature.
    pub(crate) fn inputs(&self, feature: usize) -> Option<Range<usize>> {
        let first = self.of_input.iter().position(|&of| of == feature)?;
        let last = self.of_input.iter().rposition(|&of| of == feature)?;
        Some(first..last + 1)
    }

    /// The input that the model uses most of a feature's, the first of several; of a date's parts, those that only linear models see do not
    /// count.
    pub(crate) fn main_input(&self, feature: usize) -> Option<usize> {
        let inputs = self.inputs(feature)?;
        let parts = if let FeatureKind::Date { parts, .. } = &self.all.get(feature)?.kind { parts.as_slice() } else { &[] };
        let first = inputs.start;
        let plain = inputs.filter(|input| parts.get(input - first).is_none_or(|part| !part.is_cyclic()));
        let share = |input: usize| self.shares.get(input).copied().unwrap_or(0.0);
        plain.reduce(|most, next| if share(next) > share(most) { next } else { most })
    }
}

/// Judged rows, ready to be predicted again and again by the fits that did not learn from them.
struct Groups<'a> {
    problem: &'a Problem,
    groups: Vec<(Vec<u32>, Ready<'a>)>,
}

impl<'a> Groups<'a> {
    fn new(problem: &'a Problem, groups: &[(Vec<u32>, Ensemble<'a>)]) -> Self {
        Self { problem, groups: groups.iter().map(|(rows, fits)| (rows.clone(), Ready::new(fits))).collect() }
    }

    /// The same with at most so many rows.
    fn sampled(&self, most: usize, seed: u64) -> Rows<'_> {
        let all: Vec<&[u32]> = self.groups.iter().map(|(rows, _)| rows.as_slice()).collect();
        Rows {
            problem: self.problem,
            groups: sampled(&all, most, seed).into_iter().zip(self.groups.iter().map(|group| &group.1)).collect(),
        }
    }
}

/// Some of the judged rows.
struct Rows<'a> {
    problem: &'a Problem,
    groups: Vec<(Vec<u32>, &'a Ready<'a>)>,
}

impl Rows<'_> {
    fn all(&self) -> Vec<u32> {
        self.groups.iter().flat_map(|(rows, _)| rows.iter().copied()).collect()
    }

    fn count(&self) -> usize {
        self.groups.iter().map(|(rows, _)| rows.len()).sum()
    }

    /// The predictions as they are, or with one input set to a value.
    fn outputs(&self, instead: &Instead<'_>) -> Vec<f32> {
        self.groups.iter().flat_map(|(rows, fits)| fits.outputs(&self.problem.matrix, rows, instead)).collect()
    }

    /// The predictions with some inputs' values swapped between the rows of each group.
    fn swapped(&self, inputs: &Range<usize>, seed: u64, stream: u64) -> Vec<f32> {
        let of_group = |(rows, fits): &(Vec<u32>, &Ready<'_>)| {
            let mut swapped = rows.clone();
            Random::labelled(seed, stream).shuffle(&mut swapped);
            fits.outputs(&self.problem.matrix, rows, &Instead::Swapped(inputs.clone(), &swapped))
        };
        self.groups.iter().flat_map(of_group).collect()
    }
}

/// Predictions that there is time for until some moment, of rows that take so many seconds each; without end where time does not decide.
fn affordable(seconds_per_row: f64, end: &Deadline) -> f64 {
    if end.is_shared() { end.left() / seconds_per_row.max(1e-9) } else { f64::INFINITY }
}

/// Looks at the rows of `groups` with the fits that did not learn from them: the features that the model uses most come first, and are
/// looked at even when there is no time.
pub(crate) fn explain(
    problem: &Problem,
    found: &Found,
    groups: &[(Vec<u32>, Ensemble<'_>)],
    features: Features<'_>,
    end: &Deadline,
    seed: u64,
) -> Explained {
    let ready = Groups::new(problem, groups);
    let few = ready.sampled(MIN_ROWS, seed);
    let start = Instant::now();
    few.outputs(&Instead::Nothing);
    let seconds_per_row = start.elapsed().as_secs_f64() / few.count().max(1) as f64;
    let left = end.left();

    let mut order: Vec<usize> = (0..features.names.len()).filter(|&feature| features.names[feature].1 > 0.0).collect();
    order.sort_by(|&a, &b| features.names[b].1.total_cmp(&features.names[a].1));
    let swapping_end = end.earlier_by((1.0 - SWAPPING_SHARE) * left);
    let affordable_swaps = affordable(seconds_per_row, &swapping_end);
    let swaps = (order.len().max(1) * REPEATS + 1) as f64;
    let swapped_rows = ready.sampled(((affordable_swaps / swaps) as usize).clamp(MIN_ROWS, MAX_ROWS), seed);
    let repeats = ((affordable_swaps / (order.len() * swapped_rows.count()).max(1) as f64) as usize).clamp(1, REPEATS);
    let permuted = permutation(found, &swapped_rows, features, &order, repeats, &swapping_end, seed);

    let (shap, shap_rows) = shap::contributions(problem, groups, features, &end.earlier_by((1.0 - SHAP_SHARE) * left), seed);

    // Rather few features on enough rows than many on few.
    let looks = affordable(seconds_per_row, end) / MAX_PLACES as f64;
    let most = ((looks / MIN_ROWS as f64) as usize).clamp(MIN_FEATURES, MAX_EFFECTS);
    let by_cost = permuted.iter().map(|(feature, _)| *feature);
    let others = order.iter().copied().filter(|feature| permuted.iter().all(|(known, _)| known != feature));
    let shown: Vec<usize> = by_cost.chain(others).take(most).collect();
    let effect_rows = (looks / shown.len().max(1) as f64) as usize;
    let effect_rows = ready.sampled(effect_rows.clamp(MIN_EFFECT_ROWS, MAX_EFFECT_ROWS), seed);
    let in_time = |(place, feature): (usize, usize)| (place < MIN_FEATURES || !end.passed()).then_some(feature);
    let effects = shown.into_iter().enumerate().map_while(in_time).filter_map(|feature| effect(&effect_rows, features, feature)).collect();
    let rows = ExplainedRows { permutation: swapped_rows.count(), repeats, shap: shap_rows, effects: effect_rows.count() };
    Explained { metric: Some(found.metric), permutation: permuted.into_iter().map(|(_, permuted)| permuted).collect(), shap, effects, rows }
}

/// By feature what swapping it costs, the largest cost first.
fn permutation(
    found: &Found,
    rows: &Rows<'_>,
    features: Features<'_>,
    order: &[usize],
    repeats: usize,
    end: &Deadline,
    seed: u64,
) -> Vec<(usize, Permuted)> {
    let problem = rows.problem;
    let threshold = found.threshold.unwrap_or(0.5);
    let all = rows.all();
    let actual = problem.actual.select(&all);
    let weights: Option<Vec<f32>> = problem.given_weights.as_ref().map(|given| all.iter().map(|&row| given[row as usize]).collect());
    let weights = weights.as_deref().map_or(Weights::Equal, Weights::Each);
    let loss = |outputs: &[f32]| Judged::new(&actual, outputs, threshold).loss(found.metric, weights);
    let plain = loss(&rows.outputs(&Instead::Nothing));

    let mut permuted: Vec<(usize, Permuted)> = Vec::new();
    for (place, &feature) in order.iter().enumerate() {
        if place >= MIN_FEATURES && end.passed() {
            break;
        }
        let Some(inputs) = features.inputs(feature) else { continue };
        let cost = |repeat: usize| loss(&rows.swapped(&inputs, seed, (feature * REPEATS + repeat) as u64)) - plain;
        let costs: Vec<f64> = (0..repeats).map(cost).collect();
        let mean = costs.iter().sum::<f64>() / repeats as f64;
        let deviation = (costs.iter().map(|cost| (cost - mean).powi(2)).sum::<f64>() / repeats as f64).sqrt();
        permuted.push((feature, Permuted { feature: features.names[feature].0.clone(), mean, deviation }));
    }
    permuted.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    permuted
}

/// At most so many rows of all groups together, each group's share of them.
pub(crate) fn sampled(groups: &[&[u32]], most: usize, seed: u64) -> Vec<Vec<u32>> {
    let total: usize = groups.iter().map(|rows| rows.len()).sum();
    let sample = |(group, rows): (usize, &&[u32])| {
        let mut rows = rows.to_vec();
        if total > most {
            Random::labelled(seed, group as u64).shuffle(&mut rows);
            rows.truncate((rows.len() * most / total).max(1));
            rows.sort_unstable();
        }
        rows
    };
    groups.iter().enumerate().map(sample).collect()
}

/// The mean predictions with one input set to each of some places.
fn effect(rows: &Rows<'_>, features: Features<'_>, feature: usize) -> Option<Effect> {
    let problem = rows.problem;
    let input = features.main_input(feature)?;
    let part = part(features.all.get(feature)?, input - features.inputs(feature)?.start);
    let places = match problem.matrix.columns.get(input)? {
        Column::Numbers(_) if matches!(part, Some(Part::Word(_))) => vec![0.0, 1.0],
        Column::Numbers(values) => quantiles(values),
        Column::Codes { codes, count } => frequent(codes, *count, MAX_PLACES).into_iter().map(|code| code as f32).collect(),
    };
    let width = problem.target.labels().max(1);
    let labels: Vec<Option<usize>> = match &problem.actual {
        Target::Numbers(_) => vec![None],
        Target::Classes { count: 2, .. } => vec![Some(1)],
        Target::Classes { classes, count } => frequent(classes, *count, MAX_CURVES).into_iter().map(Some).collect(),
    };
    let mut curves: Vec<Curve> = labels.into_iter().map(|label| Curve { label, means: Vec::with_capacity(places.len()) }).collect();
    for &place in &places {
        let mut sums = vec![0.0; width];
        for row in rows.outputs(&Instead::Set(input, place)).chunks(width) {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let count = rows.count().max(1) as f64;
        curves.iter_mut().for_each(|curve| curve.means.push(sums[curve.label.unwrap_or(0)] / count));
    }
    Some(Effect { feature: features.names.get(feature)?.0.clone(), part, places, curves })
}

/// Which number of the feature's.
fn part(feature: &Feature, place: usize) -> Option<Part> {
    match &feature.kind {
        FeatureKind::Date { parts, since, .. } => {
            let part = parts.get(place).map(|&part| Part::Date(part));
            part.or_else(|| since.get(place - parts.len()).cloned().map(Part::Since))
        }
        FeatureKind::Text { lengths, words } => {
            let length = lengths.get(place).map(|&length| Part::Length(length));
            length.or_else(|| words.get(place - lengths.len()).cloned().map(Part::Word))
        }
        FeatureKind::Numeric | FeatureKind::Categorical { .. } => None,
    }
}

/// Distinct values, evenly spread over the rows.
fn quantiles(values: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let mut places: Vec<f32> = (0..MAX_PLACES).filter_map(|step| sorted.get(last * step / (MAX_PLACES - 1)).copied()).collect();
    places.dedup();
    places
}

/// The most frequent codes, the most frequent first.
fn frequent<C: Copy + TryInto<usize>>(codes: &[C], count: usize, most: usize) -> Vec<usize> {
    let mut counts = vec![0_usize; count];
    for code in codes.iter().filter_map(|&code| code.try_into().ok()) {
        counts[code] += 1;
    }
    let mut order: Vec<usize> = (0..count).filter(|&code| counts[code] > 0).collect();
    order.sort_by_key(|&code| (Reverse(counts[code]), code));
    order.truncate(most);
    order
}
