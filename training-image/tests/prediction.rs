//! A prediction on plain files, as the container and the command line run it.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use model::Predictor;
use table::{StoredTable, Values};
use trainer::{Clock, Options, PredictedTable, PredictionError, ResultFiles, Wanted, predict, run};

/// More rows than a few blocks hold.
const ROWS: usize = 40_000;

fn table(rows: usize) -> String {
    let mut csv = "id,size,colour,price\n".to_owned();
    for row in 0..rows {
        let (size, colour) = (row % 50, ["red", "green"][row % 2]);
        writeln!(csv, "n{row},{size},{colour},{}", 10 + 3 * size + 5 * (row % 2)).unwrap();
    }
    csv
}

fn stored(folder: &Path, name: &str, csv: &str) -> (PathBuf, domain::Profile) {
    let (path, parquet) = (folder.join(name).with_extension("csv"), folder.join(name).with_extension("parquet"));
    fs::write(&path, csv).unwrap();
    let profile = table::ingest(&path, &parquet).unwrap();
    (parquet, profile)
}

/// A model of the price.
fn model(folder: &Path) -> Predictor {
    let (parquet, profile) = stored(folder, "learned", &table(400));
    let options = Options {
        job: "a job".to_owned(),
        target: "price".to_owned(),
        problem_type: None,
        settings: domain::TrainingSettings::default(),
        time_budget: Duration::from_secs(3),
        seed: 7,
        threads: 2,
        memory: None,
        stop: Arc::default(),
    };
    let outcome = run(&parquet, &profile, &options, &folder.join("model"), Clock::start(), &mut |_| {}).unwrap();
    Predictor::load(&fs::read(&outcome.artefacts.model).unwrap()).unwrap()
}

fn predicted(
    predictor: &Predictor,
    (parquet, profile): &(PathBuf, domain::Profile),
    keep: &[&str],
    folder: &Path,
    heard: &mut Vec<(u64, u64)>,
) -> Result<PredictedTable, PredictionError> {
    let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
    let wanted = Wanted { keep: &keep, names: &BTreeMap::new(), profile };
    let (csv, table) = (folder.join("predictions.csv"), folder.join("predictions.parquet"));
    let files = ResultFiles { csv: &csv, parquet: Some(&table) };
    predict(predictor, parquet, wanted, files, &mut |done, of| heard.push((done, of)))
}

#[test]
fn a_long_table_is_predicted_block_by_block_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let predictor = model(folder);
    let csv = table(ROWS).replace("n30000,0,red", "n30000,many,red").replace("n39999,49,green,162", "n39999,49,green,dear");
    let table = stored(folder, "new", &csv);
    let mut heard = Vec::new();
    let outcome = predicted(&predictor, &table, &["id", "size"], folder, &mut heard).unwrap();
    assert_eq!((outcome.rows, outcome.judged_rows, outcome.unknown_targets), (ROWS as u64, ROWS as u64 - 1, 1));
    assert!(outcome.metrics.as_ref().unwrap().r2_score.unwrap() > 0.9, "{:?}", outcome.metrics);
    let unread: Vec<(&str, u64, Option<u64>, &str)> =
        outcome.unread.iter().map(|cells| (cells.column.as_str(), cells.cells, cells.line, cells.text.as_str())).collect();
    assert_eq!(unread, [("size", 1, Some(30_002), "many")], "what the reading took for missing is told too");
    assert!(heard.len() > 1 && heard.is_sorted() && heard.last() == Some(&(ROWS as u64, ROWS as u64)), "{heard:?}");

    let text = fs::read_to_string(folder.join("predictions.csv")).unwrap();
    assert_eq!(text.lines().next(), Some("id,size,prediction"));
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(rows.len() == ROWS && rows.iter().enumerate().all(|(at, row)| row[0] == format!("n{at}")), "in the table's order");
    let columnar = table::read_table(&folder.join("predictions.parquet")).unwrap();
    let Values::Numbers(numbers) = &columnar.column("prediction").unwrap().values else { panic!("predictions are numbers") };
    assert!(numbers.iter().zip(&rows).all(|(number, row)| *number as f32 == row[2].parse::<f32>().unwrap()), "both say the same");
}

#[test]
fn an_empty_table_has_results_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let predictor = model(folder.path());
    let table = stored(folder.path(), "new", "colour,size,id\n");
    let outcome = predicted(&predictor, &table, &["id"], folder.path(), &mut Vec::new()).unwrap();
    assert_eq!((outcome.rows, outcome.metrics), (0, None));
    assert_eq!(fs::read_to_string(folder.path().join("predictions.csv")).unwrap(), "id,prediction\n");
    assert_eq!(StoredTable::open(&folder.path().join("predictions.parquet")).unwrap().rows(), 0);
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let predictor = model(folder);
    let narrow = stored(folder, "narrow", "id,prediction\na,1\n");
    let whole = stored(folder, "whole", "size,colour,prediction\n1,red,2\n");
    for (table, keep, expected) in [
        (&narrow, &[][..], "the table lacks columns that the model needs: size, colour"),
        (&whole, &["id", "colour", "day"][..], "the table lacks columns that are to be kept: id, day; keep only columns that it has"),
        (&whole, &["prediction"][..], "the results would have two columns named 'prediction'; do not keep it, or rename it in the table"),
        (&whole, &["size", "size"][..], "the results would have two columns named 'size'; do not keep it, or rename it in the table"),
    ] {
        let error = predicted(&predictor, table, keep, folder, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!folder.join("predictions.csv").exists() && !folder.join("predictions.parquet").exists());
    }
}
