//! A graph of ours as tract's model, operator by operator.
//!
//! tract's reader of ONNX takes any file. It links some hundred and fifty operators for that and all that they need, convolutions and
//! Fourier transforms included, and finds types and shapes by solving equations. A graph of ours holds the few of [`OPERATORS`] in the forms
//! that [`crate::onnx`] writes: each is given to tract as what it is, and the program that predicts links no more than those need.
//!
//! [`OPERATORS`]: crate::onnx::OPERATORS

#![allow(clippy::wildcard_imports, reason = "tract's macros need what its `internal` module holds")]

use std::collections::HashMap;

use tract_core::{
    internal::*,
    ops::{
        array::{Gather, Slice, TypedConcat},
        cast::cast,
        change_axes::wire_with_rank_broadcast,
        einsum::EinSum,
        logic::Iff,
        math,
        nn::{Reduce, Reducer, Softmax, SoftmaxKind, sigmoid},
    },
};

use crate::{
    onnx::{
        NUMERIC_INPUT, TREE_ENSEMBLE,
        pb::{AttributeProto, DataType, GraphProto, NodeProto, TensorProto},
    },
    tree_ensemble::TreeEnsemble,
    tree_kernel::TreeKernel,
};

/// The model of a graph with its trees, in their order, that gives `output`; `numeric` is the width of the input of numbers.
pub(crate) fn wired(graph: &GraphProto, trees: Vec<TreeKernel>, numeric: usize, output: &str) -> TractResult<TypedModel> {
    let mut wiring = Wiring { model: TypedModel::default(), values: HashMap::new(), trees: trees.into_iter() };
    let rows = wiring.model.sym("N").to_dim();
    for input in &graph.input {
        let fact = if input.name == NUMERIC_INPUT {
            f32::fact([rows.clone(), numeric.to_dim()])
        } else {
            String::fact([rows.clone(), 1.to_dim()])
        };
        let source = wiring.model.add_source(input.name.as_str(), fact)?;
        wiring.values.insert(&input.name, source);
    }
    for constant in &graph.initializer {
        let value = wiring.model.add_const(constant.name.as_str(), tensor(constant)?)?;
        wiring.values.insert(&constant.name, value);
    }
    for node in &graph.node {
        let outputs = wiring.node(node).with_context(|| format!("the operator {} of {}", node.op_type, node.name))?;
        wiring.values.extend(node.output.iter().map(String::as_str).zip(outputs));
    }
    ensure!(wiring.trees.next().is_none(), "trees belong to no operator");
    let output = wiring.value(output)?;
    wiring.model.select_output_outlets(&[output])?;
    Ok(wiring.model)
}

fn tensor(constant: &TensorProto) -> TractResult<Tensor> {
    let shape = constant.dims.iter().map(|&length| usize::try_from(length)).collect::<Result<Vec<_>, _>>()?;
    if constant.data_type == DataType::Int64 as i32 {
        Tensor::from_shape(&shape, &constant.int64_data)
    } else {
        Tensor::from_shape(&shape, &constant.float_data)
    }
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> TractResult<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name).with_context(|| format!("there is no {name}"))
}

/// A model in the making, and which of its values has which name in the graph.
struct Wiring<'a> {
    model: TypedModel,
    values: HashMap<&'a str, OutletId>,
    trees: std::vec::IntoIter<TreeKernel>,
}

