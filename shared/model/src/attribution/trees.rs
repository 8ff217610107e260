//! A tree's Shapley values with path-dependent expectations: where a feature is unknown, a row goes both ways, by the shares of the rows
//! that went so as the tree was grown (Lundberg et al., 2020, "From local explanations to global understanding with explainable AI for
//! trees", algorithm 2).
//!
//! If each feature is known with probability *x*, independently, a row reaches a leaf with probability
//!
//! ```text
//! G(x) = Π ((1 − x)·z + x·o)        over the features on the leaf's path; z: the share of rows, o: 1 if the row itself goes there, else 0
//! ```
//!
//! and a feature's Shapley value is the integral over *x* from 0 to 1 of the slope by its own probability (Owen, 1972, "Multilinear
//! extensions of games"): Σ value · (o − z) · ∫ G(x) / ((1 − x)·z + x·o) dx over the leaves. The integrand is a polynomial, of a degree below
//! the number of features on the path, so eight Gauss–Legendre points are exact up to sixteen of them (Wettenstein et al., 2026,
//! "Quadrature-TreeSHAP"); trees with longer paths take sixteen points, exact up to 32 and to rounding beyond. One pass down the nodes multiplies the factors, one pass up sums the leaves below each edge: a
//! row costs nodes × points, whatever the depth, where algorithm 2 costs leaves × depth². A feature that is tested again on a path has one
//! factor, of all its tests so far; below the later test, the factor of the earlier one is taken back.

use crate::{ModelError, Node, Tree};

/// Points between 0 and 1 and their weights.
struct Rule<const N: usize> {
    points: [f64; N],
    weights: [f64; N],
}

const EIGHT: Rule<8> = Rule {
    points: [
        0.019_855_071_751_231_884,
        0.101_666_761_293_186_63,
        0.237_233_795_041_835_5,
        0.408_282_678_752_175_1,
        0.591_717_321_247_825,
        0.762_766_204_958_164_5,
        0.898_333_238_706_813_4,
        0.980_144_928_248_768_1,
    ],
    weights: [
        0.050_614_268_145_188_13,
        0.111_190_517_226_687_24,
        0.156_853_322_938_943_64,
        0.181_341_891_689_181,
        0.181_341_891_689_181,
        0.156_853_322_938_943_64,
        0.111_190_517_226_687_24,
        0.050_614_268_145_188_13,
    ],
};
const SIXTEEN: Rule<16> = Rule {
    points: [
        0.005_299_532_504_175_031,
        0.027_712_488_463_383_7,
        0.067_184_398_806_084_12,
        0.122_297_795_822_498_5,
        0.191_061_877_798_678_11,
        0.270_991_611_171_386_3,
        0.359_198_224_610_370_54,
        0.452_493_745_081_181_3,
        0.547_506_254_918_818_8,
        0.640_801_775_389_629_5,
        0.729_008_388_828_613_6,
        0.808_938_122_201_321_9,
        0.877_702_204_177_501_6,
        0.932_815_601_193_915_9,
        0.972_287_511_536_616_3,
        0.994_700_467_495_825,
    ],
    weights: [
        0.013_576_229_705_877_088,
        0.031_126_761_969_323_728,
        0.047_579_255_841_246_3,
        0.062_314_485_627_767_036,
        0.074_797_994_408_288_35,
        0.084_578_259_697_501_32,
        0.091_301_707_522_461_82,
        0.094_725_305_227_534_32,
        0.094_725_305_227_534_32,
        0.091_301_707_522_461_82,
        0.084_578_259_697_501_32,
        0.074_797_994_408_288_35,
        0.062_314_485_627_767_036,
        0.047_579_255_841_246_3,
        0.031_126_761_969_323_728,
        0.013_576_229_705_877_088,
    ],
};
/// The least share of its parent's rows that a node is taken to have.
const LEAST_SHARE: f64 = 1e-9;

/// A tree, ready for any row.
pub(super) struct TreeGame<'a> {
    tree: &'a Tree,
    edges: Vec<Edge>,
    /// The most features on a path.
    longest: usize,
    /// What the tree adds when nothing is known.
    pub mean: f64,
}

