//! The trainer, our runtime and ONNX Runtime say the same of a stored model, whatever the rows: those of the table and hostile ones.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use model::{Batch, FeatureKind, Fitted, Node, Pipeline, Predictions, Predictor, read_pipeline};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use trainer::{Clock, Options, run};

const ROWS: usize = 400;
const TOLERANCE: f32 = 1e-5;

#[test]
fn of_a_small_table_with_all_kinds_of_features() {
    let mut csv = "amount,plan,joined,note,flag,label,price\n".to_owned();
    for row in 0..400_u32 {
        let (amount, plan) = (f64::from(row % 83) / 3.0, ["basic", "plus", "", "größer"][(row * 7 % 4) as usize]);
        let note = format!("{} {} of row {row}", ["late", "early", "new"][(row % 3) as usize], ["order", "return"][(row % 2) as usize]);
        let label = ["stays", "leaves", "asks"][((row % 83) / 30) as usize];
        let joined = format!("20{:02}-{:02}-{:02}", 18 + row % 6, 1 + row % 12, 1 + row % 28);
        writeln!(csv, "{amount:.3},{plan},{joined},{note},{},{label},{:.2}", row % 5 == 0, amount * 3.0 + f64::from(row % 12)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all_kinds.csv");
    fs::write(&path, csv).unwrap();
    for target in ["label", "price", "flag"] {
        check(&path, target);
    }
}

/// Of those with a few thousand rows; with `AUTOML_PARITY=all` of all.
#[test]
fn of_real_tables() {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/datasets");
    if !real.is_dir() {
        println!("not tried: there are no real tables at {}", real.display());
        return;
    }
    let all = env::var("AUTOML_PARITY").is_ok_and(|tables| tables == "all");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(real.join("manifest.json")).unwrap()).unwrap();
    for table in manifest.as_array().unwrap().iter().filter(|table| all || table["rows"].as_u64() < Some(5_000)) {
        let (name, target) = (table["name"].as_str().unwrap(), table["target"].as_str().unwrap());
        println!("{name}");
        check(&real.join(format!("{name}.train.csv")), target);
    }
}

/// Trains on a table for a few seconds and compares.
fn check(csv: &Path, target: &str) {
    let folder = tempfile::tempdir().unwrap();
    let what = format!("{} {target}", csv.file_name().unwrap().display());
    let parquet = folder.path().join("data.parquet");
    let profile = table::ingest(csv, &parquet).unwrap();
    let options = Options {
        job: "parity".to_owned(),
        target: target.to_owned(),
        problem_type: None,
        settings: domain::TrainingSettings::default(),
        time_budget: Duration::from_secs(4),
        seed: 1,
        threads: 2,
        memory: None,
        stop: Arc::default(),
    };
    let outcome = run(&parquet, &profile, &options, folder.path(), Clock::start(), &mut |_| ()).unwrap();
    let onnx = fs::read(&outcome.artefacts.model).unwrap();
    let (pipeline, predictor) = (read_pipeline(&onnx).unwrap(), Predictor::load(&onnx).unwrap());
    let frame = table::read_parquet(&parquet).unwrap();
    let step = (frame.rows / ROWS).max(1);
    let rows: Vec<usize> = (0..frame.rows).step_by(step).take(ROWS).collect();
    let real = engine::batch(&frame, &pipeline.features, &rows).unwrap().0;
    let batch = with_hostile_rows(&real, &pipeline);

    let (trained, answered) = (Answers::of(pipeline.predict(&batch)), Answers::of(predictor.predict(&batch).unwrap()));
    answered.assert_like(&trained, &format!("{what}: our runtime and the trainer"));
    if let Some(others) = onnx_runtime(folder.path(), &batch) {
        answered.assert_like(&others, &format!("{what}: our runtime and ONNX Runtime"));
    }
}

/// The rows, and as many in which some or all values were replaced by such as break things.
fn with_hostile_rows(real: &Batch, pipeline: &Pipeline) -> Batch {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let width = real.numbers.len() / real.rows;
    let mut thresholds = vec![vec![0.0]; width];
    for member in &pipeline.members {
        let Fitted::Trees(forest) = &member.model else { continue };
        for node in forest.trees.iter().flat_map(|tree| &tree.nodes) {
            if let Node::Threshold { feature, threshold, .. } = node
                && let Some(own) = number_of_input(pipeline, *feature as usize).and_then(|place| thresholds.get_mut(place))
            {
                own.push(*threshold);
            }
        }
    }
    let extremes = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e30, -1e30, f32::MIN_POSITIVE, 1e-45, 0.0, -0.0];
    let number = |place: usize| {
        let near = prop::sample::select(thresholds[place].clone());
        let near = (near, 0..3).prop_map(|(threshold, side)| [threshold, threshold.next_up(), threshold.next_down()][side as usize]);
        prop_oneof![near, prop::sample::select(extremes.clone())]
    };
    let texts: Vec<_> = pipeline
        .features
        .iter()
        .filter_map(|feature| match &feature.kind {
            FeatureKind::Categorical { categories } => {
                let known = prop::sample::select([categories.clone(), vec![String::new()]].concat());
                let unknown = ["never seen", " ", "\u{feff}", "👩‍👩‍👧", "NaN", "1e999", "'; --"].map(str::to_owned).to_vec();
                Some(prop_oneof![known, prop::sample::select(unknown)])
            }
            _ => None,
        })
        .collect();
    let mut hostile = real.clone();
    for row in 0..real.rows {
        let share = [0.1, 0.5, 1.0][row % 3];
        let replaced: Vec<bool> = (0..width + texts.len()).map(|_| runner.rng().random_bool(share)).collect();
        for place in (0..width).filter(|&place| replaced[place]) {
            hostile.numbers[row * width + place] = number(place).new_tree(&mut runner).unwrap().current();
        }
        for (column, strategy) in texts.iter().enumerate().filter(|&(column, _)| replaced[width + column]) {
            hostile.texts[column][row] = strategy.new_tree(&mut runner).unwrap().current();
        }
    }
    Batch {
        rows: 2 * real.rows,
        numbers: [real.numbers.clone(), hostile.numbers].concat(),
        texts: real.texts.iter().zip(hostile.texts).map(|(real, hostile)| [real.clone(), hostile].concat()).collect(),
    }
}

