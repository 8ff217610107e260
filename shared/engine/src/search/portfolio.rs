//! What is tried: a few configurations that do well on most tables, then variations of the best.

use domain::{Family, TrainingSettings};

use crate::{
    boost::{Params, loss::Objective},
    random::Random,
    search::{candidate::Config, ensemble::Room},
};

/// The most nodes of one candidate's trees, over all folds of a deal, and of a model's: what a file and a cold start can bear.
const MAX_NODES: usize = 250_000;
pub(super) const MODEL_NODES: usize = 2 * MAX_NODES;
/// Bytes of the model file for each node.
pub(super) const NODE_BYTES: f64 = 40.0;
/// Rounds that a configuration needs at the usual learning rate.
const USUAL_ROUNDS: usize = 200;
/// The most trees of a forest, for each output and fold; and how many it should have room for, with one output and with more.
const FOREST_TREES: usize = 150;
const FEWEST_FOREST_TREES: usize = 50;
const FEWEST_FOREST_TREES_OF_MANY: usize = 20;

/// Rows from which large trees are tried before strong regularisation.
const LARGE: usize = 5_000;
/// Rows beyond which neither forests nor small trees are worth their time, but very large trees are.
pub(super) const VERY_LARGE: usize = 60_000;

/// What the configurations depend on.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// Rows to learn from.
    pub rows: usize,
    /// Scores of a model.
    pub outputs: usize,
    /// Objectives that suit the target, the usual one first.
    pub objectives: Vec<Objective>,
    /// Families that may be tried.
    pub families: Vec<Family>,
    /// Whether some feature has many categories.
    pub many_categories: bool,
    /// How large one candidate may be.
    pub room: Room,
}

impl Shape {
    /// For so many rows and outputs, and no feature of many categories; `unavailable` are families that cannot do what is asked.
    pub(crate) fn new(
        rows: usize,
        outputs: usize,
        objectives: Vec<Objective>,
        settings: &TrainingSettings,
        unavailable: &[Family],
    ) -> Self {
        let asked = if settings.estimators.is_empty() { &Family::ALL[..] } else { &settings.estimators };
        let families = asked.iter().copied().filter(|family| !unavailable.contains(family)).collect();
        let in_bytes = settings.max_model_mb.map_or(MAX_NODES, |megabytes| (megabytes * 1e6 / NODE_BYTES / 2.0) as usize);
        let nodes = MAX_NODES.min(in_bytes.max(1));
        Self {
            rows,
            outputs,
            objectives,
            families,
            many_categories: false,
            room: Room { nodes, trees: settings.max_trees.map_or(usize::MAX, |trees| trees as usize) },
        }
    }

