//! Metrics of predictions, each row counting as much as its weight. A bootstrap is a matter of weights, so the rows are sorted once.

use domain::Metric;

use crate::{log_sum::LogSum, matrix::Target};

/// The least probability that the log loss assumes.
pub(crate) const LEAST: f64 = 1e-7;
/// Thresholds that are tried to choose between two labels.
const THRESHOLDS: usize = 101;

/// Actual values beside predictions.
#[derive(Debug)]
pub(crate) enum Judged<'a> {
    /// Numbers.
    Numbers {
        /// One per row.
        actual: &'a [f64],
        /// One per row.
        predicted: &'a [f32],
    },
    /// Labels.
    Labels(Labels<'a>),
}

/// Actual labels beside probabilities.
#[derive(Debug)]
pub(crate) struct Labels<'a> {
    actual: &'a [u32],
    /// Row-major `rows × count`.
    probabilities: &'a [f32],
    count: usize,
    /// Of the second of two labels: above this, and it is chosen.
    threshold: f32,
    /// For each label that is ranked, the rows by descending probability of it.
    orders: Vec<Vec<u32>>,
}

impl<'a> Judged<'a> {
    /// Pairs the rows of `target` with outputs: numbers, or row-major probabilities.
    pub(crate) fn new(target: &'a Target, outputs: &'a [f32], threshold: f32) -> Self {
        match target {
            Target::Numbers(actual) => Self::Numbers { actual, predicted: outputs },
            Target::Classes { classes, count } => {
                Self::Labels(Labels { actual: classes, probabilities: outputs, count: *count, threshold, orders: Vec::new() })
            }
        }
    }

    /// Sorts the rows for the metrics that rank them; without it they are sorted for each value.
    pub(crate) fn sorted(mut self) -> Self {
        if let Self::Labels(labels) = &mut self {
            labels.orders = labels.ranked().map(|label| labels.order(label)).collect();
        }
        self
    }

    /// The metric's value; `None` where it is not defined.
    pub(crate) fn value(&self, metric: Metric, weights: Weights<'_>) -> Option<f64> {
        let value = match self {
            Self::Numbers { actual, predicted } => number_metric(metric, actual, predicted, weights),
            Self::Labels(labels) => labels.value(metric, weights),
        };
        value.filter(|value| value.is_finite())
    }

    /// How far from the best: less is better. Infinite where the metric is not defined.
    pub(crate) fn loss(&self, metric: Metric, weights: Weights<'_>) -> f64 {
        self.value(metric, weights).map_or(f64::INFINITY, |value| if metric.greater_is_better() { 1.0 - value } else { value })
    }
}

/// How much each row counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Weights<'a> {
    /// All the same.
    Equal,
    /// One per row.
    Each(&'a [f32]),
}

impl Weights<'_> {
    pub(crate) fn of(self, row: usize) -> f64 {
        match self {
            Self::Equal => 1.0,
            Self::Each(weights) => weights.get(row).copied().map_or(0.0, f64::from),
        }
    }
}

fn number_metric(metric: Metric, actual: &[f64], predicted: &[f32], weights: Weights<'_>) -> Option<f64> {
    let rows =
        || (0..).zip(actual.iter().zip(predicted)).map(|(row, (&actual, &predicted))| (weights.of(row), actual, f64::from(predicted)));
    let total: f64 = rows().map(|(weight, ..)| weight).sum();
    if total <= 0.0 {
        return None;
    }
    let mean_of =
        |value: &dyn Fn(f64, f64) -> f64| rows().map(|(weight, actual, predicted)| weight * value(actual, predicted)).sum::<f64>() / total;
    let squared = || mean_of(&|actual, predicted| (actual - predicted).powi(2));
    match metric {
        Metric::Rmse => Some(squared().sqrt()),
        Metric::Mae => Some(mean_of(&|actual, predicted| (actual - predicted).abs())),
        Metric::R2 => {
            let mean = mean_of(&|actual, _| actual);
            let (error, spread) = (squared(), mean_of(&|actual, _| (actual - mean).powi(2)));
            // All the same: 1 or 0 by whether the predictions are right.
            Some(if spread > 0.0 { 1.0 - error / spread } else { f64::from(u8::from(error == 0.0)) })
        }
        Metric::Mape => {
            let relative = |weight: f64, actual: f64, predicted: f64| weight * ((actual - predicted) / actual).abs();
            let (sum, total) = rows()
                .filter(|(_, actual, _)| *actual != 0.0)
                .fold((0.0, 0.0), |(sum, total), (weight, actual, predicted)| (sum + relative(weight, actual, predicted), total + weight));
            (total > 0.0).then(|| sum / total)
        }
        Metric::Rmsle => {
            let log = |value: f64| value.max(0.0).ln_1p();
            let whole = actual.iter().all(|&actual| actual >= 0.0);
            whole.then(|| mean_of(&|actual, predicted| (log(actual) - log(predicted)).powi(2)).sqrt())
        }
        Metric::MedianAe => {
            let mut errors: Vec<(f64, f64)> = rows().map(|(weight, actual, predicted)| ((actual - predicted).abs(), weight)).collect();
            errors.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let mut below = 0.0;
            errors.iter().find_map(|(error, weight)| {
                below += weight;
                (below >= 0.5 * total).then_some(*error)
            })
        }
        _ => None,
    }
}