/// The position in a batch's numbers of an input of the trees; `None` for a category.
fn number_of_input(pipeline: &Pipeline, input: usize) -> Option<usize> {
    let (mut inputs, mut numbers) = (0, 0);
    for feature in &pipeline.features {
        let own = feature.kind.numbers();
        if input < inputs + own.max(1) {
            return (own > 0).then(|| numbers + input - inputs);
        }
        inputs += own.max(1);
        numbers += own;
    }
    None
}

/// Numbers or, row-major, probabilities; and chosen labels.
struct Answers {
    figures: Vec<f32>,
    labels: Vec<usize>,
}

impl Answers {
    fn of(predictions: Predictions) -> Self {
        match predictions {
            Predictions::Numbers(figures) => Self { figures, labels: Vec::new() },
            Predictions::Classes { labels, probabilities } => Self { figures: probabilities, labels },
        }
    }

    fn assert_like(&self, other: &Self, what: &str) {
        assert_eq!((self.figures.len(), self.labels.len()), (other.figures.len(), other.labels.len()), "{what}");
        let far = |(own, other): (&f32, &f32)| (own - other).abs() > TOLERANCE * own.abs().max(1.0) || own.is_nan() || other.is_nan();
        let worst = self.figures.iter().zip(&other.figures).position(|pair| far(pair) && pair.0.to_bits() != pair.1.to_bits());
        assert_eq!(worst.map(|at| (at, self.figures[at], other.figures[at])), None, "{what}");
        let differing = self.labels.iter().zip(&other.labels).position(|(own, other)| own != other);
        assert_eq!(differing, None, "{what}: the label of a row");
    }
}

/// What ONNX Runtime says; `None` where there is none.
fn onnx_runtime(folder: &Path, batch: &Batch) -> Option<Answers> {
    let Ok(python) = env::var("AUTOML_PYTHON") else {
        println!("not compared with ONNX Runtime: AUTOML_PYTHON names no Python that has it (`make test` does)");
        return None;
    };
    fs::write(folder.join("numbers.f32"), batch.numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    fs::write(folder.join("texts.json"), serde_json::to_vec(&batch.texts).unwrap()).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parity.py");
    let done = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    let figures = read("answers.f32").as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let labels = read("labels.i64").as_chunks::<8>().0.iter().map(|bytes| usize::try_from(i64::from_le_bytes(*bytes)).unwrap()).collect();
    Some(Answers { figures, labels })
}
