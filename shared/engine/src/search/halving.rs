//! Successive halving on rows: of many configurations, each learns from a few of the rows, the better ones from more, and only the best from
//! all. Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (2016).

use rayon::prelude::*;

use super::{
    candidate::{Bench, Candidate, Config, Fold, Problem},
    portfolio::VERY_LARGE,
};
use crate::{clock::Deadline, random::Random, split::Split};

/// One in so many rows is learned from, stage after stage.
const PARTS: [usize; 2] = [16, 4];
/// Configurations of the first stage for each one that learns from all rows.
pub(super) const ENTRANTS: usize = 4;
/// The most rows that a stage judges.
const JUDGED_ROWS: usize = 20_000;

/// What the configurations of a stage learn from and are judged by.
pub(super) struct Stage {
    folds: [Fold; 1],
    bench: Bench,
}

/// The stages before all rows of a split; none where there are not very many rows.
pub(super) fn stages(problem: &Problem, split: &Split, seed: u64) -> Vec<Stage> {
    if split.learn.len() <= VERY_LARGE {
        return Vec::new();
    }
    let stage = |part: &usize| {
        let watch = some(&split.watch, split.watch.len().div_ceil(JUDGED_ROWS), seed);
        let bench = Bench::new(problem, &watch);
        let split = Split { learn: some(&split.learn, *part, seed.wrapping_add(1)), watch };
        Stage { folds: [Fold::new(problem, split, seed)], bench }
    };
    PARTS.iter().map(stage).collect()
}

/// The `most` configurations that do best on parts of the rows, the best first.
pub(super) fn best_of(
    problem: &Problem,
    stages: &[Stage],
    mut configs: Vec<Config>,
    most: usize,
    seed: u64,
    end: &Deadline,
) -> Vec<Config> {
    for (number, Stage { folds, bench }) in stages.iter().enumerate() {
        let fit = |config: Config| {
            let candidate = Candidate::fit(problem, config.clone(), folds, bench, Vec::new(), seed, end)?;
            Some((candidate.loss, config))
        };
        let mut judged: Vec<(f64, Config)> = configs.into_par_iter().filter_map(fit).collect();
        judged.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let ahead = stages.len() - 1 - number;
        judged.truncate(most << ahead);
        configs = judged.into_iter().map(|(_, config)| config).collect();
    }
    configs.truncate(most);
    configs
}

/// One in `part` rows at random, in their order.
fn some(rows: &[u32], part: usize, seed: u64) -> Vec<u32> {
    let mut random = Random::labelled(seed, part as u64);
    rows.chunks(part.max(1)).filter_map(|chunk| chunk.get(random.below(chunk.len())).copied()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::Metric;

    use super::*;
    use crate::{
        boost::Params,
        matrix::{Column, Matrix, Target},
    };

    #[test]
    fn what_does_best_on_parts_of_the_rows_goes_on() {
        let rows = 2 * VERY_LARGE;
        let mut random = Random::labelled(1, 0);
        let mut numbers = || (0..rows).map(|_| random.unit() as f32).collect::<Vec<f32>>();
        let (one, other) = (numbers(), numbers());
        let target = one.iter().zip(&other).map(|(one, other)| f64::from(one * other)).collect();
        let matrix = Matrix { columns: vec![Column::Numbers(one), Column::Numbers(other)], for_trees: vec![true; 2] };
        let problem = Problem::new(matrix, Target::Numbers(target), (0..rows as u32).collect(), Metric::Rmse);
        let split = Split { learn: (0..rows as u32 / 4 * 3).collect(), watch: (rows as u32 / 4 * 3..rows as u32).collect() };
        let few = Split { learn: split.learn.iter().copied().take(VERY_LARGE).collect(), watch: split.watch.clone() };
        assert!(stages(&problem, &few, 1).is_empty());

        let config = |num_leaves| Config::Trees(Params { num_leaves, max_rounds: 20, ..Params::default() });
        let configs = [2, 31, 3, 4].map(config).to_vec();
        let end = Deadline::after(Duration::from_mins(10));
        assert_eq!(best_of(&problem, &stages(&problem, &split, 1), configs, 2, 1, &end), [config(31), config(4)]);
    }
}