impl Labels<'_> {
    /// The labels whose probabilities are ranked: the second of two, else all.
    fn ranked(&self) -> std::ops::Range<usize> {
        if self.count == 2 { 1..2 } else { 0..self.count }
    }

    fn order(&self, label: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.actual.len() as u32).collect();
        let p = |row: u32| self.probability(row as usize, label);
        order.sort_unstable_by(|&a, &b| p(b).total_cmp(&p(a)).then(a.cmp(&b)));
        order
    }

    fn probability(&self, row: usize, label: usize) -> f32 {
        self.probabilities.get(row * self.count + label).copied().unwrap_or(0.0)
    }

    fn value(&self, metric: Metric, weights: Weights<'_>) -> Option<f64> {
        match metric {
            Metric::LogLoss => {
                let (mut sum, mut total) = (LogSum::EMPTY, 0.0);
                for (row, &label) in self.actual.iter().enumerate() {
                    let weight = weights.of(row);
                    sum.add(f64::from(self.probability(row, label as usize)).clamp(LEAST, 1.0), weight);
                    total += weight;
                }
                (total > 0.0).then(|| -sum.value() / total)
            }
            Metric::RocAuc => self.mean_of_ranked(weights, roc_auc),
            Metric::PrAuc => self.mean_of_ranked(weights, average_precision),
            Metric::Accuracy | Metric::BalancedAccuracy | Metric::F1 | Metric::F1Macro | Metric::Mcc => {
                Some(self.confusion(weights).value(metric))
            }
            _ => None,
        }
    }

    fn mean_of_ranked(&self, weights: Weights<'_>, of: fn(&mut dyn Iterator<Item = Ranked>) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self
            .ranked()
            .enumerate()
            .filter_map(|(position, label)| {
                let made;
                let order = if let Some(order) = self.orders.get(position) {
                    order
                } else {
                    made = self.order(label);
                    &made
                };
                let ranked = |&row: &u32| {
                    let row = row as usize;
                    Ranked {
                        score: self.probability(row, label),
                        hit: self.actual.get(row).is_some_and(|&actual| actual as usize == label),
                        weight: weights.of(row),
                    }
                };
                of(&mut order.iter().map(ranked))
            })
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The label that is chosen for a row.
    pub(crate) fn chosen(&self, row: usize) -> usize {
        if self.count == 2 {
            return usize::from(self.probability(row, 1) > self.threshold);
        }
        (1..self.count).fold(0, |best, label| if self.probability(row, label) > self.probability(row, best) { label } else { best })
    }

    fn confusion(&self, weights: Weights<'_>) -> Confusion {
        let mut cells = vec![vec![0.0; self.count]; self.count];
        for (row, &label) in self.actual.iter().enumerate() {
            cells[label as usize][self.chosen(row)] += weights.of(row);
        }
        Confusion(cells)
    }
}

/// A row in the order of its score.
struct Ranked {
    score: f32,
    hit: bool,
    weight: f64,
}

/// The chance that a hit ranks above another row, ties counting half (Mann and Whitney); none without both.
fn roc_auc(rows: &mut dyn Iterator<Item = Ranked>) -> Option<f64> {
    let (mut hits, mut others, mut wins) = (0.0, 0.0, 0.0);
    for_each_tie(rows, &mut |tied_hits, tied_others| {
        wins += tied_others * (hits + 0.5 * tied_hits);
        hits += tied_hits;
        others += tied_others;
    });
    (hits > 0.0 && others > 0.0).then(|| wins / (hits * others))
}

/// Σ (recall gained) · precision, down the ranking.
fn average_precision(rows: &mut dyn Iterator<Item = Ranked>) -> Option<f64> {
    let (mut hits, mut all, mut sum) = (0.0, 0.0, 0.0);
    for_each_tie(rows, &mut |tied_hits, tied_others| {
        hits += tied_hits;
        all += tied_hits + tied_others;
        if all > 0.0 {
            sum += tied_hits * hits / all;
        }
    });
    (hits > 0.0).then(|| sum / hits)
}