/// What leads to a node; the root's is never looked at.
#[derive(Clone)]
struct Edge {
    parent: usize,
    feature: usize,
    /// The feature's share of rows by all its tests on the path so far.
    share: f64,
    /// The node to which the feature's test before this one on the path led; the root when there is none.
    earlier: usize,
}

/// What passes over the nodes of a tree fill.
#[derive(Default)]
pub(super) struct Scratch {
    goes: Vec<bool>,
    eight: Passes<8>,
    sixteen: Passes<16>,
}

/// By node, at each of the points: the product of the factors above it, and the sum of the leaves below it.
struct Passes<const N: usize> {
    reach: Vec<[f64; N]>,
    below: Vec<[f64; N]>,
}

impl<const N: usize> Default for Passes<N> {
    fn default() -> Self {
        Self { reach: Vec::new(), below: Vec::new() }
    }
}

impl<'a> TreeGame<'a> {
    /// For a tree whose inputs belong to these of so many features.
    pub(super) fn new(tree: &'a Tree, feature_of_input: &[usize], features: usize) -> Result<Self, ModelError> {
        let wrong = |reason: &str| ModelError::Pipeline { reason: format!("a tree {reason}") };
        if tree.nodes.is_empty() || tree.covers.len() != tree.nodes.len() {
            return Err(wrong("does not know how many rows reached its nodes"));
        }
        let mut edges = vec![Edge { parent: 0, feature: usize::MAX, share: 1.0, earlier: 0 }; tree.nodes.len()];
        let (mut shares, mut features_above) = (vec![1.0; tree.nodes.len()], vec![0; tree.nodes.len()]);
        let mut mean = 0.0;
        for (position, node) in tree.nodes.iter().enumerate() {
            let (input, children) = match node {
                Node::Leaf { value } => {
                    mean += f64::from(*value) * shares[position];
                    continue;
                }
                Node::Threshold { feature, left, right, .. } | Node::InSet { feature, left, right, .. } => (*feature, [*left, *right]),
            };
            let feature = feature_of_input.get(input as usize).copied().filter(|&feature| feature < features);
            let feature = feature.ok_or_else(|| wrong("uses a feature that does not exist"))?;
            let earlier = earlier(&edges, position, feature);
            for child in children.map(|child| child as usize) {
                if child <= position || child >= tree.nodes.len() {
                    return Err(wrong("has a child before its parent or past its end"));
                }
                let share = share(tree.covers[child], tree.covers[position]);
                shares[child] = shares[position] * share;
                features_above[child] = features_above[position] + usize::from(earlier == 0);
                edges[child] = Edge { parent: position, feature, share: edges[earlier].share * share, earlier };
            }
        }
        Ok(Self { tree, edges, longest: features_above.into_iter().max().unwrap_or(0), mean })
    }

    /// The score that it adds to.
    pub(super) fn output(&self) -> usize {
        self.tree.output as usize
    }

    /// Adds each feature's Shapley value for a row of inputs to `sums`.
    pub(super) fn divide(&self, values: &[f32], scratch: &mut Scratch, sums: &mut [f64]) {
        let goes = &mut scratch.goes;
        goes.clear();
        goes.resize(self.tree.nodes.len(), true);
        for (position, node) in self.tree.nodes.iter().enumerate() {
            // Until now only whether the last test leads here: the feature's earlier ones count too.
            goes[position] &= goes[self.edges[position].earlier];
            if let Node::Threshold { left, right, .. } | Node::InSet { left, right, .. } = node {
                let holds = node.holds(values);
                goes[*left as usize] = holds;
                goes[*right as usize] = !holds;
            }
        }
        if self.longest <= 2 * EIGHT.points.len() {
            self.pass(goes, &EIGHT, &mut scratch.eight, sums);
        } else {
            self.pass(goes, &SIXTEEN, &mut scratch.sixteen, sums);
        }
    }

