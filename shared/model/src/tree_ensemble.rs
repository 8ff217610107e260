//! `TreeEnsembleClassifier` for tract: the trees of a graph of ours, evaluated by [`TreeKernel`].
//!
//! tract's own evaluation looks for a leaf's class by scanning all leaves, which is quadratic in the size of the ensemble. This one takes
//! the same attributes and gives the same scores. Its label output is never used and holds zeros.
//!
//! The file may say anything, so everything is checked when it is read.

#![allow(clippy::wildcard_imports, reason = "tract's macros need what its `internal` module holds")]

use std::sync::Arc;

use prost::DecodeError;
use tract_core::internal::*;

use crate::{
    ModelError, Node, Tree,
    onnx::{
        TREE_ENSEMBLE,
        wire::{ATTRIBUTE_NAME, Fields, NODE_ATTRIBUTE, floats, ints, strings},
    },
    tree_kernel::TreeKernel,
};

/// The most nodes of one ensemble.
const MAX_NODES: usize = 50_000_000;
/// The most classes of one ensemble.
const MAX_CLASSES: usize = 100_000;
/// The most trees of one ensemble.
const MAX_TREES: usize = 1_000_000;
/// The most tests on a path of a tree; a set of many categories is a chain of them.
const MAX_DEPTH: u32 = 1_000_000;

/// The trees of the operator's `NodeProto`. Its attributes are read side by side, straight into the kernel.
pub(crate) fn read(node: &[u8]) -> Result<TreeKernel, ModelError> {
    let attributes = Attributes::of(node)?;
    let classes = ints(attributes.get("classlabels_int64s")?).count();
    let count = ints(attributes.get("nodes_treeids")?).count();
    if count > MAX_NODES || classes > MAX_CLASSES {
        let reason = format!("the ensemble has {count} nodes and {classes} classes; at most {MAX_NODES} and {MAX_CLASSES} are loaded");
        return Err(ModelError::damaged(reason));
    }
    // The kernel has 16 bytes for a node. A file has more: 4 for the value, 6 for the mode, 1 for each of six numbers.
    let mut kernel = TreeKernel::with_room(classes, count.min(node.len() / 16));
    let read = read_nodes(&attributes, &mut kernel).and_then(|()| read_leaves(&attributes, classes, &mut kernel));
    read.map_err(|error| match error {
        // To the kernel it is a model in the making.
        ModelError::Pipeline { reason } => ModelError::Damaged { reason },
        error => error,
    })?;
    Ok(kernel)
}

/// The bytes of the operator's attributes by their names.
struct Attributes<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Attributes<'a> {
    fn of(node: &'a [u8]) -> Result<Self, ModelError> {
        let mut attributes: Vec<(&[u8], &[u8])> = Vec::new();
        for field in Fields::of(node) {
            let Some(attribute) = field?.delimited(NODE_ATTRIBUTE) else { continue };
            let mut name: &[u8] = &[];
            for field in Fields::of(attribute) {
                name = field?.delimited(ATTRIBUTE_NAME).unwrap_or(name);
            }
            if attributes.iter().any(|(other, _)| *other == name) {
                return Err(ModelError::damaged(format!("the trees have {} twice", name.escape_ascii())));
            }
            attributes.push((name, attribute));
        }
        Ok(Self(attributes))
    }

    fn get(&self, name: &str) -> Result<&'a [u8], ModelError> {
        let found = self.0.iter().find(|(other, _)| *other == name.as_bytes());
        found.map(|&(_, attribute)| attribute).ok_or_else(|| ModelError::damaged(format!("the trees lack {name}")))
    }
}

/// Adds the nodes; leaves add nothing yet.
fn read_nodes(attributes: &Attributes<'_>, kernel: &mut TreeKernel) -> Result<(), ModelError> {
    each_node(attributes, |begins, node| {
        if begins {
            end_tree(kernel)?;
            kernel.begin_tree(0);
        }
        kernel.push_node(&node)
    })?;
    end_tree(kernel)
}

