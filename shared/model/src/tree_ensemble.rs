//! `TreeEnsembleClassifier` for tract: the trees of a graph of ours, evaluated by [`TreeKernel`].
//!
//! tract's own evaluation looks for a leaf's class by scanning all leaves, which is quadratic in the size of the ensemble. This one takes
//! the same attributes and gives the same scores. Its label output is never used and holds zeros.
//!
//! The file may say anything, so everything is checked when it is read.

#![allow(clippy::wildcard_imports, reason = "tract's macros need what its `internal` module holds")]

use std::sync::Arc;

use tract_onnx::{
    model::ParsingContext,
    pb::NodeProto,
    tract_hir::{infer::InferenceOp, internal::*},
};

use crate::{Node, Tree, tree_kernel::TreeKernel};

/// The most nodes of one ensemble.
const MAX_NODES: usize = 50_000_000;
/// The most classes of one ensemble.
const MAX_CLASSES: usize = 100_000;

/// Builds the operator from a node of the graph.
pub(crate) fn tree_ensemble_classifier(
    _context: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(TreeEnsemble(Arc::new(read(node)?))), Vec::new()))
}

fn read(node: &NodeProto) -> TractResult<TreeKernel> {
    let attributes = Attributes::read(node)?;
    let leaves = leaves(node, &attributes)?;
    let mut kernel = TreeKernel::with_room(attributes.classes, attributes.tree_ids.len());
    let mut start = 0;
    for ids in attributes.tree_ids.chunk_by(|one, next| one == next) {
        let nodes = start..start + ids.len();
        let mut classes = leaves[nodes.clone()].iter().flatten().map(|leaf| leaf.class);
        let output = classes.next().unwrap_or(0);
        ensure!(classes.all(|class| class == output), "the tree of node {start} adds to several classes, which no model of ours does");
        let nodes = nodes.map(|at| attributes.node(at, start, leaves[at])).collect::<TractResult<_>>()?;
        kernel.push(&Tree { output, nodes, covers: Vec::new() })?;
        start += ids.len();
    }
    Ok(kernel)
}

/// What a leaf adds to which class.
#[derive(Debug, Clone, Copy)]
struct Leaf {
    class: u32,
    value: f32,
}

/// The nodes' attributes, one value for each node.
struct Attributes<'a> {
    classes: usize,
    tree_ids: &'a [i64],
    node_ids: &'a [i64],
    features: &'a [i64],
    values: &'a [f32],
    modes: Vec<&'a str>,
    true_ids: &'a [i64],
    false_ids: &'a [i64],
    missing: &'a [i64],
}

impl<'a> Attributes<'a> {
    fn read(node: &'a NodeProto) -> TractResult<Self> {
        let classes = node.get_attr_slice::<i64>("classlabels_int64s")?.len();
        let tree_ids = node.get_attr_slice::<i64>("nodes_treeids")?;
        let count = tree_ids.len();
        if count > MAX_NODES || classes > MAX_CLASSES {
            bail!("the ensemble has {count} nodes and {classes} classes; at most {MAX_NODES} and {MAX_CLASSES} are loaded");
        }
        let ints = |name: &str| -> TractResult<&[i64]> {
            let values = node.get_attr_slice::<i64>(name)?;
            ensure!(values.len() == count, "{name} has {} values for {count} nodes", values.len());
            Ok(values)
        };
        let values = node.get_attr_slice::<f32>("nodes_values")?;
        let modes: Vec<&str> = node.get_attr_vec("nodes_modes")?;
        ensure!(values.len() == count && modes.len() == count, "nodes_values or nodes_modes do not have one value per node");
        Ok(Self {
            classes,
            tree_ids,
            node_ids: ints("nodes_nodeids")?,
            features: ints("nodes_featureids")?,
            values,
            modes,
            true_ids: ints("nodes_truenodeids")?,
            false_ids: ints("nodes_falsenodeids")?,
            missing: ints("nodes_missing_value_tracks_true")?,
        })
    }

    /// The node at a place, of a tree that starts at another.
    fn node(&self, at: usize, start: usize, leaf: Option<Leaf>) -> TractResult<Node> {
        ensure!(usize::try_from(self.node_ids[at]).ok() == Some(at - start), "node {at} is not in the order of its tree");
        if self.modes[at] == "LEAF" {
            // A leaf without a class adds nothing.
            return Ok(Node::Leaf { value: leaf.map_or(0.0, |leaf| leaf.value) });
        }
        ensure!(leaf.is_none(), "node {at} is no leaf");
        ensure!(self.modes[at] == "BRANCH_LEQ", "node {at} tests with {}, which no model of ours does", self.modes[at]);
        ensure!(!self.values[at].is_nan(), "node {at} has no threshold");
        Ok(Node::Threshold {
            feature: u32::try_from(self.features[at])?,
            threshold: self.values[at],
            missing_left: self.missing[at] != 0,
            left: u32::try_from(self.true_ids[at])?,
            right: u32::try_from(self.false_ids[at])?,
        })
    }
}

/// For each node what it adds, if it is a leaf.
fn leaves(node: &NodeProto, attributes: &Attributes<'_>) -> TractResult<Vec<Option<Leaf>>> {
    let (trees, ids) = (node.get_attr_slice::<i64>("class_treeids")?, node.get_attr_slice::<i64>("class_nodeids")?);
    let (classes, weights) = (node.get_attr_slice::<i64>("class_ids")?, node.get_attr_slice::<f32>("class_weights")?);
    let count = trees.len();
    ensure!([ids.len(), classes.len(), weights.len()] == [count; 3], "the leaves' attributes differ in length");
    // Trees are written in order, so the root of tree t is the t-th.
    let of_trees = attributes.tree_ids.chunk_by(|one, next| one == next);
    let roots: Vec<usize> = of_trees.scan(0, |next, ids| Some(std::mem::replace(next, *next + ids.len()))).collect();
    let mut leaves = vec![None; attributes.tree_ids.len()];
    for at in 0..count {
        let root = usize::try_from(trees[at]).ok().and_then(|tree| roots.get(tree).copied());
        let root = root.with_context(|| format!("leaf {at} is in no tree"))?;
        let place = root.checked_add(usize::try_from(ids[at])?).context("a leaf is past the end")?;
        ensure!(attributes.tree_ids.get(place) == Some(&attributes.tree_ids[root]), "leaf {at} is not in its tree");
        let class = u32::try_from(classes[at])?;
        ensure!((class as usize) < attributes.classes, "leaf {at} adds to class {class} of {}", attributes.classes);
        leaves[place] = Some(Leaf { class, value: weights[at] });
    }
    Ok(leaves)
}

#[derive(Debug, Clone)]
struct TreeEnsemble(Arc<TreeKernel>);

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

impl Expansion for TreeEnsemble {
    fn name(&self) -> StaticName {
        "TreeEnsembleClassifier".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 2)?;
        solver.equals(&inputs[0].datum_type, f32::datum_type())?;
        solver.equals(&inputs[0].rank, 2)?;
        solver.equals(&outputs[0].datum_type, i64::datum_type())?;
        solver.equals(&outputs[0].rank, 1)?;
        solver.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
        solver.equals(&outputs[1].datum_type, f32::datum_type())?;
        solver.equals(&outputs[1].rank, 2)?;
        solver.equals(&outputs[1].shape[0], &inputs[0].shape[0])?;
        solver.equals(&outputs[1].shape[1], self.0.outputs().to_dim())?;
        Ok(())
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(2)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for TreeEnsemble {
    fn name(&self) -> StaticName {
        "TreeEnsembleClassifier".into()
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