    /// Once down and once up.
    fn pass<const N: usize>(&self, goes: &[bool], rule: &Rule<N>, passes: &mut Passes<N>, sums: &mut [f64]) {
        let nodes = self.tree.nodes.len();
        let Passes { reach, below } = passes;
        reach.clear();
        reach.resize(nodes, [1.0; N]);
        below.clear();
        below.resize(nodes, [0.0; N]);
        for (position, node) in self.tree.nodes.iter().enumerate() {
            if position > 0 {
                let edge = &self.edges[position];
                let factor = edge.factor(goes[position], rule);
                let mut product = reach[edge.parent];
                product.iter_mut().zip(factor).for_each(|(product, factor)| *product *= factor);
                if edge.earlier != 0 {
                    let earlier = self.edges[edge.earlier].factor(goes[edge.earlier], rule);
                    product.iter_mut().zip(earlier).for_each(|(product, earlier)| *product /= earlier);
                }
                reach[position] = product;
            }
            if let Node::Leaf { value } = node {
                below[position] = reach[position].map(|reach| f64::from(*value) * reach);
            }
        }
        for position in (1..nodes).rev() {
            let (edge, leaves) = (&self.edges[position], below[position]);
            let mut value = edge.worth(goes[position], &leaves, rule);
            if edge.earlier != 0 {
                value -= self.edges[edge.earlier].worth(goes[edge.earlier], &leaves, rule);
            }
            sums[edge.feature] += value;
            below[edge.parent].iter_mut().zip(leaves).for_each(|(sum, leaves)| *sum += leaves);
        }
    }
}

impl Edge {
    /// The probability that the feature's tests lead here.
    fn factor<const N: usize>(&self, goes: bool, rule: &Rule<N>) -> [f64; N] {
        let known = f64::from(u8::from(goes));
        rule.points.map(|x| (1.0 - x) * self.share + x * known)
    }

    /// The integral over what the leaves below are worth by the slope of the feature's own probability.
    fn worth<const N: usize>(&self, goes: bool, below: &[f64; N], rule: &Rule<N>) -> f64 {
        let factor = self.factor(goes, rule);
        let sum: f64 = (0..N).map(|at| rule.weights[at] * below[at] / factor[at]).sum();
        (f64::from(u8::from(goes)) - self.share) * sum
    }
}

/// The nearest node, from this one up, to which a test of the feature led; the root when there is none.
fn earlier(edges: &[Edge], mut position: usize, feature: usize) -> usize {
    while position > 0 && edges[position].feature != feature {
        position = edges[position].parent;
    }
    position
}