    fn allows(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    /// The configuration that is tried first, of a family that is allowed.
    pub(crate) fn first(&self) -> Option<Config> {
        let boosting = self.boosting();
        let config = if self.allows(Family::GradientBoosting) {
            Config::Trees(boosting)
        } else if self.allows(Family::ExtraTreesBoosting) {
            Config::Trees(Params { extra_trees: true, ..boosting })
        } else if self.allows(Family::RandomForest) {
            Config::Trees(self.forest(false))
        } else if self.allows(Family::ExtraTrees) {
            Config::Trees(self.forest(true))
        } else if self.allows(Family::Linear) {
            Config::Linear(1.0)
        } else {
            return None;
        };
        Some(self.bounded(&config, 1))
    }

    fn boosting(&self) -> Params {
        Params { min_data_in_leaf: (self.rows / 50).clamp(3, 20), ..Params::default() }
    }

    fn forest(&self, extra_trees: bool) -> Params {
        Params {
            objective: Objective::Shares,
            forest: true,
            extra_trees,
            learning_rate: 1.0,
            num_leaves: (self.rows / 3).clamp(16, 4_000),
            min_data_in_leaf: if self.outputs == 1 { 3 } else { 2 },
            min_child_weight: 0.0,
            feature_fraction_bynode: if extra_trees { 0.7 } else { 0.4 },
            bagging_fraction: if extra_trees { 1.0 } else { 0.65 },
            cat_smooth: 2.0,
            cat_l2: 1.0,
            ..Params::default()
        }
    }

    /// The others, the most promising first.
    pub(crate) fn portfolio(&self) -> Vec<Config> {
        let first = self.boosting();
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
        let trees = Config::Trees;
        // In order where that means something.
        let in_order = |params: &Params| Params { in_order: self.many_categories, ..params.clone() };
        let objectives = self.objectives.iter().skip(1).map(|&objective| Params { objective, ..slow.clone() });
        let mut all = Vec::new();
        if self.rows < LARGE {
            all.extend([Config::Linear(1.0), trees(regularised), trees(in_order(&slow)), trees(self.forest(true)), trees(random)]);
            if self.many_categories {
                all.insert(2, trees(slow.clone()));
            }
            all.extend(objectives.map(trees));
            all.extend([trees(self.forest(false)), trees(large), Config::Linear(30.0)]);
        } else {
            let is_very_large = self.rows > VERY_LARGE;
            if is_very_large {
                let leaves = |num_leaves: usize| Params { num_leaves, min_data_in_leaf: 30, ..large.clone() };
                all.extend([trees(in_order(&leaves(255))), trees(in_order(&leaves(767)))]);
            }
            all.extend([trees(in_order(&large)), trees(slow.clone())]);
            if self.many_categories {
                all.extend([trees(in_order(&slow)), trees(large)]);
            }
            all.extend(objectives.map(trees));
            all.extend([Config::Linear(1.0), trees(random)]);
            if !is_very_large {
                all.extend([trees(regularised), trees(self.forest(true)), trees(self.forest(false))]);
            }
        }
        all.retain(|config| self.allows(config.family()));
        all
    }

    /// A variation of a configuration of trees in about three of its parameters.
    pub(crate) fn mutation(&self, best: &Params, random: &mut Random) -> Params {
        let mut params = best.clone();
        let most_leaves = (self.rows / 10).clamp(8, if self.rows > VERY_LARGE { 2_047 } else { 255 }) as f64;
        let scaled = |value: f64, low: f64, high: f64, random: &mut Random| (value * random.log_uniform(0.4, 2.5)).clamp(low, high);
        for _ in 0..3 {
            match random.below(if params.forest { 5 } else { 9 } + usize::from(self.many_categories)) {
                0 => params.min_data_in_leaf = scaled(params.min_data_in_leaf as f64, 1.0, 200.0, random).round() as usize,
                1 if params.forest => params.num_leaves = scaled(params.num_leaves as f64, 16.0, 4_000.0, random) as usize,
                2 if params.forest => params.feature_fraction_bynode = 0.15 + 0.85 * random.unit(),
                1 => params.num_leaves = scaled(params.num_leaves as f64, 4.0, most_leaves, random).round() as usize,
                2 => params.feature_fraction = 0.3 + 0.7 * random.unit(),
                3 => params.bagging_fraction = 0.5 + 0.5 * random.unit(),
                4 => params.extra_trees = random.unit() < 0.3,
                5 if params.forest => params.in_order = !params.in_order,
                9 => params.in_order = !params.in_order,
                5 => params.learning_rate = scaled(params.learning_rate, 0.02, 0.3, random),
                6 => params.lambda_l2 = scaled(params.lambda_l2.max(0.01), 0.001, 100.0, random),
                7 => params.lambda_l1 = if random.unit() < 0.5 { 0.0 } else { random.log_uniform(0.01, 5.0) },
                _ => {
                    let objective = self.objectives.get(random.below(self.objectives.len()));
                    params.objective = objective.copied().unwrap_or(params.objective);
                }
            }
        }
        let family = Config::Trees(params.clone()).family();
        if self.allows(family) { params } else { Params { extra_trees: best.extra_trees, ..params } }
    }

    /// Whether models of a usual number of rounds may have so many folds.
    pub(crate) fn has_room_for(&self, folds: usize) -> bool {
        let trees = self.outputs * USUAL_ROUNDS * folds;
        let nodes = trees * (2 * Params::default().num_leaves.min(self.rows / 3) - 1);
        nodes <= self.room.nodes && trees <= self.room.trees
    }

    /// The same configuration with no more rounds than the size of the model allows, and steps and patience to match.
    pub(crate) fn bounded(&self, config: &Config, folds: usize) -> Config {
        let Config::Trees(params) = config else { return config.clone() };
        let trees = self.outputs * folds;
        let most_leaves = if params.forest {
            let fewest = if self.outputs == 1 { FEWEST_FOREST_TREES } else { FEWEST_FOREST_TREES_OF_MANY };
            (self.room.nodes / (trees * fewest).max(1) / 2).max(8)
        } else if self.outputs > 60 {
            15
        } else {
            usize::MAX
        };
        let num_leaves = params.num_leaves.min(most_leaves).max(2);
        let leaves = num_leaves.min(self.rows / params.min_data_in_leaf.max(1)).max(2);
        let affordable = (self.room.nodes / (trees * (2 * leaves - 1)).max(1)).min(self.room.trees / trees.max(1));
        if params.forest {
            return Config::Trees(Params { num_leaves, max_rounds: affordable.clamp(1, FOREST_TREES), ..params.clone() });
        }
        let max_rounds = affordable.clamp(1, 4_000);
        // A sum of n steps of size r gets about as far as n·r allows.
        let least_rate = (8.0 / max_rounds as f64).min(0.5);
        let learning_rate = params.learning_rate.max(least_rate);
        let patience = ((4.0 / learning_rate) as usize).clamp(20, 100);
        Config::Trees(Params { learning_rate, num_leaves, max_rounds, patience, ..params.clone() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(rows: usize, outputs: usize, settings: &TrainingSettings) -> Shape {
        Shape::new(rows, outputs, vec![Objective::Natural, Objective::Poisson], settings, &[])
    }

    proptest! {
        #[test]
        fn whatever_is_tried_stays_in_bounds(
            rows in 8_usize..1_000_000, outputs in 1_usize..1_000, folds in 1_usize..6, seed: u64, max_trees in 1_u32..5_000
        ) {
            let shape = shape(rows, outputs, &TrainingSettings { max_trees: Some(max_trees), ..TrainingSettings::default() });
            let mut random = Random::labelled(seed, 0);
            let mut tried: Vec<Config> = shape.portfolio().iter().map(|config| shape.bounded(config, folds)).collect();
            let mut params = shape.boosting();
            for _ in 0..20 {
                params = shape.mutation(&params, &mut random);
                tried.push(shape.bounded(&Config::Trees(params.clone()), folds));
            }
            for config in tried {
                let Config::Trees(params) = config else { continue };
                let trees = params.max_rounds * outputs * folds;
                let leaves = params.num_leaves.min(rows / params.min_data_in_leaf).max(2);
                prop_assert!(params.max_rounds == 1 || trees * (2 * leaves - 1) <= MAX_NODES);
                prop_assert!(params.max_rounds == 1 || trees <= max_trees as usize);
                prop_assert!(params.forest || (0.02..=0.5).contains(&params.learning_rate));
                prop_assert!(params.num_leaves >= 2 && params.min_data_in_leaf >= 1 && params.patience >= 20);
                prop_assert!((0.0..=1.0).contains(&params.feature_fraction) && (0.0..=1.0).contains(&params.bagging_fraction));
            }
        }

        #[test]
        fn only_families_that_are_asked_for_are_tried(seed: u64, asked in prop::sample::subsequence(Family::ALL.to_vec(), 1..4)) {
            let shape = shape(2_000, 1, &TrainingSettings { estimators: asked.clone(), ..TrainingSettings::default() });
            let mut random = Random::labelled(seed, 0);
            let first = shape.first().unwrap();
            prop_assert!(asked.contains(&first.family()));
            for config in shape.portfolio() {
                prop_assert!(asked.contains(&config.family()));
                if let Config::Trees(params) = config {
                    prop_assert!(asked.contains(&Config::Trees(shape.mutation(&params, &mut random)).family()));
                }
            }
        }
    }
}
