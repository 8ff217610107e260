//! How predictions depend on the features, seen on rows that were not learned from: how much worse they become when a feature's values are
//! swapped between rows (Breiman, 2001, permutation importance), what each feature adds to them (`shap`), and how they move with a feature
//! when all else stays (Friedman, 2001, partial dependence).

use std::{cmp::Reverse, ops::Range};

use domain::Metric;
use model::{DatePart, Feature, FeatureKind};

use crate::{
    apply::{Ensemble, Instead, outputs},
    clock::Deadline,
    judge::{Judged, Weights},
    matrix::{Column, Target},
    random::Random,
    search::{Found, Problem},
    shap::{self, Contribution},
};

/// The most rows that are looked at.
const MAX_ROWS: usize = 2_000;
const MAX_EFFECT_ROWS: usize = 300;
/// How often each feature is swapped.
const REPEATS: usize = 3;
/// The most features whose effect is shown, and the places where each is looked at.
const MAX_EFFECTS: usize = 8;
const MAX_PLACES: usize = 20;
/// The most labels whose probabilities are followed.
const MAX_CURVES: usize = 3;

/// How the predictions depend on the features.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explained {
    /// The metric of `permutation`.
    pub metric: Option<Metric>,
    /// By feature, by how much the metric gets worse when its values are swapped between rows; the largest first.
    pub permutation: Vec<Permuted>,
    /// What each feature adds to the predictions; the one that adds most first.
    pub shap: Vec<Contribution>,
    /// How the mean prediction moves with the features that matter most.
    pub effects: Vec<Effect>,
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
    /// What was moved of a date: what the model uses most of it.
    pub of_date: Option<OfDate>,
    /// Values or codes.
    pub places: Vec<f32>,
    /// The mean predictions there: one curve of numbers, one of the second of two labels, or those of the most frequent labels.
    pub curves: Vec<Curve>,
}

/// A number that a date gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfDate {
    /// A part of it.
    Part(DatePart),
    /// The days since another feature's date.
    Since(String),
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

/// Looks at the rows of `groups` with the fits that did not learn from them, as long as there is time: the features that the model uses most
/// come first.
pub(crate) fn explain(
    problem: &Problem,
    found: &Found,
    groups: &[(Vec<u32>, Ensemble<'_>)],
    features: Features<'_>,
    end: &Deadline,
    seed: u64,
) -> Explained {
    let groups = sampled(groups, MAX_ROWS, seed);
    let threshold = found.threshold.unwrap_or(0.5);
    let rows: Vec<u32> = groups.iter().flat_map(|(rows, _)| rows.iter().copied()).collect();
    let actual = problem.actual.select(&rows);
    let weights: Option<Vec<f32>> = problem.given_weights.as_ref().map(|all| rows.iter().map(|&row| all[row as usize]).collect());
    let weights = weights.as_deref().map_or(Weights::Equal, Weights::Each);
    let predict = |instead: &dyn Fn(usize) -> Vec<u32>, inputs: Option<Range<usize>>| -> Vec<f32> {
        let of_group = |(group, (rows, fits)): (usize, &(Vec<u32>, Ensemble<'_>))| {
            let swapped = instead(group);
            match &inputs {
                Some(inputs) => outputs(fits, &problem.matrix, rows, &Instead::Swapped(inputs.clone(), &swapped)),
                None => outputs(fits, &problem.matrix, rows, &Instead::Nothing),
            }
        };
        groups.iter().enumerate().flat_map(of_group).collect()
    };
    let loss = |outputs: &[f32]| Judged::new(&actual, outputs, threshold).loss(found.metric, weights);
    let plain = loss(&predict(&|_| Vec::new(), None));

    let mut order: Vec<usize> = (0..features.names.len()).collect();
    order.sort_by(|&a, &b| features.names[b].1.total_cmp(&features.names[a].1));
    let mut permutation: Vec<Permuted> = Vec::new();
    for &feature in &order {
        if end.passed() || features.names[feature].1 <= 0.0 {
            break;
        }
        let Some(inputs) = features.inputs(feature) else { continue };
        let costs: Vec<f64> = (0..REPEATS)
            .map(|repeat| {
                let swap = |group: usize| {
                    let mut swapped = groups[group].0.clone();
                    Random::labelled(seed, (feature * REPEATS + repeat) as u64).shuffle(&mut swapped);
                    swapped
                };
                loss(&predict(&swap, Some(inputs.clone()))) - plain
            })
            .collect();
        let mean = costs.iter().sum::<f64>() / REPEATS as f64;
        let deviation = (costs.iter().map(|cost| (cost - mean).powi(2)).sum::<f64>() / REPEATS as f64).sqrt();
        permutation.push(Permuted { feature: features.names[feature].0.clone(), mean, deviation });
    }
    permutation.sort_by(|a, b| b.mean.total_cmp(&a.mean));

    let shap = shap::contributions(problem, &groups, features, end, seed);
    let effect_groups = sampled(&groups, MAX_EFFECT_ROWS, seed);
    let by_name = |name: &str| features.names.iter().position(|(known, _)| known == name);
    let effects = permutation
        .iter()
        .filter_map(|permuted| by_name(&permuted.feature))
        .take(MAX_EFFECTS)
        .map_while(|feature| (!end.passed()).then(|| effect(problem, &effect_groups, features, feature)))
        .flatten()
        .collect();
    Explained { metric: Some(found.metric), permutation, shap, effects }
}

/// At most so many rows of all groups together, each group's share of them.
pub(crate) fn sampled<'a>(groups: &[(Vec<u32>, Ensemble<'a>)], most: usize, seed: u64) -> Vec<(Vec<u32>, Ensemble<'a>)> {
    let total: usize = groups.iter().map(|(rows, _)| rows.len()).sum();
    let sample = |(group, (rows, fits)): (usize, &(Vec<u32>, Ensemble<'a>))| {
        let mut rows = rows.clone();
        if total > most {
            Random::labelled(seed, group as u64).shuffle(&mut rows);
            rows.truncate((rows.len() * most / total).max(1));
            rows.sort_unstable();
        }
        (rows, fits.clone())
    };
    groups.iter().enumerate().map(sample).collect()
}

/// The mean predictions with one input set to each of some places.
fn effect(problem: &Problem, groups: &[(Vec<u32>, Ensemble<'_>)], features: Features<'_>, feature: usize) -> Option<Effect> {
    let input = features.main_input(feature)?;
    let of_date = of_date(features.all.get(feature)?, input - features.inputs(feature)?.start);
    let places = match problem.matrix.columns.get(input)? {
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
        let mut rows = 0.0;
        for (of_group, fits) in groups {
            for row in outputs(fits, &problem.matrix, of_group, &Instead::Set(input, place)).chunks(width) {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
                rows += 1.0;
            }
        }
        curves.iter_mut().for_each(|curve| curve.means.push(sums[curve.label.unwrap_or(0)] / f64::max(rows, 1.0)));
    }
    Some(Effect { feature: features.names.get(feature)?.0.clone(), of_date, places, curves })
}

/// Which number of the feature's.
fn of_date(feature: &Feature, place: usize) -> Option<OfDate> {
    let FeatureKind::Date { parts, since, .. } = &feature.kind else { return None };
    let part = parts.get(place).map(|&part| OfDate::Part(part));
    part.or_else(|| since.get(place - parts.len()).cloned().map(OfDate::Since))
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
