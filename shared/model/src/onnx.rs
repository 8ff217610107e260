//! A pipeline → its ONNX graph: opset 13 and `ai.onnx.ml` 1, IR 8. Source: the ONNX operator and IR specifications.
//!
//! ```text
//! numeric float[N,d] ────────────────────────────┬─▶ TreeEnsembleClassifier ─▶ scores of all trees, sliced per member
//! category:… string[N,1] ─▶ CategoryMapper ─▶ codes ─┘                              │
//!        └──────────── Where(IsNaN)·Sub·Div·Clip·MatMul, Gather ──▶ scores of a linear member
//!                                       member scores ─▶ Sigmoid | Softmax | identity ─▶ · weight ─▶ Σ ─▶ outputs
//! ```
//!
//! All trees are in one `TreeEnsembleClassifier`, score *k* of member *m* as class *offset(m) + k*, with at least three classes declared
//! and its label output unused: the form in which ONNX Runtime and ours agree. Outputs: `label` (position of the label) and
//! `probabilities` (`float[N,K]`), or `variable` (`float[N,1]`) for regression. The operators used are no others than [`OPERATORS`].

mod graph;
mod trees;

use prost::Message as _;
use tract_onnx::pb::{ModelProto, OperatorSetIdProto, StringStringEntryProto, tensor_proto::DataType};

use crate::{FeatureKind, Fitted, Linear, Link, Manifest, ModelError, Pipeline, Task, pipeline::SCALED_LIMIT};
use graph::{Attribute, Graph};

/// Every operator that a graph of ours may hold.
pub(crate) const OPERATORS: [&str; 23] = [
    "Add",
    "ArgMax",
    "Cast",
    "CategoryMapper",
    "Clip",
    "Concat",
    "Div",
    "Gather",
    "Identity",
    "IsNaN",
    "MatMul",
    "Mul",
    "ReduceSum",
    "Reshape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Squeeze",
    "Sub",
    "TreeEnsembleClassifier",
    "Unsqueeze",
    "Where",
    "Constant",
];
/// Where the manifest is among the metadata.
pub(crate) const MANIFEST_KEY: &str = "manifest";
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
            graph.node("Identity", &[&combined], VARIABLE, &[]);
            graph.output(VARIABLE, DataType::Float, &[1]);
        }
        Some(classes) => {
            if classes == 2 {
                let one = graph.floats("one", &[1, 1], vec![1.0]);
                let first = graph.add("Sub", &[&one, &combined], &[]);
                graph.node("Concat", &[&first, &combined], PROBABILITIES, &[("axis", Attribute::Int(1))]);
            } else {
                graph.node("Identity", &[&combined], PROBABILITIES, &[]);
            }
            let of_largest = [("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(0))];
            graph.node("ArgMax", &[PROBABILITIES], "label", &of_largest);
            graph.output("label", DataType::Int64, &[]);
            graph.output(PROBABILITIES, DataType::Float, &[classes]);
        }
    }
    let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![opset("", OPSET), opset("ai.onnx.ml", ML_OPSET)],
        producer_name: "automl".to_owned(),
        producer_version: manifest.product_version.clone(),
        graph: Some(graph.finish()),
        metadata_props: vec![StringStringEntryProto { key: MANIFEST_KEY.to_owned(), value: serde_json::to_string(manifest)? }],
        ..ModelProto::default()
    };
    Ok(model.encode_to_vec())
}

/// The graph's inputs, and where each feature is in them.
struct Inputs {
    /// Whether there is a `numeric` input.
    numeric: bool,
    /// Per feature, its column in the trees' input: numbers first, then codes.
    columns: Vec<usize>,
    /// Per feature, the value that holds its codes `int64[N,1]`, empty for a number.
    codes: Vec<String>,
}

impl Inputs {
    fn write(pipeline: &Pipeline, graph: &mut Graph) -> Result<Self, ModelError> {
        let is_numeric = |kind: &FeatureKind| *kind == FeatureKind::Numeric;
        let width = pipeline.features.iter().filter(|feature| is_numeric(&feature.kind)).count();
        if width > 0 {
            graph.input(NUMERIC_INPUT, DataType::Float, width);
        }
        let (mut numbers, mut texts) = (0..width, width..);
        let (mut columns, mut codes) = (Vec::new(), Vec::new());
        for feature in &pipeline.features {
            let column = match &feature.kind {
                FeatureKind::Numeric => {
                    codes.push(String::new());
                    numbers.next()
                }
                FeatureKind::Categorical { categories } => {
                    let input = format!("category:{}", feature.name);
                    graph.input(&input, DataType::String, 1);
                    let mapping = [
                        ("cats_strings", Attribute::Strings(categories.clone())),
                        ("cats_int64s", Attribute::Ints((1..).take(categories.len()).collect())),
                        ("default_int64", Attribute::Int(0)),
                    ];
                    codes.push(graph.add_ml("CategoryMapper", &[&input], &mapping));
                    texts.next()
                }
            };
            columns.push(column.ok_or_else(|| ModelError::Pipeline { reason: "too many features".to_owned() })?);
        }
        Ok(Self { numeric: width > 0, columns, codes })
    }

