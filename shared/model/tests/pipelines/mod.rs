//! Generated pipelines and inputs: every kind of task, member, split and value.

use std::collections::BTreeMap;

use domain::{Metrics, ProblemType};
use model::{
    Batch, Calibration, Codes, DatePart, Distribution, FORMAT_VERSION, Feature, FeatureKind, Fitted, Forest, Label, Linear, Link, Lookup,
    Manifest, Member, Node, Pipeline, Reference, Scaled, Task, TextLength, Tree,
};
use proptest::{collection::vec, option, prelude::*};

pub(crate) fn manifest(pipeline: &Pipeline) -> Manifest {
    let (problem_type, labels) = match &pipeline.task {
        Task::Regression => (ProblemType::Regression, Vec::new()),
        Task::Classification { labels } => (ProblemType::Classification, labels.clone()),
    };
    let plans = ["a", "b", "a"].into_iter().map(Some);
    let reference = Reference::new(&pipeline.features, &[], &Batch::default(), Distribution::of_texts("prediction", plans));
    Manifest {
        format_version: FORMAT_VERSION,
        problem_type,
        target: "y".to_owned(),
        features: pipeline.features.clone(),
        labels,
        threshold: pipeline.threshold,
        numeric_stats: BTreeMap::new(),
        metrics: Metrics { accuracy: Some(0.5), best_estimator: "gradient_boosting".to_owned(), ..Metrics::default() },
        importances: vec![("x0".to_owned(), 1.0)],
        data_fingerprint: "0".repeat(64),
        created_at: "2026-01-31T12:00:00.000000+00:00".parse().unwrap(),
        product_version: "0.1.0".to_owned(),
        card: None,
        reference: Some(reference),
    }
}

/// A number, a category `a`, `b`, `c`; two labels; one tree of each kind of split.
pub(crate) fn small_pipeline() -> Pipeline {
    let nodes = vec![
        Node::Threshold { feature: 0, threshold: 0.25, missing_left: true, left: 1, right: 2 },
        Node::Leaf { value: -0.5 },
        Node::InSet { feature: 1, codes: Codes::of(vec![0, 2]), left: 3, right: 4 },
        Node::Leaf { value: 0.75 },
        Node::Leaf { value: 1.5 },
    ];
    let forest = Forest { base: vec![0.1], trees: vec![Tree { output: 0, nodes, covers: vec![10.0, 6.0, 4.0, 3.0, 1.0] }] };
    Pipeline {
        task: Task::Classification { labels: vec![Label::Text("no".to_owned()), Label::Text("yes".to_owned())] },
        features: vec![numeric(0), categorical(1, 3)],
        lookups: Vec::new(),
        calibration: None,
        threshold: None,
        members: vec![Member { name: "gradient_boosting".to_owned(), weight: 1.0, link: Link::Sigmoid, model: Fitted::Trees(forest) }],
    }
}

fn numeric(position: usize) -> Feature {
    Feature { name: format!("x{position}"), kind: FeatureKind::Numeric }
}

fn categorical(position: usize, categories: usize) -> Feature {
    let categories = ["a", "b", "c", "d e", "é", "東京"].iter().take(categories).map(ToString::to_string).collect();
    Feature { name: format!("x{position}"), kind: FeatureKind::Categorical { categories } }
}

fn date(position: usize) -> Feature {
    let parts = vec![DatePart::Month, DatePart::Elapsed];
    Feature { name: format!("x{position}"), kind: FeatureKind::Date { parts, origin: 19_000, since: Vec::new() } }
}

fn text(position: usize) -> Feature {
    let kind =
        FeatureKind::Text { lengths: vec![TextLength::Characters, TextLength::Words], words: vec!["mrs".to_owned(), "é".to_owned()] };
    Feature { name: format!("x{position}"), kind }
}

/// What a node may look at.
#[derive(Debug, Clone, Copy)]
enum InputKind {
    Number,
    LookedUp,
    /// One of so many codes.
    Code(usize),
}

