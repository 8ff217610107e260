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

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Codes, Forest, Node, Tree};
use rayon::prelude::*;

pub(crate) use self::params::Params;
use self::{
    bins::{Binned, Cuts},
    grow::{Grower, Grown, GrownNode},
    histogram::{Cell, Scale},
    loss::{Loss, Scores},
    partition::Partition,
    split::Test,
};
use crate::{clock::Deadline, random::Random};

/// Rows whose derivatives one thread computes at a time.
const ROWS_AT_ONCE: usize = 8_192;

/// The data of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Data<'a> {
    /// The inputs.
    pub binned: &'a Binned,
    /// What is fitted.
    pub loss: Loss<'a>,
    /// The rows to learn from, ascending.
    pub learn: &'a [u32],
    /// The rows to watch; without any, all rounds are kept.
    pub watch: &'a [u32],
    /// By input, the sign by which the score must follow it; none when empty.
    pub monotone: &'a [i8],
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
    /// The gain of each input's splits.
    pub gains: Vec<f64>,
}

/// Boosts until the watched loss stops falling, the rounds are done, or `deadline`; the first round is always begun.
pub(crate) fn boost(data: Data<'_>, params: &Params, seed: u64, deadline: &Deadline) -> Boosted {
    if params.forest {
        return mean_of_trees(data, params, seed, deadline);
    }
    let base = data.loss.base(data.learn);
    let mut scores: Scores = base.iter().map(|&start| vec![start; data.loss.target.len()]).collect();
    let mut rounds: Vec<Vec<Grown>> = Vec::new();
    let mut best = Best { loss: f64::INFINITY, rounds: 0, scores: Vec::new() };
    let spare = Mutex::new(Vec::new());
    loop {
        let normalisers = data.loss.normalisers(&scores);
        if !data.watch.is_empty() {
            let loss = data.loss.mean_loss(data.watch, &scores, &normalisers);
            if loss < best.loss {
                best = Best { loss, rounds: rounds.len(), scores: select(&scores, data.watch) };
            }
        }
        let converged = !data.watch.is_empty() && rounds.len() >= best.rounds + params.patience;
        let late = !rounds.is_empty() && deadline.passed();
        if converged || late || rounds.len() >= params.max_rounds {
            break;
        }
        let seed = Random::labelled(seed, rounds.len() as u64).bits();
        let round = Round { data, params, normalisers: &normalisers, seed, deadline, spare: &spare };
        let trees = round.grow(&mut scores, rounds.is_empty());
        let grew = trees.iter().any(|tree| tree.nodes.len() > 1);
        if !grew && !params.is_random() {
            break;
        }
        rounds.push(trees);
    }
    if !data.watch.is_empty() {
        rounds.truncate(best.rounds);
    }
    finish(data, params.learning_rate, base, &rounds, &best.scores)
}

/// A forest: every tree is fitted to what the start score leaves, on rows and inputs of its own, and the mean of the trees counts
/// (Breiman, 2001, "Random forests"; Geurts et al., 2006, "Extremely randomized trees").
fn mean_of_trees(data: Data<'_>, params: &Params, seed: u64, deadline: &Deadline) -> Boosted {
    let base = data.loss.base(data.learn);
    let start: Scores = base.iter().map(|&start| vec![start; data.loss.target.len()]).collect();
    let mut sums = start.clone();
    let spare = Mutex::new(Vec::new());
    let mut rounds: Vec<Vec<Grown>> = Vec::new();
    let params = &Params { learning_rate: 1.0, ..params.clone() };
    while rounds.len() < params.max_rounds && (rounds.is_empty() || !deadline.passed()) {
        let seed = Random::labelled(seed, rounds.len() as u64).bits();
        let round = Round { data, params, normalisers: &[], seed, deadline, spare: &spare };
        let mut scores = start.clone();
        rounds.push(round.grow(&mut scores, rounds.is_empty()));
        for ((sums, scores), start) in sums.iter_mut().zip(&scores).zip(&base) {
            data.watch.iter().for_each(|&row| sums[row as usize] += scores[row as usize] - start);
        }
    }
    let share = 1.0 / rounds.len().max(1) as f64;
    let mean = |(sums, start): (&Vec<f32>, &f32)| {
        data.watch.iter().map(|&row| start + (sums[row as usize] - start) * share as f32).collect::<Vec<f32>>()
    };
    let watched: Scores = sums.iter().zip(&base).map(mean).collect();
    finish(data, share, base, &rounds, &watched)
}

struct Best {
    loss: f64,
    rounds: usize,
    scores: Scores,
}

/// What one tree leaves to the next, so that it need not be made again.
#[derive(Debug, Default)]
struct Spare {
    pairs: Vec<(f32, f32)>,
    cells: Vec<Cell>,
    grower: grow::Spare,
}

