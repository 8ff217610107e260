//! A pipeline → its ONNX graph: opset 13 and `ai.onnx.ml` 1, IR 8. Source: the ONNX operator and IR specifications.
//!
//! ```text
//! numeric float[N,d] ────────────────────────────┬─▶ TreeEnsembleClassifier ─▶ scores of all trees, sliced per member
//! category:… string[N,1] ─▶ CategoryMapper ─▶ codes ─┘                              │
//!        └──────────── Where(IsNaN)·Sub·Div·Clip·MatMul, Gather ──▶ scores of a linear member
//!                                       member scores ─▶ Sigmoid | Softmax | identity ─▶ · weight ─▶ Σ ─▶ outputs
//!                                  probabilities that are calibrated: + floor ─▶ Log ─▶ · slope ─▶ + shift ─▶ Softmax
//! ```
//!
//! All trees are in one `TreeEnsembleClassifier`, score *k* of member *m* as class *offset(m) + k*, with at least three classes declared
//! and its label output unused: the form in which ONNX Runtime and ours agree. Outputs: `label` (position of the label) and
//! `probabilities` (`float[N,K]`), or `variable` (`float[N,1]`) for regression. The operators used are no others than [`OPERATORS`].

mod graph;
mod outline;
pub(crate) mod parts;
pub(crate) mod pb;
mod trees;
pub(crate) mod wire;

use prost::Message as _;