/// The inputs of some features and, for each of the categorical ones, a number that is looked up.
fn inputs(features: &[Feature]) -> (Vec<InputKind>, Vec<Lookup>) {
    let mut kinds: Vec<InputKind> = Vec::new();
    let mut lookups = Vec::new();
    for feature in features {
        match &feature.kind {
            FeatureKind::Categorical { categories } => {
                let values = (0..=categories.len()).map(|code| if code == 1 { f32::NAN } else { code as f32 / 2.0 - 1.0 }).collect();
                lookups.push(Lookup { input: kinds.len() as u32, values });
                kinds.push(InputKind::Code(categories.len() + 1));
            }
            kind => kinds.extend(vec![InputKind::Number; kind.numbers()]),
        }
    }
    kinds.extend(vec![InputKind::LookedUp; lookups.len()]);
    (kinds, lookups)
}

pub(crate) fn any_pipeline() -> impl Strategy<Value = Pipeline> {
    let features = vec(prop_oneof![Just(0_usize), 1..=6_usize, Just(7_usize), Just(8_usize)], 1..5).prop_map(|kinds| {
        let feature = |(position, &kind): (usize, &usize)| match kind {
            0 => numeric(position),
            7 => date(position),
            8 => text(position),
            categories => categorical(position, categories),
        };
        kinds.iter().enumerate().map(feature).collect::<Vec<_>>()
    });
    (features, 0..4_usize).prop_flat_map(|(features, task)| {
        // Regression, two labels, three, four.
        let (outputs, links) = match task {
            0 => (1, [Link::Identity, Link::Exponential]),
            1 => (1, [Link::Sigmoid, Link::Shares]),
            labels => (labels + 1, [Link::Softmax, Link::Shares]),
        };
        let task = if task == 0 {
            Task::Regression
        } else {
            Task::Classification { labels: (0..=task).map(|label| Label::Number(label as f64)).collect() }
        };
        let (kinds, lookups) = inputs(&features);
        let member = prop_oneof![3 => any_forest(kinds.clone(), outputs), 1 => any_linear(kinds, outputs)];
        let models = vec((member, prop::sample::select(links.to_vec())), 1..4);
        (models, option::of(any_calibration()), option::of(0.05..0.95_f32)).prop_map(move |(models, calibration, threshold)| {
            let weight = 1.0 / models.len() as f32;
            let member = |(model, link)| Member { name: "member".to_owned(), weight, link, model };
            let threshold = threshold.filter(|_| outputs == 1 && task != Task::Regression);
            let calibration = calibration.filter(|_| task != Task::Regression);
            let members = models.into_iter().map(member).collect();
            Pipeline { task: task.clone(), features: features.clone(), lookups: lookups.clone(), calibration, threshold, members }
        })
    })
}

/// From far too bold to far too shy, as steep as the engine makes them.
fn any_calibration() -> impl Strategy<Value = Calibration> {
    let floors = [(0.3, 1e-2), (0.5, 1e-3), (0.7, 1e-4), (1.0, 1e-6), (3.0, 1e-6)];
    (prop::sample::select(floors.to_vec()), -0.5..0.5_f32).prop_map(|((slope, floor), shift)| Calibration { slope, shift, floor })
}

fn any_forest(inputs: Vec<InputKind>, outputs: usize) -> impl Strategy<Value = Fitted> {
    let tree = (0..outputs as u32, vec((any::<u16>(), any_threshold(), any::<bool>(), any::<u8>(), -2.0..2.0_f32), 0..7))
        .prop_map(move |(output, splits)| grow(output, &splits, &inputs));
    (vec(-1.0..1.0_f32, outputs), vec(tree, 0..6)).prop_map(|(base, trees)| Fitted::Trees(Forest { base, trees }))
}

