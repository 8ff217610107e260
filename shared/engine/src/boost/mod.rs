//! Histogram gradient boosting: trees that are added one after the other, each fitted to the gradient of the loss at the sum so far.
//!
//! Friedman, 2001, "Greedy function approximation"; the histogram and leaf-wise form is LightGBM's (Ke et al., 2017). A run learns from
//! some rows of a binned table and watches others, stops when the loss of the watched ones no longer falls or when time is up, and keeps
//! the trees up to the best round. The result depends on the seed alone, not on the number of threads: all sums are exact (`histogram`).

pub(crate) mod bins;
mod grow;
mod histogram;
pub(crate) mod loss;
mod params;
mod partition;
mod split;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use model::{Forest, Node, Tree};
use rayon::prelude::*;

pub(crate) use self::params::Params;
use self::{
    bins::{Binned, Cuts},
    grow::{Grower, Grown, GrownNode, Histogram},
    histogram::{Cell, Scale},
    loss::Scores,
    partition::Partition,
    split::Test,
};
use crate::{matrix::Target, random::Random};

/// The data of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Data<'a> {
    /// The features.
    pub binned: &'a Binned,
    /// One value per row, standardised if a number.
    pub target: &'a Target,
    /// The rows to learn from, ascending.
    pub learn: &'a [u32],
    /// The rows to watch; without any, all rounds are kept.
    pub watch: &'a [u32],
}

/// What a run gave.
#[derive(Debug, Clone)]
pub(crate) struct Boosted {
    /// The trees up to the best round.
    pub forest: Forest,
    /// Rounds that were kept.
    pub rounds: usize,
    /// Outputs for the watched rows, row-major.
    pub watched: Vec<f32>,
    /// The gain of each feature's splits.
    pub gains: Vec<f64>,
}

/// Boosts until the watched loss stops falling, the rounds are done, or `deadline`; the first round is always begun.
pub(crate) fn boost(data: Data<'_>, params: &Params, seed: u64, deadline: Instant) -> Boosted {
    let base = loss::base(data.target, data.learn);
    let mut scores: Scores = base.iter().map(|&start| vec![start; data.target.len()]).collect();
    let mut rounds: Vec<Vec<Grown>> = Vec::new();
    let mut best = Best { loss: f64::INFINITY, rounds: 0, scores: Vec::new() };
    let spare = Mutex::new(Vec::new());
    loop {
        let normalisers = loss::normalisers(data.target, &scores);
        if !data.watch.is_empty() {
            let loss = loss::mean_loss(data.target, data.watch, &scores, &normalisers);
            if loss < best.loss {
                best = Best { loss, rounds: rounds.len(), scores: select(&scores, data.watch) };
            }
        }
        let converged = !data.watch.is_empty() && rounds.len() >= best.rounds + params.patience;
        let late = !rounds.is_empty() && Instant::now() >= deadline;
        if converged || late || rounds.len() >= params.max_rounds {
            break;
        }
        let seed = Random::labelled(seed, rounds.len() as u64).bits();
        let round = Round { data, params, normalisers: &normalisers, seed, deadline, spare: &spare };
        let trees = round.grow(&mut scores, rounds.is_empty());
        let grew = trees.iter().any(|tree| tree.nodes.len() > 1);
        let sampled = params.feature_fraction < 1.0 || params.bagging_fraction < 1.0 || params.extra_trees;
        if !grew && !sampled {
            break;
        }
        rounds.push(trees);
    }
    if !data.watch.is_empty() {
        rounds.truncate(best.rounds);
    }
    finish(data, params, base, &rounds, &best.scores)
}

struct Best {
    loss: f64,
    rounds: usize,
    scores: Scores,
}

/// One tree for each output.
struct Round<'a> {
    data: Data<'a>,
    params: &'a Params,
    normalisers: &'a [f32],
    seed: u64,
    deadline: Instant,
    spare: &'a Mutex<Vec<Vec<Histogram>>>,
}

