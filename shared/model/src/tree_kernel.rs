//! Trees in one flat array, walked for eight rows, or of a single row for sixteen trees, side by side: how the trainer and a loaded model file
//! evaluate them.
//!
//! A walk down one tree waits for memory at each step; several walks wait together. A leaf leads to itself, so that no walk has to be left
//! out of the step when it has ended. Each input stands twice in a row that is walked, as it is and with the missing value below all
//! others: a test is one comparison, whichever way a missing value goes. Threads share what would take long. The values of the leaves are
//! added in the order of the trees whatever the number of threads, so the scores are the same to the last bit.
//!
//! Everything is checked when a tree is added: children have larger positions than their parents, so that each walk ends, and every
//! position is inside the tree.

use std::{
    hint::select_unpredictable,
    sync::{Mutex, PoisonError},
};

use crate::{Forest, ModelError, Node, Tree};

/// Rows that are sent down a tree while its nodes are at hand, and rows that are walked side by side.
const BLOCK: usize = 128;
const LANES: usize = 8;
/// Rows below which trees are walked side by side instead, and how many: their nodes are rarely at hand, so more of them wait.
const FEW_ROWS: usize = 4;
const TREE_LANES: usize = 16;
/// Walks (rows × trees) that threads share, and those of a row that one of them takes.
const SHARED_WALKS: usize = 4_000;
const SHARED_WALKS_OF_ROW: usize = 500;
/// The bit of `input` that tells of a test on a set.
const SET: u32 = 1 << 31;

/// A node, in a quarter of a cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(16))]
struct PackedNode {
    /// Where the input stands in a doubled row.
    input: u32,
    /// The bits of the threshold, of the leaf's value, or the place of the set.
    bits: u32,
    /// The node that follows when the test holds, and when it fails.
    left: u32,
    right: u32,
}

/// Trees that are ready to be walked.
///
/// score[k] = Σ leaf values of the trees of output k
#[derive(Debug, Default, PartialEq)]
pub struct TreeKernel {
    nodes: Vec<PackedNode>,
    /// Each tree's root and the score that it adds to.
    roots: Vec<(u32, u32)>,
    /// A bit for each code of each set.
    sets: Vec<Vec<u64>>,
    outputs: usize,
    width: usize,
}

impl TreeKernel {
    /// The trees of a forest, without its start values. Fails when a tree has no nodes, adds to a score that does not exist, or has a node
    /// with a child that does not follow it in the tree.
    pub fn new(forest: &Forest) -> Result<Self, ModelError> {
        let mut kernel = Self::with_room(forest.base.len(), forest.trees.iter().map(|tree| tree.nodes.len()).sum());
        forest.trees.iter().try_for_each(|tree| kernel.push(tree))?;
        Ok(kernel)
    }

    /// No trees yet, for so many scores and room for so many nodes.
    pub(crate) fn with_room(outputs: usize, nodes: usize) -> Self {
        Self { nodes: Vec::with_capacity(nodes), outputs, ..Self::default() }
    }

    /// Adds a tree. Fails as [`Self::new`] does.
    fn push(&mut self, tree: &Tree) -> Result<(), ModelError> {
        if tree.output as usize >= self.outputs {
            return Err(wrong("adds to a score that does not exist"));
        }
        self.begin_tree(tree.output);
        tree.nodes.iter().try_for_each(|node| self.push_node(node))?;
        self.end_tree()?;
        Ok(())
    }

    /// Begins a tree of a score that exists; [`Self::push_node`] adds its nodes.
    pub(crate) fn begin_tree(&mut self, output: u32) {
        self.roots.push((self.nodes.len() as u32, output));
    }

    /// Adds a node to the tree that was begun last. Fails when one of its children does not follow it.
    pub(crate) fn push_node(&mut self, node: &Node) -> Result<(), ModelError> {
        let root = self.roots.last().map_or(0, |&(root, _)| root);
        let at = u32::try_from(self.nodes.len()).ok().filter(|&at| at < u32::MAX);
        let at = at.ok_or_else(|| wrong("has more nodes than can be told apart"))?;
        let (feature, input, bits, [left, right]) = match node {
            Node::Leaf { value } => {
                self.nodes.push(PackedNode { input: 0, bits: value.to_bits(), left: at, right: at });
                return Ok(());
            }
            Node::Threshold { feature, threshold, missing_left, left, right } => {
                (*feature, feature.wrapping_mul(2) + u32::from(*missing_left), threshold.to_bits(), [*left, *right])
            }
            Node::InSet { feature, codes, left, right } => {
                self.sets.push(bits_of(codes));
                (*feature, feature.wrapping_mul(2) | SET, self.sets.len() as u32 - 1, [*left, *right])
            }
        };
        if feature >= SET / 2 {
            return Err(wrong("looks at an input past the last one that can be"));
        }
        // Where a child is past what can be told apart it is past the tree's end too.
        let [left, right] = [left, right].map(|child| root.saturating_add(child));
        if left <= at || right <= at {
            return Err(wrong(CHILD_OUT_OF_PLACE));
        }
        self.width = self.width.max(feature as usize + 1);
        self.nodes.push(PackedNode { input, bits, left, right });
        Ok(())
    }

