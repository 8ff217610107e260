//! Our side of `benches/predict`: writes a model of random trees, and times the runtime on it.
//!
//! ```text
//! predict write FOLDER TREES LEAVES FEATURES SEED
//! predict time FOLDER ROWS SECONDS
//! ```
//!
//! `write` gives FOLDER `model.onnx`, `rows.f32` (10,000 rows of numbers, row-major, little-endian) and `expected.f32` (what the trainer's own
//! evaluation says of them: a probability per label). `time` loads the model again and again for about SECONDS, then predicts ROWS rows at a
//! time for as long, one batch of them after the other as a server would, and prints the medians as JSON.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use domain::{Metrics, ProblemType};
use model::{
    Batch, FORMAT_VERSION, Feature, FeatureKind, Fitted, Forest, Label, Link, Manifest, Member, Node, Pipeline, Predictions, Predictor,
    Task, Tree,
};

const ROWS: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", folder, trees, leaves, features, seed] => {
            write(Path::new(folder), trees.parse()?, leaves.parse()?, features.parse()?, seed.parse()?)
        }
        ["time", folder, rows, seconds] => time(Path::new(folder), rows.parse()?, Duration::try_from_secs_f64(seconds.parse()?)?),
        _ => Err("give `write` or `time` and what follows: see the head of this file".into()),
    }
}

fn write(folder: &Path, trees: usize, leaves: usize, features: usize, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut random = Random(seed);
    let trees = (0..trees).map(|_| tree(leaves, features, &mut random)).collect();
    let pipeline = Pipeline {
        task: Task::Classification { labels: ["no", "yes"].map(|label| Label::Text(label.to_owned())).to_vec() },
        features: (0..features).map(|number| Feature { name: format!("x{number}"), kind: FeatureKind::Numeric }).collect(),
        lookups: Vec::new(),
        calibration: None,
        threshold: None,
        members: vec![Member {
            name: "gradient_boosting".to_owned(),
            weight: 1.0,
            link: Link::Sigmoid,
            model: Fitted::Trees(Forest { base: vec![0.1], trees }),
        }],
    };
    fs::write(folder.join("model.onnx"), model::write_onnx(&pipeline, &manifest(&pipeline)?)?)?;
    let numbers: Vec<f32> = (0..ROWS * features).map(|_| random.unit()).collect();
    fs::write(folder.join("rows.f32"), bytes(&numbers))?;
    let expected = pipeline.predict(&Batch { rows: ROWS, numbers, texts: Vec::new() });
    if let Predictions::Classes { probabilities, .. } = expected {
        fs::write(folder.join("expected.f32"), bytes(&probabilities))?;
    }
    Ok(())
}

/// A tree whose leaves are split at random until there are enough.
fn tree(leaves: usize, features: usize, random: &mut Random) -> Tree {
    let mut nodes = vec![Node::Leaf { value: 0.0 }];
    let mut covers = vec![ROWS as f32];
    let mut ends = vec![0];
    while ends.len() < leaves {
        let split = ends.swap_remove(random.below(ends.len()));
        let (left, right) = (nodes.len() as u32, nodes.len() as u32 + 1);
        let feature = random.below(features) as u32;
        nodes[split] = Node::Threshold { feature, threshold: random.unit(), missing_left: random.unit() < 0.5, left, right };
        let share = random.unit();
        covers.extend([covers[split] * share, covers[split] * (1.0 - share)]);
        ends.extend([nodes.len(), nodes.len() + 1]);
        nodes.extend([(); 2].map(|()| Node::Leaf { value: (random.unit() - 0.5) * 0.1 }));
    }
    Tree { output: 0, nodes, covers }
}

fn manifest(pipeline: &Pipeline) -> Result<Manifest, Box<dyn Error>> {
    let Task::Classification { labels } = &pipeline.task else { return Err("the task has no labels".into()) };
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        problem_type: ProblemType::Classification,
        target: "y".to_owned(),
        features: pipeline.features.clone(),
        labels: labels.clone(),
        threshold: None,
        numeric_stats: BTreeMap::new(),
        metrics: Metrics::default(),
        importances: Vec::new(),
        data_fingerprint: String::new(),
        created_at: "2026-01-31T12:00:00.000000+00:00".parse()?,
        product_version: env!("CARGO_PKG_VERSION").to_owned(),
        card: None,
        reference: None,
    })
}

fn time(folder: &Path, rows: usize, span: Duration) -> Result<(), Box<dyn Error>> {
    let path = folder.join("model.onnx");
    let load = median(span, || Ok(Predictor::load(&fs::read(&path)?)?))?;
    let predictor = Predictor::load(&fs::read(&path)?)?;
    let width = predictor.manifest().features.len();
    let numbers: Vec<f32> = floats(&fs::read(folder.join("rows.f32"))?).collect();
    let batches: Vec<Batch> =
        numbers.chunks_exact(rows * width).map(|numbers| Batch { rows, numbers: numbers.to_vec(), texts: Vec::new() }).collect();
    let expected = floats(&fs::read(folder.join("expected.f32"))?).collect::<Vec<f32>>();
    for (batch, expected) in batches.iter().zip(expected.chunks(2 * rows)) {
        let Predictions::Classes { probabilities, .. } = predictor.predict(batch)? else {
            return Err("the model gives no probabilities".into());
        };
        if let Some((one, other)) = probabilities.iter().zip(expected).find(|(one, other)| (*one - *other).abs() > 1e-5) {
            return Err(format!("{one} instead of {other}").into());
        }
    }
    let mut next = batches.iter().cycle();
    let predict = median(span, || Ok(next.next().map(|batch| predictor.predict(batch)).transpose()?))?;
    writeln!(io::stdout(), "{{\"load\": {load}, \"predict\": {predict}}}")?;
    Ok(())
}

/// The median seconds of a call, of as many calls as fit into `span`, of three at least.
fn median<T>(span: Duration, mut call: impl FnMut() -> Result<T, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let (start, mut seconds) = (Instant::now(), Vec::new());
    while seconds.len() < 3 || start.elapsed() < span {
        let one = Instant::now();
        call()?;
        seconds.push(one.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// `SplitMix64` (Steele et al., 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