impl Round<'_> {
    /// Grows the trees and adds them to the scores; those that are due after the deadline stay empty unless they `must` grow.
    fn grow(&self, scores: &mut Scores, must: bool) -> Vec<Grown> {
        let (learn, watch) = self.sample();
        let trees = scores.par_iter_mut().enumerate().map(|(output, scores)| {
            if !must && Instant::now() >= self.deadline {
                return Grown::nothing();
            }
            let (cells, scale) = self.cells(output, scores, &learn);
            let (mut learned, mut watched) = (Partition::new(learn.clone()), Partition::new(watch.clone()));
            let mut spare = self.lock().pop().unwrap_or_default();
            let grower = Grower {
                binned: self.data.binned,
                params: self.params,
                cells: &cells,
                scale,
                seed: Random::labelled(self.seed, output as u64).bits(),
                deadline: self.deadline,
            };
            let tree = grower.grow(&mut learned, &mut watched, &mut spare);
            self.lock().push(spare);
            for leaf in &tree.leaves {
                let step = (leaf.value * self.params.learning_rate) as f32;
                let rows = learned.rows(&leaf.learned).iter().chain(watched.rows(&leaf.watched));
                rows.for_each(|&row| scores[row as usize] += step);
            }
            tree
        });
        trees.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Histogram>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows that this round learns from, and all others whose scores are needed.
    fn sample(&self) -> (Vec<u32>, Vec<u32>) {
        let mut watch = self.data.watch.to_vec();
        if self.params.bagging_fraction >= 1.0 {
            return (self.data.learn.to_vec(), watch);
        }
        let mut random = Random::labelled(self.seed, u64::MAX);
        let (learn, rest): (Vec<u32>, Vec<u32>) = self.data.learn.iter().partition(|_| random.unit() < self.params.bagging_fraction);
        watch.extend(rest);
        (learn, watch)
    }

    /// Scaled gradients and hessians by row; those of rows outside `learn` are 0.
    fn cells(&self, output: usize, scores: &[f32], learn: &[u32]) -> (Vec<Cell>, Scale) {
        let derivatives = |row: u32| {
            let row = row as usize;
            loss::derivatives(self.data.target, output, row, scores[row], self.normalisers.get(row))
        };
        let pairs: Vec<(f32, f32)> = learn.par_iter().with_min_len(4096).map(|&row| derivatives(row)).collect();
        let largest = pairs.iter().fold((0.0_f32, 0.0_f32), |(g, h), pair| (g.max(pair.0.abs()), h.max(pair.1)));
        let scale = Scale::new(learn.len(), largest.0, largest.1);
        let mut cells = vec![Cell::default(); scores.len()];
        for (&row, &(gradient, hessian)) in learn.iter().zip(&pairs) {
            cells[row as usize] = scale.cell(gradient, hessian);
        }
        (cells, scale)
    }
}

fn select(scores: &Scores, rows: &[u32]) -> Scores {
    scores.iter().map(|scores| rows.iter().map(|&row| scores[row as usize]).collect()).collect()
}

fn finish(data: Data<'_>, params: &Params, base: Vec<f32>, rounds: &[Vec<Grown>], watched: &Scores) -> Boosted {
    let mut gains = vec![0.0; data.binned.columns.len()];
    rounds.iter().flatten().flat_map(|tree| &tree.gains).for_each(|&(feature, gain)| gains[feature] += gain);
    let kept = rounds.len();
    let trees = rounds.iter().flat_map(|trees| (0..).zip(trees)).map(|(output, tree)| Tree {
        output,
        nodes: tree.nodes.iter().map(|node| exported(node, data.binned, params.learning_rate)).collect(),
    });
    let positions: Vec<u32> = (0..data.watch.len() as u32).collect();
    let watched = if watched.is_empty() { Vec::new() } else { loss::outputs(data.target, &positions, watched) };
    Boosted { forest: Forest { base, trees: trees.collect() }, rounds: kept, watched, gains }
}

