//! `TreeEnsembleClassifier` for tract: the trees of a graph of ours, evaluated in one pass over a flat array of nodes.
//!
//! tract's own evaluation looks for a leaf's class by scanning all leaves, which is quadratic in the size of the ensemble. This one takes
//! the same attributes and gives the same scores. Its label output is never used and holds zeros.
//!
//! Everything is checked when the file is read: a node's children have larger positions than its own, so that each walk ends, and every
//! position is inside the array.

#![allow(clippy::wildcard_imports, reason = "tract's macros need what its `internal` module holds")]

use std::sync::Arc;

use tract_onnx::{
    model::ParsingContext,
    pb::NodeProto,
    tract_hir::{infer::InferenceOp, internal::*},
};

/// The most nodes of one ensemble.
const MAX_NODES: usize = 50_000_000;
/// The most classes of one ensemble.
const MAX_CLASSES: usize = 100_000;
/// The class of a node that is no leaf.
const NONE: u32 = u32::MAX;
/// Rows that are sent down a tree while its nodes are at hand, and rows that are walked side by side: a walk waits for memory at each step,
/// and eight wait together.
const BLOCK: usize = 128;
const LANES: usize = 8;
/// The bit of `feature` that tells where a missing value goes.
const MISSING_LEFT: u32 = 1 << 31;

/// Builds the operator from a node of the graph.
pub(crate) fn tree_ensemble_classifier(
    _context: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let ensemble = Ensemble::read(node)?;
    Ok((expand(TreeEnsemble(Arc::new(ensemble))), Vec::new()))
}

/// A test; of a leaf the threshold is its value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PackedNode {
    feature: u32,
    threshold: f32,
}

#[derive(Debug, PartialEq)]
struct Ensemble {
    nodes: Vec<PackedNode>,
    /// For each node the one that follows when its test fails, and the one when it holds. They lie apart from the tests so that the next node is
    /// looked up: a jump could not be foreseen. A leaf leads to itself.
    children: Vec<u32>,
    /// For each node the class that it adds to, if it is a leaf.
    leaf_classes: Vec<u32>,
    /// The root of each tree.
    roots: Vec<u32>,
    classes: usize,
    /// Columns that the trees look at.
    width: usize,
}

impl Ensemble {
    fn read(node: &NodeProto) -> TractResult<Self> {
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
        let (node_ids, features) = (ints("nodes_nodeids")?, ints("nodes_featureids")?);
        let (true_ids, false_ids, missing) =
            (ints("nodes_truenodeids")?, ints("nodes_falsenodeids")?, ints("nodes_missing_value_tracks_true")?);
        let values = node.get_attr_slice::<f32>("nodes_values")?;
        let modes: Vec<&str> = node.get_attr_vec("nodes_modes")?;
        ensure!(values.len() == count && modes.len() == count, "nodes_values or nodes_modes do not have one value per node");

        let (mut nodes, mut roots, mut width) = (Vec::with_capacity(count), Vec::new(), 0);
        let mut children = Vec::with_capacity(2 * count);
        let mut tree_start = 0;
        for at in 0..count {
            let starts = at == 0 || tree_ids[at] != tree_ids[at - 1];
            if starts {
                tree_start = at;
                roots.push(u32::try_from(at)?);
            }
            ensure!(usize::try_from(node_ids[at]).ok() == Some(at - tree_start), "node {at} is not in the order of its tree");
            if modes[at] == "LEAF" {
                nodes.push(PackedNode { feature: 0, threshold: 0.0 });
                children.extend([u32::try_from(at)?; 2]);
                continue;
            }
            ensure!(modes[at] == "BRANCH_LEQ", "node {at} tests with {}, which no model of ours does", modes[at]);
            let feature = u32::try_from(features[at])?;
            ensure!(feature < MISSING_LEFT - 1, "node {at} looks at column {feature}");
            ensure!(!values[at].is_nan(), "node {at} has no threshold");
            width = width.max(feature as usize + 1);
            let child = |id: i64| -> TractResult<u32> {
                let child = usize::try_from(id)?.checked_add(tree_start).filter(|&child| child > at && child < count);
                let child = child.filter(|&child| tree_ids[child] == tree_ids[at]);
                Ok(u32::try_from(child.with_context(|| format!("node {at} has a child that does not follow it in its tree"))?)?)
            };
            let missing_left = if missing[at] == 0 { 0 } else { MISSING_LEFT };
            let (left, right) = (child(true_ids[at])?, child(false_ids[at])?);
            nodes.push(PackedNode { feature: feature | missing_left, threshold: values[at] });
            children.extend([right, left]);
        }
        let mut ensemble = Self { nodes, children, leaf_classes: vec![NONE; count], roots, classes, width };
        ensemble.read_leaves(node, tree_ids)?;
        Ok(ensemble)
    }

