//! A pipeline out of its model file, for what the graph alone cannot tell: which features made a prediction what it is.
//!
//! The graph holds the trees, the manifest the features and labels; an outline among the metadata holds the rest: members, weights, links,
//! linear models, look-ups, calibration. A set of codes, which the graph holds as a chain of thresholds, becomes a set again.

use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::{
    MANIFEST_KEY, OUTLINE_KEY, TREE_ENSEMBLE, columns,
    pb::StringStringEntryProto,
    wire::{Fields, GRAPH_NODE, MODEL_GRAPH, MODEL_METADATA, NODE_OPERATOR},
};
use crate::{
    Calibration, Codes, Fitted, Forest, Linear, Link, Lookup, Manifest, Member, ModelError, Node, Pipeline, Task, Tree, tree_ensemble,
};

/// The highest code that a set of ours may hold.
const MAX_CODE: f32 = 65_535.0;

/// What of a pipeline is neither in the graph nor in the manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Outline {
    lookups: Vec<OutlinedLookup>,
    calibration: Option<Calibration>,
    members: Vec<OutlinedMember>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutlinedLookup {
    input: u32,
    /// `None` where nothing is known.
    values: Vec<Option<f32>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutlinedMember {
    name: String,
    weight: f32,
    link: Link,
    model: OutlinedModel,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutlinedModel {
    /// So many trees of the graph.
    Trees {
        base: Vec<f32>,
        count: usize,
    },
    Linear(Linear),
}

impl Outline {
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let model = |fitted: &Fitted| match fitted {
            Fitted::Trees(Forest { base, trees }) => OutlinedModel::Trees { base: base.clone(), count: trees.len() },
            Fitted::Linear(linear) => OutlinedModel::Linear(linear.clone()),
        };
        let member = |member: &Member| OutlinedMember {
            name: member.name.clone(),
            weight: member.weight,
            link: member.link,
            model: model(&member.model),
        };
        let known = |&value: &f32| Some(value).filter(|value| !value.is_nan());
        let lookup = |lookup: &Lookup| OutlinedLookup { input: lookup.input, values: lookup.values.iter().map(known).collect() };
        Self {
            lookups: pipeline.lookups.iter().map(lookup).collect(),
            calibration: pipeline.calibration,
            members: pipeline.members.iter().map(member).collect(),
        }
    }
}

/// The pipeline that a model file was written from. Fails when the file was written before pipelines could be read back, or contradicts
/// itself. A test on a set of the lowest codes comes back as one on a threshold between codes.
pub fn read_pipeline(onnx: &[u8]) -> Result<Pipeline, ModelError> {
    let (mut manifest, mut outline): (Option<Manifest>, Option<Outline>) = (None, None);
    let mut trees: Vec<Tree> = Vec::new();
    for field in Fields::of(onnx) {
        let field = field?;
        if let Some(graph) = field.delimited(MODEL_GRAPH) {
            trees.extend(trees_of(graph)?);
        } else if let Some(entry) = field.delimited(MODEL_METADATA) {
            let entry = StringStringEntryProto::decode(entry)?;
            match entry.key.as_str() {
                MANIFEST_KEY => manifest = Some(serde_json::from_str(&entry.value)?),
                OUTLINE_KEY => outline = Some(serde_json::from_str(&entry.value)?),
                _ => {}
            }
        }
    }
    let manifest = manifest.ok_or_else(|| ModelError::foreign("it has no manifest"))?;
    let Outline { lookups, calibration, members: outlined } =
        outline.ok_or_else(|| ModelError::foreign("it was written before predictions could be explained; train again"))?;
    let value = |value: Option<f32>| value.unwrap_or(f32::NAN);
    let lookup = |lookup: OutlinedLookup| Lookup { input: lookup.input, values: lookup.values.into_iter().map(value).collect() };
    let lookups: Vec<Lookup> = lookups.into_iter().map(lookup).collect();
    let columns = columns(&manifest.features, lookups.len());
    let mut input_of_column = vec![0_u32; columns.len()];
    for (input, &column) in (0..).zip(&columns) {
        if let Some(place) = input_of_column.get_mut(column) {
            *place = input;
        }
    }
    let mut trees = trees.into_iter();
    let mut first_class = 0_u32;
    let mut members = Vec::with_capacity(outlined.len());
    for OutlinedMember { name, weight, link, model } in outlined {
        let model = match model {
            OutlinedModel::Linear(linear) => Fitted::Linear(linear),
            OutlinedModel::Trees { base, count } => {
                let own = trees.by_ref().take(count).map(|tree| unchained(&tree, first_class, &input_of_column));
                let own = own.collect::<Result<Vec<_>, _>>()?;
                if own.len() < count || own.iter().any(|tree| tree.output as usize >= base.len()) {
                    return Err(ModelError::damaged("its trees are not those of its members"));
                }
                first_class += base.len() as u32;
                Fitted::Trees(Forest { base, trees: own })
            }
        };
        members.push(Member { name, weight, link, model });
    }
    let task = if manifest.labels.is_empty() { Task::Regression } else { Task::Classification { labels: manifest.labels } };
    Ok(Pipeline { task, features: manifest.features, lookups, calibration, threshold: manifest.threshold, members })
}

fn trees_of(graph: &[u8]) -> Result<Vec<Tree>, ModelError> {
    let mut trees = Vec::new();
    for field in Fields::of(graph) {
        let Some(node) = field?.delimited(GRAPH_NODE) else { continue };
        let mut operator: &[u8] = &[];
        for field in Fields::of(node) {
            operator = field?.delimited(NODE_OPERATOR).unwrap_or(operator);
        }
        if operator == TREE_ENSEMBLE.as_bytes() {
            trees.extend(tree_ensemble::read_trees(node)?);
        }
    }
    Ok(trees)
}

/// A tree of the file with its sets, its output counted from `first_class`, and the pipeline's inputs for the columns.
fn unchained(tree: &Tree, first_class: u32, input_of_column: &[u32]) -> Result<Tree, ModelError> {
    let output = tree.output.checked_sub(first_class).ok_or_else(|| damaged("adds to another member's score"))?;
    let threshold_at = |id: usize| match tree.nodes.get(id) {
        Some(&Node::Threshold { feature, threshold, left, right, .. }) => Some((feature, threshold, left, right)),
        _ => None,
    };
    // No row reached a node: so it is written of a chain's tests after the first.
    let goes_on = |id: usize| {
        let (Some((feature, _, _, right)), Some((next_feature, ..))) = (threshold_at(id), threshold_at(id + 1)) else { return false };
        right as usize == id + 1 && feature == next_feature && tree.covers.get(id + 1) == Some(&0.0)
    };
    let mut chains: Vec<(usize, usize)> = Vec::new();
    let mut place_of = vec![None; tree.nodes.len()];
    let mut id = 0;
    while id < tree.nodes.len() {
        let mut last = id;
        while goes_on(last) {
            last += 1;
        }
        place_of[id] = Some(chains.len() as u32);
        chains.push((id, last));
        id = last + 1;
    }
    let place = |id: u32| place_of.get(id as usize).copied().flatten().ok_or_else(|| damaged("has a child past its end"));
    let input = |column: u32| input_of_column.get(column as usize).copied().ok_or_else(|| damaged("looks at an input that does not exist"));
    let mut read = Tree { output, nodes: Vec::with_capacity(chains.len()), covers: Vec::with_capacity(chains.len()) };
    for (first, last) in chains {
        read.covers.push(tree.covers.get(first).copied().unwrap_or(0.0));
        read.nodes.push(match (tree.nodes.get(first), threshold_at(last)) {
            (Some(&Node::Threshold { feature, .. }), Some((.., other))) if last > first => {
                let tests = (first..=last).filter_map(threshold_at);
                let (codes, member) = set(tests.map(|(_, threshold, left, _)| (threshold, left)), other)?;
                Node::InSet { feature: input(feature)?, codes: Codes::of(codes), left: place(member)?, right: place(other)? }
            }
            (Some(&Node::Threshold { feature, threshold, missing_left, left, right }), _) => {
                Node::Threshold { feature: input(feature)?, threshold, missing_left, left: place(left)?, right: place(right)? }
            }
            (Some(Node::Leaf { value }), _) => Node::Leaf { value: *value },
            _ => return Err(damaged("ends early")),
        });
    }
    Ok(read)
}

/// The codes that a chain of tests (threshold and the child below it) does not send to `other`, and the child that they are sent to.
fn set(tests: impl Iterator<Item = (f32, u32)>, other: u32) -> Result<(Vec<u32>, u32), ModelError> {
    let (mut codes, mut member, mut next) = (Vec::new(), None, 0);
    for (threshold, below) in tests {
        if !(0.0..=MAX_CODE).contains(&threshold) {
            return Err(damaged("tests a code that cannot be"));
        }
        let end = threshold.ceil() as u32;
        if below != other {
            if *member.get_or_insert(below) != below {
                return Err(damaged("has a set with three children"));
            }
            codes.extend(next..end);
        }
        next = end.max(next);
    }
    let member = member.filter(|_| !codes.is_empty()).ok_or_else(|| damaged("tests an empty set"))?;
    Ok((codes, member))
}

fn damaged(reason: &str) -> ModelError {
    ModelError::damaged(format!("a tree {reason}"))
}
