//! A model file, loaded and ready to answer.
//!
//! The file may come from anywhere, so it is looked through before the runtime sees it: its size, its operators, its manifest, and that
//! what the one says of inputs the other has.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tract_core::{internal::anyhow, prelude::*};

use crate::{
    Batch, FeatureKind, Manifest, ModelError, Predictions,
    evaluate::chosen,
    manifest::FORMAT_VERSION,
    onnx::{
        MANIFEST_KEY, NUMERIC_INPUT, OPERATORS, PROBABILITIES, VARIABLE,
        parts::Parts,
        pb::{GraphProto, ModelProto, TensorProto},
    },
    tree_kernel::TreeKernel,
    wiring::wired,
};

/// The largest file that is loaded.
const MAX_BYTES: usize = 1 << 30;
/// The most nodes of a graph; a member needs about twenty, a categorical feature a few.
const MAX_NODES: usize = 100_000;
/// Rows that go through the graph at a time.
const BLOCK_ROWS: usize = 4_096;

/// A loaded model; can be shared between threads.
#[derive(Debug)]
pub struct Predictor {
    manifest: Manifest,
    plan: Arc<TypedRunnableModel>,
    numeric: usize,
    categorical: usize,
}

impl Predictor {
    /// Loads the bytes of a model file.
    pub fn load(onnx: &[u8]) -> Result<Self, ModelError> {
        if onnx.len() > MAX_BYTES {
            return Err(ModelError::TooLarge { bytes: onnx.len(), limit: MAX_BYTES });
        }
        let Parts { model, trees } = Parts::of(onnx)?;
        let manifest = manifest(&model)?;
        let graph = model.graph.as_ref().ok_or_else(|| ModelError::damaged("it holds no graph"))?;
        let numeric = manifest.numbers();
        let categorical = manifest.categorical().count();
        check_graph(graph, &manifest, numeric)?;
        // The runtime is written for files of good faith: whatever it cannot take must not end the process.
        let built = catch_unwind(AssertUnwindSafe(|| plan(graph, trees, &manifest, numeric)));
        let plan = built.unwrap_or_else(|_| Err(anyhow!("the runtime cannot take the graph")))?;
        Ok(Self { manifest, plan, numeric, categorical })
    }

    /// What the file says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Predictions for each row.
    pub fn predict(&self, batch: &Batch) -> Result<Predictions, ModelError> {
        self.check(batch)?;
        let classes = self.manifest.labels.len();
        let mut figures = Vec::with_capacity(batch.rows * classes.max(1));
        for first in (0..batch.rows).step_by(BLOCK_ROWS) {
            let rows = BLOCK_ROWS.min(batch.rows - first);
            let inputs = self.inputs(batch, first, rows)?;
            let ran = catch_unwind(AssertUnwindSafe(|| self.plan.run(inputs)));
            let outputs = ran.unwrap_or_else(|_| Err(anyhow!("the runtime failed on the inputs")))?;
            let output = outputs.first().ok_or_else(|| ModelError::damaged("the graph has no output"))?;
            let output = output.to_plain_array_view::<f32>()?;
            if output.len() != rows * classes.max(1) {
                return Err(ModelError::damaged(format!("{rows} rows gave {} figures", output.len())));
            }
            figures.extend(output.iter().copied());
        }
        if classes == 0 {
            return Ok(Predictions::Numbers(figures));
        }
        let labels = figures.chunks_exact(classes).map(|row| chosen(row, self.manifest.threshold)).collect();
        Ok(Predictions::Classes { labels, probabilities: figures })
    }

    fn check(&self, batch: &Batch) -> Result<(), ModelError> {
        let fits = batch.numbers.len() == batch.rows * self.numeric
            && batch.texts.len() == self.categorical
            && batch.texts.iter().all(|texts| texts.len() == batch.rows);
        if fits {
            return Ok(());
        }
        Err(ModelError::Inputs {
            expected: format!("{} numbers and {} texts for each of {} rows", self.numeric, self.categorical, batch.rows),
            got: format!("{} numbers in all and {} columns of texts", batch.numbers.len(), batch.texts.len()),
        })
    }