fn share(of_child: f32, of_parent: f32) -> f64 {
    let share = f64::from(of_child) / f64::from(of_parent);
    if share.is_finite() { share.clamp(LEAST_SHARE, 1.0) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The last two inputs are one feature's.
    const FEATURES: usize = 4;
    const FEATURE_OF_INPUT: [usize; 5] = [0, 1, 2, 3, 3];

    /// Splits leaves one after the other by (leaf and input, threshold, missing left, value, rows).
    fn tree(splits: &[(u16, i8, bool, f32, u8)]) -> Tree {
        let mut nodes = vec![Node::Leaf { value: 0.5 }];
        let mut covers = vec![2.0];
        for &(choice, threshold, missing_left, value, rows) in splits {
            let leaves: Vec<usize> = (0..nodes.len()).filter(|&node| matches!(nodes[node], Node::Leaf { .. })).collect();
            let leaf = leaves[usize::from(choice / 8) % leaves.len()];
            let (left, right) = (nodes.len() as u32, nodes.len() as u32 + 1);
            let feature = u32::from(choice % 5);
            nodes[leaf] = Node::Threshold { feature, threshold: f32::from(threshold), missing_left, left, right };
            nodes.extend([Node::Leaf { value }, Node::Leaf { value: -value }]);
            covers.extend([1.0 + f32::from(rows), 1.0 + f32::from(rows / 3)]);
        }
        for position in (0..nodes.len()).rev() {
            if let Node::Threshold { left, right, .. } = nodes[position] {
                covers[position] = covers[left as usize] + covers[right as usize];
            }
        }
        Tree { output: 0, nodes, covers }
    }

    /// The expectation when only the features in the set (a bit each) are known: Lundberg et al., algorithm 1.
    fn expectation(tree: &Tree, values: &[f32], known: usize, at: usize) -> f64 {
        let node = &tree.nodes[at];
        match node {
            Node::Leaf { value } => f64::from(*value),
            Node::Threshold { feature, left, right, .. } | Node::InSet { feature, left, right, .. } => {
                let (left, right) = (*left as usize, *right as usize);
                if known >> FEATURE_OF_INPUT[*feature as usize] & 1 == 1 {
                    expectation(tree, values, known, if node.holds(values) { left } else { right })
                } else {
                    let of = |child: usize| f64::from(tree.covers[child]) * expectation(tree, values, known, child);
                    (of(left) + of(right)) / f64::from(tree.covers[at])
                }
            }
        }
    }

    /// The Shapley value by its definition.
    fn shapley(tree: &Tree, values: &[f32], feature: usize) -> f64 {
        let factorial = |n: usize| (1..=n).product::<usize>() as f64;
        let sets = (0..1_usize << FEATURES).filter(|set| set >> feature & 1 == 0);
        sets.map(|set| {
            let size = set.count_ones() as usize;
            let weight = factorial(size) * factorial(FEATURES - size - 1) / factorial(FEATURES);
            weight * (expectation(tree, values, set | 1 << feature, 0) - expectation(tree, values, set, 0))
        })
        .sum()
    }

    fn divided(tree: &Tree, values: &[f32], features: &[usize], count: usize) -> (f64, Vec<f64>) {
        let game = TreeGame::new(tree, features, count).unwrap();
        let mut sums = vec![0.0; count];
        game.divide(values, &mut Scratch::default(), &mut sums);
        (game.mean, sums)
    }

    proptest! {
        #[test]
        fn values_are_those_of_the_definition(
            splits in vec((any::<u16>(), -3_i8..3, any::<bool>(), -2.0_f32..2.0, any::<u8>()), 0..12),
            values in vec(prop_oneof![8 => -4.0_f32..4.0, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)], FEATURE_OF_INPUT.len()),
        ) {
            let tree = tree(&splits);
            let (mean, sums) = divided(&tree, &values, &FEATURE_OF_INPUT, FEATURES);
            prop_assert!((mean - expectation(&tree, &values, 0, 0)).abs() < 1e-9);
            for (feature, found) in sums.iter().enumerate() {
                let expected = shapley(&tree, &values, feature);
                prop_assert!((found - expected).abs() < 1e-9, "feature {}: {} instead of {}", feature, found, expected);
            }
        }
    }

    #[test]
    fn a_path_of_many_features_still_sums_to_the_prediction() {
        const DEPTH: usize = 40;
        let mut nodes = Vec::new();
        let mut covers = Vec::new();
        for depth in 0..DEPTH as u32 {
            nodes.push(Node::Threshold { feature: depth, threshold: 0.5, missing_left: false, left: 2 * depth + 1, right: 2 * depth + 2 });
            nodes.push(Node::Leaf { value: depth as f32 });
            covers.extend([(DEPTH as u32 + 1 - depth) as f32, 1.0]);
        }
        nodes.push(Node::Leaf { value: 100.0 });
        covers.push(1.0);
        let tree = Tree { output: 0, nodes, covers };
        let features: Vec<usize> = (0..DEPTH).collect();
        for (values, value) in [(vec![1.0; DEPTH], 100.0), (vec![0.0; DEPTH], 0.0)] {
            let (mean, sums) = divided(&tree, &values, &features, DEPTH);
            assert!((mean + sums.iter().sum::<f64>() - value).abs() < 1e-9, "{mean} + {sums:?}");
        }
    }

    #[test]
    fn a_tree_without_covers_is_refused() {
        let tree = Tree { output: 0, nodes: vec![Node::Leaf { value: 1.0 }], covers: Vec::new() };
        assert!(TreeGame::new(&tree, &[], 0).is_err());
    }
}
