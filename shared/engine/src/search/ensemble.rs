//! The weighted mean of candidates that predicts the judged rows best: greedy selection with replacement (Caruana et al., 2004,
//! "Ensemble selection from libraries of models").

use domain::Metric;
use rayon::prelude::*;

use crate::search::candidate::{Bench, Candidate, Problem};

/// The most picks.
const MAX_PICKS: usize = 40;
/// The most rows that a choice looks at, and the most figures of them; fewer where each look sorts them for each label or tries thresholds.
const MAX_ROWS: usize = 100_000;
const MAX_FIGURES: usize = 1_000_000;
const MAX_RANKED_FIGURES: usize = 40_000;
const FEWEST_ROWS: usize = 500;
/// The most figures that are kept of all candidates together.
const KEPT_FIGURES: usize = 250_000_000;

/// How large an ensemble may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// The most nodes.
    pub nodes: usize,
    /// The most trees.
    pub trees: usize,
}

/// How many of the best candidates may take part whatever their family, of each of which so many figures are kept: the fewer the rows, the
/// sooner a selection fits their noise.
pub(crate) fn most_eligible(rows: usize, figures: usize) -> usize {
    (rows / 60).clamp(4, 16).min(KEPT_FIGURES / figures.max(1)).max(1)
}

/// The candidates of `eligible` that take part, by position, and their weights, which sum to 1, as chosen on some of the judged rows: those
/// at `positions` in the candidates' predictions, whose numbers in the table are `rows`. The candidates come best first; those that join the
/// first stay within `room`.
pub(crate) fn select(
    problem: &Problem,
    candidates: &[Candidate],
    positions: &[usize],
    rows: &[u32],
    eligible: &[usize],
    room: Room,
) -> Vec<(usize, f64)> {
    let ranked = !matches!(problem.metric, Metric::LogLoss | Metric::Rmse | Metric::Mae | Metric::R2);
    let width = problem.width();
    let figures = if ranked { MAX_RANKED_FIGURES } else { MAX_FIGURES };
    let step = positions.len().div_ceil((figures / width.max(2)).clamp(FEWEST_ROWS, MAX_ROWS)).max(1);
    let positions: Vec<usize> = positions.iter().copied().step_by(step).collect();
    let rows: Vec<u32> = positions.iter().map(|&position| rows[position]).collect();
    let bench = Bench::new(problem, &rows);
    let chosen_rows = |candidate: &Candidate| -> Vec<f32> {
        positions.iter().flat_map(|position| &candidate.predictions[position * width..(position + 1) * width]).copied().collect()
    };
    let predictions: Vec<Vec<f32>> = eligible.iter().map(|&position| chosen_rows(&candidates[position])).collect();

    let mut sum = vec![0.0_f32; rows.len() * width];
    let mut picks: Vec<usize> = Vec::new();
    let (mut best_loss, mut best_length) = (f64::INFINITY, 0);
    while picks.len() < MAX_PICKS && picks.len() < best_length + 8 {
        let count = picks.len() as f32 + 1.0;
        let left = room_left(picks.iter().map(|&place| eligible[place]).collect(), candidates, room);
        let may_join = |&place: &usize| {
            let candidate = &candidates[eligible[place]];
            picks.is_empty() || picks.contains(&place) || (candidate.nodes <= left.nodes && candidate.trees <= left.trees)
        };
        let loss_with = |place: usize| {
            let mean: Vec<f32> = sum.iter().zip(&predictions[place]).map(|(sum, next)| (sum + next) / count).collect();
            (place, bench.loss(&mean))
        };
        let losses: Vec<(usize, f64)> = (0..eligible.len()).into_par_iter().filter(may_join).map(loss_with).collect();
        let Some((place, loss)) = losses.into_iter().reduce(|best, next| if next.1 < best.1 { next } else { best }) else { break };
        sum.iter_mut().zip(&predictions[place]).for_each(|(sum, next)| *sum += next);
        picks.push(place);
        if loss < best_loss {
            (best_loss, best_length) = (loss, picks.len());
        }
    }
    picks.truncate(best_length.max(1));
    let share = 1.0 / picks.len().max(1) as f64;
    let weight = |place: usize| picks.iter().filter(|&&pick| pick == place).count() as f64 * share;
    eligible.iter().enumerate().map(|(place, &position)| (position, weight(place))).filter(|(_, weight)| *weight > 0.0).collect()
}

fn room_left(mut distinct: Vec<usize>, candidates: &[Candidate], room: Room) -> Room {
    distinct.sort_unstable();
    distinct.dedup();
    let taken = |of: fn(&Candidate) -> usize| distinct.iter().map(|&position| of(&candidates[position])).sum::<usize>();
    Room {
        nodes: room.nodes.saturating_sub(taken(|candidate| candidate.nodes)),
        trees: room.trees.saturating_sub(taken(|candidate| candidate.trees)),
    }
}