use crate::{
    Calibration, Feature, FeatureKind, Fitted, Linear, Link, Lookup, Manifest, ModelError, Pipeline, Task,
    evaluate::bias,
    pipeline::{EXPONENT_LIMIT, SCALED_LIMIT, SHARE_FLOOR},
};
use graph::{Attribute, Graph, append};
use outline::Outline;
pub use outline::read_pipeline;
use pb::{DataType, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use trees::TreeNode;

/// The operator of all trees.
pub(crate) const TREE_ENSEMBLE: &str = "TreeEnsembleClassifier";
/// Every operator that a graph of ours may hold.
pub(crate) const OPERATORS: [&str; 22] = [
    "Add",
    "ArgMax",
    "Cast",
    "CategoryMapper",
    "Clip",
    "Concat",
    "Div",
    "Exp",
    "Gather",
    "Identity",
    "IsNaN",
    "Log",
    "MatMul",
    "Mul",
    "ReduceSum",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Squeeze",
    "Sub",
    TREE_ENSEMBLE,
    "Where",
];
/// Where the manifest is among the metadata.
pub(crate) const MANIFEST_KEY: &str = "manifest";
/// Where that is of which the graph and the manifest do not tell what it was: see [`outline`].
const OUTLINE_KEY: &str = "outline";
/// The input of all numeric features.
pub(crate) const NUMERIC_INPUT: &str = "numeric";
/// The output that holds a prediction's figures.
pub(crate) const PROBABILITIES: &str = "probabilities";
pub(crate) const VARIABLE: &str = "variable";

const IR_VERSION: i64 = 8;
const OPSET: i64 = 13;
const ML_OPSET: i64 = 1;

/// The bytes of the model file.
pub fn write_onnx(pipeline: &Pipeline, manifest: &Manifest) -> Result<Vec<u8>, ModelError> {
    if pipeline.members.is_empty() {
        return Err(ModelError::Pipeline { reason: "it has no members".to_owned() });
    }
    let mut graph = Graph::new("automl");
    let inputs = Inputs::write(pipeline, &mut graph)?;
    let combined = members(pipeline, &inputs, &mut graph)?;
    match pipeline.classes() {
        None => {
            graph.node("Identity", &[&combined], VARIABLE, []);
            graph.output(VARIABLE, DataType::Float, &[1]);
        }
        Some(classes) => {
            let mut probabilities = combined;
            if classes == 2 {
                let one = graph.floats("one", &[1, 1], vec![1.0]);
                let first = graph.add("Sub", &[&one, &probabilities], []);
                probabilities = graph.add("Concat", &[&first, &probabilities], [("axis", Attribute::Int(1))]);
            }
            if let Some(calibration) = &pipeline.calibration {
                probabilities = calibrated(&probabilities, calibration, classes, &mut graph);
            }
            graph.node("Identity", &[&probabilities], PROBABILITIES, []);
            let of_largest = [("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(0))];
            let compared = match pipeline.threshold.filter(|_| classes == 2) {
                None => PROBABILITIES.to_owned(),
                Some(threshold) => {
                    let bias = graph.floats("bias", &[1, 2], vec![0.0, bias(threshold)]);
                    graph.add("Add", &[PROBABILITIES, &bias], [])
                }
            };
            graph.node("ArgMax", &[&compared], "label", of_largest);
            graph.output("label", DataType::Int64, &[]);
            graph.output(PROBABILITIES, DataType::Float, &[classes]);
        }
    }
    encode(&graph, pipeline, manifest)
}

/// The model's fields in the order of their numbers, without a copy of the graph.
fn encode(graph: &Graph<'_>, pipeline: &Pipeline, manifest: &Manifest) -> Result<Vec<u8>, ModelError> {
    let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
    let before = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "automl".to_owned(),
        producer_version: manifest.product_version.clone(),
        ..ModelProto::default()
    };
    let after = ModelProto {
        opset_import: vec![opset("", OPSET), opset("ai.onnx.ml", ML_OPSET)],
        metadata_props: vec![
            StringStringEntryProto { key: MANIFEST_KEY.to_owned(), value: serde_json::to_string(manifest)? },
            StringStringEntryProto { key: OUTLINE_KEY.to_owned(), value: serde_json::to_string(&Outline::of(pipeline))? },
        ],
        ..ModelProto::default()
    };
    let length = graph.encoded_len();
    let mut file = Vec::with_capacity(before.encoded_len() + wire::delimited_len(length) + after.encoded_len());
    append(&before, &mut file);
    wire::begin_delimited(wire::MODEL_GRAPH, length, &mut file);
    graph.encode(&mut file)?;
    append(&after, &mut file);
    Ok(file)
}

/// For each input of a pipeline its column in the trees' matrix: numbers first, then codes, then what is looked up.
fn columns(features: &[Feature], lookups: usize) -> Vec<usize> {
    let numbers: usize = features.iter().map(|feature| feature.kind.numbers()).sum();
    let (mut next_number, mut next_code) = (0, numbers);
    let mut columns = Vec::new();
    for feature in features {
        let count = feature.kind.numbers();
        if let FeatureKind::Categorical { .. } = feature.kind {
            columns.push(next_code);
            next_code += 1;
        } else {
            columns.extend(next_number..next_number + count);
            next_number += count;
        }
    }
    columns.extend(next_code..next_code + lookups);
    columns
}

/// The graph's inputs, and where each of the pipeline's is in them.
struct Inputs {
    /// Width of the `numeric` input; 0 when there is none.
    numeric: usize,
    /// Per input of the pipeline, its column in the trees' matrix: numbers first, then codes, then what was looked up.
    columns: Vec<usize>,
    /// Per input of the pipeline, the value that holds its codes `int64[N,1]`, empty for a number.
    codes: Vec<String>,
    /// The values that hold what was looked up, `float[N,1]` each.
    lookups: Vec<String>,
}

impl Inputs {
    fn write(pipeline: &Pipeline, graph: &mut Graph<'_>) -> Result<Self, ModelError> {
        let numeric = pipeline.features.iter().map(|feature| feature.kind.numbers()).sum();
        if numeric > 0 {
            graph.input(NUMERIC_INPUT, DataType::Float, numeric);
        }
        let mut codes = Vec::new();
        for feature in &pipeline.features {
            match &feature.kind {
                FeatureKind::Numeric | FeatureKind::Date { .. } | FeatureKind::Text { .. } => {
                    let count = feature.kind.numbers();
                    codes.extend(vec![String::new(); count]);
                }
                FeatureKind::Categorical { categories } => {
                    let input = format!("category:{}", feature.name);
                    graph.input(&input, DataType::String, 1);
                    let mapping = [
                        ("cats_strings", Attribute::Strings(categories.clone())),
                        ("cats_int64s", Attribute::Ints((1..).take(categories.len()).collect())),
                        ("default_int64", Attribute::Int(0)),
                    ];
                    codes.push(graph.add_ml("CategoryMapper", &[&input], mapping));
                }
            }
        }
        let columns = columns(&pipeline.features, pipeline.lookups.len());
        let mut inputs = Self { numeric, columns, codes, lookups: Vec::new() };
        for lookup in &pipeline.lookups {
            let name = inputs.look_up(lookup, graph)?;
            inputs.lookups.push(name);
        }
        Ok(inputs)
    }

    fn look_up(&self, lookup: &Lookup, graph: &mut Graph<'_>) -> Result<String, ModelError> {
        let codes = self.codes.get(lookup.input as usize).filter(|codes| !codes.is_empty());
        let codes = codes.ok_or_else(|| ModelError::Pipeline { reason: format!("input {} has no codes to look up", lookup.input) })?;
        let table = graph.floats("lookup", &[lookup.values.len()], lookup.values.clone());
        Ok(graph.add("Gather", &[&table, codes], [("axis", Attribute::Int(0))]))
    }

    /// `float[N, inputs]`: numbers, then codes, then what was looked up.
    fn matrix(&self, graph: &mut Graph<'_>) -> String {
        let mut parts: Vec<String> = if self.numeric > 0 { vec![NUMERIC_INPUT.to_owned()] } else { Vec::new() };
        let codes = self.codes.iter().filter(|code| !code.is_empty());
        parts.extend(codes.map(|code| graph.add("Cast", &[code], [("to", Attribute::Int(i64::from(DataType::Float as i32)))])));
        parts.extend(self.lookups.iter().cloned());
        if let [only] = parts.as_slice() {
            return only.clone();
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        graph.add("Concat", &parts, [("axis", Attribute::Int(1))])
    }
}

/// The weighted sum of the members' outputs.
fn members<'a>(pipeline: &'a Pipeline, inputs: &Inputs, graph: &mut Graph<'a>) -> Result<String, ModelError> {
    let forests: Vec<_> =
        pipeline.members.iter().filter_map(|member| if let Fitted::Trees(forest) = &member.model { Some(forest) } else { None }).collect();
    let all_trees = if forests.is_empty() {
        None
    } else {
        let matrix = inputs.matrix(graph);
        Some(graph.add_trees(|outputs| TreeNode::new(forests, inputs.columns.clone(), matrix, outputs))?)
    };
    let mut offset = 0;
    let mut sum: Option<String> = None;
    for member in &pipeline.members {
        let scores = match &member.model {
            Fitted::Trees(forest) => {
                let end = offset + forest.base.len();
                let scores = all_trees.as_deref().unwrap_or_default();
                let axes = graph.ints("axes", &[1], vec![1]);
                let (from, to) = (graph.ints("from", &[1], vec![offset as i64]), graph.ints("to", &[1], vec![end as i64]));
                offset = end;
                let own = graph.add("Slice", &[scores, &from, &to, &axes], []);
                let base = graph.floats("base", &[1, forest.base.len()], forest.base.clone());
                graph.add("Add", &[&own, &base], [])
            }
            Fitted::Linear(linear) => linear_scores(linear, inputs, graph)?,
        };
        let output = match member.link {
            Link::Identity => scores,
            Link::Sigmoid => graph.add("Sigmoid", &[&scores], []),
            Link::Softmax => graph.add("Softmax", &[&scores], [("axis", Attribute::Int(1))]),
            Link::Exponential => {
                let scores = clip(&scores, f32::MIN, EXPONENT_LIMIT, graph);
                graph.add("Exp", &[&scores], [])
            }
            Link::Shares if member.scores() == 1 => clip(&scores, 0.0, 1.0, graph),
            Link::Shares => {
                let positive = clip(&scores, 0.0, f32::MAX, graph);
                let floor = graph.floats("floor", &[1, 1], vec![SHARE_FLOOR]);
                let raised = graph.add("Add", &[&positive, &floor], []);
                let axes = graph.ints("axes", &[1], vec![1]);
                let sum = graph.add("ReduceSum", &[&raised, &axes], [("keepdims", Attribute::Int(1))]);
                graph.add("Div", &[&raised, &sum], [])
            }
        };
        let weight = graph.floats("weight", &[1, 1], vec![member.weight]);
        let weighted = graph.add("Mul", &[&output, &weight], []);
        sum = Some(match sum {
            None => weighted,
            Some(sum) => graph.add("Add", &[&sum, &weighted], []),
        });
    }
    let expected = match &pipeline.task {
        Task::Classification { labels } if labels.len() > 2 => labels.len(),
        _ => 1,
    };
    if pipeline.members.iter().any(|member| member.scores() != expected) {
        return Err(ModelError::Pipeline { reason: format!("a member does not have {expected} scores") });
    }
    sum.ok_or_else(|| ModelError::Pipeline { reason: "it has no members".to_owned() })
}

fn linear_scores(linear: &Linear, inputs: &Inputs, graph: &mut Graph<'_>) -> Result<String, ModelError> {
    let of = |feature: u32| ModelError::Pipeline {
        reason: format!("a linear member uses input {feature}, which does not exist or is of another kind"),
    };
    let outputs = linear.intercepts.len();
    let mut scores = graph.floats("intercepts", &[1, outputs], linear.intercepts.clone());
    if linear.numeric.is_empty() {
        scores = broadcast(&scores, inputs, graph);
    } else {
        let columns = linear.numeric.iter().map(|term| inputs.numeric_column(term.feature).ok_or_else(|| of(term.feature)));
        let columns = columns.map(|column| column.map(|column| column as i64)).collect::<Result<Vec<_>, _>>()?;
        let width = linear.numeric.len();
        let columns = graph.ints("columns", &[width], columns);
        let used = graph.add("Gather", &[NUMERIC_INPUT, &columns], [("axis", Attribute::Int(1))]);
        let row = |graph: &mut Graph<'_>, name: &str, value: fn(&crate::Scaled) -> f32| {
            graph.floats(name, &[1, width], linear.numeric.iter().map(value).collect())
        };
        let (fill, mean) = (row(graph, "fill", |term| term.fill), row(graph, "mean", |term| term.mean));
        let scale = row(graph, "scale", |term| term.scale);
        let missing = graph.add("IsNaN", &[&used], []);
        let filled = graph.add("Where", &[&missing, &fill, &used], []);
        let centred = graph.add("Sub", &[&filled, &mean], []);
        let standardised = graph.add("Div", &[&centred, &scale], []);
        let clipped = clip(&standardised, -SCALED_LIMIT, SCALED_LIMIT, graph);
        let coefficients: Vec<f32> = linear.numeric.iter().flat_map(|term| term.coefficients.iter().copied()).collect();
        if coefficients.len() != width * outputs {
            return Err(ModelError::Pipeline { reason: "a linear member has too few coefficients".to_owned() });
        }
        let coefficients = graph.floats("coefficients", &[width, outputs], coefficients);
        let product = graph.add("MatMul", &[&clipped, &coefficients], []);
        scores = graph.add("Add", &[&product, &scores], []);
    }
    for (feature, table) in &linear.categorical {
        let codes = inputs.codes.get(*feature as usize).filter(|codes| !codes.is_empty()).ok_or_else(|| of(*feature))?;
        let rows = table.len();
        let values: Vec<f32> = table.iter().flatten().copied().collect();
        if values.len() != rows * outputs {
            return Err(ModelError::Pipeline { reason: "a linear member's table is not rectangular".to_owned() });
        }
        let table = graph.floats("table", &[rows, outputs], values);
        let axes = graph.ints("axes", &[1], vec![1]);
        let flat = graph.add("Squeeze", &[codes, &axes], []);
        let found = graph.add("Gather", &[&table, &flat], [("axis", Attribute::Int(0))]);
        scores = graph.add("Add", &[&scores, &found], []);
    }
    Ok(scores)
}

fn calibrated(probabilities: &str, calibration: &Calibration, classes: usize, graph: &mut Graph<'_>) -> String {
    let floor = graph.floats("floor", &[1, 1], vec![calibration.floor]);
    let raised = graph.add("Add", &[probabilities, &floor], []);
    let logarithms = graph.add("Log", &[&raised], []);
    let slope = graph.floats("slope", &[1, 1], vec![calibration.slope]);
    let stretched = graph.add("Mul", &[&logarithms, &slope], []);
    let shift = graph.floats("shift", &[1, classes], calibration.shifts(classes).collect());
    let shifted = graph.add("Add", &[&stretched, &shift], []);
    graph.add("Softmax", &[&shifted], [("axis", Attribute::Int(1))])
}

fn clip(values: &str, low: f32, high: f32, graph: &mut Graph<'_>) -> String {
    let (low, high) = (graph.floats("low", &[], vec![low]), graph.floats("high", &[], vec![high]));
    graph.add("Clip", &[values, &low, &high], [])
}

/// A row of scores for every row of the inputs.
fn broadcast(scores: &str, inputs: &Inputs, graph: &mut Graph<'_>) -> String {
    let matrix = inputs.matrix(graph);
    let (from, to, axes) = (graph.ints("from", &[1], vec![0]), graph.ints("to", &[1], vec![1]), graph.ints("axes", &[1], vec![1]));
    let column = graph.add("Slice", &[&matrix, &from, &to, &axes], []);
    let missing = graph.add("IsNaN", &[&column], []);
    let (zero, nothing) = (graph.floats("zero", &[1, 1], vec![0.0]), graph.floats("zero", &[1, 1], vec![0.0]));
    let zeros = graph.add("Where", &[&missing, &zero, &nothing], []);
    graph.add("Add", &[&zeros, scores], [])
}

impl Inputs {
    /// The column of a number in the `numeric` input.
    fn numeric_column(&self, input: u32) -> Option<usize> {
        self.columns.get(input as usize).copied().filter(|column| *column < self.numeric)
    }
}

impl crate::Member {
    fn scores(&self) -> usize {
        match &self.model {
            Fitted::Trees(forest) => forest.base.len(),
            Fitted::Linear(linear) => linear.intercepts.len(),
        }
    }
}