/// Calls `each` with the weights of hits and others among the rows of one score.
fn for_each_tie(rows: &mut dyn Iterator<Item = Ranked>, each: &mut dyn FnMut(f64, f64)) {
    let mut tie: Option<(f32, f64, f64)> = None;
    for row in rows {
        let (hit, other) = if row.hit { (row.weight, 0.0) } else { (0.0, row.weight) };
        tie = Some(match tie {
            Some((score, hits, others)) if score.total_cmp(&row.score).is_eq() => (score, hits + hit, others + other),
            done => {
                if let Some((_, hits, others)) = done {
                    each(hits, others);
                }
                (row.score, hit, other)
            }
        });
    }
    if let Some((_, hits, others)) = tie {
        each(hits, others);
    }
}

/// Weights by actual and by chosen label.
struct Confusion(Vec<Vec<f64>>);

impl Confusion {
    /// (hits, actual, chosen) of each label.
    fn labels(&self) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        self.0.iter().enumerate().map(|(label, row)| (row[label], row.iter().sum(), self.0.iter().map(|row| row[label]).sum()))
    }

    fn value(&self, metric: Metric) -> f64 {
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let total: f64 = self.0.iter().flatten().sum();
        let hits: f64 = self.labels().map(|(hits, ..)| hits).sum();
        let f1 = |(hits, actual, chosen): (f64, f64, f64)| ratio(2.0 * hits, actual + chosen);
        match metric {
            Metric::BalancedAccuracy => {
                let present = self.labels().filter(|(_, actual, _)| *actual > 0.0);
                let (sum, count) = present.fold((0.0, 0.0), |(sum, count), (hits, actual, _)| (sum + hits / actual, count + 1.0));
                ratio(sum, count)
            }
            Metric::F1 if self.0.len() == 2 => self.labels().nth(1).map_or(0.0, f1),
            Metric::F1 => self.labels().map(|label| ratio(label.1, total) * f1(label)).sum(),
            Metric::F1Macro => {
                let present = self.labels().filter(|(_, actual, chosen)| actual + chosen > 0.0);
                let (sum, count) = present.fold((0.0, 0.0), |(sum, count), label| (sum + f1(label), count + 1.0));
                ratio(sum, count)
            }
            Metric::Mcc => {
                let product: f64 = self.labels().map(|(_, actual, chosen)| actual * chosen).sum();
                let spread =
                    |of: &dyn Fn((f64, f64, f64)) -> f64| total * total - self.labels().map(|label| of(label).powi(2)).sum::<f64>();
                let under = (spread(&|label| label.2) * spread(&|label| label.1)).sqrt();
                ratio(hits * total - product, under)
            }
            _ => ratio(hits, total),
        }
    }
}

