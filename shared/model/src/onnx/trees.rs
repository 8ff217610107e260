//! Trees as the attributes of one `TreeEnsembleClassifier`.
//!
//! A threshold becomes one node. A set of codes becomes a chain of them, one for each place between codes at which membership changes:
//! below it the matter is settled, above it the next test decides. The chain's nodes share the two children; ONNX Runtime allows that
//! for the child of a test that holds, not for the other. Node ids are positions in the tree, children have larger ids than parents.
//!
//! How many rows reached a node is its hit rate, which no runtime reads; it is 0 for the nodes of a chain after the first, so that a
//! reader sees where chains go on.

use crate::{Forest, ModelError, Node, Tree};

use super::graph::{Attribute, Graph};

/// Classes that are declared at least: with fewer, runtimes treat the scores as those of a binary classifier.
const MIN_CLASSES: usize = 3;

/// The columns of the node attributes, and those of the leaves.
#[derive(Default)]
struct Attributes {
    tree_ids: Vec<i64>,
    node_ids: Vec<i64>,
    feature_ids: Vec<i64>,
    values: Vec<f32>,
    modes: Vec<String>,
    true_ids: Vec<i64>,
    false_ids: Vec<i64>,
    missing_true: Vec<i64>,
    hit_rates: Vec<f32>,
    class_tree_ids: Vec<i64>,
    class_node_ids: Vec<i64>,
    class_ids: Vec<i64>,
    class_weights: Vec<f32>,
    trees: i64,
}

/// Adds the operator; the name of its scores `float[N, classes]`. `columns` is each feature's column in `matrix`.
pub(super) fn write(forests: &[&Forest], columns: &[usize], matrix: &str, graph: &mut Graph) -> Result<String, ModelError> {
    let mut attributes = Attributes::default();
    let mut classes = 0;
    for forest in forests {
        for tree in &forest.trees {
            attributes.push(tree, columns, classes)?;
        }
        classes += forest.base.len();
    }
    if attributes.trees == 0 {
        // The operator needs a tree; this one adds nothing.
        attributes.push(&Tree { output: 0, nodes: vec![Node::Leaf { value: 0.0 }], covers: vec![0.0] }, columns, 0)?;
    }
    let labels = (0..).take(classes.max(MIN_CLASSES)).collect();
    let all = [
        ("nodes_treeids", Attribute::Ints(attributes.tree_ids)),
        ("nodes_nodeids", Attribute::Ints(attributes.node_ids)),
        ("nodes_featureids", Attribute::Ints(attributes.feature_ids)),
        ("nodes_values", Attribute::Floats(attributes.values)),
        ("nodes_modes", Attribute::Strings(attributes.modes)),
        ("nodes_truenodeids", Attribute::Ints(attributes.true_ids)),
        ("nodes_falsenodeids", Attribute::Ints(attributes.false_ids)),
        ("nodes_missing_value_tracks_true", Attribute::Ints(attributes.missing_true)),
        ("nodes_hitrates", Attribute::Floats(attributes.hit_rates)),
        ("class_treeids", Attribute::Ints(attributes.class_tree_ids)),
        ("class_nodeids", Attribute::Ints(attributes.class_node_ids)),
        ("class_ids", Attribute::Ints(attributes.class_ids)),
        ("class_weights", Attribute::Floats(attributes.class_weights)),
        ("classlabels_int64s", Attribute::Ints(labels)),
        ("post_transform", Attribute::Text("NONE")),
    ];
    Ok(graph.add_ml_second("TreeEnsembleClassifier", &[matrix], &all))
}

