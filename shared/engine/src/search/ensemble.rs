//! The weighted mean of candidates that predicts the watched rows best: greedy selection with replacement (Caruana et al., 2004,
//! "Ensemble selection from libraries of models").

use rayon::prelude::*;

use crate::search::candidate::{Candidate, Problem};

/// The most picks.
const MAX_PICKS: usize = 40;
/// The most rows that a choice looks at.
const MAX_ROWS: usize = 100_000;

/// How many of the best candidates may take part: the fewer the rows, the sooner a selection fits their noise.
pub(crate) fn eligible(rows: usize) -> usize {
    (rows / 60).clamp(3, 12)
}

/// Candidates that took part, by position, and their weights, which sum to 1. The candidates come best first; the trees of those that
/// join the first have `most_nodes` in all.
pub(crate) fn select(problem: &Problem, candidates: &[Candidate], rows: &[u32], most_nodes: usize) -> Vec<(usize, f64)> {
    let eligible = eligible(rows.len()).min(candidates.len());
    let step = rows.len().div_ceil(MAX_ROWS).max(1);
    let rows: Vec<u32> = rows.iter().copied().step_by(step).collect();
    let predictions: Vec<Vec<f32>> =
        candidates.iter().take(eligible).map(|candidate| candidate.predictions.iter().copied().step_by(step).collect()).collect();

    let mut sum = vec![0.0_f32; rows.len()];
    let mut picks: Vec<usize> = Vec::new();
    let (mut best_score, mut best_length) = (f64::INFINITY, 0);
    while picks.len() < MAX_PICKS && picks.len() < best_length + 8 {
        let count = picks.len() as f32 + 1.0;
        let room = most_nodes.saturating_sub(chosen_nodes(candidates, &picks));
        let may_join = |&position: &usize| picks.is_empty() || picks.contains(&position) || candidates[position].nodes <= room;
        let score_with = |position: usize| {
            let mean: Vec<f32> = sum.iter().zip(&predictions[position]).map(|(sum, next)| (sum + next) / count).collect();
            (position, problem.score(&rows, &mean))
        };
        let scores: Vec<(usize, f64)> = (0..eligible).into_par_iter().filter(may_join).map(score_with).collect();
        let Some((position, score)) = scores.into_iter().reduce(|best, next| if next.1 < best.1 { next } else { best }) else { break };
        sum.iter_mut().zip(&predictions[position]).for_each(|(sum, next)| *sum += next);
        picks.push(position);
        if score < best_score {
            (best_score, best_length) = (score, picks.len());
        }
    }
    picks.truncate(best_length.max(1));
    let share = 1.0 / picks.len().max(1) as f64;
    let weight = |position: usize| picks.iter().filter(|&&pick| pick == position).count() as f64 * share;
    (0..eligible).map(|position| (position, weight(position))).filter(|(_, weight)| *weight > 0.0).collect()
}

fn chosen_nodes(candidates: &[Candidate], picks: &[usize]) -> usize {
    let mut distinct = picks.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.iter().map(|&position| candidates[position].nodes).sum()
}
