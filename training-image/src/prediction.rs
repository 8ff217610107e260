//! The steps of a prediction, on plain files: what the container does for a job and the command line for a file.
//!
//! ```text
//! data.parquet ─ a block of rows ─▶ inputs ─ model ─▶ predictions ─▶ CSV and Parquet, row for row
//!                                                                └─▶ beside the target, where the table has it ─▶ metrics
//! ```
//!
//! As many blocks as there are threads are in memory at a time, whatever the table's length.

use std::{collections::BTreeMap, fs::File, io, path::Path};

use domain::{ColumnKind, Metrics, Profile, UnreadCells};
use engine::{Assessment, Unread};
use model::{Label, Manifest, PredictionTable, Predictions, Predictor};
use rayon::prelude::*;
use table::{Block, NewColumn, NewType, ResultWriter, StoredTable};

use crate::PredictionError;

/// What is wanted of a prediction.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The table's columns that stand before the predictions, in this order.
    pub keep: &'a [String],
    /// What the labels are called, by their codes, where that is not what the table called them.
    pub names: &'a BTreeMap<String, String>,
    /// What was found as the table was read: it took the cells that do not fit their column for missing.
    pub profile: &'a Profile,
}

/// Where the results go.
#[derive(Debug, Clone, Copy)]
pub struct ResultFiles<'a> {
    /// As CSV.
    pub csv: &'a Path,
    /// As Parquet, where that is wanted.
    pub parquet: Option<&'a Path>,
}

/// A predicted table.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedTable {
    /// How many rows it has.
    pub rows: u64,
    /// How right the model was, where the table has the target; training time and best estimator are those of the training.
    pub metrics: Option<Metrics>,
    /// The rows that the metrics are of.
    pub judged_rows: u64,
    /// Rows whose target is no label that the model knows, or no number.
    pub unknown_targets: u64,
    /// The columns with cells that cannot be read and count as missing.
    pub unread: Vec<UnreadCells>,
}

