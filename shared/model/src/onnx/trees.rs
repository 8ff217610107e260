//! Trees as the attributes of one `TreeEnsembleClassifier`.
//!
//! A threshold becomes one node. A set of codes becomes a chain of them, one for each place between codes at which membership changes:
//! below it the matter is settled, above it the next test decides. The chain's nodes share the two children; ONNX Runtime allows that
//! for the child of a test that holds, not for the other. Node ids are positions in the tree, children have larger ids than parents.
//!
//! How many rows reached a node is its hit rate, which no runtime reads; it is 0 for the nodes of a chain after the first, so that a
//! reader sees where chains go on.
//!
//! Each attribute is a column of the nodes. A table of a few thousand rows may have a million of them, so they are not gathered: the trees
//! are walked once for the columns' lengths, and once for each column, whose values go straight into the file.

use super::pb::{AttributeProto, AttributeType, NodeProto};
use prost::{
    Message as _,
    encoding::{encode_varint, encoded_len_varint},
};

use crate::{Forest, ModelError, Node, Tree};

use super::{
    TREE_ENSEMBLE,
    graph::{Attribute, append, attribute},
    wire,
};

/// Classes that are declared at least: with fewer, runtimes treat the scores as those of a binary classifier.
const MIN_CLASSES: usize = 3;

/// The operator of all trees, ready to be encoded.
pub(super) struct TreeNode<'a> {
    forests: Vec<&'a Forest>,
    /// Each feature's column in the operator's input.
    columns: Vec<usize>,
    /// The node's fields before the columns, and those after.
    before: NodeProto,
    after: NodeProto,
    /// Bytes of the values of each of [`COLUMNS`].
    lengths: [usize; COLUMNS.len()],
}

impl<'a> TreeNode<'a> {
    /// The operator that looks at `matrix`, whose second output are the scores `float[N, classes]`. `columns` is each feature's column in
    /// `matrix`. Fails when a tree contradicts itself.
    pub(super) fn new(forests: Vec<&'a Forest>, columns: Vec<usize>, matrix: String, outputs: [String; 2]) -> Result<Self, ModelError> {
        let classes = forests.iter().map(|forest| forest.base.len()).sum::<usize>();
        let labels = (0..).take(classes.max(MIN_CLASSES)).collect();
        let [name, _] = outputs.clone();
        let before =
            NodeProto { input: vec![matrix], output: outputs.into(), name, op_type: TREE_ENSEMBLE.to_owned(), ..NodeProto::default() };
        let after = NodeProto {
            attribute: vec![attribute("classlabels_int64s", Attribute::Ints(labels)), attribute("post_transform", Attribute::Text("NONE"))],
            domain: "ai.onnx.ml".to_owned(),
            ..NodeProto::default()
        };
        let mut node = Self { forests, columns, before, after, lengths: [0; COLUMNS.len()] };
        let mut lengths = node.lengths;
        node.walk(|written| lengths.iter_mut().zip(&COLUMNS).for_each(|(length, column)| *length += column.values.encoded_len(written)))?;
        node.lengths = lengths;
        Ok(node)
    }

    /// Bytes of the graph's field.
    pub(super) fn encoded_len(&self) -> usize {
        wire::delimited_len(self.message_len())
    }

    /// Appends the graph's field.
    pub(super) fn encode(&self, file: &mut Vec<u8>) -> Result<(), ModelError> {
        wire::begin_delimited(wire::GRAPH_NODE, self.message_len(), file);
        append(&self.before, file);
        for (column, &length) in COLUMNS.iter().zip(&self.lengths) {
            column.begin(length, file);
            self.walk(|written| column.values.encode(written, file))?;
            append(&column.kind(), file);
        }
        append(&self.after, file);
        Ok(())
    }

    fn message_len(&self) -> usize {
        let columns = COLUMNS.iter().zip(&self.lengths).map(|(column, &length)| wire::delimited_len(column.message_len(length)));
        self.before.encoded_len() + columns.sum::<usize>() + self.after.encoded_len()
    }

    /// Visits the nodes in the order of the file.
    fn walk(&self, mut visit: impl FnMut(&Written)) -> Result<(), ModelError> {
        let mut walk = Walk { columns: &self.columns, tree: 0, begins: Vec::new(), changes: Vec::new(), visit: &mut visit };
        let mut first_class = 0;
        for forest in &self.forests {
            forest.trees.iter().try_for_each(|tree| walk.visit(tree, first_class))?;
            first_class += forest.base.len() as u64;
        }
        if walk.tree == 0 {
            // The operator needs a tree; this one adds nothing.
            visit(&Written::leaf(0, 0, 0, 0.0));
        }
        Ok(())
    }
}

