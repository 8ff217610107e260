//! Predictions against what a table says itself: the metrics of the rows whose target is there. They are collected block by block; of more
//! rows than memory is meant for, every second, fourth, … is looked at.

use std::collections::HashMap;

use domain::Metrics;
use model::{Label, Predictions};
use table::{Column, Values};

use crate::{EngineError, encode, evaluate::metrics, judge::Weights, matrix::Target};

/// The most figures of predictions that are kept, numbers or probabilities. Of numbers, which take most, they are 1.4 GB with the actual ones
/// and the errors that are put in order for their median.
const MOST_FIGURES: usize = 50_000_000;

/// What predictions are worth, as far as has been seen.
#[derive(Debug)]
pub struct Assessment {
    labels: Labels,
    threshold: f32,
    /// Of the rows that are looked at, the number or the position of the label …
    actual: Vec<f64>,
    /// … and the number or the probabilities that were predicted.
    outputs: Vec<f32>,
    most_figures: usize,
    /// Every how many rows of a known target one is looked at.
    step: u64,
    known: u64,
    unknown: u64,
}

/// A model's labels as a table may have them.
#[derive(Debug)]
enum Labels {
    None,
    Numbers(Vec<f64>),
    Texts(HashMap<String, u32>),
}

/// What a table has for a target.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Actual {
    Missing,
    /// No label of the model, or no number.
    Unknown,
    /// The number, or the position of the label.
    Known(f64),
}

impl Assessment {
    /// Of a model's predictions, by its labels (none for numbers) and its threshold between two, where it has one.
    pub fn new(labels: &[Label], threshold: Option<f32>) -> Self {
        Self {
            labels: Labels::of(labels),
            threshold: threshold.unwrap_or(0.5),
            actual: Vec::new(),
            outputs: Vec::new(),
            most_figures: MOST_FIGURES,
            step: 1,
            known: 0,
            unknown: 0,
        }
    }

    /// Sets the predictions for the rows of a block beside its column of targets.
    pub fn add(&mut self, target: &Column, predictions: &Predictions) -> Result<(), EngineError> {
        let (outputs, width) = match predictions {
            Predictions::Numbers(numbers) => (numbers, 1),
            Predictions::Classes { probabilities, .. } => (probabilities, self.labels.count()),
        };
        for (row, outputs) in outputs.chunks_exact(width.max(1)).enumerate() {
            match self.labels.actual(target, row)? {
                Actual::Missing => {}
                Actual::Unknown => self.unknown += 1,
                Actual::Known(actual) => self.see(actual, outputs),
            }
        }
        Ok(())
    }

    fn see(&mut self, actual: f64, outputs: &[f32]) {
        if self.outputs.len() + outputs.len() > self.most_figures {
            self.thin_out(outputs.len());
        }
        if self.known.is_multiple_of(self.step) {
            self.actual.push(actual);
            self.outputs.extend_from_slice(outputs);
        }
        self.known += 1;
    }

    /// Forgets every second row.
    fn thin_out(&mut self, width: usize) {
        self.step *= 2;
        self.actual = self.actual.iter().step_by(2).copied().collect();
        self.outputs = self.outputs.chunks(width).step_by(2).flatten().copied().collect();
    }

    /// How many rows the metrics are of.
    pub fn judged_rows(&self) -> u64 {
        self.actual.len() as u64
    }

    /// Rows whose target is something that the model cannot have meant: no label that it knows, or no finite number.
    pub fn unknown_targets(&self) -> u64 {
        self.unknown
    }

    /// The metrics, each row counting the same, without intervals; `None` where no row has a target. `training_time` and `best_estimator`
    /// are left to the caller.
    pub fn metrics(self) -> Option<Metrics> {
        if self.actual.is_empty() {
            return None;
        }
        let target = match self.labels.count() {
            0 => Target::Numbers(self.actual),
            count => Target::Classes { classes: self.actual.iter().map(|&label| label as u32).collect(), count },
        };
        Some(metrics(&target, &self.outputs, self.threshold, Weights::Equal, None))
    }
}