/// Predicts every row of the stored table `parquet` and writes the results in the table's order; `on_rows` is told how many rows of how many
/// are written. No file is left when something goes wrong.
pub fn predict(
    predictor: &Predictor,
    parquet: &Path,
    wanted: Wanted<'_>,
    files: ResultFiles<'_>,
    on_rows: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<PredictedTable, PredictionError> {
    let table = StoredTable::open(parquet)?;
    let manifest = predictor.manifest();
    let columns = PredictionTable::new(&manifest.labels, wanted.names);
    check(&table, manifest, wanted.keep, &columns)?;
    let predicted = Writer::create(&table, wanted.keep, &columns, files).and_then(|writer| run(predictor, &table, wanted, writer, on_rows));
    if predicted.is_err() {
        for path in [Some(files.csv), files.parquet].into_iter().flatten() {
            // What cannot be removed was most likely never made.
            let _ = std::fs::remove_file(path);
        }
    }
    predicted
}

/// The table has what the model needs and what is to be kept, and no kept column is called as one of the results.
fn check(table: &StoredTable, manifest: &Manifest, keep: &[String], columns: &PredictionTable) -> Result<(), PredictionError> {
    let absent = |names: &mut dyn Iterator<Item = &String>| names.filter(|name| !table.has(name)).cloned().collect::<Vec<_>>();
    let features = absent(&mut manifest.features.iter().map(|feature| &feature.name));
    if !features.is_empty() {
        return Err(PredictionError::MissingFeatures(features));
    }
    let kept = absent(&mut keep.iter());
    if !kept.is_empty() {
        return Err(PredictionError::MissingKept(kept));
    }
    match keep.iter().enumerate().find(|(at, name)| columns.columns().contains(name) || keep.iter().take(*at).any(|before| before == *name))
    {
        Some((_, twice)) => Err(PredictionError::NameTwice(twice.clone())),
        None => Ok(()),
    }
}

fn run(
    predictor: &Predictor,
    table: &StoredTable,
    wanted: Wanted<'_>,
    mut writer: Writer<'_>,
    on_rows: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<PredictedTable, PredictionError> {
    let manifest = predictor.manifest();
    let mut needed: Vec<&str> = manifest.features.iter().map(|feature| feature.name.as_str()).collect();
    needed.push(&manifest.target);
    let mut assessment = Assessment::new(&manifest.labels, manifest.threshold);
    let (mut rows, mut unread) = (0, bad_cells(wanted.profile, manifest));
    let mut blocks = table.blocks(&needed, wanted.keep)?;
    loop {
        let some: Vec<Block> = blocks.by_ref().take(rayon::current_num_threads()).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        let answered: Vec<Answered> =
            some.into_par_iter().map(|block| Answered::of(block, predictor)).collect::<Result<_, PredictionError>>()?;
        for Answered { block, predictions, unread: of_block } in answered {
            writer.write(&block, &predictions)?;
            if let Some(target) = block.frame.column(&manifest.target) {
                assessment.add(target, &predictions)?;
            }
            of_block.into_iter().for_each(|cells| gather(&mut unread, cells, rows));
            rows += block.frame.rows as u64;
        }
        on_rows(rows, table.rows() as u64);
    }
    writer.finish()?;
    let trained = &manifest.metrics;
    let of_model = |metrics| Metrics { training_time: trained.training_time, best_estimator: trained.best_estimator.clone(), ..metrics };
    let bad_targets = wanted.profile.column(&manifest.target).map_or(0, |target| target.bad.count);
    Ok(PredictedTable {
        rows,
        judged_rows: assessment.judged_rows(),
        unknown_targets: assessment.unknown_targets() + bad_targets,
        metrics: assessment.metrics().map(of_model),
        unread,
    })
}

/// The cells of the model's features that were taken for missing as the table was read.
fn bad_cells(profile: &Profile, manifest: &Manifest) -> Vec<UnreadCells> {
    let columns = manifest.features.iter().filter_map(|feature| profile.column(&feature.name));
    let told = columns.filter(|column| column.bad.count > 0).map(|column| {
        let expected = match column.kind {
            ColumnKind::Date => "date",
            ColumnKind::Boolean => "boolean",
            ColumnKind::Integer | ColumnKind::Float | ColumnKind::Text => "number",
        };
        let first = column.bad.examples.first();
        UnreadCells {
            column: column.name.clone(),
            expected: expected.to_owned(),
            cells: column.bad.count,
            row: None,
            line: first.map(|cell| cell.line),
            text: first.map(|cell| cell.text.clone()).unwrap_or_default(),
        }
    });
    told.collect()
}

/// A block and what the model says of it.
struct Answered {
    block: Block,
    predictions: Predictions,
    unread: Vec<Unread>,
}

impl Answered {
    fn of(block: Block, predictor: &Predictor) -> Result<Self, PredictionError> {
        let rows: Vec<usize> = (0..block.frame.rows).collect();
        let (batch, unread) = engine::batch(&block.frame, &predictor.manifest().features, &rows)?;
        Ok(Self { predictions: predictor.predict(&batch)?, unread, block })
    }
}

/// Adds the unread cells of a block that begins after `before` rows to those of the blocks before it.
fn gather(unread: &mut Vec<UnreadCells>, Unread { column, expected, cells, row, text }: Unread, before: u64) {
    let known = unread.iter_mut().find(|known| known.row.is_some() && known.column == column && known.expected == expected);
    if let Some(known) = known {
        known.cells += cells as u64;
        return;
    }
    let row = Some(before + row as u64);
    unread.push(UnreadCells { column, expected: expected.to_owned(), cells: cells as u64, row, line: None, text });
}

/// Writes the results in both forms.
struct Writer<'a> {
    columns: &'a PredictionTable,
    files: ResultFiles<'a>,
    csv: csv::Writer<File>,
    parquet: Option<ResultWriter>,
}

impl<'a> Writer<'a> {
    fn create(table: &StoredTable, keep: &[String], columns: &'a PredictionTable, files: ResultFiles<'a>) -> Result<Self, PredictionError> {
        let parquet = files.parquet.map(|path| ResultWriter::create(path, table, keep, &new_columns(columns))).transpose()?;
        let mut csv = csv::Writer::from_path(files.csv).map_err(|error| not_written(files.csv, error))?;
        csv.write_record(keep.iter().chain(columns.columns())).map_err(|error| not_written(files.csv, error))?;
        Ok(Self { columns, files, csv, parquet })
    }

    fn write(&mut self, block: &Block, predictions: &Predictions) -> Result<(), PredictionError> {
        let failed = |error| not_written(self.files.csv, error);
        for row in 0..block.frame.rows {
            let cells = self.columns.cells(predictions, row).ok_or(PredictionError::UnknownLabel)?;
            for kept in block.kept_texts(row) {
                self.csv.write_field(kept.as_ref()).map_err(failed)?;
            }
            self.csv.write_record(&cells).map_err(failed)?;
        }
        if let Some(parquet) = &mut self.parquet {
            parquet.write(block, values(self.columns, predictions).ok_or(PredictionError::UnknownLabel)?)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), PredictionError> {
        self.csv.flush().map_err(|source| PredictionError::Write { path: self.files.csv.to_owned(), source })?;
        self.parquet.map_or(Ok(()), ResultWriter::finish)?;
        Ok(())
    }
}

fn not_written(path: &Path, error: csv::Error) -> PredictionError {
    PredictionError::Write { path: path.to_owned(), source: io::Error::from(error) }
}

/// Numbers stay numbers; labels are texts where one of them is.
fn new_columns(columns: &PredictionTable) -> Vec<(String, NewType)> {
    let is_text = columns.labels().iter().any(|label| matches!(label, Label::Text(_)));
    let types = std::iter::once(if is_text { NewType::Text } else { NewType::Number }).chain(std::iter::repeat(NewType::Float));
    columns.columns().iter().cloned().zip(types).collect()
}

/// The values of the columns; `None` when a label is none of the model's.
fn values(columns: &PredictionTable, predictions: &Predictions) -> Option<Vec<NewColumn>> {
    match predictions {
        Predictions::Numbers(numbers) => Some(vec![NewColumn::Numbers(numbers.iter().map(|&number| f64::from(number)).collect())]),
        Predictions::Classes { labels: chosen, probabilities } => {
            let labels = columns.labels();
            let chosen: Vec<&Label> = chosen.iter().map(|&label| labels.get(label)).collect::<Option<_>>()?;
            let number = |label: &Label| if let Label::Number(number) = label { Some(*number) } else { None };
            let first = match labels.iter().map(number).collect::<Option<Vec<_>>>() {
                Some(_) => NewColumn::Numbers(chosen.into_iter().filter_map(number).collect()),
                None => NewColumn::Texts(chosen.into_iter().map(ToString::to_string).collect()),
            };
            let of_label = |label: usize| NewColumn::Floats(probabilities.iter().skip(label).step_by(labels.len()).copied().collect());
            Some(std::iter::once(first).chain((0..labels.len()).map(of_label)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_cells_of_blocks_are_counted_together() {
        let unread = |column: &str, cells, row| Unread { column: column.to_owned(), expected: "number", cells, row, text: "x".to_owned() };
        let mut all = Vec::new();
        gather(&mut all, unread("a", 2, 5), 0);
        gather(&mut all, unread("b", 1, 3), 100);
        gather(&mut all, unread("a", 4, 1), 100);
        let told: Vec<(&str, u64, Option<u64>)> = all.iter().map(|cells| (cells.column.as_str(), cells.cells, cells.row)).collect();
        assert_eq!(told, [("a", 6, Some(5)), ("b", 1, Some(103))]);
    }

    #[test]
    fn labels_are_numbers_unless_one_is_a_text() {
        let predictions = Predictions::Classes { labels: vec![1, 0], probabilities: vec![0.25, 0.75, 0.5, 0.5] };
        let labels = [1.0, 2.0].map(Label::Number);
        let plain = PredictionTable::new(&labels, &BTreeMap::new());
        let named = PredictionTable::new(&labels, &[("2".to_owned(), "large".to_owned())].into());
        assert_eq!(values(&plain, &predictions).unwrap()[0], NewColumn::Numbers(vec![2.0, 1.0]));
        assert_eq!(values(&named, &predictions).unwrap()[0], NewColumn::Texts(vec!["large".to_owned(), "1".to_owned()]));
        assert_eq!(values(&plain, &predictions).unwrap()[2], NewColumn::Floats(vec![0.75, 0.5]));
        assert_eq!(new_columns(&plain)[0], ("prediction".to_owned(), NewType::Number));
        assert_eq!(new_columns(&named)[..2], [("prediction".to_owned(), NewType::Text), ("probability_1".to_owned(), NewType::Float)]);
    }
}
