//! Building a graph: values get names of their own, constants become initialisers.

use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

/// An attribute's value.
#[derive(Debug, Clone)]
pub(super) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Text(&'static str),
    Strings(Vec<String>),
}

/// A graph in the making.
pub(super) struct Graph {
    proto: GraphProto,
    values: usize,
}

impl Graph {
    pub(super) fn new(name: &str) -> Self {
        Self { proto: GraphProto { name: name.to_owned(), ..GraphProto::default() }, values: 0 }
    }

    pub(super) fn finish(self) -> GraphProto {
        self.proto
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
    pub(super) fn add(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) -> String {
        let output = self.name(operator);
        self.node(operator, inputs, &output, attributes);
        output
    }

    /// A node with one output of a given name.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) {
        self.push(operator, "", inputs, vec![output.to_owned()], attributes);
    }

    /// A node of `ai.onnx.ml` with one output; the output's name.
    pub(super) fn add_ml(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) -> String {
        let output = self.name(operator);
        self.push(operator, "ai.onnx.ml", inputs, vec![output.clone()], attributes);
        output
    }

    /// A node of `ai.onnx.ml` with two outputs, of which the second is wanted; its name.
    pub(super) fn add_ml_second(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) -> String {
        let outputs = vec![self.name(operator), self.name(operator)];
        let second = outputs.last().cloned().unwrap_or_default();
        self.push(operator, "ai.onnx.ml", inputs, outputs, attributes);
        second
    }

    fn push(&mut self, operator: &str, domain: &str, inputs: &[&str], output: Vec<String>, attributes: &[(&str, Attribute)]) {
        self.proto.node.push(NodeProto {
            name: output.first().cloned().unwrap_or_default(),
            op_type: operator.to_owned(),
            domain: domain.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output,
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
            ..NodeProto::default()
        });
    }

    fn name(&mut self, what: &str) -> String {
        self.values += 1;
        format!("{what}_{}", self.values)
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    let kind = match value {
        Attribute::Int(int) => {
            proto.i = *int;
            AttributeType::Int
        }
        Attribute::Ints(ints) => {
            proto.ints.clone_from(ints);
            AttributeType::Ints
        }
        Attribute::Floats(floats) => {
            proto.floats.clone_from(floats);
            AttributeType::Floats
        }
        Attribute::Text(text) => {
            proto.s = text.as_bytes().to_vec();
            AttributeType::String
        }
        Attribute::Strings(strings) => {
            proto.strings = strings.iter().map(|string| string.as_bytes().to_vec()).collect();
            AttributeType::Strings
        }
    };
    proto.r#type = kind as i32;
    proto
}

fn value_info(name: &str, data_type: DataType, shape: &[usize]) -> ValueInfoProto {
    let dimension = |value| Dimension { value: Some(value), ..Dimension::default() };
    let rows = dimension(dimension::Value::DimParam("N".to_owned()));
    let rest = shape.iter().map(|&length| dimension(dimension::Value::DimValue(length as i64)));
    let tensor = type_proto::Tensor {
        elem_type: data_type as i32,
        shape: Some(TensorShapeProto { dim: std::iter::once(rows).chain(rest).collect() }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}
