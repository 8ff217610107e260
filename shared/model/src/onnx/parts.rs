//! A model file taken apart: its trees, which are most of it, and the rest.
//!
//! The trees are read where they stand. The rest becomes protobuf types, of which a hostile file could ask for many in few bytes: so what
//! they are made of is counted before.

use prost::Message as _;

use super::{
    TREE_ENSEMBLE,
    pb::{GraphProto, ModelProto, NodeProto},
    wire::{ATTRIBUTE_FIELDS, Field, Fields, GRAPH_NODE, MODEL_GRAPH, NODE_ATTRIBUTE, NODE_OPERATOR},
};
use crate::{ModelError, tree_ensemble, tree_kernel::TreeKernel};

/// The most nodes, constants, inputs and other parts of a graph; a node has about one constant.
const MAX_PARTS: usize = 300_000;
/// The most fields of the model beside the graph, and of a node: inputs, outputs, attributes.
const MAX_FIELDS: usize = 100_000;
/// The most attributes of a node; the trees have 15.
const MAX_ATTRIBUTES: usize = 32;

/// A model file.
pub(crate) struct Parts {
    /// All but the attributes of the trees.
    pub(crate) model: ModelProto,
    /// The trees of each `TreeEnsembleClassifier`, in the order of the graph.
    pub(crate) trees: Vec<TreeKernel>,
}

impl Parts {
    /// Fails when the bytes are no ONNX model, are made of too many parts, or when trees contradict themselves.
    pub(crate) fn of(onnx: &[u8]) -> Result<Self, ModelError> {
        let mut parts = Self { model: ModelProto::default(), trees: Vec::new() };
        let mut graph: Option<GraphProto> = None;
        let mut left = Allowance::new("the file", MAX_FIELDS);
        for field in Fields::of(onnx) {
            let field = field?;
            left.take()?;
            match field.delimited(MODEL_GRAPH) {
                Some(message) => parts.graph(message, graph.get_or_insert_default())?,
                None => parts.model.merge(field.whole)?,
            }
        }
        parts.model.graph = graph;
        Ok(parts)
    }

    fn graph(&mut self, message: &[u8], graph: &mut GraphProto) -> Result<(), ModelError> {
        let mut left = Allowance::new("the graph", MAX_PARTS);
        for field in Fields::of(message) {
            let field = field?;
            left.take()?;
            match field.delimited(GRAPH_NODE) {
                Some(node) => graph.node.push(self.node(node)?),
                None => graph.merge(field.whole)?,
            }
        }
        Ok(())
    }

    fn node(&mut self, message: &[u8]) -> Result<NodeProto, ModelError> {
        let mut operator: &[u8] = &[];
        let (mut fields, mut attributes) = (Allowance::new("a node", MAX_FIELDS), Allowance::new("a node's attributes", MAX_ATTRIBUTES));
        for field in Fields::of(message) {
            let field = field?;
            fields.take()?;
            operator = field.delimited(NODE_OPERATOR).unwrap_or(operator);
            if let Some(attribute) = field.delimited(NODE_ATTRIBUTE) {
                attributes.take()?;
                check_attribute(attribute)?;
            }
        }
        if operator != TREE_ENSEMBLE.as_bytes() {
            return Ok(NodeProto::decode(message)?);
        }
        self.trees.push(tree_ensemble::read(message)?);
        let mut node = NodeProto::default();
        for field in Fields::of(message) {
            match field? {
                Field { number: NODE_ATTRIBUTE, .. } => {}
                field => node.merge(field.whole)?,
            }
        }
        Ok(node)
    }
}

/// An attribute of ours holds numbers or texts, no messages: those could be many and large in memory.
fn check_attribute(attribute: &[u8]) -> Result<(), ModelError> {
    for field in Fields::of(attribute) {
        let number = field?.number;
        if !ATTRIBUTE_FIELDS.contains(&number) {
            return Err(ModelError::foreign(format!("an attribute has the field {number}")));
        }
    }
    Ok(())
}

/// How many more things there may be.
struct Allowance {
    of: &'static str,
    limit: usize,
    used: usize,
}

impl Allowance {
    fn new(of: &'static str, limit: usize) -> Self {
        Self { of, limit, used: 0 }
    }

    fn take(&mut self) -> Result<(), ModelError> {
        self.used += 1;
        if self.used > self.limit {
            return Err(ModelError::damaged(format!("{} has more than {} parts", self.of, self.limit)));
        }
        Ok(())
    }
}
