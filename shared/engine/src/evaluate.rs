//! How good predictions are: the metrics of rows that were not learned from, with their intervals, beside those of baselines.

use std::collections::BTreeMap;

use domain::{Interval, Metric, Metrics, ProblemType};
use rayon::prelude::*;

use crate::{
    clock::Deadline,
    judge::{Judged, Weights},
    matrix::Target,
    random::Random,
};

/// Resamples of the bootstrap: as many as this many looks at a row allow, within bounds. Metrics that rank the rows of each label have
/// intervals only where that leaves enough resamples.
const LOOKS: usize = 30_000_000;
const FEWEST_RESAMPLES: usize = 40;
const MOST_RESAMPLES: usize = 400;
/// Where an interval of 95 % begins and ends.
const TAILS: [f64; 2] = [0.025, 0.975];

/// The judged rows against their predictions.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Labels.
    Labels {
        /// The labels as text.
        labels: Vec<String>,
        /// By row, the position of the actual label.
        actual: Vec<u32>,
        /// By row, the position of the chosen label.
        chosen: Vec<u32>,
        /// Row-major `rows × labels`.
        probabilities: Vec<f32>,
    },
    /// (actual, predicted) for each row.
    Numbers(Vec<(f64, f64)>),
}

/// What one gets without effort.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// `majority`, `mean` or `linear`.
    pub name: String,
    /// Measured on the same rows.
    pub metrics: Metrics,
}

/// Metrics of the outputs (numbers, or row-major probabilities) for the rows of `target`, with intervals where a seed and a moment are given,
/// after which no row is resampled; `training_time` and `best_estimator` are left to the caller.
pub(crate) fn metrics(
    target: &Target,
    outputs: &[f32],
    threshold: f32,
    weights: Weights<'_>,
    resampling: Option<(u64, &Deadline)>,
) -> Metrics {
    let judged = Judged::new(target, outputs, threshold).sorted();
    let problem_type = match target {
        Target::Numbers(_) => ProblemType::Regression,
        Target::Classes { .. } => ProblemType::Classification,
    };
    let asked: Vec<Metric> = Metric::ALL.into_iter().filter(|metric| metric.problem_type() == problem_type).collect();
    let values: Vec<Option<f64>> = asked.par_iter().map(|&metric| judged.value(metric, weights)).collect();
    let labels = label_means(target, &judged, weights);
    let value = |metric: Metric| asked.iter().position(|asked| *asked == metric).and_then(|position| values[position]);
    let intervals = resampling.map(|(seed, end)| intervals(target, &judged, &asked, weights, seed, end)).unwrap_or_default();
    Metrics {
        accuracy: value(Metric::Accuracy),
        f1_score: labels.map(|means| means.f1),
        f1: value(Metric::F1),
        precision: labels.map(|means| means.precision),
        recall: labels.map(|means| means.recall),
        log_loss: value(Metric::LogLoss),
        roc_auc: value(Metric::RocAuc),
        pr_auc: value(Metric::PrAuc),
        mcc: value(Metric::Mcc),
        balanced_accuracy: value(Metric::BalancedAccuracy),
        f1_macro: value(Metric::F1Macro),
        r2_score: value(Metric::R2),
        rmse: value(Metric::Rmse),
        mae: value(Metric::Mae),
        mape: value(Metric::Mape),
        rmsle: value(Metric::Rmsle),
        median_ae: value(Metric::MedianAe),
        intervals,
        ..Metrics::default()
    }
}