/// One tree for each output.
struct Round<'a> {
    data: Data<'a>,
    params: &'a Params,
    normalisers: &'a [f32],
    seed: u64,
    deadline: &'a Deadline,
    spare: &'a Mutex<Vec<Spare>>,
}

impl Round<'_> {
    /// Grows the trees and adds them to the scores; those that are due after the deadline stay empty unless they `must` grow.
    fn grow(&self, scores: &mut Scores, must: bool) -> Vec<Grown> {
        let (learn, watch) = self.sample();
        let trees = scores.par_iter_mut().enumerate().map(|(output, scores)| {
            if !must && self.deadline.passed() {
                return Grown::nothing();
            }
            let mut spare = self.lock().pop().unwrap_or_default();
            let scale = self.cells(output, scores, &learn, &mut spare);
            let (mut learned, mut watched) = (Partition::new(learn.clone()), Partition::new(watch.clone()));
            let grower = Grower {
                binned: self.data.binned,
                params: self.params,
                cells: &spare.cells,
                scale,
                monotone: self.data.monotone,
                seed: Random::labelled(self.seed, output as u64).bits(),
                deadline: self.deadline,
            };
            let mut tree = grower.grow(&mut learned, &mut watched, &mut spare.grower);
            self.lock().push(spare);
            for position in 0..tree.leaves.len() {
                if let Some(value) = self.data.loss.leaf_value(learned.rows(&tree.leaves[position].learned), scores) {
                    tree.set_value(position, value);
                }
            }
            for leaf in &tree.leaves {
                let step = (leaf.value * self.params.learning_rate) as f32;
                let rows = learned.rows(&leaf.learned).iter().chain(watched.rows(&leaf.watched));
                rows.for_each(|&row| scores[row as usize] += step);
            }
            tree
        });
        trees.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Spare>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows that this round learns from, and all others whose scores are needed.
    fn sample(&self) -> (Vec<u32>, Vec<u32>) {
        let mut watch = self.data.watch.to_vec();
        if self.params.bagging_fraction >= 1.0 {
            return (self.data.learn.to_vec(), watch);
        }
        let mut random = Random::labelled(self.seed, u64::MAX);
        let (mut learn, mut rest) = (vec![0; self.data.learn.len()], vec![0; self.data.learn.len()]);
        let (mut learned, mut left) = (0, 0);
        for &row in self.data.learn {
            let is_learned = usize::from(random.unit() < self.params.bagging_fraction);
            (learn[learned], rest[left]) = (row, row);
            (learned, left) = (learned + is_learned, left + 1 - is_learned);
        }
        learn.truncate(learned);
        if !self.params.forest {
            watch.extend_from_slice(&rest[..left]);
        }
        (learn, watch)
    }

    /// Scaled gradients and hessians by row, into `cells`; those of rows outside `learn` mean nothing.
    fn cells(&self, output: usize, scores: &[f32], learn: &[u32], spare: &mut Spare) -> Scale {
        let Spare { pairs, cells, .. } = spare;
        pairs.resize(learn.len(), (0.0, 0.0));
        cells.resize(scores.len(), Cell::default());
        let chunks = pairs.par_chunks_mut(ROWS_AT_ONCE).zip(learn.par_chunks(ROWS_AT_ONCE));
        let largest = chunks.map(|(pairs, rows)| {
            self.data.loss.derivatives(output, rows, scores, self.normalisers, pairs);
            pairs.iter().fold((0.0_f32, 0.0_f32), |(g, h), pair| (g.max(pair.0.abs()), h.max(pair.1)))
        });
        let (gradient, hessian) = largest.reduce(|| (0.0, 0.0), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        let scale = Scale::new(learn.len(), gradient, hessian);
        if learn.len() == cells.len() {
            let chunks = cells.par_chunks_mut(ROWS_AT_ONCE).zip(pairs.par_chunks(ROWS_AT_ONCE));
            chunks.for_each(|(cells, pairs)| {
                cells.iter_mut().zip(pairs).for_each(|(cell, &(gradient, hessian))| *cell = scale.cell(gradient, hessian));
            });
        } else {
            for (&row, &(gradient, hessian)) in learn.iter().zip(&*pairs) {
                cells[row as usize] = scale.cell(gradient, hessian);
            }
        }
        scale
    }
}

fn select(scores: &Scores, rows: &[u32]) -> Scores {
    scores.iter().map(|scores| rows.iter().map(|&row| scores[row as usize]).collect()).collect()
}

fn finish(data: Data<'_>, step: f64, base: Vec<f32>, rounds: &[Vec<Grown>], watched: &Scores) -> Boosted {
    let mut gains = vec![0.0; data.binned.columns.len()];
    rounds.iter().flatten().flat_map(|tree| &tree.gains).for_each(|&(feature, gain)| gains[feature] += gain);
    let kept = rounds.len();
    let trees = rounds.iter().flat_map(|trees| (0..).zip(trees)).map(|(output, tree)| Tree {
        output,
        nodes: tree.nodes.iter().map(|node| exported(node, data.binned, step)).collect(),
        covers: tree.covers(),
    });
    let forest = Forest { base, trees: trees.collect() };
    Boosted { forest, rounds: kept, watched: data.loss.member_outputs(watched), gains }
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
                    Node::InSet { feature: feature_number, codes: Codes::of((0..=*bin as u32).collect()), left, right }
                }
                (Test::OneOf(codes), _) => Node::InSet {
                    feature: feature_number,
                    codes: Codes::of(codes.iter().map(|&code| u32::from(code)).collect()),
                    left,
                    right,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        boost::loss::Objective,
        matrix::{Column, Matrix, Target},
    };

    const LABELS: u32 = 3;

    fn later() -> Deadline {
        Deadline::after(Duration::from_mins(10))
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
            for_trees: vec![true; 2],
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
        natural(target).member_outputs(&scores)
    }

    fn natural(target: &Target) -> Loss<'_> {
        Loss::new(Objective::Natural, target, None, 0.0)
    }

    fn data<'a>(binned: &'a Binned, target: &'a Target, learn: &'a [u32], watch: &'a [u32]) -> Data<'a> {
        Data { binned, loss: natural(target), learn, watch, monotone: &[] }
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
            let grower = Grower { binned: &binned, params: &params, cells: &cells, scale, monotone: &[], seed: 1, deadline: &later() };
            let (mut learned, mut watched) = (Partition::new(learn.clone()), Partition::new(watch.clone()));
            let tree = grower.grow(&mut learned, &mut watched, &mut grow::Spare::default());
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
            prop_assert_eq!(tree.covers()[0], learn.len() as f32);
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
                let learn = all(rows.len());
                let data = data(&binned, &target, &learn, &[]);
                outputs_of(&boost(data, &small(), 1, &later()).forest, &matrix, &target)
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
            let data = data(&binned, &target, &learn, &watch);
            let boosted = boost(data, &Params { bagging_fraction, ..small() }, 1, &later());
            let outputs = outputs_of(&boosted.forest, &matrix, &target);
            for (position, &row) in watch.iter().enumerate() {
                for label in 0..LABELS as usize {
                    let watched = boosted.watched[position * LABELS as usize + label];
                    prop_assert!((watched - outputs[row as usize * LABELS as usize + label]).abs() < 1e-5);
                }
            }
        }
    }

    /// Rows of 12 numbers; 4,000 are enough for threads to share the features of a leaf.
    fn wide(rows: u32) -> (Matrix, Target) {
        let mut random = Random::labelled(3, 0);
        let columns: Vec<Vec<f32>> = (0..12).map(|_| (0..rows).map(|_| random.unit() as f32).collect()).collect();
        let classes = (0..rows as usize).map(|row| u32::from(columns[0][row] + columns[1][row] * columns[2][row] > 0.8)).collect();
        (
            Matrix { for_trees: vec![true; 12], columns: columns.into_iter().map(Column::Numbers).collect() },
            Target::Classes { classes, count: 2 },
        )
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        /// Enough for threads to share the rows of the largest leaves, too.
        const ROWS: u32 = 3 * grow::SHARED_ROWS as u32;
        let (matrix, target) = wide(ROWS);
        let binned = Binned::new(&matrix);
        let params = Params { max_rounds: 10, bagging_fraction: 0.7, feature_fraction: 0.7, ..Params::default() };
        let forest = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let learn = all(ROWS as usize);
            let data = data(&binned, &target, &learn, &[]);
            pool.install(|| boost(data, &params, 9, &later()).forest)
        };
        assert_eq!(forest(1), forest(2));
    }

    #[test]
    fn more_rounds_fit_better_and_stop_when_the_watched_loss_does() {
        let (matrix, target) = wide(4_000);
        let binned = Binned::new(&matrix);
        let (learn, watch): (Vec<u32>, Vec<u32>) = all(4_000).into_iter().partition(|row| row % 4 != 0);
        let data = data(&binned, &target, &learn, &watch);
        let boosted = boost(data, &Params { max_rounds: 1_000, patience: 10, ..Params::default() }, 1, &later());
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
        let (matrix, target) = wide(4_000);
        let binned = Binned::new(&matrix);
        let learn = all(4_000);
        let data = data(&binned, &target, &learn, &[]);
        let boosted = boost(data, &Params::default(), 1, &Deadline::after(Duration::ZERO));
        assert_eq!(boosted.rounds, 1);
        assert_eq!(boosted.forest.trees[0].nodes.len(), 3, "a root and two leaves");
    }

    #[test]
    fn each_objective_finds_what_it_looks_for() {
        // The middle of each group's values, or their mean: group 0 has 0 0 0 8, group 1 has 4 4 4 4.
        let (codes, values): (Vec<u16>, Vec<f64>) =
            (0..400).map(|row| if row % 2 == 0 { (0, f64::from(u8::from(row % 8 == 0)) * 8.0) } else { (1, 4.0) }).unzip();
        let matrix = Matrix { columns: vec![Column::Codes { codes, count: 2 }], for_trees: vec![true] };
        let (binned, target) = (Binned::new(&matrix), Target::Numbers(values));
        let learn = all(400);
        for (objective, first) in
            [(Objective::Natural, 2.0), (Objective::Absolute, 0.0), (Objective::Poisson, 2.0), (Objective::Tweedie, 2.0)]
        {
            let data = Data { loss: Loss::new(objective, &target, None, 0.0), ..data(&binned, &target, &learn, &[]) };
            let params = Params { objective, max_rounds: 200, patience: 200, ..small() };
            let forest = boost(data, &params, 1, &later()).forest;
            let of_first = leaf_sum(&forest, &matrix, 2);
            let value = if objective.is_exponential() { of_first.exp() } else { of_first };
            assert!((value - first).abs() < 0.2, "{objective:?} {value}");
        }
    }

    fn leaf_sum(forest: &Forest, matrix: &Matrix, row: usize) -> f32 {
        forest.base[0] + forest.trees.iter().map(|tree| leaf_of(&tree.nodes, matrix, row)).sum::<f32>()
    }

    #[test]
    fn a_forest_is_the_mean_of_its_trees() {
        let (matrix, target) = wide(4_000);
        let binned = Binned::new(&matrix);
        let (learn, watch): (Vec<u32>, Vec<u32>) = all(4_000).into_iter().partition(|row| row % 4 != 0);
        for extra_trees in [false, true] {
            let params = Params {
                objective: Objective::Shares,
                forest: true,
                extra_trees,
                num_leaves: 200,
                min_data_in_leaf: 3,
                max_rounds: 30,
                bagging_fraction: 0.6,
                feature_fraction_bynode: 0.5,
                ..Params::default()
            };
            let data = Data { loss: Loss::new(Objective::Shares, &target, None, 0.0), ..data(&binned, &target, &learn, &watch) };
            let boosted = boost(data, &params, 1, &later());
            for (position, &row) in watch.iter().enumerate() {
                let p = leaf_sum(&boosted.forest, &matrix, row as usize).clamp(0.0, 1.0);
                assert!((boosted.watched[2 * position + 1] - p).abs() < 1e-4);
            }
            let wrong = boosted.watched.chunks(2).zip(&watch).filter(|(p, row)| {
                let Target::Classes { classes, .. } = &target else { panic!("labels") };
                (p[1] > 0.5) != (classes[**row as usize] == 1)
            });
            assert!(wrong.count() < 100);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_score_follows_a_feature_by_its_sign(rows in prop::collection::vec((-20_i8..20, -20_i8..20, -3.0..3.0_f64), 50..300), up: bool) {
            let sign = if up { 1 } else { -1 };
            let columns = vec![
                Column::Numbers(rows.iter().map(|row| f32::from(row.0)).collect()),
                Column::Numbers(rows.iter().map(|row| f32::from(row.1)).collect()),
            ];
            let matrix = Matrix { columns, for_trees: vec![true; 2] };
            let (binned, target) = (Binned::new(&matrix), Target::Numbers(rows.iter().map(|row| row.2 + f64::from(row.0) / 10.0).collect()));
            let learn = all(rows.len());
            let params = Params { min_data_in_leaf: 2, max_rounds: 20, ..Params::default() };
            let data = Data { monotone: &[sign, 0], ..data(&binned, &target, &learn, &[]) };
            let forest = boost(data, &params, 1, &later()).forest;
            for other in [-15.0, 0.0, 15.0] {
                let steps: Vec<f32> = (-21_i8..21).map(f32::from).collect();
                let line = Matrix {
                    columns: vec![Column::Numbers(steps.clone()), Column::Numbers(vec![other; steps.len()])],
                    for_trees: vec![true; 2],
                };
                let scores: Vec<f32> = (0..steps.len()).map(|row| leaf_sum(&forest, &line, row)).collect();
                prop_assert!(scores.windows(2).all(|pair| f32::from(sign) * (pair[1] - pair[0]) >= -1e-4), "{:?}", scores);
            }
        }
    }
}