    /// `float[N, features]`: numbers, then codes.
    fn matrix(&self, graph: &mut Graph) -> String {
        let mut parts: Vec<String> = if self.numeric { vec![NUMERIC_INPUT.to_owned()] } else { Vec::new() };
        let codes = self.codes.iter().filter(|code| !code.is_empty());
        parts.extend(codes.map(|code| graph.add("Cast", &[code], &[("to", Attribute::Int(i64::from(DataType::Float as i32)))])));
        if let [only] = parts.as_slice() {
            return only.clone();
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        graph.add("Concat", &parts, &[("axis", Attribute::Int(1))])
    }
}

/// The weighted sum of the members' outputs.
fn members(pipeline: &Pipeline, inputs: &Inputs, graph: &mut Graph) -> Result<String, ModelError> {
    let forests: Vec<_> =
        pipeline.members.iter().filter_map(|member| if let Fitted::Trees(forest) = &member.model { Some(forest) } else { None }).collect();
    let all_trees = if forests.is_empty() {
        None
    } else {
        let matrix = inputs.matrix(graph);
        Some(trees::write(&forests, &inputs.columns, &matrix, graph)?)
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
                let own = graph.add("Slice", &[scores, &from, &to, &axes], &[]);
                let base = graph.floats("base", &[1, forest.base.len()], forest.base.clone());
                graph.add("Add", &[&own, &base], &[])
            }
            Fitted::Linear(linear) => linear_scores(linear, inputs, graph)?,
        };
        let output = match member.link {
            Link::Identity => scores,
            Link::Sigmoid => graph.add("Sigmoid", &[&scores], &[]),
            Link::Softmax => graph.add("Softmax", &[&scores], &[("axis", Attribute::Int(1))]),
        };
        let weight = graph.floats("weight", &[1, 1], vec![member.weight]);
        let weighted = graph.add("Mul", &[&output, &weight], &[]);
        sum = Some(match sum {
            None => weighted,
            Some(sum) => graph.add("Add", &[&sum, &weighted], &[]),
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

fn linear_scores(linear: &Linear, inputs: &Inputs, graph: &mut Graph) -> Result<String, ModelError> {
    let of = |feature: u32| ModelError::Pipeline {
        reason: format!("a linear member uses feature {feature}, which does not exist or is of another kind"),
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
        let used = graph.add("Gather", &[NUMERIC_INPUT, &columns], &[("axis", Attribute::Int(1))]);
        let row = |graph: &mut Graph, name: &str, value: fn(&crate::Scaled) -> f32| {
            graph.floats(name, &[1, width], linear.numeric.iter().map(value).collect())
        };
        let (fill, mean) = (row(graph, "fill", |term| term.fill), row(graph, "mean", |term| term.mean));
        let scale = row(graph, "scale", |term| term.scale);
        let missing = graph.add("IsNaN", &[&used], &[]);
        let filled = graph.add("Where", &[&missing, &fill, &used], &[]);
        let centred = graph.add("Sub", &[&filled, &mean], &[]);
        let standardised = graph.add("Div", &[&centred, &scale], &[]);
        let (low, high) = (graph.floats("low", &[], vec![-SCALED_LIMIT]), graph.floats("high", &[], vec![SCALED_LIMIT]));
        let clipped = graph.add("Clip", &[&standardised, &low, &high], &[]);
        let coefficients: Vec<f32> = linear.numeric.iter().flat_map(|term| term.coefficients.iter().copied()).collect();
        if coefficients.len() != width * outputs {
            return Err(ModelError::Pipeline { reason: "a linear member has too few coefficients".to_owned() });
        }
        let coefficients = graph.floats("coefficients", &[width, outputs], coefficients);
        let product = graph.add("MatMul", &[&clipped, &coefficients], &[]);
        scores = graph.add("Add", &[&product, &scores], &[]);
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
        let flat = graph.add("Squeeze", &[codes, &axes], &[]);
        let found = graph.add("Gather", &[&table, &flat], &[("axis", Attribute::Int(0))]);
        scores = graph.add("Add", &[&scores, &found], &[]);
    }
    Ok(scores)
}

/// A row of scores for every row of the inputs.
fn broadcast(scores: &str, inputs: &Inputs, graph: &mut Graph) -> String {
    let matrix = inputs.matrix(graph);
    let (from, to, axes) = (graph.ints("from", &[1], vec![0]), graph.ints("to", &[1], vec![1]), graph.ints("axes", &[1], vec![1]));
    let column = graph.add("Slice", &[&matrix, &from, &to, &axes], &[]);
    let missing = graph.add("IsNaN", &[&column], &[]);
    let (zero, nothing) = (graph.floats("zero", &[1, 1], vec![0.0]), graph.floats("zero", &[1, 1], vec![0.0]));
    let zeros = graph.add("Where", &[&missing, &zero, &nothing], &[]);
    graph.add("Add", &[&zeros, scores], &[])
}

impl Inputs {
    /// The column of a numeric feature in the `numeric` input.
    fn numeric_column(&self, feature: u32) -> Option<usize> {
        let feature = feature as usize;
        self.codes.get(feature).filter(|codes| codes.is_empty()).and_then(|_| self.columns.get(feature)).copied()
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
