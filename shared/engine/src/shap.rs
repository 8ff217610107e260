//! What the features add to the predictions for rows that were not learned from (`model::MemberExplainer`): how much on average, and how it
//! goes with the feature's value.

use model::{MemberExplainer, feature_of_input};
use rayon::prelude::*;

use crate::{
    apply::{Ensemble, cell, inputs},
    clock::Deadline,
    explain::{Features, sampled},
    matrix::Matrix,
    random::Random,
    search::Problem,
};

/// The most rows that are explained, those that are whatever the time, and the features whose single contributions are kept.
const MAX_ROWS: usize = 300;
const MIN_ROWS: usize = 20;
const MAX_SCATTERED: usize = 8;

/// What a feature adds to predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The feature.
    pub feature: String,
    /// The mean of the absolute contributions over the rows; of more than two labels, over the labels too. In the units of the number, or
    /// as a probability.
    pub mean: f64,
    /// For the features that add most, by row the feature's value or code (of a date or a text the number that the model uses most; `NaN` when
    /// missing) and what it adds to the number or to the probability of the second label. None with more than two labels.
    pub points: Vec<(f32, f64)>,
}

/// The contributions to the predictions for some rows of `groups`, and of how many: a few, and as many more as there is time for. The
/// feature that adds most comes first.
pub(crate) fn contributions(
    problem: &Problem,
    groups: &[(Vec<u32>, Ensemble<'_>)],
    features: Features<'_>,
    end: &Deadline,
    seed: u64,
) -> (Vec<Contribution>, usize) {
    let all: Vec<&[u32]> = groups.iter().map(|(rows, _)| rows.as_slice()).collect();
    let rows = sampled(&all, MAX_ROWS, seed);
    let Some(explainers) = groups.iter().map(|(_, fits)| explainer(fits, &problem.matrix, features)).collect::<Option<Vec<_>>>() else {
        return (Vec::new(), 0);
    };
    let count = features.all.len();
    // In random order, so that those that there is time for are of all groups.
    let mut rows: Vec<(usize, u32)> = rows.iter().enumerate().flat_map(|(group, rows)| rows.iter().map(move |&row| (group, row))).collect();
    Random::labelled(seed, 3).shuffle(&mut rows);
    let in_time = |place: usize| place < MIN_ROWS || !end.passed();
    let of_row = |(place, &(group, row)): (usize, &(usize, u32))| in_time(place).then(|| (row, explainers[group](row)));
    let explained: Vec<(u32, Vec<f64>)> = rows.par_iter().enumerate().filter_map(of_row).collect();
    if explained.is_empty() {
        return (Vec::new(), 0);
    }
    let outputs = problem.target.outputs();
    let mean = |feature: usize| {
        let of_feature = explained.iter().flat_map(|(_, row)| row.iter().skip(feature).step_by(count));
        of_feature.map(|value| value.abs()).sum::<f64>() / (explained.len() * outputs) as f64
    };
    let mut order: Vec<(usize, f64)> = (0..count).map(|feature| (feature, mean(feature))).filter(|(_, mean)| *mean > 0.0).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let scattered = if outputs == 1 { MAX_SCATTERED } else { 0 };
    let contribution = |(place, (feature, mean)): (usize, (usize, f64))| {
        let shown = if place < scattered { features.main_input(feature).and_then(|input| problem.matrix.columns.get(input)) } else { None };
        let points = shown.map_or_else(Vec::new, |column| {
            explained.iter().map(|(row, contributions)| (cell(column, *row), contributions[feature])).collect()
        });
        Contribution { feature: features.names[feature].0.clone(), mean, points }
    };
    (order.into_iter().enumerate().map(contribution).collect(), explained.len())
}

/// Row → contributions of all features, row-major by output; `None` when a model cannot be explained.
fn explainer<'a>(
    ensemble: &'a Ensemble<'a>,
    matrix: &'a Matrix,
    features: Features<'_>,
) -> Option<impl Fn(u32) -> Vec<f64> + Sync + use<'a>> {
    let count = features.all.len();
    let member = |(fit, weight): &(&'a crate::search::FoldFit, f64)| {
        let explainer = MemberExplainer::new(&fit.model, fit.link, &feature_of_input(features.all, &fit.lookups), count).ok()?;
        Some((*fit, *weight, explainer))
    };
    let members: Vec<_> = ensemble.fits.iter().map(member).collect::<Option<_>>()?;
    let mut base: Vec<f64> = vec![0.0; members.first().map_or(0, |(_, _, explainer)| explainer.base().len())];
    for (_, weight, explainer) in &members {
        base.iter_mut().zip(explainer.base()).for_each(|(sum, value)| *sum += weight * value);
    }
    Some(move |row: u32| {
        let mut sums = vec![0.0; base.len() * count];
        members.iter().for_each(|(fit, weight, explainer)| explainer.explain(&inputs(fit, matrix, row), *weight, &mut sums));
        if let Some(calibration) = &ensemble.calibration {
            calibration.carry(&base, &mut sums, count);
        }
        sums
    })
}