/// The threshold on the second of two labels' probability at which a metric of labels is best, and its loss there; the one nearest to a half
/// of equally good ones.
pub(crate) fn best_threshold(target: &Target, probabilities: &[f32], metric: Metric, weights: Weights<'_>) -> (f32, f64) {
    let mut second: Vec<f32> = probabilities.iter().skip(1).step_by(2).copied().collect();
    second.sort_unstable_by(f32::total_cmp);
    let last = second.len().saturating_sub(1);
    let mut tried: Vec<f32> = (0..THRESHOLDS).filter_map(|step| second.get(last * step / (THRESHOLDS - 1)).copied()).collect();
    tried.push(0.5);
    tried.retain(|threshold| (0.01..=0.99).contains(threshold));
    tried.dedup();
    let mut best = (0.5, f64::INFINITY);
    for threshold in tried {
        let loss = Judged::new(target, probabilities, threshold).loss(metric, weights);
        let nearer = (threshold - 0.5).abs() < (best.0 - 0.5_f32).abs();
        if loss < best.1 - 1e-9 || (loss < best.1 + 1e-9 && nearer) {
            best = (threshold, loss);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: Option<f64>, right: f64) {
        let left = left.unwrap();
        assert!((left - right).abs() < 1e-6, "{left} {right}");
    }

    fn classes(classes: &[u32], count: usize) -> Target {
        Target::Classes { classes: classes.to_vec(), count }
    }

    fn second(second: &[f32]) -> Vec<f32> {
        second.iter().flat_map(|&p| [1.0 - p, p]).collect()
    }

    fn value(target: &Target, outputs: &[f32], metric: Metric) -> Option<f64> {
        let plain = Judged::new(target, outputs, 0.5).value(metric, Weights::Equal);
        assert_eq!(plain, Judged::new(target, outputs, 0.5).sorted().value(metric, Weights::Equal));
        plain
    }

    #[test]
    fn roc_auc_counts_ties_half() {
        close(value(&classes(&[0, 0, 1, 1], 2), &second(&[0.1, 0.4, 0.35, 0.8]), Metric::RocAuc), 0.75);
        close(value(&classes(&[0, 1, 1, 0], 2), &second(&[0.5; 4]), Metric::RocAuc), 0.5);
        assert_eq!(value(&classes(&[1, 1], 2), &second(&[0.5, 0.6]), Metric::RocAuc), None);
    }

    #[test]
    fn average_precision_by_hand() {
        // Down the ranking: hit, miss, hit, miss.
        close(value(&classes(&[0, 0, 1, 1], 2), &second(&[0.1, 0.4, 0.35, 0.8]), Metric::PrAuc), 0.5 * 1.0 + 0.5 * 2.0 / 3.0);
    }

    #[test]
    fn metrics_of_labels_by_hand() {
        // Actual 0 0 0 1 1, chosen 0 0 1 1 0.
        let (target, outputs) = (classes(&[0, 0, 0, 1, 1], 2), second(&[0.1, 0.2, 0.9, 0.8, 0.3]));
        close(value(&target, &outputs, Metric::Accuracy), 0.6);
        close(value(&target, &outputs, Metric::BalancedAccuracy), f64::midpoint(2.0 / 3.0, 0.5));
        close(value(&target, &outputs, Metric::F1), 0.5);
        close(value(&target, &outputs, Metric::F1Macro), f64::midpoint(0.5, 2.0 / 3.0));
        close(value(&target, &outputs, Metric::Mcc), (2.0 * 1.0 - 1.0 * 1.0) / 6.0);
        close(value(&target, &outputs, Metric::LogLoss), -(0.9_f64 * 0.8 * 0.1 * 0.8 * 0.3).ln() / 5.0);
    }

    #[test]
    fn metrics_of_numbers_by_hand() {
        let target = Target::Numbers(vec![1.0, 2.0, 3.0, 6.0]);
        let predicted = [1.0, 2.0, 4.0, 4.0];
        close(value(&target, &predicted, Metric::Rmse), (5.0_f64 / 4.0).sqrt());
        close(value(&target, &predicted, Metric::Mae), 0.75);
        close(value(&target, &predicted, Metric::R2), 1.0 - 5.0 / 14.0);
        close(value(&target, &predicted, Metric::Mape), (1.0 / 3.0 + 2.0 / 6.0) / 4.0);
        close(value(&target, &predicted, Metric::MedianAe), 0.0);
        close(value(&Target::Numbers(vec![0.0, 1.0]), &[1.0, 1.5], Metric::Mape), 0.5);
        assert_eq!(value(&Target::Numbers(vec![0.0, 0.0]), &[1.0, 1.0], Metric::Mape), None);
        assert_eq!(value(&Target::Numbers(vec![-1.0, 1.0]), &[1.0, 1.0], Metric::Rmsle), None);
        close(value(&Target::Numbers(vec![2.0, 2.0]), &[2.0, 2.5], Metric::R2), 0.0);
    }

    #[test]
    fn a_row_of_weight_two_counts_as_two_rows() {
        let (target, outputs) = (classes(&[0, 1, 1, 0], 2), second(&[0.3, 0.6, 0.2, 0.7]));
        let (twice, outputs_twice) = (classes(&[0, 1, 1, 0, 0], 2), second(&[0.3, 0.6, 0.2, 0.7, 0.7]));
        let weights = [1.0, 1.0, 1.0, 2.0];
        for metric in Metric::ALL {
            let weighted = Judged::new(&target, &outputs, 0.5).value(metric, Weights::Each(&weights));
            let repeated = Judged::new(&twice, &outputs_twice, 0.5).value(metric, Weights::Equal);
            match (weighted, repeated) {
                (Some(weighted), Some(repeated)) => assert!((weighted - repeated).abs() < 1e-9, "{metric}: {weighted} {repeated}"),
                (weighted, repeated) => assert_eq!(weighted, repeated),
            }
        }
    }

    #[test]
    fn a_rare_label_asks_for_a_lower_threshold() {
        let target = classes(&[0, 0, 0, 0, 0, 0, 1, 1], 2);
        let outputs = second(&[0.05, 0.06, 0.04, 0.1, 0.12, 0.2, 0.3, 0.4]);
        let (threshold, loss) = best_threshold(&target, &outputs, Metric::F1, Weights::Equal);
        assert!((0.2..0.31).contains(&threshold), "{threshold}");
        assert!(loss < 1e-9);
    }
}