impl Attributes {
    fn push(&mut self, tree: &Tree, columns: &[usize], first_class: usize) -> Result<(), ModelError> {
        let wrong = |reason: &str| ModelError::Pipeline { reason: format!("a tree {reason}") };
        // Where each node begins among those written.
        let mut begins = Vec::with_capacity(tree.nodes.len());
        let mut next = 0;
        for node in &tree.nodes {
            begins.push(next);
            next += if let Node::InSet { codes, .. } = node { changes(codes).len() as i64 } else { 1 };
        }
        let column = |feature: u32| columns.get(feature as usize).copied().ok_or_else(|| wrong("uses a feature that does not exist"));
        for (position, node) in tree.nodes.iter().enumerate() {
            let child = |child: u32| {
                let child = child as usize;
                begins
                    .get(child)
                    .copied()
                    .filter(|_| child > position)
                    .ok_or_else(|| wrong("has a child before its parent or past its end"))
            };
            match node {
                Node::Leaf { value } => {
                    let class = first_class as i64 + i64::from(tree.output);
                    self.leaf(class, *value);
                }
                Node::Threshold { feature, threshold, missing_left, left, right } => {
                    self.branch(column(*feature)?, *threshold, *missing_left, child(*left)?, child(*right)?);
                }
                Node::InSet { feature, codes, left, right } => {
                    let changes = changes(codes);
                    if changes.is_empty() {
                        return Err(wrong("tests an empty set"));
                    }
                    self.chain(&changes, codes.first() == Some(&0), column(*feature)?, child(*left)?, child(*right)?);
                }
            }
            self.hit_rates.push(tree.covers.get(position).copied().unwrap_or(0.0));
            self.hit_rates.resize(self.node_ids.len(), 0.0);
        }
        self.trees += 1;
        Ok(())
    }

    /// A chain of tests, one for each of the sorted `changes` of membership; `inside` tells of the codes below the first.
    fn chain(&mut self, changes: &[f32], inside: bool, column: usize, member: i64, other: i64) {
        let target = |segment: usize| if inside ^ (segment % 2 == 1) { member } else { other };
        for (segment, &threshold) in changes.iter().enumerate() {
            let next = if segment + 1 == changes.len() { target(segment + 1) } else { self.next_id() + 1 };
            self.branch(column, threshold, false, target(segment), next);
        }
    }

    fn branch(&mut self, column: usize, threshold: f32, missing_true: bool, left: i64, right: i64) {
        self.node("BRANCH_LEQ", column as i64, threshold, left, right, missing_true);
    }

    fn leaf(&mut self, class: i64, value: f32) {
        self.class_tree_ids.push(self.trees);
        self.class_node_ids.push(self.next_id());
        self.class_ids.push(class);
        self.class_weights.push(value);
        self.node("LEAF", 0, 0.0, 0, 0, false);
    }

    fn node(&mut self, mode: &str, feature: i64, value: f32, left: i64, right: i64, missing_true: bool) {
        self.node_ids.push(self.next_id());
        self.tree_ids.push(self.trees);
        self.feature_ids.push(feature);
        self.values.push(value);
        self.modes.push(mode.to_owned());
        self.true_ids.push(left);
        self.false_ids.push(right);
        self.missing_true.push(i64::from(missing_true));
    }

    /// The id of the next node of the current tree.
    fn next_id(&self) -> i64 {
        let same_tree = self.tree_ids.last() == Some(&self.trees);
        if same_tree { self.node_ids.last().map_or(0, |last| last + 1) } else { 0 }
    }
}

/// The values between codes at which membership of the sorted set changes.
fn changes(codes: &[u32]) -> Vec<f32> {
    let mut changes = Vec::new();
    let mut end: Option<u32> = None;
    for &code in codes {
        if end != Some(code) {
            changes.extend(end.map(before));
            if code > 0 {
                changes.push(before(code));
            }
        }
        end = Some(code + 1);
    }
    changes.extend(end.map(before));
    changes
}

/// Between a code and the one before it.
fn before(code: u32) -> f32 {
    code as f32 - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_changes_where_its_runs_begin_and_end() {
        assert_eq!(changes(&[0, 1, 2]), [2.5]);
        assert_eq!(changes(&[3]), [2.5, 3.5]);
        assert_eq!(changes(&[0, 2, 3, 7]), [0.5, 1.5, 3.5, 6.5, 7.5]);
    }
}