    /// Ends the tree that was begun last; the tests on its longest path. Fails when it has no nodes, or one with a child past the end.
    pub(crate) fn end_tree(&self) -> Result<u32, ModelError> {
        let (root, end) = (self.roots.last().map_or(0, |&(root, _)| root as usize), self.nodes.len());
        let nodes = self.nodes.get(root..).unwrap_or_default();
        if nodes.is_empty() {
            return Err(wrong("has no nodes"));
        }
        if nodes.iter().any(|node| node.left.max(node.right) as usize >= end) {
            return Err(wrong(CHILD_OUT_OF_PLACE));
        }
        let mut depths = vec![0; nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            let below = depths[at] + 1;
            for child in [node.left, node.right].map(|child| child as usize - root).into_iter().filter(|&child| child != at) {
                depths[child] = below;
            }
        }
        Ok(depths.into_iter().max().unwrap_or(0))
    }

    /// Makes a leaf, by its place in a tree, add `value`. Fails when there is no such leaf.
    pub(crate) fn set_leaf(&mut self, tree: usize, place: usize, value: f32) -> Result<(), ModelError> {
        let root = self.roots.get(tree).map(|&(root, _)| root as usize).ok_or_else(|| wrong("that a leaf is in does not exist"))?;
        let end = self.roots.get(tree + 1).map_or(self.nodes.len(), |&(root, _)| root as usize);
        let at = root.checked_add(place).filter(|&at| at < end).ok_or_else(|| wrong("does not hold all of its leaves"))?;
        if self.nodes[at].left as usize != at {
            return Err(wrong("adds something at a node that is no leaf"));
        }
        self.nodes[at].bits = value.to_bits();
        Ok(())
    }

    /// Makes a tree add to a score that exists; whether it did already.
    pub(crate) fn set_output(&mut self, tree: usize, output: u32) -> bool {
        self.roots.get_mut(tree).is_some_and(|(_, own)| std::mem::replace(own, output) == output)
    }

    /// How many there are.
    pub(crate) fn trees(&self) -> usize {
        self.roots.len()
    }

    /// Scores of a row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Columns that a row must have at least.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Adds the trees' values to `scores` (row-major `rows × outputs`); `inputs` is row-major `rows × columns`. Rows of fewer columns than
    /// [`Self::width`] get nothing.
    pub fn add_scores(&self, inputs: &[f32], columns: usize, scores: &mut [f32]) {
        if columns < self.width.max(1) || self.outputs == 0 {
            return;
        }
        // Most models test no sets; their walks are spared the question.
        if self.sets.is_empty() { self.add::<false>(inputs, columns, scores) } else { self.add::<true>(inputs, columns, scores) }
    }

    fn add<const SETS: bool>(&self, inputs: &[f32], columns: usize, scores: &mut [f32]) {
        let rows = inputs.len() / columns;
        if rows < FEW_ROWS {
            let rows = inputs.chunks_exact(columns).zip(scores.chunks_exact_mut(self.outputs));
            return rows.for_each(|(row, scores)| self.add_to_row::<SETS>(row, scores));
        }
        let is_shared = rows * self.roots.len() >= SHARED_WALKS;
        let parts = if is_shared { rayon::current_num_threads() } else { 1 };
        let block = rows.div_ceil(parts).next_multiple_of(LANES).min(BLOCK);
        let blocks = inputs.chunks(block * columns).zip(scores.chunks_mut(block * self.outputs));
        let add = |(inputs, scores): (&[f32], &mut [f32])| self.add_to_block::<SETS>(inputs, columns, scores);
        if is_shared { share(blocks, add) } else { blocks.for_each(add) }
    }