/// Ends the tree that was begun last, if there is one, and looks at how many there are and how deep it is.
fn end_tree(kernel: &mut TreeKernel) -> Result<(), ModelError> {
    let trees = kernel.trees();
    if trees == 0 {
        return Ok(());
    }
    let depth = kernel.end_tree()?;
    if trees > MAX_TREES || depth > MAX_DEPTH {
        let reason =
            format!("tree {trees} has paths of {depth} tests; at most {MAX_TREES} trees and paths of {MAX_DEPTH} tests are loaded");
        return Err(ModelError::damaged(reason));
    }
    Ok(())
}

/// Visits the nodes, tests on thresholds and leaves without a value, in the order of the file; and tells where a tree begins.
fn each_node(attributes: &Attributes<'_>, mut visit: impl FnMut(bool, Node) -> Result<(), ModelError>) -> Result<(), ModelError> {
    let int_column = |name| attributes.get(name).map(|attribute| Column { name, values: ints(attribute) });
    let mut trees = ints(attributes.get("nodes_treeids")?);
    let (mut ids, mut features) = (int_column("nodes_nodeids")?, int_column("nodes_featureids")?);
    let (mut lefts, mut rights) = (int_column("nodes_truenodeids")?, int_column("nodes_falsenodeids")?);
    let mut missing = int_column("nodes_missing_value_tracks_true")?;
    let mut values = Column { name: "nodes_values", values: floats(attributes.get("nodes_values")?) };
    let mut modes = Column { name: "nodes_modes", values: strings(attributes.get("nodes_modes")?) };
    let mut current = None;
    let mut next_id = 0_i64;
    while let Some(tree) = trees.next().transpose()? {
        let begins = current != Some(tree);
        if begins {
            (current, next_id) = (Some(tree), 0);
        }
        let (id, feature, threshold, mode) = (ids.value()?, features.value()?, values.value()?, modes.value()?);
        let (left, right, missing) = (lefts.value()?, rights.value()?, missing.value()?);
        if id != next_id {
            return Err(ModelError::damaged(format!("node {id} of tree {tree} is not in the order of its tree")));
        }
        next_id += 1;
        let node = match mode {
            b"LEAF" => Node::Leaf { value: 0.0 },
            b"BRANCH_LEQ" if threshold.is_nan() => return Err(ModelError::damaged(format!("node {id} of tree {tree} has no threshold"))),
            b"BRANCH_LEQ" => Node::Threshold {
                feature: position(feature)?,
                threshold,
                missing_left: missing != 0,
                left: position(left)?,
                right: position(right)?,
            },
            mode => return Err(ModelError::foreign(format!("a tree tests with {}", mode.escape_ascii()))),
        };
        visit(begins, node)?;
    }
    [ids, features, lefts, rights, missing].into_iter().try_for_each(Column::end)?;
    values.end()?;
    modes.end()
}

/// What the leaves add, and each tree's class. A leaf of no class adds nothing.
fn read_leaves(attributes: &Attributes<'_>, classes: usize, kernel: &mut TreeKernel) -> Result<(), ModelError> {
    let mut known = vec![false; kernel.trees()];
    each_leaf(attributes, classes, |tree, place, class, value| {
        kernel.set_leaf(tree, place, value)?;
        let first = known.get_mut(tree).is_some_and(|known| !std::mem::replace(known, true));
        if !kernel.set_output(tree, class) && !first {
            return Err(ModelError::damaged(format!("tree {tree} adds to several classes, which none of ours does")));
        }
        Ok(())
    })
}

/// Visits the leaves that add something: the tree, the node's place in it, the class and the value.
fn each_leaf(
    attributes: &Attributes<'_>,
    classes: usize,
    mut visit: impl FnMut(usize, usize, u32, f32) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let int_column = |name| attributes.get(name).map(|attribute| Column { name, values: ints(attribute) });
    let mut trees = ints(attributes.get("class_treeids")?);
    let (mut ids, mut outputs) = (int_column("class_nodeids")?, int_column("class_ids")?);
    let mut weights = Column { name: "class_weights", values: floats(attributes.get("class_weights")?) };
    while let Some(tree) = trees.next().transpose()? {
        // Trees are written in order, so tree t is the t-th.
        let (tree, place, class) = (position(tree)? as usize, position(ids.value()?)? as usize, position(outputs.value()?)?);
        if class as usize >= classes {
            return Err(ModelError::damaged(format!("a leaf of tree {tree} adds to class {class} of {classes}")));
        }
        visit(tree, place, class, weights.value()?)?;
    }
    [ids, outputs].into_iter().try_for_each(Column::end)?;
    weights.end()
}

