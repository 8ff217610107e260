//! Predictions as columns of a table: `prediction`, and `probability_<label>` for each label. What the command line, the prediction
//! function and the trainer write, so that their files are alike.

use std::collections::BTreeMap;

use crate::{Label, Predictions};

/// The name of the first column.
const PREDICTION: &str = "prediction";

/// The columns of a model's predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionTable {
    columns: Vec<String>,
    /// The labels as they are written.
    labels: Vec<Label>,
}

impl PredictionTable {
    /// For a model of these labels, none for numbers. `names` are what the owner calls them, by their codes: a number's own, a text's position.
    pub fn new(labels: &[Label], names: &BTreeMap<String, String>) -> Self {
        let columns = std::iter::once(PREDICTION.to_owned()).chain(labels.iter().map(|label| format!("probability_{label}")));
        let named = |(position, label): (usize, &Label)| {
            let code = match label {
                Label::Number(number) => number.to_string(),
                Label::Text(_) => position.to_string(),
            };
            names.get(&code).map_or_else(|| label.clone(), |name| Label::Text(name.clone()))
        };
        Self { columns: columns.collect(), labels: labels.iter().enumerate().map(named).collect() }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The labels as they are written; empty for numbers.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The cells of a row (0-based); `None` where there is no such row, or its label is none of the model's.
    pub fn cells(&self, predictions: &Predictions, row: usize) -> Option<Vec<String>> {
        match predictions {
            Predictions::Numbers(numbers) => Some(vec![numbers.get(row)?.to_string()]),
            Predictions::Classes { labels, probabilities } => {
                let label = self.labels.get(*labels.get(row)?)?;
                let probabilities = probabilities.chunks(self.labels.len().max(1)).nth(row)?;
                Some(std::iter::once(label.to_string()).chain(probabilities.iter().map(f32::to_string)).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_before_their_probabilities() {
        let labels = ["no", "yes"].map(|label| Label::Text(label.to_owned()));
        let table = PredictionTable::new(&labels, &BTreeMap::new());
        let predictions = Predictions::Classes { labels: vec![1, 0], probabilities: vec![0.25, 0.75, 0.5, 0.5] };
        assert_eq!(table.columns(), ["prediction", "probability_no", "probability_yes"]);
        assert_eq!(table.cells(&predictions, 0).unwrap(), ["yes", "0.25", "0.75"]);
        assert_eq!(table.cells(&predictions, 1).unwrap(), ["no", "0.5", "0.5"]);
        assert_eq!(table.cells(&predictions, 2), None);
        let unknown = Predictions::Classes { labels: vec![2], probabilities: vec![0.0; 2] };
        assert_eq!(table.cells(&unknown, 0), None);
    }

    #[test]
    fn numbers_have_a_column_alone() {
        let table = PredictionTable::new(&[], &BTreeMap::new());
        assert_eq!(table.columns(), ["prediction"]);
        assert_eq!(table.cells(&Predictions::Numbers(vec![0.1, 2.0]), 0).unwrap(), ["0.1"], "the shortest text of the 32-bit number");
    }

    #[test]
    fn an_owner_names_the_labels_but_not_the_columns() {
        let table = PredictionTable::new(&[1.0, 2.5].map(Label::Number), &[("2.5".to_owned(), "large".to_owned())].into());
        assert_eq!(table.labels(), [Label::Number(1.0), Label::Text("large".to_owned())]);
        assert_eq!(table.columns(), ["prediction", "probability_1", "probability_2.5"]);
    }
}