    fn add_to_block<const SETS: bool>(&self, inputs: &[f32], columns: usize, scores: &mut [f32]) {
        let doubled = self.doubled(inputs, columns);
        let width = self.doubled_width();
        for &(root, output) in &self.roots {
            for (inputs, scores) in doubled.chunks(LANES * width).zip(scores.chunks_mut(LANES * self.outputs)) {
                // Where rows are missing to a full set of walks, the last one is walked more than once.
                let last = (inputs.len() / width).saturating_sub(1);
                let rows = std::array::from_fn(|walk| walk.min(last) * width);
                let leaves = self.leaves::<SETS, LANES>([root; LANES], rows, inputs);
                scores.chunks_exact_mut(self.outputs).zip(leaves).for_each(|(scores, leaf)| scores[output as usize] += leaf);
            }
        }
    }

    fn add_to_row<const SETS: bool>(&self, row: &[f32], scores: &mut [f32]) {
        let doubled = self.doubled(row, row.len());
        let mut leaves = vec![0.0; self.roots.len()];
        if self.roots.len() < 2 * SHARED_WALKS_OF_ROW {
            self.walk_trees::<SETS>(&self.roots, &doubled, &mut leaves);
        } else {
            let parts = self.roots.chunks(SHARED_WALKS_OF_ROW).zip(leaves.chunks_mut(SHARED_WALKS_OF_ROW));
            share(parts, |(roots, leaves)| self.walk_trees::<SETS>(roots, &doubled, leaves));
        }
        self.roots.iter().zip(leaves).for_each(|(&(_, output), leaf)| scores[output as usize] += leaf);
    }

    /// The values of the leaves that a doubled row ends in.
    fn walk_trees<const SETS: bool>(&self, roots: &[(u32, u32)], row: &[f32], leaves: &mut [f32]) {
        for (roots, leaves) in roots.chunks(TREE_LANES).zip(leaves.chunks_mut(TREE_LANES)) {
            let starts = std::array::from_fn(|walk| roots.get(walk).or(roots.last()).map_or(0, |&(root, _)| root));
            let found = self.leaves::<SETS, TREE_LANES>(starts, [0; TREE_LANES], row);
            leaves.iter_mut().zip(found).for_each(|(leaf, found)| *leaf = found);
        }
    }

    /// The inputs that trees look at, each as it is and then with the missing value below all others.
    fn doubled(&self, inputs: &[f32], columns: usize) -> Vec<f32> {
        let mut doubled = vec![0.0; inputs.len() / columns * self.doubled_width()];
        for (row, doubled) in inputs.chunks_exact(columns).zip(doubled.chunks_exact_mut(self.doubled_width())) {
            for (&value, both) in row.iter().zip(doubled.as_chunks_mut::<2>().0) {
                *both = [value, if value.is_nan() { f32::NEG_INFINITY } else { value }];
            }
        }
        doubled
    }

    fn doubled_width(&self) -> usize {
        2 * self.width.max(1)
    }

    /// The values of the leaves that `N` walks end in, each from a node of its own and of a doubled row that begins at its place of `rows`.
    #[inline]
    fn leaves<const SETS: bool, const N: usize>(&self, mut at: [u32; N], rows: [usize; N], inputs: &[f32]) -> [f32; N] {
        loop {
            let mut moved = 0;
            for walk in 0..N {
                let next = self.next::<SETS>(at[walk], inputs, rows[walk]);
                moved |= next ^ at[walk];
                at[walk] = next;
            }
            if moved == 0 {
                return at.map(|at| f32::from_bits(self.nodes[at as usize].bits));
            }
        }
    }

    /// The node that follows one, without a jump: it could not be foreseen.
    #[inline]
    fn next<const SETS: bool>(&self, at: u32, inputs: &[f32], row: usize) -> u32 {
        let node = &self.nodes[at as usize];
        let place = if SETS { node.input & !SET } else { node.input };
        let value = inputs[row + place as usize];
        let holds = if SETS && node.input & SET != 0 {
            let code = value as usize;
            self.sets[node.bits as usize].get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
        } else {
            value <= f32::from_bits(node.bits)
        };
        select_unpredictable(holds, node.left, node.right)
    }
}

/// Does some work on all parts, on this thread at once and on the pool's as they come to it: to wake one takes as long as thousands of walks.
fn share<T: Send>(parts: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    let parts = Mutex::new(parts);
    let do_some = || {
        while let Some(part) = next(&parts) {
            work(part);
        }
    };
    rayon::in_place_scope(|scope| {
        (1..rayon::current_num_threads()).for_each(|_| scope.spawn(|_| do_some()));
        do_some();
    });
}

fn next<T>(parts: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    parts.lock().unwrap_or_else(PoisonError::into_inner).next()
}

