//! How good predictions are: the metrics of the hold-out.

use domain::Metrics;
use model::Predictions;

use crate::matrix::Target;

/// The least probability that the log loss assumes.
const LEAST: f64 = 1e-7;

/// The hold-out's rows against their predictions.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// `counts[actual][predicted]`, both in the order of `labels`.
    Confusion {
        /// The labels as text.
        labels: Vec<String>,
        /// Rows for each pair of labels.
        counts: Vec<Vec<u64>>,
    },
    /// (actual, predicted) for each row.
    Pairs(Vec<(f64, f64)>),
}

/// Metrics and outcome of predictions for the rows of `target`; `training_time` and `best_estimator` are left to the caller.
pub(crate) fn evaluate(target: &Target, predictions: &Predictions, names: Vec<String>) -> (Metrics, Outcome) {
    match (target, predictions) {
        (Target::Classes { classes, count }, Predictions::Classes { labels, probabilities }) => {
            let counts = confusion(classes, labels, *count);
            let metrics = Metrics {
                log_loss: Some(log_loss(classes, probabilities, *count)),
                roc_auc: if *count == 2 { roc_auc(classes, probabilities) } else { None },
                ..label_metrics(&counts)
            };
            (metrics, Outcome::Confusion { labels: names, counts })
        }
        (Target::Numbers(actual), Predictions::Numbers(predicted)) => {
            let pairs: Vec<(f64, f64)> = actual.iter().zip(predicted).map(|(&actual, &predicted)| (actual, f64::from(predicted))).collect();
            (number_metrics(&pairs), Outcome::Pairs(pairs))
        }
        _ => (Metrics::default(), Outcome::Pairs(Vec::new())),
    }
}

fn confusion(classes: &[u32], labels: &[usize], count: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; count]; count];
    for (&actual, &predicted) in classes.iter().zip(labels) {
        if let Some(cell) = counts.get_mut(actual as usize).and_then(|row| row.get_mut(predicted)) {
            *cell += 1;
        }
    }
    counts
}

/// Accuracy, and precision, recall and F1 weighted by support.
fn label_metrics(counts: &[Vec<u64>]) -> Metrics {
    let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let total: u64 = counts.iter().flatten().sum();
    let (mut right, mut precision, mut recall, mut f1) = (0, 0.0, 0.0, 0.0);
    for (label, row) in counts.iter().enumerate() {
        let hits = row[label];
        let support: u64 = row.iter().sum();
        let predicted: u64 = counts.iter().map(|row| row[label]).sum();
        let weight = ratio(support, total);
        right += hits;
        precision += weight * ratio(hits, predicted);
        recall += weight * ratio(hits, support);
        f1 += weight * ratio(2 * hits, support + predicted);
    }
    Metrics {
        accuracy: Some(ratio(right, total)),
        precision: Some(precision),
        recall: Some(recall),
        f1_score: Some(f1),
        ..Metrics::default()
    }
}

fn log_loss(classes: &[u32], probabilities: &[f32], count: usize) -> f64 {
    let losses = classes.iter().zip(probabilities.chunks_exact(count)).map(|(&class, row)| {
        let p = row.get(class as usize).map_or(0.0, |&p| f64::from(p));
        -p.clamp(LEAST, 1.0).ln()
    });
    losses.sum::<f64>() / classes.len().max(1) as f64
}

/// The chance that a row of the second label has the higher probability of it, ties counting half (Mann and Whitney); none when a label
/// does not occur.
fn roc_auc(classes: &[u32], probabilities: &[f32]) -> Option<f64> {
    let mut ranked: Vec<(f32, u32)> = probabilities.chunks_exact(2).map(|row| row[1]).zip(classes.iter().copied()).collect();
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let second = tied.iter().filter(|(_, class)| *class == 1).count() as f64;
        let first = tied.len() as f64 - second;
        wins += second * (below + 0.5 * first);
        below += first;
    }
    let second = classes.len() as f64 - below;
    (below > 0.0 && second > 0.0).then(|| wins / (below * second))
}

/// R² is 1 or 0 when the actual values are all the same, by whether the predictions are right.
fn number_metrics(pairs: &[(f64, f64)]) -> Metrics {
    let count = pairs.len().max(1) as f64;
    let mean = pairs.iter().map(|(actual, _)| actual / count).sum::<f64>();
    let mse = pairs.iter().map(|(actual, predicted)| (actual - predicted).powi(2) / count).sum::<f64>();
    let variance = pairs.iter().map(|(actual, _)| (actual - mean).powi(2) / count).sum::<f64>();
    let r2 = if variance > 0.0 {
        1.0 - mse / variance
    } else if mse == 0.0 {
        1.0
    } else {
        0.0
    };
    Metrics {
        r2_score: Some(r2),
        rmse: Some(mse.sqrt()),
        mae: Some(pairs.iter().map(|(actual, predicted)| (actual - predicted).abs() / count).sum()),
        ..Metrics::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: Option<f64>, right: f64) {
        let left = left.unwrap();
        assert!((left - right).abs() < 1e-6, "{left} {right}");
    }

    #[test]
    fn label_metrics_are_weighted_by_support() {
        // By hand: label 0: precision 2/3, recall 1; label 1: precision 1/2, recall 1/2; label 2: never predicted.
        let target = Target::Classes { classes: vec![0, 0, 1, 1, 2], count: 3 };
        let probabilities = vec![1.0 / 3.0; 15];
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let (metrics, outcome) = evaluate(&target, &Predictions::Classes { labels: vec![0, 0, 1, 0, 1], probabilities }, names.clone());
        close(metrics.accuracy, 0.6);
        close(metrics.precision, 0.4 * 2.0 / 3.0 + 0.4 * 0.5);
        close(metrics.recall, 0.6);
        close(metrics.f1_score, 0.4 * 0.8 + 0.4 * 0.5);
        close(metrics.log_loss, 3.0_f64.ln());
        assert_eq!(metrics.roc_auc, None);
        assert_eq!(outcome, Outcome::Confusion { labels: names, counts: vec![vec![2, 0, 0], vec![1, 1, 0], vec![0, 1, 0]] });
    }

    #[test]
    fn roc_auc_counts_ties_half() {
        let probabilities = |second: &[f32]| second.iter().flat_map(|&p| [1.0 - p, p]).collect::<Vec<_>>();
        close(roc_auc(&[0, 0, 1, 1], &probabilities(&[0.1, 0.4, 0.35, 0.8])), 0.75);
        close(roc_auc(&[0, 1, 1, 0], &probabilities(&[0.5, 0.5, 0.5, 0.5])), 0.5);
        assert_eq!(roc_auc(&[1, 1], &probabilities(&[0.5, 0.6])), None);
    }

    #[test]
    fn number_metrics_by_hand() {
        let (metrics, _) = evaluate(&Target::Numbers(vec![1.0, 2.0, 3.0, 6.0]), &Predictions::Numbers(vec![1.0, 2.0, 4.0, 4.0]), vec![]);
        close(metrics.rmse, (5.0_f64 / 4.0).sqrt());
        close(metrics.mae, 0.75);
        close(metrics.r2_score, 1.0 - 5.0 / 14.0);
        let (constant, _) = evaluate(&Target::Numbers(vec![2.0, 2.0]), &Predictions::Numbers(vec![2.0, 2.5]), vec![]);
        close(constant.r2_score, 0.0);
    }
}
