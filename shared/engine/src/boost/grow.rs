//! One tree, grown leaf by leaf: the leaf whose split gains most is split next, until there are enough leaves.
//!
//! A split costs one pass over the rows of its smaller child; the larger child's histogram is the parent's less the smaller's.

use std::ops::Range;

use rayon::prelude::*;

use crate::{
    boost::{
        bins::Binned,
        histogram::{Cell, Counts, Scale},
        params::Params,
        partition::Partition,
        split::{Bounds, Scorer, Split, Test, leaf_value},
    },
    clock::Deadline,
    random::Random,
};

/// Work (rows × features) of a leaf from which threads share it.
const PARALLEL_WORK: usize = 30_000;
/// Rows of a leaf from which threads share what is done to each.
pub(super) const SHARED_ROWS: usize = 10_000;
/// Bytes of histograms that a tree keeps; beyond, they are counted again.
const HISTOGRAM_BYTES: usize = 256 << 20;

/// A grown tree: its nodes, and the rows of each leaf.
#[derive(Debug)]
pub(crate) struct Grown {
    /// Node 0 is the root; children follow their parents.
    pub nodes: Vec<GrownNode>,
    /// What each feature's splits gained.
    pub gains: Vec<(usize, f64)>,
    /// The leaves in no particular order.
    pub leaves: Vec<GrownLeaf>,
}

/// A node.
#[derive(Debug, Clone)]
pub(crate) enum GrownNode {
    /// Adds its value, before the learning rate.
    Leaf(f64),
    /// Sends a row on.
    Inner {
        /// Position of the feature.
        feature: usize,
        /// The test of the left child.
        test: Test,
        /// The child when the test holds.
        left: u32,
        /// The other child.
        right: u32,
    },
}

impl Grown {
    /// A tree that adds nothing.
    pub(crate) fn nothing() -> Self {
        Self { nodes: vec![GrownNode::Leaf(0.0)], gains: Vec::new(), leaves: Vec::new() }
    }

    /// For each node, how many of the rows that the tree learned from reached it.
    pub(crate) fn covers(&self) -> Vec<f32> {
        let mut rows = vec![0; self.nodes.len()];
        self.leaves.iter().for_each(|leaf| rows[leaf.node] = leaf.learned.len());
        for (position, node) in self.nodes.iter().enumerate().rev() {
            if let GrownNode::Inner { left, right, .. } = node {
                rows[position] = rows[*left as usize] + rows[*right as usize];
            }
        }
        rows.into_iter().map(|rows| rows as f32).collect()
    }

    /// Gives a leaf another value, or the nearest one that it may have.
    pub(crate) fn set_value(&mut self, leaf: usize, value: f64) {
        if let Some(leaf) = self.leaves.get_mut(leaf) {
            leaf.value = leaf.bounds.clamp(value);
            self.nodes[leaf.node] = GrownNode::Leaf(leaf.value);
        }
    }
}

/// The rows that end in a leaf.
#[derive(Debug, Clone)]
pub(crate) struct GrownLeaf {
    /// Its node.
    pub node: usize,
    /// Its value, before the learning rate.
    pub value: f64,
    /// What its value may be.
    bounds: Bounds,
    /// Its range of the rows that the tree learned from.
    pub learned: Range<usize>,
    /// Its range of the other rows.
    pub watched: Range<usize>,
}

/// What a tree is grown from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grower<'a> {
    /// The features.
    pub binned: &'a Binned,
    /// The bounds and penalties.
    pub params: &'a Params,
    /// Gradients and hessians by row.
    pub cells: &'a [Cell],
    /// Their unit.
    pub scale: Scale,
    /// By input, the sign by which leaf values must follow it: 0, 1 or -1; none when empty.
    pub monotone: &'a [i8],
    /// Seeds the tree's draws.
    pub seed: u64,
    /// When to stop; the first split is always made.
    pub deadline: &'a Deadline,
}

/// Sums per bin for each feature that the tree sees.
pub(crate) type Histogram = Vec<Counts>;

/// What one tree leaves to the next.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    histograms: Vec<Histogram>,
    gathered: Vec<Vec<Cell>>,
}

struct Leaf {
    node: usize,
    learned: Range<usize>,
    watched: Range<usize>,
    total: Cell,
    bounds: Bounds,
    histogram: Option<Histogram>,
    best: Option<Split>,
}

