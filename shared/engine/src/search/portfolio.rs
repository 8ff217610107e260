//! What is tried: a few configurations that do well on most tables, then variations of the best.

use crate::{boost::Params, random::Random, search::candidate::Config};

/// The most nodes of one candidate's trees, over all folds, for each row that is learned from, and at all: what a model file and a
/// cold start can bear.
const NODES_PER_ROW: usize = 150;
const MAX_NODES: usize = 250_000;
const FEWEST_NODES: usize = 80_000;
/// Rounds that a configuration needs at the usual learning rate.
const USUAL_ROUNDS: usize = 200;

/// Rows from which large trees are tried before strong regularisation.
const LARGE: usize = 5_000;

/// What the configurations depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Rows to learn from.
    pub rows: usize,
    /// Scores of a model.
    pub outputs: usize,
}

impl Shape {
    /// The configuration that is tried first.
    pub(crate) fn first(self) -> Params {
        let min_data_in_leaf = (self.rows / 50).clamp(3, 20);
        self.bounded(&Params { min_data_in_leaf, ..Params::default() }, 1)
    }

    /// The others, the most promising first.
    pub(crate) fn portfolio(self) -> Vec<Config> {
        let first = self.first();
        let regularised = Params {
            learning_rate: 0.05,
            num_leaves: 8,
            min_data_in_leaf: first.min_data_in_leaf / 2,
            lambda_l2: 5.0,
            feature_fraction: 0.6,
            bagging_fraction: 0.8,
            ..first
        };
        let random = Params { num_leaves: 63, feature_fraction: 0.7, extra_trees: true, ..first };
        let large = Params {
            learning_rate: 0.07,
            num_leaves: 127,
            min_data_in_leaf: first.min_data_in_leaf / 2,
            lambda_l2: 3.0,
            feature_fraction: 0.5,
            bagging_fraction: 0.9,
            ..first
        };
        let slow = Params { learning_rate: 0.04, feature_fraction: 0.7, bagging_fraction: 0.8, ..first };
        let trees = Config::Boosting;
        if self.rows < LARGE {
            vec![Config::Linear(1.0), trees(regularised), trees(slow), trees(random), trees(large), Config::Linear(30.0)]
        } else {
            vec![trees(large), trees(slow), Config::Linear(1.0), trees(random), trees(regularised)]
        }
    }

    /// A variation of a boosting configuration in about three of its parameters.
    pub(crate) fn mutation(self, best: &Params, random: &mut Random) -> Params {
        let mut params = best.clone();
        let most_leaves = (self.rows / 10).clamp(8, 255) as f64;
        let scaled = |value: f64, low: f64, high: f64, random: &mut Random| (value * random.log_uniform(0.4, 2.5)).clamp(low, high);
        for _ in 0..3 {
            match random.below(8) {
                0 => params.learning_rate = scaled(params.learning_rate, 0.02, 0.3, random),
                1 => params.num_leaves = scaled(params.num_leaves as f64, 4.0, most_leaves, random).round() as usize,
                2 => params.min_data_in_leaf = scaled(params.min_data_in_leaf as f64, 1.0, 200.0, random).round() as usize,
                3 => params.lambda_l2 = scaled(params.lambda_l2.max(0.01), 0.001, 100.0, random),
                4 => params.feature_fraction = 0.3 + 0.7 * random.unit(),
                5 => params.bagging_fraction = 0.5 + 0.5 * random.unit(),
                6 => params.lambda_l1 = if random.unit() < 0.5 { 0.0 } else { random.log_uniform(0.01, 5.0) },
                _ => params.extra_trees = random.unit() < 0.3,
            }
        }
        params
    }

    /// The most nodes of one candidate's trees.
    pub(crate) fn most_nodes(self) -> usize {
        (NODES_PER_ROW * self.rows).clamp(FEWEST_NODES, MAX_NODES)
    }

    /// The number of folds, of `folds`, that models of a usual number of rounds may have.
    pub(crate) fn affordable_folds(self, folds: usize) -> usize {
        let nodes = self.outputs * (2 * Params::default().num_leaves - 1) * USUAL_ROUNDS;
        (MAX_NODES / nodes.max(1)).clamp(1, folds.max(1))
    }

    /// The same parameters with no more rounds than the size of the model allows, and steps and patience to match.
    pub(crate) fn bounded(self, params: &Params, folds: usize) -> Params {
        let num_leaves = if self.outputs > 60 { params.num_leaves.min(15) } else { params.num_leaves };
        let leaves = num_leaves.min(self.rows / params.min_data_in_leaf.max(1)).max(2);
        let affordable = self.most_nodes() / (self.outputs * (2 * leaves - 1) * folds).max(1);
        let max_rounds = affordable.clamp(1, 4_000);
        // A sum of n steps of size r gets about as far as n·r allows.
        let least_rate = (8.0 / max_rounds as f64).min(0.5);
        let learning_rate = params.learning_rate.max(least_rate);
        let patience = ((4.0 / learning_rate) as usize).clamp(20, 100);
        Params { learning_rate, num_leaves, max_rounds, patience, ..params.clone() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_tried_stays_in_bounds(rows in 8_usize..1_000_000, outputs in 1_usize..1_000, folds in 1_usize..6, seed: u64) {
            let shape = Shape { rows, outputs };
            let mut random = Random::labelled(seed, 0);
            let mut params = shape.first();
            for _ in 0..20 {
                params = shape.bounded(&shape.mutation(&params, &mut random), folds);
                let trees = params.max_rounds * outputs * folds;
                prop_assert!(params.max_rounds == 1 || trees * (2 * params.num_leaves.min(rows) - 1) <= 2 * MAX_NODES);
                prop_assert!((0.02..=0.5).contains(&params.learning_rate));
                prop_assert!(params.num_leaves >= 2 && params.min_data_in_leaf >= 1 && params.patience >= 20);
                prop_assert!((0.0..=1.0).contains(&params.feature_fraction) && (0.0..=1.0).contains(&params.bagging_fraction));
            }
        }
    }
}