    /// Gives each leaf its class and value.
    fn read_leaves(&mut self, node: &NodeProto, tree_ids: &[i64]) -> TractResult<()> {
        let (trees, ids) = (node.get_attr_slice::<i64>("class_treeids")?, node.get_attr_slice::<i64>("class_nodeids")?);
        let (classes, weights) = (node.get_attr_slice::<i64>("class_ids")?, node.get_attr_slice::<f32>("class_weights")?);
        let count = trees.len();
        ensure!([ids.len(), classes.len(), weights.len()] == [count; 3], "the leaves' attributes differ in length");
        // Trees are written in order, so the root of tree t is the t-th.
        for at in 0..count {
            let root = usize::try_from(trees[at])
                .ok()
                .and_then(|tree| self.roots.get(tree))
                .with_context(|| format!("leaf {at} is in no tree"))?;
            let place = (*root as usize).checked_add(usize::try_from(ids[at])?).context("a leaf is past the end")?;
            ensure!(tree_ids.get(place) == Some(&tree_ids[*root as usize]), "leaf {at} is not in its tree");
            let class = u32::try_from(classes[at])?;
            ensure!((class as usize) < self.classes, "leaf {at} adds to class {class} of {}", self.classes);
            let is_leaf = self.children.get(2 * place).is_some_and(|&child| child as usize == place);
            match (self.nodes.get_mut(place), self.leaf_classes.get_mut(place)) {
                (Some(leaf), Some(leaf_class)) if is_leaf => (*leaf_class, leaf.threshold) = (class, weights[at]),
                _ => bail!("leaf {at} is no leaf"),
            }
        }
        Ok(())
    }

    /// Adds the trees' values to `scores` (row-major `rows × classes`); `inputs` is row-major `rows × columns` with at least `width` columns.
    fn score(&self, inputs: &[f32], columns: usize, scores: &mut [f32]) {
        for (inputs, scores) in inputs.chunks(BLOCK * columns).zip(scores.chunks_mut(BLOCK * self.classes)) {
            for &root in &self.roots {
                for (inputs, scores) in inputs.chunks(LANES * columns).zip(scores.chunks_mut(LANES * self.classes)) {
                    let leaves = self.leaves(root, inputs, columns);
                    for (scores, leaf) in scores.chunks_exact_mut(self.classes).zip(leaves) {
                        // A leaf without a class adds nothing.
                        if let Some(score) = scores.get_mut(self.leaf_classes[leaf as usize] as usize) {
                            *score += self.nodes[leaf as usize].threshold;
                        }
                    }
                }
            }
        }
    }

    /// The leaves that up to [`LANES`] rows end in.
    #[inline]
    fn leaves(&self, root: u32, inputs: &[f32], columns: usize) -> [u32; LANES] {
        let rows = inputs.len() / columns;
        let mut at = [root; LANES];
        loop {
            let mut moved = 0;
            for (row, at) in at.iter_mut().enumerate().take(rows) {
                let node = self.nodes[*at as usize];
                let value = inputs[row * columns + (node.feature & !MISSING_LEFT) as usize];
                let goes_left = usize::from(value <= node.threshold) | (usize::from(value.is_nan()) & (node.feature >> 31) as usize);
                let next = self.children[2 * *at as usize + goes_left];
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return at;
            }
        }
    }
}

#[derive(Debug, Clone)]
struct TreeEnsemble(Arc<Ensemble>);

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
        solver.equals(&outputs[1].shape[1], self.0.classes.to_dim())?;
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
            &[rows, columns] if columns >= self.0.width && columns > 0 => (rows, columns),
            shape => bail!("the trees look at {} columns, the input has shape {shape:?}", self.0.width),
        };
        let mut scores = Tensor::zero::<f32>(&[rows, self.0.classes])?;
        let input = input.try_as_plain_ram()?;
        self.0.score(input.as_slice::<f32>()?, columns, scores.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
        Ok(tvec!(Tensor::zero::<i64>(&[rows])?.into_tvalue(), scores.into_tvalue()))
    }
}

impl TypedOp for TreeEnsemble {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let rows = inputs.first().and_then(|input| input.shape.first()).context("the trees have no input")?.clone();
        Ok(tvec!(i64::fact([rows.clone()]), f32::fact([rows, self.0.classes.to_dim()])))
    }

    as_op!();
}