fn exported(node: &GrownNode, binned: &Binned, learning_rate: f64) -> Node {
    match node {
        GrownNode::Leaf(value) => Node::Leaf { value: (value * learning_rate) as f32 },
        GrownNode::Inner { feature, test, left, right } => {
            let (feature_number, left, right) = (*feature as u32, *left, *right);
            match (test, &binned.columns[*feature].cuts) {
                (Test::AtMost { bin, missing_left }, Cuts::Numeric { thresholds, .. }) => {
                    Node::Threshold { feature: feature_number, threshold: thresholds[*bin], missing_left: *missing_left, left, right }
                }
                (Test::AtMost { bin, .. }, Cuts::Categorical { .. }) => {
                    Node::InSet { feature: feature_number, codes: (0..=*bin as u32).collect(), left, right }
                }
                (Test::OneOf(codes), _) => {
                    Node::InSet { feature: feature_number, codes: codes.iter().map(|&code| u32::from(code)).collect(), left, right }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::matrix::{Column, Matrix};

    const LABELS: u32 = 3;

    fn later() -> Instant {
        Instant::now() + Duration::from_mins(10)
    }

    fn all(rows: usize) -> Vec<u32> {
        (0..rows as u32).collect()
    }

    /// Rows of (number, code, label) with missing and infinite numbers.
    fn rows() -> impl Strategy<Value = Vec<(f32, u16, u32)>> {
        let number = prop_oneof![8 => -9_i8..9, 1 => Just(100), 1 => Just(101), 1 => Just(-100)].prop_map(|value| match value {
            100 => f32::NAN,
            101 => f32::INFINITY,
            -100 => f32::NEG_INFINITY,
            value => f32::from(value) / 3.0,
        });
        prop::collection::vec((number, 0_u16..7, 0..LABELS), 20..200)
    }

    fn table(rows: &[(f32, u16, u32)]) -> (Matrix, Target) {
        let matrix = Matrix {
            columns: vec![
                Column::Numbers(rows.iter().map(|row| row.0).collect()),
                Column::Codes { codes: rows.iter().map(|row| row.1).collect(), count: 7 },
            ],
        };
        (matrix, Target::Classes { classes: rows.iter().map(|row| row.2).collect(), count: LABELS as usize })
    }

    fn leaf_of(nodes: &[Node], matrix: &Matrix, row: usize) -> f32 {
        let mut position = 0;
        loop {
            let (goes_left, left, right) = match &nodes[position] {
                Node::Leaf { value } => return *value,
                Node::Threshold { feature, threshold, missing_left, left, right } => {
                    let Column::Numbers(values) = &matrix.columns[*feature as usize] else { panic!("a threshold on codes") };
                    let value = values[row];
                    (if value.is_nan() { *missing_left } else { value <= *threshold }, left, right)
                }
                Node::InSet { feature, codes, left, right } => {
                    let Column::Codes { codes: values, .. } = &matrix.columns[*feature as usize] else { panic!("a set of numbers") };
                    (codes.contains(&u32::from(values[row])), left, right)
                }
            };
            position = if goes_left { *left } else { *right } as usize;
        }
    }

    /// Outputs of a forest for all rows.
    fn outputs_of(forest: &Forest, matrix: &Matrix, target: &Target) -> Vec<f32> {
        let mut scores: Scores = forest.base.iter().map(|&base| vec![base; target.len()]).collect();
        for tree in &forest.trees {
            (0..target.len()).for_each(|row| scores[tree.output as usize][row] += leaf_of(&tree.nodes, matrix, row));
        }
        loss::outputs(target, &all(target.len()), &scores)
    }

    fn small() -> Params {
        Params { min_data_in_leaf: 3, cat_smooth: 1.0, max_rounds: 5, ..Params::default() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_exported_tree_sends_each_row_where_training_put_it(rows in rows(), extra_trees: bool) {
            let (matrix, target) = table(&rows);
            let binned = Binned::new(&matrix);
            let (learn, watch): (Vec<u32>, Vec<u32>) = all(rows.len()).into_iter().partition(|row| row % 4 != 0);
            let params = Params { extra_trees, ..small() };
            let scale = Scale::new(learn.len(), 1.0, 1.0);
            let cells: Vec<Cell> = rows.iter().map(|row| scale.cell(row.2 as f32 - 1.0, 1.0)).collect();
            let grower = Grower { binned: &binned, params: &params, cells: &cells, scale, seed: 1, deadline: later() };
            let (mut learned, mut watched) = (Partition::new(learn.clone()), Partition::new(watch.clone()));
            let tree = grower.grow(&mut learned, &mut watched, &mut Vec::new());
            let nodes: Vec<Node> = tree.nodes.iter().map(|node| exported(node, &binned, 1.0)).collect();

            let (mut seen, mut sizes) = (Vec::new(), 0);
            for leaf in &tree.leaves {
                let members = learned.rows(&leaf.learned);
                prop_assert!(tree.leaves.len() == 1 || members.len() >= params.min_data_in_leaf);
                sizes += members.len();
                for &row in members.iter().chain(watched.rows(&leaf.watched)) {
                    prop_assert_eq!(leaf_of(&nodes, &matrix, row as usize).to_bits(), (leaf.value as f32).to_bits());
                    seen.push(row);
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(sizes, learn.len());
            prop_assert_eq!(seen, all(rows.len()));
            prop_assert_eq!(target.len(), rows.len());
        }

        #[test]
        fn the_order_of_rows_does_not_matter(rows in rows(), seed: u64) {
            let mut shuffled: Vec<usize> = (0..rows.len()).collect();
            Random::labelled(seed, 0).shuffle(&mut shuffled);
            let outputs = |rows: &[(f32, u16, u32)]| {
                let (matrix, target) = table(rows);
                let binned = Binned::new(&matrix);
                let data = Data { binned: &binned, target: &target, learn: &all(rows.len()), watch: &[] };
                outputs_of(&boost(data, &small(), 1, later()).forest, &matrix, &target)
            };
            let direct = outputs(&rows);
            let through: Vec<(f32, u16, u32)> = shuffled.iter().map(|&row| rows[row]).collect();
            for (position, chunk) in outputs(&through).chunks(LABELS as usize).enumerate() {
                let row = shuffled[position] * LABELS as usize;
                for (a, b) in chunk.iter().zip(&direct[row..]) {
                    prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
                }
            }
        }

        #[test]
        fn the_watched_outputs_are_those_of_the_exported_forest(rows in rows(), bagging_fraction in 0.5..1.0) {
            let (matrix, target) = table(&rows);
            let binned = Binned::new(&matrix);
            let (learn, watch): (Vec<u32>, Vec<u32>) = all(rows.len()).into_iter().partition(|row| row % 3 != 0);
            let data = Data { binned: &binned, target: &target, learn: &learn, watch: &watch };
            let boosted = boost(data, &Params { bagging_fraction, ..small() }, 1, later());
            let outputs = outputs_of(&boosted.forest, &matrix, &target);
            for (position, &row) in watch.iter().enumerate() {
                for label in 0..LABELS as usize {
                    let watched = boosted.watched[position * LABELS as usize + label];
                    prop_assert!((watched - outputs[row as usize * LABELS as usize + label]).abs() < 1e-5);
                }
            }
        }
    }

    /// 4,000 rows, 12 numbers, enough for threads to share the work.
    fn wide() -> (Matrix, Target) {
        let mut random = Random::labelled(3, 0);
        let columns: Vec<Vec<f32>> = (0..12).map(|_| (0..4_000).map(|_| random.unit() as f32).collect()).collect();
        let classes = (0..4_000).map(|row| u32::from(columns[0][row] + columns[1][row] * columns[2][row] > 0.8)).collect();
        (Matrix { columns: columns.into_iter().map(Column::Numbers).collect() }, Target::Classes { classes, count: 2 })
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (matrix, target) = wide();
        let binned = Binned::new(&matrix);
        let params = Params { max_rounds: 10, bagging_fraction: 0.7, feature_fraction: 0.7, ..Params::default() };
        let forest = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let data = Data { binned: &binned, target: &target, learn: &all(4_000), watch: &[] };
            pool.install(|| boost(data, &params, 9, later()).forest)
        };
        assert_eq!(forest(1), forest(2));
    }

    #[test]
    fn more_rounds_fit_better_and_stop_when_the_watched_loss_does() {
        let (matrix, target) = wide();
        let binned = Binned::new(&matrix);
        let (learn, watch): (Vec<u32>, Vec<u32>) = all(4_000).into_iter().partition(|row| row % 4 != 0);
        let data = Data { binned: &binned, target: &target, learn: &learn, watch: &watch };
        let boosted = boost(data, &Params { max_rounds: 1_000, patience: 10, ..Params::default() }, 1, later());
        assert!((10..1_000).contains(&boosted.rounds), "{}", boosted.rounds);
        assert_eq!(boosted.forest.trees.len(), boosted.rounds);
        let wrong = boosted.watched.chunks(2).zip(&watch).filter(|(p, row)| {
            let Target::Classes { classes, .. } = &target else { panic!("labels") };
            (p[1] > 0.5) != (classes[**row as usize] == 1)
        });
        assert!(wrong.count() < 40);
        assert!(boosted.gains[0] > boosted.gains[5]);
    }

    #[test]
    fn a_deadline_that_is_over_still_gives_a_tree() {
        let (matrix, target) = wide();
        let binned = Binned::new(&matrix);
        let data = Data { binned: &binned, target: &target, learn: &all(4_000), watch: &[] };
        let boosted = boost(data, &Params::default(), 1, Instant::now());
        assert_eq!(boosted.rounds, 1);
        assert_eq!(boosted.forest.trees[0].nodes.len(), 3, "a root and two leaves");
    }
}
