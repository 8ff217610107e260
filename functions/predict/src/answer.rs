//! From a model's output to the answer. A text label is answered by its code, which the job's `target_mapping` explains; a number is
//! answered as it stood in the table.

use std::{collections::BTreeMap, time::Duration};

use api::InOrder;
use domain::JobId;
use model::{Label, Predictions};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

/// A prediction.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Prediction")]
pub(crate) struct Answer {
    job_id: JobId,
    #[serde(flatten)]
    outcome: Outcome,
    /// What the model took, in milliseconds.
    inference_time_ms: f64,
    /// The name of the chosen model.
    model_type: String,
}

/// The prediction for one row.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Outcome {
    /// A number or, for text labels, the label's code in the job's `target_mapping`.
    #[schemars(with = "Option<f64>")]
    prediction: Option<Number>,
    /// The label as the table or the job's `label_mapping` has it; `null` for regression.
    #[schemars(with = "Option<LabelText>")]
    label: Option<Label>,
    /// That of the prediction; `null` for regression.
    probability: Option<f64>,
    /// By the codes of the labels; `null` for regression.
    probabilities: Option<InOrder<String, f64>>,
}

/// A text or a number.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "read by the schema only")]
enum LabelText {
    Text(String),
    Number(f64),
}

impl Answer {
    pub(crate) fn new(job_id: JobId, outcome: Outcome, took: Duration, model_type: Option<String>) -> Self {
        let inference_time_ms = (took.as_secs_f64() * 100_000.0).round() / 100.0;
        Self { job_id, outcome, inference_time_ms, model_type: model_type.unwrap_or_else(|| "unknown".to_owned()) }
    }
}

impl Outcome {
    /// The first row of `predictions`; `None` when there is none. `names` are the owner's, by the codes of the labels.
    pub(crate) fn of(predictions: &Predictions, labels: &[Label], names: &BTreeMap<String, String>) -> Option<Self> {
        match predictions {
            Predictions::Numbers(numbers) => {
                let prediction = Number::from_f64(f64::from(*numbers.first()?));
                Some(Self { prediction, label: None, probability: None, probabilities: None })
            }
            Predictions::Classes { labels: chosen, probabilities } => {
                let code = *chosen.first()?;
                let label = labels.get(code)?;
                let keys = labels.iter().enumerate().map(|(code, label)| key(code, label).to_string());
                let row = probabilities.iter().map(|probability| f64::from(*probability));
                Some(Self {
                    prediction: Some(key(code, label)),
                    label: Some(names.get(&key(code, label).to_string()).map_or_else(|| label.clone(), |name| Label::Text(name.clone()))),
                    probability: probabilities.get(code).map(|probability| f64::from(*probability)),
                    probabilities: Some(keys.zip(row).collect()),
                })
            }
        }
    }
}

/// A text's code, or the number itself, without a fraction where it has none.
fn key(code: usize, label: &Label) -> Number {
    match label {
        Label::Text(_) => Number::from(code),
        Label::Number(value) if value.fract() == 0.0 && value.abs() < 2.0_f64.powi(53) => Number::from(*value as i64),
        Label::Number(value) => Number::from_f64(*value).unwrap_or_else(|| Number::from(code)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn outcome(predictions: &Predictions, labels: &[Label]) -> Value {
        serde_json::to_value(Outcome::of(predictions, labels, &BTreeMap::new()).unwrap()).unwrap()
    }

    #[test]
    fn a_text_label_is_answered_by_its_code() {
        let labels = ["no", "yes"].map(|label| Label::Text(label.to_owned()));
        let predictions = Predictions::Classes { labels: vec![1], probabilities: vec![0.25, 0.75] };
        assert_eq!(
            outcome(&predictions, &labels),
            json!({ "prediction": 1, "label": "yes", "probability": 0.75, "probabilities": { "0": 0.25, "1": 0.75 } })
        );
    }

    #[test]
    fn a_number_is_answered_as_itself() {
        let labels = [3.0, 7.5].map(Label::Number);
        let predictions = Predictions::Classes { labels: vec![0], probabilities: vec![0.75, 0.25] };
        let answer = outcome(&predictions, &labels);
        assert_eq!((&answer["prediction"], &answer["probabilities"]), (&json!(3), &json!({ "3": 0.75, "7.5": 0.25 })));
    }

    #[test]
    fn an_owner_may_name_the_classes() {
        let labels = [0.0, 1.0].map(Label::Number);
        let predictions = Predictions::Classes { labels: vec![1], probabilities: vec![0.25, 0.75] };
        let outcome = Outcome::of(&predictions, &labels, &[("1".to_owned(), "leaves".to_owned())].into()).unwrap();
        let outcome = serde_json::to_value(outcome).unwrap();
        assert_eq!((&outcome["prediction"], &outcome["label"]), (&json!(1), &json!("leaves")));
    }

    #[test]
    fn a_quantity_has_no_probabilities() {
        let expected = json!({ "prediction": 2.5, "label": null, "probability": null, "probabilities": null });
        assert_eq!(outcome(&Predictions::Numbers(vec![2.5]), &[]), expected);
    }

    #[test]
    fn the_time_has_two_decimals() {
        let outcome = Outcome::of(&Predictions::Numbers(vec![1.0]), &[], &BTreeMap::new()).unwrap();
        let answer = Answer::new(JobId::random(), outcome, Duration::from_micros(1_239), None);
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!((&answer["inference_time_ms"], &answer["model_type"]), (&json!(1.24), &json!("unknown")));
    }
}