impl Wiring<'_> {
    /// Adds a node; its outputs.
    fn node(&mut self, node: &NodeProto) -> TractResult<TVec<OutletId>> {
        let inputs = node.input.iter().map(|name| self.value(name)).collect::<TractResult<TVec<_>>>()?;
        let axis = || Ok::<_, TractError>(usize::try_from(attribute(node, "axis")?.i)?);
        let name = node.name.as_str();
        match node.op_type.as_str() {
            "Add" => wire_with_rank_broadcast(name, &mut self.model, math::add(), &inputs),
            "Sub" => wire_with_rank_broadcast(name, &mut self.model, math::sub(), &inputs),
            "Mul" => wire_with_rank_broadcast(name, &mut self.model, math::mul(), &inputs),
            "Div" => wire_with_rank_broadcast(name, &mut self.model, math::div(), &inputs),
            "Where" => wire_with_rank_broadcast(name, &mut self.model, Iff, &inputs),
            "Exp" => self.model.wire_node(name, math::exp(), &inputs),
            "Log" => self.model.wire_node(name, math::ln(), &inputs),
            "IsNaN" => self.model.wire_node(name, math::is_nan(), &inputs),
            "Sigmoid" => self.model.wire_node(name, sigmoid(), &inputs),
            "Cast" => self.model.wire_node(name, cast(f32::datum_type()), &inputs),
            "Concat" => self.model.wire_node(name, TypedConcat::new(axis()?), &inputs),
            "Gather" => self.model.wire_node(name, Gather::new(axis()?), &inputs),
            "Softmax" => self.model.wire_node(name, Softmax::new(tvec![axis()?], None, SoftmaxKind::Softmax), &inputs),
            "MatMul" => self.model.wire_node(name, EinSum::new("mk,kn->mn".parse()?, f32::datum_type()), &inputs),
            "Clip" => {
                let (values, low, high) = args_3!(inputs);
                let raised = wire_with_rank_broadcast(format!("{name}.low"), &mut self.model, math::max(), &[values, low])?;
                wire_with_rank_broadcast(name, &mut self.model, math::min(), &[raised[0], high])
            }
            "Slice" => {
                let (values, from, to, axis) = args_4!(inputs);
                let slice = Slice::new(self.constant(axis)?, self.constant(from)?, self.constant(to)?);
                self.model.wire_node(name, slice, &[values])
            }
            "ReduceSum" => {
                let (values, axis) = args_2!(inputs);
                self.model.wire_node(name, Reduce::new(tvec![self.constant(axis)?], Reducer::Sum), &[values])
            }
            "Squeeze" => {
                let (values, axis) = args_2!(inputs);
                self.model.wire_node(name, AxisOp::Rm(self.constant(axis)?), &[values])
            }
            "CategoryMapper" => self.model.wire_node(name, CategoryCodes::of(node)?, &inputs),
            TREE_ENSEMBLE => {
                let trees = self.trees.next().context("an operator has no trees")?;
                self.model.wire_node(name, TreeEnsemble::new(trees), &inputs)
            }
            "Identity" => Ok(inputs),
            // The label, which is found from the probabilities.
            "ArgMax" => Ok(tvec!()),
            other => bail!("{other} is no operator of ours"),
        }
    }

    fn value(&self, name: &str) -> TractResult<OutletId> {
        self.values.get(name).copied().with_context(|| format!("there is no value {name}"))
    }

    /// A constant position.
    fn constant(&self, value: OutletId) -> TractResult<usize> {
        let constant = self.model.outlet_fact(value)?.konst.as_ref().context("a position is no constant")?;
        Ok(usize::try_from(constant.cast_to_scalar::<i64>()?)?)
    }
}

/// The number of each text among sorted categories, from 1; 0 for one that is none of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CategoryCodes(Arc<[String]>);

impl CategoryCodes {
    fn of(mapper: &NodeProto) -> TractResult<Self> {
        let texts = attribute(mapper, "cats_strings")?.strings.iter().cloned();
        let categories = texts.map(String::from_utf8).collect::<Result<Vec<_>, _>>()?;
        let is_ours = attribute(mapper, "cats_int64s")?.ints.iter().copied().eq(1..=categories.len() as i64)
            && attribute(mapper, "default_int64")?.i == 0
            && categories.is_sorted();
        ensure!(is_ours, "the codes are not the categories' numbers");
        Ok(Self(categories.into()))
    }
}

impl Op for CategoryCodes {
    fn name(&self) -> StaticName {
        "CategoryMapper".into()
    }

    op_as_typed_op!();
}

impl EvalOp for CategoryCodes {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let texts = input.try_as_plain_ram()?;
        let code = |text| self.0.binary_search(text).map_or(0, |position| position as i64 + 1);
        let codes: Vec<i64> = texts.as_slice::<String>()?.iter().map(code).collect();
        Ok(tvec!(Tensor::from_shape(input.shape(), &codes)?.into_tvalue()))
    }
}

impl TypedOp for CategoryCodes {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs.first().context("there are no texts")?.shape.clone();
        Ok(tvec!(i64::fact(shape)))
    }

    as_op!();
}