    fn inputs(&self, batch: &Batch, first: usize, rows: usize) -> Result<TVec<TValue>, ModelError> {
        let mut inputs = tvec!();
        if self.numeric > 0 {
            let numbers = batch.numbers.get(first * self.numeric..(first + rows) * self.numeric).unwrap_or_default();
            inputs.push(Tensor::from_shape(&[rows, self.numeric], numbers)?.into_tvalue());
        }
        for texts in &batch.texts {
            let texts = texts.get(first..first + rows).unwrap_or_default();
            inputs.push(tensor1(texts).into_shape(&[rows, 1])?.into_tvalue());
        }
        Ok(inputs)
    }
}

fn manifest(proto: &ModelProto) -> Result<Manifest, ModelError> {
    let entry = proto.metadata_props.iter().find(|entry| entry.key == MANIFEST_KEY);
    let text = &entry.ok_or_else(|| ModelError::foreign("it has no manifest"))?.value;
    let manifest: Manifest = serde_json::from_str(text)?;
    if manifest.format_version == 0 || manifest.format_version > FORMAT_VERSION {
        let reason =
            format!("its format is version {}, this program reads up to {FORMAT_VERSION}; update the program", manifest.format_version);
        return Err(ModelError::Foreign { reason });
    }
    let sorted = |texts: &[String]| texts.windows(2).all(|pair| pair.first() < pair.last());
    let unsorted =
        manifest.features.iter().find(|feature| matches!(&feature.kind, FeatureKind::Categorical { categories } if !sorted(categories)));
    match unsorted {
        Some(feature) => Err(ModelError::damaged(format!("the categories of '{}' are not sorted", feature.name))),
        None if manifest.labels.len() == 1 => Err(ModelError::damaged("it has a single label")),
        None => Ok(manifest),
    }
}

/// The graph holds only what a graph of ours may hold, and takes what the manifest says.
fn check_graph(graph: &GraphProto, manifest: &Manifest, numeric: usize) -> Result<(), ModelError> {
    if graph.node.len() > MAX_NODES {
        return Err(ModelError::damaged(format!("the graph has {} nodes; at most {MAX_NODES} are loaded", graph.node.len())));
    }
    if let Some(node) = graph.node.iter().find(|node| !OPERATORS.contains(&node.op_type.as_str())) {
        return Err(ModelError::foreign(format!("it uses the operator {}", node.op_type)));
    }
    if let Some(tensor) = graph.initializer.iter().find(|tensor| !is_whole(tensor)) {
        return Err(ModelError::damaged(format!("the constant {} does not have the values that its shape asks for", tensor.name)));
    }
    let mut expected: Vec<String> = if numeric > 0 { vec![NUMERIC_INPUT.to_owned()] } else { Vec::new() };
    expected.extend(manifest.categorical().map(|feature| format!("category:{}", feature.name)));
    if !graph.input.iter().map(|input| &input.name).eq(&expected) {
        return Err(ModelError::damaged("the graph's inputs are not the manifest's features"));
    }
    Ok(())
}

/// Holds its data itself, as many values as its shape asks for.
fn is_whole(tensor: &TensorProto) -> bool {
    let asked = tensor.dims.iter().try_fold(1_usize, |product, &length| product.checked_mul(usize::try_from(length).ok()?));
    let held = tensor.float_data.len() + tensor.int64_data.len();
    asked == Some(held) && tensor.raw_data.is_empty() && tensor.external_data.is_empty()
}

fn plan(graph: &GraphProto, trees: Vec<TreeKernel>, manifest: &Manifest, numeric: usize) -> TractResult<Arc<TypedRunnableModel>> {
    let output = if manifest.labels.is_empty() { VARIABLE } else { PROBABILITIES };
    wired(graph, trees, numeric, output)?.into_optimized()?.into_runnable()
}
