//! The parameters of a boosting run, by LightGBM's names.

use crate::boost::loss::Objective;

/// How trees are grown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Params {
    /// What they are fitted to.
    pub objective: Objective,
    /// Whether the trees do not know of each other and their mean counts, as in a random forest.
    pub forest: bool,
    /// Share of each tree's step that is taken.
    pub learning_rate: f64,
    /// The most leaves of a tree.
    pub num_leaves: usize,
    /// The fewest rows of a leaf.
    pub min_data_in_leaf: usize,
    /// The smallest sum of hessians of a leaf.
    pub min_child_weight: f64,
    /// L1 penalty on leaf values.
    pub lambda_l1: f64,
    /// L2 penalty on leaf values.
    pub lambda_l2: f64,
    /// Share of the features that a tree sees.
    pub feature_fraction: f64,
    /// Share of those features that a leaf sees.
    pub feature_fraction_bynode: f64,
    /// Share of the rows that a tree sees.
    pub bagging_fraction: f64,
    /// One random threshold per feature and leaf instead of the best.
    pub extra_trees: bool,
    /// Shrinks the statistics that categories are sorted by, and the fewest rows of a category that takes part.
    pub cat_smooth: f64,
    /// L2 penalty of categorical splits, beside `lambda_l2`.
    pub cat_l2: f64,
    /// The most categories on the listed side of a split.
    pub max_cat_threshold: usize,
    /// Whether features of many categories are cut in the order of their codes, and not by sets and target statistics.
    pub in_order: bool,
    /// The most rounds.
    pub max_rounds: usize,
    /// Rounds without improvement after which to stop.
    pub patience: usize,
}

impl Params {
    /// Whether chance has a part in how trees are grown.
    pub(crate) fn is_random(&self) -> bool {
        self.feature_fraction < 1.0 || self.feature_fraction_bynode < 1.0 || self.bagging_fraction < 1.0 || self.extra_trees
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            objective: Objective::Natural,
            forest: false,
            learning_rate: 0.1,
            num_leaves: 31,
            min_data_in_leaf: 20,
            min_child_weight: 1e-3,
            lambda_l1: 0.0,
            lambda_l2: 0.0,
            feature_fraction: 1.0,
            feature_fraction_bynode: 1.0,
            bagging_fraction: 1.0,
            extra_trees: false,
            cat_smooth: 10.0,
            cat_l2: 10.0,
            max_cat_threshold: 32,
            in_order: false,
            max_rounds: 2_000,
            patience: 50,
        }
    }
}