/// A node as it stands in the file.
struct Written {
    tree: u64,
    id: u64,
    feature: u64,
    value: f32,
    mode: &'static str,
    left: u64,
    right: u64,
    missing_true: bool,
    hit_rate: f32,
    /// What a leaf adds to, and what it adds.
    adds: Option<(u64, f32)>,
}

impl Written {
    fn leaf(tree: u64, id: u64, class: u64, value: f32) -> Self {
        let adds = Some((class, value));
        Self { tree, id, feature: 0, value: 0.0, mode: "LEAF", left: 0, right: 0, missing_true: false, hit_rate: 0.0, adds }
    }
}

/// A column of the nodes, or of the leaves.
struct Column {
    name: &'static str,
    values: Values,
}

/// How a node's value is found, if it has one.
enum Values {
    Ints(fn(&Written) -> Option<u64>),
    Floats(fn(&Written) -> Option<f32>),
    Texts(fn(&Written) -> &'static str),
}

const COLUMNS: [Column; 13] = [
    Column { name: "nodes_treeids", values: Values::Ints(|node| Some(node.tree)) },
    Column { name: "nodes_nodeids", values: Values::Ints(|node| Some(node.id)) },
    Column { name: "nodes_featureids", values: Values::Ints(|node| Some(node.feature)) },
    Column { name: "nodes_values", values: Values::Floats(|node| Some(node.value)) },
    Column { name: "nodes_modes", values: Values::Texts(|node| node.mode) },
    Column { name: "nodes_truenodeids", values: Values::Ints(|node| Some(node.left)) },
    Column { name: "nodes_falsenodeids", values: Values::Ints(|node| Some(node.right)) },
    Column { name: "nodes_missing_value_tracks_true", values: Values::Ints(|node| Some(u64::from(node.missing_true))) },
    Column { name: "nodes_hitrates", values: Values::Floats(|node| Some(node.hit_rate)) },
    Column { name: "class_treeids", values: Values::Ints(|node| node.adds.map(|_| node.tree)) },
    Column { name: "class_nodeids", values: Values::Ints(|node| node.adds.map(|_| node.id)) },
    Column { name: "class_ids", values: Values::Ints(|node| node.adds.map(|(class, _)| class)) },
    Column { name: "class_weights", values: Values::Floats(|node| node.adds.map(|(_, value)| value)) },
];

impl Column {
    /// Begins the node's field: the attribute's name, and for numbers the packed field of so many bytes.
    fn begin(&self, length: usize, file: &mut Vec<u8>) {
        wire::begin_delimited(wire::NODE_ATTRIBUTE, self.message_len(length), file);
        append(&self.called(), file);
        if let Some(field) = self.values.packed_field() {
            wire::begin_delimited(field, length, file);
        }
    }

    fn message_len(&self, length: usize) -> usize {
        let values = if self.values.packed_field().is_some() { wire::delimited_len(length) } else { length };
        self.called().encoded_len() + values + self.kind().encoded_len()
    }

    fn called(&self) -> AttributeProto {
        AttributeProto { name: self.name.to_owned(), ..AttributeProto::default() }
    }

    fn kind(&self) -> AttributeProto {
        let kind = match self.values {
            Values::Ints(_) => AttributeType::Ints,
            Values::Floats(_) => AttributeType::Floats,
            Values::Texts(_) => AttributeType::Strings,
        };
        AttributeProto { r#type: kind as i32, ..AttributeProto::default() }
    }
}

impl Values {
    /// The field that holds all the values; texts have one each.
    fn packed_field(&self) -> Option<u32> {
        match self {
            Self::Ints(_) => Some(wire::ATTRIBUTE_INTS),
            Self::Floats(_) => Some(wire::ATTRIBUTE_FLOATS),
            Self::Texts(_) => None,
        }
    }

    fn encoded_len(&self, node: &Written) -> usize {
        match self {
            Self::Ints(value) => value(node).map_or(0, encoded_len_varint),
            Self::Floats(value) => value(node).map_or(0, |_| size_of::<f32>()),
            Self::Texts(value) => wire::delimited_len(value(node).len()),
        }
    }