impl Labels {
    fn of(labels: &[Label]) -> Self {
        let mut numbers = Vec::new();
        let mut texts = HashMap::new();
        for (position, label) in (0..).zip(labels) {
            match label {
                Label::Number(number) => numbers.push(*number),
                Label::Text(text) => drop(texts.insert(text.clone(), position)),
            }
        }
        match (numbers.is_empty(), texts.is_empty()) {
            (true, true) => Self::None,
            (false, true) => Self::Numbers(numbers),
            (_, false) => Self::Texts(texts),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    fn actual(&self, target: &Column, row: usize) -> Result<Actual, EngineError> {
        let known = |value: Option<f64>| value.map_or(Actual::Unknown, Actual::Known);
        if let Self::Texts(texts) = self {
            let text = encode::text(target, row)?;
            return Ok(if text.is_empty() { Actual::Missing } else { known(texts.get(text.as_ref()).copied().map(f64::from)) });
        }
        let Some(number) = number(target, row)? else { return Ok(Actual::Missing) };
        // Adding 0 makes -0 and 0 one label.
        let number = number + 0.0;
        let value = match self {
            Self::Numbers(labels) => labels.iter().position(|label| *label == number).map(|position| position as f64),
            _ => Some(number).filter(|number| number.is_finite()),
        };
        Ok(known(value))
    }
}

/// The number in a row, infinite where something else stands there; `None` when it is missing.
fn number(target: &Column, row: usize) -> Result<Option<f64>, EngineError> {
    if let Values::Numbers(values) = &target.values {
        return Ok(values.get(row).copied().filter(|value| !value.is_nan()));
    }
    let text = encode::text(target, row)?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(f64::INFINITY)))
}

#[cfg(test)]
mod tests {
    use table::TextColumn;

    use super::*;

    fn texts(cells: &[&str]) -> Column {
        let mut texts = TextColumn::default();
        for cell in cells {
            texts.codes.push(if cell.is_empty() { TextColumn::MISSING } else { texts.dictionary.len() as u32 });
            texts.dictionary.extend((!cell.is_empty()).then(|| (*cell).to_owned()));
        }
        Column { name: "y".to_owned(), values: Values::Texts(texts) }
    }

    fn numbers(cells: &[f64]) -> Column {
        Column { name: "y".to_owned(), values: Values::Numbers(cells.to_vec()) }
    }

    fn sure(labels: &[usize], count: usize) -> Predictions {
        let probabilities = labels.iter().flat_map(|label| (0..count).map(move |other| if other == *label { 0.9 } else { 0.1 }));
        Predictions::Classes { labels: labels.to_vec(), probabilities: probabilities.collect() }
    }

    #[test]
    fn rows_without_a_target_are_left_out_and_foreign_labels_counted() {
        let labels = ["no", "yes"].map(|label| Label::Text(label.to_owned()));
        let mut assessment = Assessment::new(&labels, None);
        assessment.add(&texts(&["yes", "", "maybe", "no"]), &sure(&[1, 0, 0, 0], 2)).unwrap();
        assessment.add(&texts(&["yes", "no"]), &sure(&[0, 0], 2)).unwrap();
        assert_eq!((assessment.judged_rows(), assessment.unknown_targets()), (4, 1));
        let metrics = assessment.metrics().unwrap();
        assert_eq!(metrics.accuracy, Some(0.75));
        assert!(metrics.log_loss.is_some() && metrics.roc_auc.is_some() && metrics.intervals.is_empty());
    }

    #[test]
    fn numeric_labels_are_compared_as_numbers() {
        let mut assessment = Assessment::new(&[0.0, 1.5, 2.0].map(Label::Number), None);
        assessment.add(&texts(&["-0", "1.50", "7", "x"]), &sure(&[0, 1, 2, 2], 3)).unwrap();
        assessment.add(&numbers(&[2.0, f64::NAN]), &sure(&[2, 0], 3)).unwrap();
        assert_eq!((assessment.judged_rows(), assessment.unknown_targets()), (3, 2));
        assert_eq!(assessment.metrics().unwrap().accuracy, Some(1.0));
    }

    #[test]
    fn numbers_are_judged_by_their_distance() {
        let mut assessment = Assessment::new(&[], None);
        assessment.add(&numbers(&[1.0, f64::NAN, 3.0, f64::INFINITY]), &Predictions::Numbers(vec![1.0, 9.0, 5.0, 0.0])).unwrap();
        assessment.add(&texts(&["many", "4"]), &Predictions::Numbers(vec![0.0, 4.0])).unwrap();
        assert_eq!((assessment.judged_rows(), assessment.unknown_targets()), (3, 2));
        assert!((assessment.metrics().unwrap().mae.unwrap() - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_table_without_any_target_has_no_metrics() {
        let mut assessment = Assessment::new(&[], None);
        assessment.add(&numbers(&[f64::NAN]), &Predictions::Numbers(vec![1.0])).unwrap();
        assert_eq!(assessment.metrics(), None);
    }

    #[test]
    fn of_very_many_rows_some_from_all_over_are_kept() {
        let mut assessment = Assessment { most_figures: 20, ..Assessment::new(&[0.0, 1.0].map(Label::Number), None) };
        for _ in 0..25 {
            assessment.add(&numbers(&[0.0, 1.0, 0.0, 1.0]), &sure(&[0, 1, 0, 1], 2)).unwrap();
        }
        assert!((5..=10).contains(&assessment.judged_rows()), "{}", assessment.judged_rows());
        assert_eq!(assessment.outputs.len(), 2 * assessment.actual.len());
        assert_eq!(assessment.metrics().unwrap().accuracy, Some(1.0));
    }
}