/// The trees of the operator's `NodeProto` as nodes, with how many rows reached each; `output` is the class, and a set of codes still the chain
/// of thresholds that it was written as.
pub(crate) fn read_trees(node: &[u8]) -> Result<Vec<Tree>, ModelError> {
    let attributes = Attributes::of(node)?;
    let classes = ints(attributes.get("classlabels_int64s")?).count();
    let mut hit_rates = Column { name: "nodes_hitrates", values: floats(attributes.get("nodes_hitrates")?) };
    let mut trees: Vec<Tree> = Vec::new();
    each_node(&attributes, |begins, node| {
        if begins {
            trees.push(Tree { output: 0, nodes: Vec::new(), covers: Vec::new() });
        }
        let cover = hit_rates.value()?;
        if let Some(tree) = trees.last_mut() {
            tree.nodes.push(node);
            tree.covers.push(cover);
        }
        Ok(())
    })?;
    hit_rates.end()?;
    each_leaf(&attributes, classes, |tree, place, class, value| {
        let found = trees.get_mut(tree).and_then(|tree| Some((&mut tree.output, tree.nodes.get_mut(place)?)));
        let (output, node) = found.ok_or_else(|| ModelError::damaged(format!("tree {tree} does not hold all of its leaves")))?;
        (*output, *node) = (class, Node::Leaf { value });
        Ok(())
    })?;
    Ok(trees)
}

/// Values that should be as many as those of another attribute.
struct Column<I> {
    name: &'static str,
    values: I,
}

impl<T, I: Iterator<Item = Result<T, DecodeError>>> Column<I> {
    fn value(&mut self) -> Result<T, ModelError> {
        let value = self.values.next().ok_or_else(|| ModelError::damaged(format!("the trees have too few {}", self.name)))?;
        Ok(value?)
    }

    fn end(mut self) -> Result<(), ModelError> {
        match self.values.next() {
            None => Ok(()),
            Some(_) => Err(ModelError::damaged(format!("the trees have too many {}", self.name))),
        }
    }
}

fn position(value: i64) -> Result<u32, ModelError> {
    u32::try_from(value).map_err(|_| ModelError::damaged(format!("the trees point to {value}")))
}

/// The operator.
#[derive(Debug, Clone)]
pub(crate) struct TreeEnsemble(Arc<TreeKernel>);

impl TreeEnsemble {
    pub(crate) fn new(trees: TreeKernel) -> Self {
        Self(Arc::new(trees))
    }
}

impl PartialEq for TreeEnsemble {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TreeEnsemble {}

impl std::hash::Hash for TreeEnsemble {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Op for TreeEnsemble {
    fn name(&self) -> StaticName {
        TREE_ENSEMBLE.into()
    }

    op_as_typed_op!();
}

impl EvalOp for TreeEnsemble {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let (rows, columns) = match input.shape() {
            &[rows, columns] if columns >= self.0.width().max(1) => (rows, columns),
            shape => bail!("the trees look at {} columns, the input has shape {shape:?}", self.0.width()),
        };
        let mut scores = Tensor::zero::<f32>(&[rows, self.0.outputs()])?;
        let input = input.try_as_plain_ram()?;
        self.0.add_scores(input.as_slice::<f32>()?, columns, scores.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
        Ok(tvec!(Tensor::zero::<i64>(&[rows])?.into_tvalue(), scores.into_tvalue()))
    }
}

impl TypedOp for TreeEnsemble {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let rows = inputs.first().and_then(|input| input.shape.first()).context("the trees have no input")?.clone();
        Ok(tvec!(i64::fact([rows.clone()]), f32::fact([rows, self.0.outputs().to_dim()])))
    }

    as_op!();
}
