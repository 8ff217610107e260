//! Loss functions: start scores, gradients and hessians, and the loss itself.
//!
//! | target | score means | gradient | hessian |
//! | --- | --- | --- | --- |
//! | number | the standardised number | s − y | 1 |
//! | two labels | log-odds of the second | p − y | p (1 − p) |
//! | K labels | log of p up to a constant | p − y | p (1 − p) K / (K − 1) |

use rayon::prelude::*;

use crate::matrix::Target;

/// The least probability that a start score or a loss assumes.
const LEAST: f64 = 1e-7;

/// Scores by output and row.
pub(crate) type Scores = Vec<Vec<f32>>;

/// The start score of each output: what is best without features, given the rows of `learn`.
pub(crate) fn base(target: &Target, learn: &[u32]) -> Vec<f32> {
    let rows = learn.len().max(1) as f64;
    match target {
        Target::Numbers(values) => vec![(learn.iter().map(|&row| values[row as usize]).sum::<f64>() / rows) as f32],
        Target::Classes { classes, count } => {
            let mut shares = vec![0.0; *count];
            for &row in learn {
                shares[classes[row as usize] as usize] += 1.0 / rows;
            }
            if *count == 2 {
                let second = shares[1].clamp(LEAST, 1.0 - LEAST);
                vec![(second / (1.0 - second)).ln() as f32]
            } else {
                shares.into_iter().map(|share| share.max(LEAST).ln() as f32).collect()
            }
        }
    }
}

/// What gradients need beside the scores: for more than two labels the log of each row's sum of exponentials.
pub(crate) fn normalisers(target: &Target, scores: &[Vec<f32>]) -> Vec<f32> {
    if target.outputs() == 1 {
        return Vec::new();
    }
    let mut logs = vec![0.0; target.len()];
    logs.par_chunks_mut(1024).enumerate().for_each(|(chunk, logs)| {
        let range = chunk * 1024..chunk * 1024 + logs.len();
        let slices: Vec<&[f32]> = scores.iter().map(|scores| &scores[range.clone()]).collect();
        for (position, log) in logs.iter_mut().enumerate() {
            let highest = slices.iter().map(|scores| scores[position]).fold(f32::NEG_INFINITY, f32::max);
            *log = highest + slices.iter().map(|scores| (scores[position] - highest).exp()).sum::<f32>().ln();
        }
    });
    logs
}

/// Gradient and hessian of one row.
pub(crate) fn derivatives(target: &Target, output: usize, row: usize, score: f32, normaliser: Option<&f32>) -> (f32, f32) {
    match target {
        Target::Numbers(values) => (score - values[row] as f32, 1.0),
        Target::Classes { classes, count: 2 } => {
            let p = 1.0 / (1.0 + (-score).exp());
            (p - if classes[row] == 1 { 1.0 } else { 0.0 }, p * (1.0 - p))
        }
        Target::Classes { classes, count } => {
            let p = (score - normaliser.copied().unwrap_or_default()).exp().min(1.0);
            let factor = *count as f32 / (*count as f32 - 1.0);
            (p - if classes[row] as usize == output { 1.0 } else { 0.0 }, p * (1.0 - p) * factor)
        }
    }
}

/// The mean loss over some rows: half the squared error, or the log loss in nats.
pub(crate) fn mean_loss(target: &Target, rows: &[u32], scores: &[Vec<f32>], normalisers: &[f32]) -> f64 {
    let score = |output: usize, row: usize| f64::from(scores[output][row]);
    let loss = |&row: &u32| {
        let row = row as usize;
        match target {
            Target::Numbers(values) => 0.5 * (score(0, row) - values[row]).powi(2),
            Target::Classes { classes, count: 2 } => {
                let margin = if classes[row] == 1 { score(0, row) } else { -score(0, row) };
                (-margin).exp().ln_1p().min(-LEAST.ln())
            }
            Target::Classes { classes, .. } => (f64::from(normalisers[row]) - score(classes[row] as usize, row)).min(-LEAST.ln()),
        }
    };
    rows.iter().map(loss).sum::<f64>() / rows.len().max(1) as f64
}

/// Member outputs from scores, row-major: the number, or one probability per label.
pub(crate) fn outputs(target: &Target, rows: &[u32], scores: &[Vec<f32>]) -> Vec<f32> {
    let mut outputs = Vec::with_capacity(rows.len() * scores.len());
    for &row in rows {
        let row = row as usize;
        match target {
            Target::Numbers(_) => outputs.push(scores[0][row]),
            Target::Classes { count: 2, .. } => {
                let p = 1.0 / (1.0 + (-scores[0][row]).exp());
                outputs.extend([1.0 - p, p]);
            }
            Target::Classes { .. } => {
                let highest = scores.iter().map(|scores| scores[row]).fold(f32::NEG_INFINITY, f32::max);
                let start = outputs.len();
                outputs.extend(scores.iter().map(|scores| (scores[row] - highest).exp()));
                let sum: f32 = outputs[start..].iter().sum();
                outputs[start..].iter_mut().for_each(|p| *p /= sum);
            }
        }
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss_at(target: &Target, output: usize, step: f32) -> f64 {
        let mut scores: Scores = (0..target.outputs()).map(|k| vec![0.3 * k as f32 - 0.2]).collect();
        scores[output][0] += step;
        mean_loss(target, &[0], &scores, &normalisers(target, &scores))
    }

    #[test]
    fn gradients_are_the_slope_of_the_loss() {
        let targets =
            [Target::Numbers(vec![0.7]), Target::Classes { classes: vec![1], count: 2 }, Target::Classes { classes: vec![2], count: 4 }];
        for target in targets {
            for output in 0..target.outputs() {
                let scores: Scores = (0..target.outputs()).map(|k| vec![0.3 * k as f32 - 0.2]).collect();
                let logs = normalisers(&target, &scores);
                let (gradient, _) = derivatives(&target, output, 0, scores[output][0], logs.first());
                let slope = (loss_at(&target, output, 1e-2) - loss_at(&target, output, -1e-2)) / 2e-2;
                assert!((f64::from(gradient) - slope).abs() < 1e-4, "{target:?} {output}: {gradient} {slope}");
            }
        }
    }

    #[test]
    fn without_features_the_outputs_are_the_shares() {
        let target = Target::Classes { classes: vec![0, 1, 2, 2], count: 3 };
        let scores: Scores = base(&target, &[0, 1, 2, 3]).into_iter().map(|score| vec![score; 4]).collect();
        let outputs = outputs(&target, &[3], &scores);
        for (output, share) in outputs.iter().zip([0.25, 0.25, 0.5]) {
            assert!((output - share).abs() < 1e-6);
        }
    }
}
