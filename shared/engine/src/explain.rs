//! How predictions depend on the features, seen on rows that were not learned from: how much worse they become when a feature's values are
//! swapped between rows (Breiman, 2001, permutation importance), and how they move with a feature when all else stays (Friedman, 2001,
//! partial dependence).

use domain::Metric;

use crate::{
    apply::{Ensemble, Instead, outputs},
    clock::Deadline,
    judge::{Judged, Weights},
    matrix::{Column, Target},
    random::Random,
    search::{Found, Problem},
};

/// The most rows that are looked at.
const MAX_ROWS: usize = 2_000;
const MAX_EFFECT_ROWS: usize = 300;
/// How often each feature is swapped.
const REPEATS: usize = 3;
/// The most features whose effect is shown, and the places where each is looked at.
const MAX_EFFECTS: usize = 8;
const MAX_PLACES: usize = 20;

/// How the predictions depend on the features.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explained {
    /// The metric of `permutation`.
    pub metric: Option<Metric>,
    /// By feature, by how much the metric gets worse when its values are swapped between rows; the largest first.
    pub permutation: Vec<Permuted>,
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
    /// The input that was moved: its position among the model's inputs.
    pub input: usize,
    /// Whether the places are codes of categories.
    pub categorical: bool,
    /// (value or code, mean prediction there): the number, or the probability of the last of two labels.
    pub places: Vec<(f32, f64)>,
}

/// The features and which of them each input belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features<'a> {
    /// Names and gains in the order of the table.
    pub names: &'a [(String, f64)],
    /// For each input the position of its feature.
    pub of_input: &'a [usize],
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
    let predict = |instead: &dyn Fn(usize) -> Vec<u32>, inputs: Option<std::ops::Range<usize>>| -> Vec<f32> {
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
        let Some(inputs) = inputs_of(features, feature) else { continue };
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

    let effect_groups = sampled(&groups, MAX_EFFECT_ROWS, seed);
    let by_name = |name: &str| features.names.iter().position(|(known, _)| known == name);
    let effects = permutation
        .iter()
        .filter_map(|permuted| by_name(&permuted.feature))
        .take(MAX_EFFECTS)
        .map_while(|feature| (!end.passed()).then(|| effect(problem, &effect_groups, features, feature)))
        .flatten()
        .collect();
    Explained { metric: Some(found.metric), permutation, effects }
}

fn inputs_of(features: Features<'_>, feature: usize) -> Option<std::ops::Range<usize>> {
    let first = features.of_input.iter().position(|&of| of == feature)?;
    let last = features.of_input.iter().rposition(|&of| of == feature)?;
    Some(first..last + 1)
}

/// At most so many rows of all groups together, each group's share of them.
fn sampled<'a>(groups: &[(Vec<u32>, Ensemble<'a>)], most: usize, seed: u64) -> Vec<(Vec<u32>, Ensemble<'a>)> {
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

/// The mean prediction with one input set to each of some places. Of a date the input is its first part, of more than two labels there is
/// no single prediction.
fn effect(problem: &Problem, groups: &[(Vec<u32>, Ensemble<'_>)], features: Features<'_>, feature: usize) -> Option<Effect> {
    if matches!(&problem.target, Target::Classes { count, .. } if *count > 2) {
        return None;
    }
    let inputs = inputs_of(features, feature)?;
    if inputs.len() > 1 {
        return None;
    }
    let input = inputs.start;
    let (places, categorical) = match problem.matrix.columns.get(input)? {
        Column::Numbers(values) => (quantiles(values), false),
        Column::Codes { codes, count } => (frequent(codes, *count), true),
    };
    let width = if matches!(problem.target, Target::Classes { .. }) { 2 } else { 1 };
    let mean_at = |&place: &f32| {
        let (mut sum, mut rows) = (0.0, 0.0);
        for (of_group, fits) in groups {
            let outputs = outputs(fits, &problem.matrix, of_group, &Instead::Set(input, place));
            let predictions = outputs.iter().skip(width - 1).step_by(width);
            sum += predictions.map(|&value| f64::from(value)).sum::<f64>();
            rows += of_group.len() as f64;
        }
        (place, sum / f64::max(rows, 1.0))
    };
    Some(Effect { feature: features.names.get(feature)?.0.clone(), input, categorical, places: places.iter().map(mean_at).collect() })
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
fn frequent(codes: &[u16], count: usize) -> Vec<f32> {
    let mut counts = vec![0_usize; count];
    codes.iter().for_each(|&code| counts[usize::from(code)] += 1);
    let mut order: Vec<usize> = (0..count).filter(|&code| counts[code] > 0).collect();
    order.sort_by_key(|&code| (std::cmp::Reverse(counts[code]), code));
    order.truncate(MAX_PLACES);
    order.into_iter().map(|code| code as f32).collect()
}