    fn encode(&self, node: &Written, file: &mut Vec<u8>) {
        match self {
            Self::Ints(value) => value(node).into_iter().for_each(|value| encode_varint(value, file)),
            Self::Floats(value) => file.extend(value(node).into_iter().flat_map(f32::to_le_bytes)),
            Self::Texts(value) => {
                wire::begin_delimited(wire::ATTRIBUTE_STRINGS, value(node).len(), file);
                file.extend(value(node).as_bytes());
            }
        }
    }
}

/// A walk over trees.
struct Walk<'a> {
    columns: &'a [usize],
    /// The number of the next tree.
    tree: u64,
    /// Where each node of the tree begins among those written.
    begins: Vec<u64>,
    changes: Vec<f32>,
    visit: &'a mut dyn FnMut(&Written),
}

impl Walk<'_> {
    fn visit(&mut self, tree: &Tree, first_class: u64) -> Result<(), ModelError> {
        self.lay_out(tree);
        for (position, node) in tree.nodes.iter().enumerate() {
            let first = Written {
                hit_rate: tree.covers.get(position).copied().unwrap_or(0.0),
                ..Written::leaf(self.tree, self.begins[position], first_class + u64::from(tree.output), 0.0)
            };
            match node {
                Node::Leaf { value } => (self.visit)(&Written { adds: first.adds.map(|(class, _)| (class, *value)), ..first }),
                Node::Threshold { feature, threshold, missing_left, left, right } => {
                    let (left, right) = (self.child(position, *left)?, self.child(position, *right)?);
                    let test = Written { feature: self.column(*feature)?, missing_true: *missing_left, ..first.branch() };
                    (self.visit)(&Written { value: *threshold, left, right, ..test });
                }
                Node::InSet { feature, codes, left, right } => {
                    changes(codes, &mut self.changes);
                    if self.changes.is_empty() {
                        return Err(wrong("tests an empty set"));
                    }
                    let first = Written { feature: self.column(*feature)?, ..first.branch() };
                    let (member, other) = (self.child(position, *left)?, self.child(position, *right)?);
                    self.chain(first, codes.first() == Some(&0), member, other);
                }
            }
        }
        self.tree += 1;
        Ok(())
    }

    fn lay_out(&mut self, tree: &Tree) {
        self.begins.clear();
        let mut next = 0;
        for node in &tree.nodes {
            self.begins.push(next);
            next += if let Node::InSet { codes, .. } = node {
                changes(codes, &mut self.changes);
                self.changes.len() as u64
            } else {
                1
            };
        }
    }

    /// A chain of tests, one for each of the sorted changes of membership; `inside` tells of the codes below the first.
    fn chain(&mut self, first: Written, inside: bool, member: u64, other: u64) {
        let target = |segment: usize| if inside ^ (segment % 2 == 1) { member } else { other };
        let mut test = first;
        for (segment, &threshold) in self.changes.iter().enumerate() {
            let next = if segment + 1 == self.changes.len() { target(segment + 1) } else { test.id + 1 };
            test = Written { value: threshold, left: target(segment), right: next, ..test };
            (self.visit)(&test);
            test = Written { id: test.id + 1, hit_rate: 0.0, ..test };
        }
    }

    fn column(&self, feature: u32) -> Result<u64, ModelError> {
        self.columns.get(feature as usize).map(|&column| column as u64).ok_or_else(|| wrong("uses a feature that does not exist"))
    }

    fn child(&self, parent: usize, child: u32) -> Result<u64, ModelError> {
        let child = child as usize;
        let begin = self.begins.get(child).copied().filter(|_| child > parent);
        begin.ok_or_else(|| wrong("has a child before its parent or past its end"))
    }
}

impl Written {
    fn branch(self) -> Self {
        Self { mode: "BRANCH_LEQ", adds: None, ..self }
    }
}

fn wrong(reason: &str) -> ModelError {
    ModelError::Pipeline { reason: format!("a tree {reason}") }
}

/// The values between codes at which membership of the sorted set changes.
fn changes(codes: &[u32], changes: &mut Vec<f32>) {
    changes.clear();
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
        let changes = |codes: &[u32]| {
            let mut found = vec![0.0];
            changes(codes, &mut found);
            found
        };
        assert_eq!(changes(&[0, 1, 2]), [2.5]);
        assert_eq!(changes(&[3]), [2.5, 3.5]);
        assert_eq!(changes(&[0, 2, 3, 7]), [0.5, 1.5, 3.5, 6.5, 7.5]);
    }
}
