//! Building a graph: values get names of their own, constants become initialisers.
//!
//! The trees are most of a file. They stand apart until the graph is encoded, and are encoded straight from the pipeline.

use prost::Message as _;

use super::{
    TREE_ENSEMBLE,
    pb::{
        AttributeProto, AttributeType, DataType, Dimension, DimensionValue, GraphProto, NodeProto, TensorProto, TensorShapeProto,
        TensorType, TypeProto, ValueInfoProto,
    },
    trees::TreeNode,
};
use crate::ModelError;

/// An attribute's value.
#[derive(Debug)]
pub(super) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Text(&'static str),
    Strings(Vec<String>),
}

/// A graph in the making.
pub(super) struct Graph<'a> {
    /// The nodes that the trees need, and the trees.
    trees: Option<(GraphProto, TreeNode<'a>)>,
    /// All else, or all when there are no trees.
    proto: GraphProto,
    values: usize,
}

impl<'a> Graph<'a> {
    pub(super) fn new(name: &str) -> Self {
        Self { trees: None, proto: GraphProto { name: name.to_owned(), ..GraphProto::default() }, values: 0 }
    }

    /// Bytes of the encoded `GraphProto`.
    pub(super) fn encoded_len(&self) -> usize {
        self.trees.as_ref().map_or(0, |(before, trees)| before.encoded_len() + trees.encoded_len()) + self.proto.encoded_len()
    }

    /// Appends the `GraphProto`. A message's fields may be encoded one after the other, so the nodes come in their order: those that the
    /// trees need, the trees, the others.
    pub(super) fn encode(&self, file: &mut Vec<u8>) -> Result<(), ModelError> {
        if let Some((before, trees)) = &self.trees {
            append(before, file);
            trees.encode(file)?;
        }
        append(&self.proto, file);
        Ok(())
    }

    /// Adds the operator of all trees, of which there may be one; the name of its scores.
    pub(super) fn add_trees(&mut self, trees: impl FnOnce([String; 2]) -> Result<TreeNode<'a>, ModelError>) -> Result<String, ModelError> {
        let outputs = [self.name(TREE_ENSEMBLE), self.name(TREE_ENSEMBLE)];
        let [_, scores] = outputs.clone();
        let before = GraphProto { node: std::mem::take(&mut self.proto.node), ..GraphProto::default() };
        self.trees = Some((before, trees(outputs)?));
        Ok(scores)
    }

    /// An input `[N, width]`.
    pub(super) fn input(&mut self, name: &str, data_type: DataType, width: usize) {
        self.proto.input.push(value_info(name, data_type, &[width]));
    }

    /// An output `[N, …shape]`.
    pub(super) fn output(&mut self, name: &str, data_type: DataType, shape: &[usize]) {
        self.proto.output.push(value_info(name, data_type, shape));
    }

    /// A constant of floats; its name.
    pub(super) fn floats(&mut self, what: &str, shape: &[usize], values: Vec<f32>) -> String {
        self.constant(what, shape, DataType::Float, |tensor| tensor.float_data = values)
    }

    /// A constant of 64-bit integers; its name.
    pub(super) fn ints(&mut self, what: &str, shape: &[usize], values: Vec<i64>) -> String {
        self.constant(what, shape, DataType::Int64, |tensor| tensor.int64_data = values)
    }

    fn constant(&mut self, what: &str, shape: &[usize], data_type: DataType, fill: impl FnOnce(&mut TensorProto)) -> String {
        let name = self.name(what);
        let dims = shape.iter().map(|&length| length as i64).collect();
        let mut tensor = TensorProto { dims, data_type: data_type as i32, name: name.clone(), ..TensorProto::default() };
        fill(&mut tensor);
        self.proto.initializer.push(tensor);
        name
    }

    /// A node with one output; the output's name.
    pub(super) fn add(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) -> String {
        let output = self.name(operator);
        self.node(operator, inputs, &output, attributes);
        output
    }

    /// A node with one output of a given name.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) {
        self.push(operator, "", inputs, vec![output.to_owned()], attributes);
    }

    /// A node of `ai.onnx.ml` with one output; the output's name.
    pub(super) fn add_ml(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) -> String {
        let output = self.name(operator);
        self.push(operator, "ai.onnx.ml", inputs, vec![output.clone()], attributes);
        output
    }

    fn push(
        &mut self,
        operator: &str,
        domain: &str,
        inputs: &[&str],
        output: Vec<String>,
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) {
        self.proto.node.push(NodeProto {
            name: output.first().cloned().unwrap_or_default(),
            op_type: operator.to_owned(),
            domain: domain.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output,
            attribute: attributes.into_iter().map(|(name, value)| attribute(name, value)).collect(),
        });
    }

    fn name(&mut self, what: &str) -> String {
        self.values += 1;
        format!("{what}_{}", self.values)
    }
}

pub(super) fn attribute(name: &str, value: Attribute) -> AttributeProto {
    let proto = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    let of_type = |kind: AttributeType| kind as i32;
    match value {
        Attribute::Int(i) => AttributeProto { i, r#type: of_type(AttributeType::Int), ..proto },
        Attribute::Ints(ints) => AttributeProto { ints, r#type: of_type(AttributeType::Ints), ..proto },
        Attribute::Text(text) => AttributeProto { s: text.as_bytes().to_vec(), r#type: of_type(AttributeType::String), ..proto },
        Attribute::Strings(strings) => {
            let strings = strings.into_iter().map(String::into_bytes).collect();
            AttributeProto { strings, r#type: of_type(AttributeType::Strings), ..proto }
        }
    }
}

/// Appends the fields of a message. Unlike `Message::encode` it cannot fail: a vector grows.
pub(super) fn append(message: &impl prost::Message, file: &mut Vec<u8>) {
    message.encode_raw(file);
}

fn value_info(name: &str, data_type: DataType, shape: &[usize]) -> ValueInfoProto {
    let dimension = |value| Dimension { value: Some(value) };
    let rows = dimension(DimensionValue::Name("N".to_owned()));
    let rest = shape.iter().map(|&length| dimension(DimensionValue::Length(length as i64)));
    let shape = TensorShapeProto { dim: std::iter::once(rows).chain(rest).collect() };
    let tensor = TensorType { elem_type: data_type as i32, shape: Some(shape) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}