impl Grower<'_> {
    /// Grows a tree on the rows of `learned` and sends the rows of `watched` along; `spare` lends histograms from tree to tree.
    pub(crate) fn grow(&self, learned: &mut Partition, watched: &mut Partition, spare: &mut Spare) -> Grown {
        let features = self.features();
        let bins: usize = features.iter().map(|&feature| self.binned.columns[feature].cuts.len()).sum();
        let keep = bins * size_of::<Cell>() * self.params.num_leaves <= HISTOGRAM_BYTES;

        let mut nodes = vec![GrownNode::Leaf(0.0)];
        let mut gains = Vec::new();
        let mut leaves = vec![self.root(learned, watched, &features, spare)];
        while leaves.len() < self.params.num_leaves && (leaves.len() == 1 || !self.deadline.passed()) {
            let Some((parent, split)) = take_best(&mut leaves) else { break };
            gains.push((split.feature, split.gain));
            let mut children = self.cut(&parent, &split, nodes.len(), learned, watched);
            nodes.extend([GrownNode::Leaf(0.0), GrownNode::Leaf(0.0)]);
            nodes[parent.node] = GrownNode::Inner {
                feature: split.feature,
                test: split.test,
                left: children.left.node as u32,
                right: children.right.node as u32,
            };
            if leaves.len() + 2 < self.params.num_leaves {
                self.search(&mut children, parent.histogram, learned, &features, spare);
            } else {
                spare.histograms.extend(parent.histogram);
            }
            if !keep {
                spare.histograms.extend(children.left.histogram.take());
                spare.histograms.extend(children.right.histogram.take());
            }
            leaves.extend([children.left, children.right]);
        }

        let mut finished = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let value = leaf.bounds.clamp(leaf_value(self.scale.sums(leaf.total), self.params));
            nodes[leaf.node] = GrownNode::Leaf(value);
            spare.histograms.extend(leaf.histogram);
            finished.push(GrownLeaf { node: leaf.node, value, bounds: leaf.bounds, learned: leaf.learned, watched: leaf.watched });
        }
        Grown { nodes, gains, leaves: finished }
    }

    /// Sends a leaf's rows to its children, which become the nodes from `node` on.
    fn cut(&self, parent: &Leaf, split: &Split, node: usize, learned: &mut Partition, watched: &mut Partition) -> Children {
        let column = &self.binned.columns[split.feature];
        let goes_left = split.test.table(&column.cuts);
        let learned_cut = learned.split(&parent.learned, column, &goes_left);
        let watched_cut = watched.split(&parent.watched, column, &goes_left);
        let right = parent.total - split.left;
        let value = |total| parent.bounds.clamp(leaf_value(self.scale.sums(total), self.params));
        let (left_bounds, right_bounds) = parent.bounds.parted(self.sign(split.feature), f64::midpoint(value(split.left), value(right)));
        let child = |node, learned, watched, total, bounds| Leaf { node, learned, watched, total, bounds, histogram: None, best: None };
        Children {
            left: child(node, parent.learned.start..learned_cut, parent.watched.start..watched_cut, split.left, left_bounds),
            right: child(node + 1, learned_cut..parent.learned.end, watched_cut..parent.watched.end, right, right_bounds),
        }
    }

    fn sign(&self, feature: usize) -> i8 {
        self.monotone.get(feature).copied().unwrap_or(0)
    }

    /// The features that this tree sees, ascending.
    fn features(&self) -> Vec<usize> {
        let mut features: Vec<usize> =
            (0..self.binned.columns.len()).filter(|&column| self.binned.columns[column].cuts.len() > 1).collect();
        let all = features.len();
        let wanted = ((all as f64 * self.params.feature_fraction).round() as usize).clamp(1, all.max(1));
        if wanted < all {
            Random::labelled(self.seed, 1).shuffle(&mut features);
            features.truncate(wanted);
            features.sort_unstable();
        }
        features
    }

    fn root(&self, learned: &Partition, watched: &Partition, features: &[usize], spare: &mut Spare) -> Leaf {
        let all = 0..learned.len();
        let rows = learned.rows(&all);
        let gathered = (rows.len() < self.cells.len()).then(|| self.gather(rows, spare));
        let cells = gathered.as_deref().unwrap_or(self.cells);
        let mut total = Cell::default();
        for &cell in cells {
            total += cell;
        }
        let mut root =
            Leaf { node: 0, learned: all.clone(), watched: 0..watched.len(), total, bounds: Bounds::NONE, histogram: None, best: None };
        if self.can_split(&root) {
            let mut histogram = self.empty(features, spare);
            let search = |feature: usize, counts: &mut Counts| {
                counts.add(&self.binned.columns[feature], rows, cells);
                self.best(&root, feature, counts)
            };
            root.best = if is_shared(rows.len(), features) {
                features.par_iter().zip(&mut histogram).map(|(&feature, counts)| search(feature, counts)).reduce(|| None, better)
            } else {
                features.iter().zip(&mut histogram).map(|(&feature, counts)| search(feature, counts)).fold(None, better)
            };
            root.histogram = Some(histogram);
        }
        spare.gathered.extend(gathered);
        root
    }

    /// Finds the best splits of two siblings; they inherit the parent's histogram if it was kept.
    fn search(&self, children: &mut Children, parent: Option<Histogram>, partition: &Partition, features: &[usize], spare: &mut Spare) {
        let Children { left, right } = children;
        let (small, large) = if left.learned.len() <= right.learned.len() { (left, right) } else { (right, left) };
        if !self.can_split(small) && !self.can_split(large) {
            spare.histograms.extend(parent);
            return;
        }
        let rows = partition.rows(&small.learned);
        let cells = self.gather(rows, spare);
        let recount = parent.is_none().then(|| partition.rows(&large.learned)).map(|rows| (rows, self.gather(rows, spare)));
        let mut large_histogram = parent.unwrap_or_else(|| self.empty(features, spare));
        let mut small_histogram = self.empty(features, spare);
        let search = |feature: usize, small_counts: &mut Counts, large_counts: &mut Counts| {
            let column = &self.binned.columns[feature];
            small_counts.add(column, rows, &cells);
            match &recount {
                Some((rows, cells)) => large_counts.add(column, rows, cells),
                None => large_counts.subtract(small_counts),
            }
            (self.best(small, feature, small_counts), self.best(large, feature, large_counts))
        };
        let both = |(small, large), (next_small, next_large)| (better(small, next_small), better(large, next_large));
        let none = || (None, None);
        let (of_small, of_large) = if is_shared(rows.len(), features) {
            let work = features.par_iter().zip(&mut small_histogram).zip(&mut large_histogram);
            work.map(|((&feature, small), large)| search(feature, small, large)).reduce(none, both)
        } else {
            let work = features.iter().zip(&mut small_histogram).zip(&mut large_histogram);
            work.map(|((&feature, small), large)| search(feature, small, large)).fold(none(), both)
        };
        (small.best, large.best) = (of_small, of_large);
        small.histogram = Some(small_histogram);
        large.histogram = Some(large_histogram);
        spare.gathered.extend(recount.map(|(_, cells)| cells));
        spare.gathered.push(cells);
    }

    fn can_split(&self, leaf: &Leaf) -> bool {
        Scorer::new(self.params, self.scale, leaf.total).can_split()
    }

    fn best(&self, leaf: &Leaf, feature: usize, counts: &Counts) -> Option<Split> {
        let scorer = Scorer::new(self.params, self.scale, leaf.total).following(self.sign(feature));
        if !scorer.can_split() {
            return None;
        }
        let mut random = Random::labelled(self.seed, 2 + ((leaf.node as u64) << 32 | feature as u64));
        if self.params.feature_fraction_bynode < 1.0 && random.unit() >= self.params.feature_fraction_bynode {
            return None;
        }
        scorer.best(feature, &self.binned.columns[feature].cuts, counts.values(), random)
    }

    fn gather(&self, rows: &[u32], spare: &mut Spare) -> Vec<Cell> {
        let mut cells = spare.gathered.pop().unwrap_or_default();
        if rows.len() >= SHARED_ROWS {
            rows.par_iter().with_min_len(SHARED_ROWS / 2).map(|&row| self.cells[row as usize]).collect_into_vec(&mut cells);
        } else {
            cells.clear();
            cells.extend(rows.iter().map(|&row| self.cells[row as usize]));
        }
        cells
    }

    /// An empty histogram with a place for every bin of `features`.
    fn empty(&self, features: &[usize], spare: &mut Spare) -> Histogram {
        let mut histogram = spare.histograms.pop().unwrap_or_default();
        histogram.resize_with(features.len(), Counts::default);
        for (counts, &feature) in histogram.iter_mut().zip(features) {
            counts.reset(self.binned.columns[feature].cuts.len());
        }
        histogram
    }
}

struct Children {
    left: Leaf,
    right: Leaf,
}

/// Takes the leaf whose split gains most, the first of several.
fn take_best(leaves: &mut Vec<Leaf>) -> Option<(Leaf, Split)> {
    let gain = |leaf: &Leaf| leaf.best.as_ref().map_or(0.0, |best| best.gain);
    let best = (0..leaves.len()).reduce(|best, next| if gain(&leaves[next]) > gain(&leaves[best]) { next } else { best })?;
    let split = leaves[best].best.take()?;
    Some((leaves.swap_remove(best), split))
}

/// Whether threads share the work on so many rows.
fn is_shared(rows: usize, features: &[usize]) -> bool {
    rows * features.len() >= PARALLEL_WORK
}

/// The one that gains more, the first of equals.
fn better(best: Option<Split>, next: Option<Split>) -> Option<Split> {
    match (best, next) {
        (Some(best), Some(next)) => Some(if next.gain > best.gain { next } else { best }),
        (best, next) => best.or(next),
    }
}
