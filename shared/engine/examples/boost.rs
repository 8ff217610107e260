//! Our side of `benches/boost`: prepares a table, writes what boosting sees of it for the peer, boosts once, writes the predictions, and
//! prints the seconds.
//!
//! ```text
//! boost TRAIN.csv TEST.csv TARGET PROBLEM FOLDER NUM_LEAVES LEARNING_RATE MIN_DATA_IN_LEAF ROUNDS THREADS SEED
//! ```
//!
//! FOLDER gets `train.f32` and `test.f32` (inputs, row-major), `target.f64`, `inputs.json` (`codes`: which inputs are codes of categories,
//! `labels`) and `ours.csv`, all numbers little-endian.

use std::{
    error::Error,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{ProblemType, TargetRelations, TrainingSettings, exclusions};
use engine::bench::{Bench, Inputs, Settings};
use model::Predictions;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, target, problem, folder, num_leaves, learning_rate, min_data_in_leaf, rounds, threads, seed] = arguments.as_slice()
    else {
        return Err("give eleven arguments: see the head of this file".into());
    };
    let folder = PathBuf::from(folder);
    let profile = table::ingest(Path::new(train), &folder.join("train.parquet"))?;
    let (frame, test) = (table::read_parquet(&folder.join("train.parquet"))?, table::read_table(Path::new(test))?);
    let problem_type = if problem == "regression" { ProblemType::Regression } else { ProblemType::Classification };
    let options = engine::Options {
        left_out: exclusions(&profile, target, &TargetRelations::default()),
        target: target.clone(),
        problem_type: Some(problem_type),
        settings: TrainingSettings::default(),
        time_budget: Duration::ZERO,
        seed: 0,
        threads: 1,
        stop: Arc::default(),
    };
    let bench = Bench::new(&frame, &profile, &options)?;
    let (inputs, codes) = bench.inputs();
    write_rows(&folder.join("train.f32"), &inputs)?;
    let (test_inputs, _): Inputs = bench.inputs_of(&test)?;
    write_rows(&folder.join("test.f32"), &test_inputs)?;
    fs::write(folder.join("target.f64"), bench.target().iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    let labels = bench.labels();
    fs::write(folder.join("inputs.json"), serde_json::to_vec(&serde_json::json!({ "codes": codes, "labels": labels }))?)?;

    let settings = Settings {
        num_leaves: num_leaves.parse()?,
        learning_rate: learning_rate.parse()?,
        min_data_in_leaf: min_data_in_leaf.parse()?,
        rounds: rounds.parse()?,
    };
    let (seconds, predictions) = bench.run(settings, threads.parse()?, seed.parse()?, &test)?;
    write_predictions(&folder.join("ours.csv"), &labels, &predictions)?;
    writeln!(std::io::stdout(), "{seconds}")?;
    Ok(())
}

fn write_rows(path: &Path, columns: &[Vec<f32>]) -> std::io::Result<()> {
    let rows = columns.first().map_or(0, Vec::len);
    let cells = (0..rows).flat_map(|row| columns.iter().filter_map(move |column| column.get(row)));
    fs::write(path, cells.flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// Labels hold no commas or quotes in the tables of the bench.
fn write_predictions(path: &Path, labels: &[String], predictions: &Predictions) -> std::io::Result<()> {
    let mut csv = std::io::BufWriter::new(fs::File::create(path)?);
    match predictions {
        Predictions::Numbers(numbers) => {
            writeln!(csv, "prediction")?;
            numbers.iter().try_for_each(|number| writeln!(csv, "{number}"))?;
        }
        Predictions::Classes { labels: chosen, probabilities } => {
            let names: String = labels.iter().map(|label| format!(",probability_{label}")).collect();
            writeln!(csv, "prediction{names}")?;
            for (label, row) in chosen.iter().zip(probabilities.chunks(labels.len().max(1))) {
                let shares: String = row.iter().map(|share| format!(",{share}")).collect();
                writeln!(csv, "{}{shares}", labels.get(*label).map_or("", String::as_str))?;
            }
        }
    }
    csv.flush()
}