/// Splits the leaves of a tree one after the other.
fn grow(output: u32, splits: &[(u16, f32, bool, u8, f32)], inputs: &[InputKind]) -> Tree {
    let mut nodes = vec![Node::Leaf { value: 0.5 }];
    for &(choice, threshold, missing_left, set, value) in splits {
        let leaves: Vec<usize> = (0..nodes.len()).filter(|&node| matches!(nodes[node], Node::Leaf { .. })).collect();
        let leaf = leaves[usize::from(choice) % leaves.len()];
        let feature = usize::from(choice) % inputs.len();
        let (left, right) = (nodes.len() as u32, nodes.len() as u32 + 1);
        nodes[leaf] = match inputs[feature] {
            InputKind::Number | InputKind::LookedUp => Node::Threshold { feature: feature as u32, threshold, missing_left, left, right },
            InputKind::Code(count) => {
                let mut codes: Vec<u32> = (0..count as u32).filter(|code| set >> code & 1 == 1).collect();
                if codes.is_empty() {
                    codes.push(0);
                }
                Node::InSet { feature: feature as u32, codes: Codes::of(codes), left, right }
            }
        };
        nodes.extend([Node::Leaf { value }, Node::Leaf { value: -value }]);
    }
    let covers = covers(&nodes);
    Tree { output, nodes, covers }
}

/// Two rows in each leaf at an even position, three in the others.
fn covers(nodes: &[Node]) -> Vec<f32> {
    let mut covers: Vec<f32> = (0..nodes.len()).map(|node| 2.0 + (node % 2) as f32).collect();
    for (position, node) in nodes.iter().enumerate().rev() {
        if let Node::Threshold { left, right, .. } | Node::InSet { left, right, .. } = node {
            covers[position] = covers[*left as usize] + covers[*right as usize];
        }
    }
    covers
}

fn any_linear(inputs: Vec<InputKind>, outputs: usize) -> impl Strategy<Value = Fitted> {
    let scaled = (-1.0..1.0_f32, -1.0..1.0_f32, 0.1..3.0_f32);
    (vec(-1.0..1.0_f32, outputs), vec((any::<bool>(), scaled, vec(-1.0..1.0_f32, outputs * 7)), inputs.len())).prop_map(
        move |(intercepts, terms)| {
            let (mut numeric, mut categorical) = (Vec::new(), Vec::new());
            for (position, (input, (used, (fill, mean, scale), coefficients))) in inputs.iter().zip(terms).enumerate() {
                match input {
                    _ if !used => {}
                    InputKind::LookedUp => {}
                    InputKind::Number => {
                        numeric.push(Scaled {
                            feature: position as u32,
                            fill,
                            mean,
                            scale,
                            coefficients: coefficients[..outputs].to_vec(),
                        });
                    }
                    InputKind::Code(count) => {
                        let table = coefficients.chunks(outputs).take(*count).map(<[f32]>::to_vec).collect();
                        categorical.push((position as u32, table));
                    }
                }
            }
            Fitted::Linear(Linear { intercepts, numeric, categorical })
        },
    )
}

fn any_threshold() -> impl Strategy<Value = f32> {
    prop_oneof![4 => (-8_i8..8).prop_map(|quarter| f32::from(quarter) / 4.0), 1 => Just(f32::MAX), 1 => Just(f32::MIN), 1 => Just(0.0)]
}

/// Values in the middle, on thresholds, missing, infinite and huge; known, unknown and missing texts.
pub(crate) fn any_batch(pipeline: &Pipeline) -> impl Strategy<Value = Batch> + use<> {
    let numeric: usize = pipeline.features.iter().map(|feature| feature.kind.numbers()).sum();
    let categorical = pipeline.features.iter().filter(|feature| feature.kind.numbers() == 0).count();
    let number = prop_oneof![
        6 => any_threshold(),
        4 => -3.0..3.0_f32,
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NEG_INFINITY),
        1 => Just(-0.0_f32),
        1 => Just(1e30_f32),
        1 => Just(f32::MIN_POSITIVE),
    ];
    let text = prop::sample::select(vec!["a", "b", "c", "d e", "é", "東京", "", "never seen"]).prop_map(str::to_owned);
    (1..9_usize).prop_flat_map(move |rows| {
        (vec(number.clone(), rows * numeric), vec(vec(text.clone(), rows), categorical)).prop_map(move |(numbers, texts)| Batch {
            rows,
            numbers,
            texts,
        })
    })
}