const CHILD_OUT_OF_PLACE: &str = "has a child before its parent or past its end";

fn wrong(reason: &str) -> ModelError {
    ModelError::Pipeline { reason: format!("a tree {reason}") }
}

fn bits_of(codes: &[u32]) -> Vec<u64> {
    let mut set = vec![0_u64; codes.iter().max().map_or(0, |&last| last as usize / 64 + 1)];
    codes.iter().for_each(|&code| set[code as usize / 64] |= 1 << (code % 64));
    set
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Codes;

    fn tree() -> Tree {
        let set = Node::InSet { feature: 1, codes: Codes::of(vec![0, 3, 70]), left: 3, right: 4 };
        let cut = |missing_left| Node::Threshold { feature: 0, threshold: 0.5, missing_left, left: 1, right: 2 };
        let deep = Node::Threshold { feature: 0, threshold: -1.0, missing_left: true, left: 5, right: 6 };
        let leaf = |value| Node::Leaf { value };
        Tree { output: 1, nodes: vec![cut(false), set, leaf(1.0), deep, leaf(2.0), leaf(3.0), leaf(4.0)], covers: Vec::new() }
    }

    /// The same without a set.
    fn numeric_tree() -> Tree {
        let mut tree = tree();
        tree.nodes[1] = Node::Threshold { feature: 1, threshold: 40.0, missing_left: false, left: 3, right: 4 };
        tree
    }

    proptest! {
        #[test]
        fn rows_end_where_one_walk_after_the_other_ends(
            rows in prop_oneof![1_usize..10, 1_usize..300].prop_flat_map(|most| prop::collection::vec(
                (prop_oneof![Just(f32::NAN), -2.0_f32..2.0, Just(f32::INFINITY)], 0_u8..90), 1..=most
            )),
            trees in 1_usize..30,
            sets in any::<bool>(),
        ) {
            let tree = if sets { tree() } else { numeric_tree() };
            let values: Vec<f32> = rows.iter().flat_map(|&(number, code)| [number, f32::from(code)]).collect();
            let kernel = TreeKernel::new(&Forest { base: vec![0.0; 2], trees: vec![tree.clone(); trees] }).unwrap();
            let mut scores = vec![0.5; 2 * rows.len()];
            kernel.add_scores(&values, 2, &mut scores);
            for (row, scores) in values.chunks(2).zip(scores.chunks(2)) {
                prop_assert_eq!(scores, [0.5, 0.5 + trees as f32 * tree.leaf(row)]);
            }
        }
    }

    #[test]
    fn what_threads_share_is_added_in_order() {
        let leaf = |tree: usize| Tree { output: 0, nodes: vec![Node::Leaf { value: 1.0 / (tree + 1) as f32 }], covers: Vec::new() };
        let trees: Vec<Tree> = (0..3 * SHARED_WALKS_OF_ROW).map(leaf).collect();
        let one_by_one = trees.iter().fold(0.0_f32, |sum, tree| sum + tree.leaf(&[]));
        let kernel = TreeKernel::new(&Forest { base: vec![0.0], trees }).unwrap();
        for rows in [1, FEW_ROWS, 3 * LANES + 1] {
            let mut scores = vec![0.0; rows];
            kernel.add_scores(&vec![7.0; rows], 1, &mut scores);
            assert_eq!(scores, vec![one_by_one; rows]);
        }
    }

    #[test]
    fn trees_that_contradict_themselves_are_refused() {
        let refusal = |tree: Tree| TreeKernel::new(&Forest { base: vec![0.0; 2], trees: vec![tree] }).unwrap_err().to_string();
        let loop_at = |left: u32| {
            let mut tree = numeric_tree();
            tree.nodes[1] = Node::Threshold { feature: 1, threshold: 0.0, missing_left: false, left, right: 4 };
            tree
        };
        assert!(refusal(loop_at(1)).contains("before its parent"));
        assert!(refusal(loop_at(7)).contains("past its end"));
        assert!(refusal(Tree { output: 2, ..tree() }).contains("score that does not exist"));
        assert!(refusal(Tree { nodes: Vec::new(), ..tree() }).contains("no nodes"));
    }

    #[test]
    fn rows_with_too_few_columns_get_nothing() {
        let kernel = TreeKernel::new(&Forest { base: vec![0.0; 2], trees: vec![tree()] }).unwrap();
        let mut scores = vec![0.0; 6];
        kernel.add_scores(&[0.1, 0.2, 0.3], 1, &mut scores);
        assert_eq!((kernel.width(), scores), (2, vec![0.0; 6]));
    }
}