/// Where the metrics lie on resampled rows (Efron and Tibshirani, 1993, the percentile bootstrap).
fn intervals(
    target: &Target,
    judged: &Judged<'_>,
    asked: &[Metric],
    weights: Weights<'_>,
    seed: u64,
    end: &Deadline,
) -> BTreeMap<String, Interval> {
    let rows = target.len();
    let ranks = |metric: Metric| matches!(metric, Metric::RocAuc | Metric::PrAuc);
    let looks = |ranked: usize| LOOKS / (rows * (asked.len() + ranked)).max(1);
    let (asked, looks) = match looks(2 * target.outputs()) {
        enough @ FEWEST_RESAMPLES.. => (asked.to_vec(), enough),
        _ => (asked.iter().copied().filter(|metric| !ranks(*metric)).collect(), looks(0)),
    };
    let resamples = looks.clamp(FEWEST_RESAMPLES, MOST_RESAMPLES);
    let values = |resample: usize| -> Vec<Option<f64>> {
        if end.passed() {
            return Vec::new();
        }
        let mut random = Random::labelled(seed, resample as u64);
        let mut times = vec![0.0_f32; rows];
        (0..rows).for_each(|_| times[random.below(rows)] += 1.0);
        times.iter_mut().enumerate().for_each(|(row, times)| *times *= weights.of(row) as f32);
        let means = label_means(target, judged, Weights::Each(&times)).map_or([None; 3], |means| means.values().map(Some));
        asked.iter().map(|&metric| judged.value(metric, Weights::Each(&times))).chain(means).collect()
    };
    let all: Vec<Vec<Option<f64>>> = (0..resamples).into_par_iter().map(values).collect();
    let interval = |(position, name): (usize, &'static str)| {
        let mut values: Vec<f64> = all.iter().filter_map(|values| values.get(position).copied().flatten()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let [low, high] = TAILS.map(|tail| values.get(((values.len().max(1) - 1) as f64 * tail).round() as usize).copied());
        Some((name.to_owned(), Interval { low: low?, high: high? }))
    };
    asked.iter().map(|metric| metric.name()).chain(LabelMeans::NAMES).enumerate().filter_map(interval).collect()
}

#[derive(Clone, Copy)]
struct LabelMeans {
    precision: f64,
    recall: f64,
    f1: f64,
}

impl LabelMeans {
    const NAMES: [&'static str; 3] = ["precision", "recall", "f1_score"];

    fn values(self) -> [f64; 3] {
        [self.precision, self.recall, self.f1]
    }
}

/// Precision, recall and F1 weighted by support.
fn label_means(target: &Target, judged: &Judged<'_>, weights: Weights<'_>) -> Option<LabelMeans> {
    let (Target::Classes { classes, count }, Judged::Labels(labels)) = (target, judged) else { return None };
    let (mut hits, mut support, mut chosen) = (vec![0.0; *count], vec![0.0; *count], vec![0.0; *count]);
    for (row, &class) in classes.iter().enumerate() {
        let (weight, choice) = (weights.of(row), labels.chosen(row));
        support[class as usize] += weight;
        chosen[choice] += weight;
        if choice == class as usize {
            hits[choice] += weight;
        }
    }
    let total: f64 = support.iter().sum();
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let mut means = LabelMeans { precision: 0.0, recall: 0.0, f1: 0.0 };
    for label in 0..*count {
        let weight = ratio(support[label], total);
        means.precision += weight * ratio(hits[label], chosen[label]);
        means.recall += weight * ratio(hits[label], support[label]);
        means.f1 += weight * ratio(2.0 * hits[label], support[label] + chosen[label]);
    }
    Some(means)
}

/// The judged rows against their predictions.
pub(crate) fn outcome(target: &Target, outputs: &[f32], threshold: f32, labels: Vec<String>) -> Outcome {
    match (target, Judged::new(target, outputs, threshold)) {
        (Target::Classes { classes, .. }, Judged::Labels(judged)) => Outcome::Labels {
            labels,
            chosen: (0..classes.len()).map(|row| judged.chosen(row) as u32).collect(),
            actual: classes.clone(),
            probabilities: outputs.to_vec(),
        },
        (Target::Numbers(actual), _) => {
            Outcome::Numbers(actual.iter().zip(outputs).map(|(&actual, &predicted)| (actual, f64::from(predicted))).collect())
        }
        (Target::Classes { .. }, _) => Outcome::Numbers(Vec::new()),
    }
}

/// The outputs that know nothing but the target of the rows of `learn`: the mean, or the shares of the labels.
pub(crate) fn ignorant(target: &Target, learn: &[u32], rows: usize) -> Vec<f32> {
    let count = learn.len().max(1) as f64;
    match target {
        Target::Numbers(values) => vec![(learn.iter().map(|&row| values[row as usize]).sum::<f64>() / count) as f32; rows],
        Target::Classes { classes, count: labels } => {
            let mut shares = vec![0.0; *labels];
            learn.iter().for_each(|&row| shares[classes[row as usize] as usize] += 1.0 / count);
            let shares: Vec<f32> = shares.into_iter().map(|share| share as f32).collect();
            (0..rows).flat_map(|_| shares.iter().copied()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn close(left: Option<f64>, right: f64) {
        let left = left.unwrap();
        assert!((left - right).abs() < 1e-6, "{left} {right}");
    }

    #[test]
    fn precision_recall_and_f1_are_weighted_by_support() {
        // Label 0: precision 2/3, recall 1; label 1: precision 1/2, recall 1/2; label 2: never chosen.
        let target = Target::Classes { classes: vec![0, 0, 1, 1, 2], count: 3 };
        let choice = |label: usize| (0..3).map(move |other| if other == label { 0.5 } else { 0.25 });
        let outputs: Vec<f32> = [0, 0, 1, 0, 1].into_iter().flat_map(choice).collect();
        let metrics = metrics(&target, &outputs, 0.5, Weights::Equal, None);
        close(metrics.accuracy, 0.6);
        close(metrics.precision, 0.4 * 2.0 / 3.0 + 0.4 * 0.5);
        close(metrics.recall, 0.6);
        close(metrics.f1_score, 0.4 * 0.8 + 0.4 * 0.5);
        assert_eq!(metrics.rmse, None);
    }

    #[test]
    fn an_interval_holds_the_value_and_narrows_with_more_rows() {
        let width = |rows: usize| {
            let mut random = Random::labelled(4, 0);
            let outputs: Vec<f32> = (0..rows).map(|_| random.unit() as f32).flat_map(|p| [1.0 - p, p]).collect();
            let classes = outputs.iter().skip(1).step_by(2).map(|&p| u32::from(random.unit() < f64::from(p))).collect();
            let metrics = metrics(
                &Target::Classes { classes, count: 2 },
                &outputs,
                0.5,
                Weights::Equal,
                Some((1, &Deadline::after(Duration::from_mins(1)))),
            );
            for metric in [Metric::Accuracy, Metric::RocAuc, Metric::LogLoss, Metric::Mcc] {
                let (value, interval) = (metrics.get(metric).unwrap(), metrics.intervals[metric.name()]);
                assert!(interval.low < value && value < interval.high, "{metric}: {value} {interval:?}");
            }
            let accuracy = metrics.intervals["accuracy"];
            accuracy.high - accuracy.low
        };
        let (few, many) = (width(200), width(5_000));
        // Two standard errors to either side: 4 · √(0.75 · 0.25 / n).
        assert!((0.08..0.18).contains(&few) && (0.015..0.035).contains(&many), "{few} {many}");
    }

    #[test]
    fn who_knows_nothing_says_the_mean_or_the_shares() {
        assert_eq!(ignorant(&Target::Numbers(vec![1.0, 3.0, 100.0]), &[0, 1], 2), [2.0, 2.0]);
        assert_eq!(ignorant(&Target::Classes { classes: vec![0, 1, 1, 1], count: 2 }, &[0, 1, 2, 3], 1), [0.25, 0.75]);
    }
}
