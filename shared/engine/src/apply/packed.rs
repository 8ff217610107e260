//! Trees in one flat array, walked for eight rows side by side.
//!
//! A walk down one tree waits for memory at each step; eight walks wait together. A leaf leads to itself, so that no walk has to be left
//! out of the step when it has ended.

use model::{Forest, Node};

/// Rows that are walked side by side.
const LANES: usize = 8;
/// The bit of `feature` that tells where a missing value goes, and the one of a test on a set.
const MISSING_LEFT: u32 = 1 << 31;
const SET: u32 = 1 << 30;

/// A node; `bits` are those of its threshold, of its value, or the place of its set.
#[derive(Debug, Clone, Copy)]
struct Packed {
    feature: u32,
    bits: u32,
}

/// The trees of a forest.
#[derive(Debug)]
pub(super) struct PackedForest {
    nodes: Vec<Packed>,
    /// For each node the one that follows when its test fails, and the one when it holds: apart, so that it is looked up and not jumped to.
    children: Vec<u32>,
    /// Each tree's root and the score that it adds to.
    roots: Vec<(u32, u32)>,
    /// A bit for each code of each set.
    sets: Vec<Vec<u64>>,
    base: Vec<f32>,
}

impl PackedForest {
    pub(super) fn new(forest: &Forest) -> Self {
        let nodes = forest.trees.iter().map(|tree| tree.nodes.len()).sum();
        let mut packed = Self {
            nodes: Vec::with_capacity(nodes),
            children: Vec::with_capacity(2 * nodes),
            roots: Vec::with_capacity(forest.trees.len()),
            sets: Vec::new(),
            base: forest.base.clone(),
        };
        for tree in &forest.trees {
            let root = packed.nodes.len() as u32;
            packed.roots.push((root, tree.output));
            for (at, node) in (root..).zip(&tree.nodes) {
                packed.push(node, root, at);
            }
        }
        packed
    }

    fn push(&mut self, node: &Node, root: u32, at: u32) {
        let (packed, children) = match node {
            Node::Leaf { value, .. } => (Packed { feature: 0, bits: value.to_bits() }, [at; 2]),
            Node::Threshold { feature, threshold, missing_left, left, right, .. } => {
                let feature = feature | if *missing_left { MISSING_LEFT } else { 0 };
                (Packed { feature, bits: threshold.to_bits() }, [root + right, root + left])
            }
            Node::InSet { feature, codes, left, right, .. } => {
                let mut set = vec![0_u64; codes.last().map_or(0, |&last| last as usize / 64 + 1)];
                codes.iter().for_each(|&code| set[code as usize / 64] |= 1 << (code % 64));
                self.sets.push(set);
                (Packed { feature: feature | SET, bits: self.sets.len() as u32 - 1 }, [root + right, root + left])
            }
        };
        self.nodes.push(packed);
        self.children.extend(children);
    }

    /// Row-major scores of rows of `width` inputs.
    pub(super) fn scores(&self, values: &[f32], width: usize) -> Vec<f32> {
        let outputs = self.base.len();
        let rows = values.len() / width.max(1);
        let mut scores: Vec<f32> = self.base.iter().copied().cycle().take(rows * outputs).collect();
        for &(root, output) in &self.roots {
            let output = output as usize;
            for (values, scores) in values.chunks(LANES * width).zip(scores.chunks_mut(LANES * outputs)) {
                let leaves = self.leaves(root, values, width);
                scores.chunks_mut(outputs).zip(leaves).for_each(|(scores, leaf)| scores[output] += leaf);
            }
        }
        scores
    }

    /// The values of the leaves of up to [`LANES`] rows.
    #[inline]
    fn leaves(&self, root: u32, values: &[f32], width: usize) -> [f32; LANES] {
        let lanes = values.len() / width;
        let mut at = [root; LANES];
        loop {
            let mut moved = 0;
            for (lane, at) in at.iter_mut().enumerate().take(lanes) {
                let next = self.next(*at, values, lane * width);
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return at.map(|at| f32::from_bits(self.nodes[at as usize].bits));
            }
        }
    }

    /// The node that follows one; no branch depends on which of the two it is, as that cannot be foreseen.
    #[inline]
    fn next(&self, at: u32, values: &[f32], row: usize) -> u32 {
        let node = self.nodes[at as usize];
        let value = values[row + (node.feature & !(MISSING_LEFT | SET)) as usize];
        let goes_left = if node.feature & SET == 0 {
            usize::from(value <= f32::from_bits(node.bits)) | (usize::from(value.is_nan()) & (node.feature >> 31) as usize)
        } else {
            let code = value as usize;
            usize::from(self.sets[node.bits as usize].get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1))
        };
        self.children[2 * at as usize + goes_left]
    }
}

#[cfg(test)]
mod tests {
    use model::Tree;
    use proptest::prelude::*;

    use super::*;

    fn tree() -> Tree {
        let set = Node::InSet { feature: 1, codes: vec![0, 3, 70], left: 3, right: 4 };
        let cut = |missing_left| Node::Threshold { feature: 0, threshold: 0.5, missing_left, left: 1, right: 2 };
        let deep = Node::Threshold { feature: 0, threshold: -1.0, missing_left: true, left: 5, right: 6 };
        let leaf = |value| Node::Leaf { value };
        Tree { output: 1, nodes: vec![cut(false), set, leaf(1.0), deep, leaf(2.0), leaf(3.0), leaf(4.0)], covers: Vec::new() }
    }

    proptest! {
        #[test]
        fn rows_end_where_one_walk_after_the_other_ends(
            rows in prop::collection::vec((prop_oneof![Just(f32::NAN), -2.0_f32..2.0, Just(f32::INFINITY)], 0_u8..90), 1..40)
        ) {
            let values: Vec<f32> = rows.iter().flat_map(|&(number, code)| [number, f32::from(code)]).collect();
            let forest = Forest { base: vec![0.25, 0.5], trees: vec![tree(), tree()] };
            let scores = PackedForest::new(&forest).scores(&values, 2);
            for (row, scores) in values.chunks(2).zip(scores.chunks(2)) {
                prop_assert_eq!(scores, [0.25, 0.5 + 2.0 * tree().leaf(row)]);
            }
        }
    }
}
