//! From a model's output to the answer. A text label is answered by its code, which the job's `target_mapping` explains; a number is
//! answered as it stood in the table.

use std::time::Duration;

use api::InOrder;
use domain::JobId;
use model::{Label, Predictions};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

use crate::{explain::Explanation, features::Warning};

/// The answer for one row.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Prediction")]
pub(crate) struct Answer {
    job_id: JobId,
    #[serde(flatten)]
    row: RowAnswer,
    #[serde(flatten)]
    run: Run,
}

/// The answer for several rows.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Predictions")]
pub(crate) struct Answers {
    job_id: JobId,
    /// One for each row, in their order.
    predictions: Vec<RowAnswer>,
    #[serde(flatten)]
    run: Run,
}

/// What a request is answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PredictResponse")]
#[serde(untagged)]
pub(crate) enum Answered {
    One(Box<Answer>),
    Several(Answers),
}

#[derive(Debug, Serialize, JsonSchema)]
struct RowAnswer {
    #[serde(flatten)]
    outcome: Outcome,
    /// What makes the prediction a guess.
    warnings: Vec<Warning>,
    /// What each feature adds, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// What a model says of some rows.
#[derive(Debug, PartialEq)]
pub(crate) struct Predicted {
    pub predictions: Predictions,
    /// One for each row, where they are asked for.
    pub explanations: Option<Vec<Explanation>>,
}

/// How it was answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Run {
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

impl Run {
    pub(crate) fn new(took: Duration, model_type: Option<&str>) -> Self {
        let inference_time_ms = (took.as_secs_f64() * 100_000.0).round() / 100.0;
        Self { inference_time_ms, model_type: model_type.unwrap_or("unknown").to_owned() }
    }
}

impl Answered {
    /// For several rows, or for the only one; `None` when there is none.
    pub(crate) fn new(
        job_id: JobId,
        outcomes: Vec<Outcome>,
        explanations: Option<Vec<Explanation>>,
        warnings: Vec<Vec<Warning>>,
        run: Run,
        several: bool,
    ) -> Option<Self> {
        let mut explanations = explanations.into_iter().flatten();
        let answer = |(outcome, warnings)| RowAnswer { outcome, warnings, explanation: explanations.next() };
        let mut predictions: Vec<RowAnswer> = outcomes.into_iter().zip(warnings).map(answer).collect();
        if several {
            return Some(Self::Several(Answers { job_id, predictions, run }));
        }
        Some(Self::One(Box::new(Answer { job_id, row: predictions.pop()?, run })))
    }
}

impl Outcome {
    /// That of each row of `predictions`; `None` when a label is none of the model's. `named` are the labels as the owner calls them.
    pub(crate) fn all(predictions: &Predictions, labels: &[Label], named: &[Label]) -> Option<Vec<Self>> {
        match predictions {
            Predictions::Numbers(numbers) => {
                let outcome = |&number: &f32| Self {
                    prediction: Number::from_f64(f64::from(number)),
                    label: None,
                    probability: None,
                    probabilities: None,
                };
                Some(numbers.iter().map(outcome).collect())
            }
            Predictions::Classes { labels: chosen, probabilities } => {
                let keys: Vec<String> = labels.iter().enumerate().map(|(code, label)| key(code, label).to_string()).collect();
                let outcome = |(&code, row): (&usize, &[f32])| {
                    let label = labels.get(code)?;
                    Some(Self {
                        prediction: Some(key(code, label)),
                        label: Some(named.get(code)?.clone()),
                        probability: row.get(code).map(|&probability| f64::from(probability)),
                        probabilities: Some(keys.iter().cloned().zip(row.iter().map(|&probability| f64::from(probability))).collect()),
                    })
                };
                chosen.iter().zip(probabilities.chunks(labels.len().max(1))).map(outcome).collect()
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
        serde_json::to_value(&Outcome::all(predictions, labels, labels).unwrap()[0]).unwrap()
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
        let named = [Label::Number(0.0), Label::Text("leaves".to_owned())];
        let outcomes = Outcome::all(&predictions, &labels, &named).unwrap();
        let outcome = serde_json::to_value(&outcomes[0]).unwrap();
        assert_eq!((&outcome["prediction"], &outcome["label"]), (&json!(1), &json!("leaves")));
    }

    #[test]
    fn rows_keep_their_order() {
        let labels = ["no", "yes"].map(|label| Label::Text(label.to_owned()));
        let predictions = Predictions::Classes { labels: vec![1, 0], probabilities: vec![0.25, 0.75, 0.5, 0.5] };
        let outcomes = Outcome::all(&predictions, &labels, &labels).unwrap();
        let of = |outcomes: Vec<Outcome>, several| {
            let warnings = vec![Vec::new(); outcomes.len()];
            let answer = Answered::new(JobId::random(), outcomes, None, warnings, Run::new(Duration::ZERO, None), several);
            answer.map(|answer| serde_json::to_value(answer).unwrap())
        };
        let answer = of(outcomes, true).unwrap();
        assert_eq!((&answer["predictions"][0]["label"], &answer["predictions"][1]["label"]), (&json!("yes"), &json!("no")));
        assert_eq!(of(Vec::new(), true).unwrap()["predictions"], json!([]));
        assert!(of(Vec::new(), false).is_none());
        assert!(Outcome::all(&Predictions::Classes { labels: vec![2], probabilities: vec![0.0; 2] }, &labels, &labels).is_none());
    }

    #[test]
    fn a_quantity_has_no_probabilities() {
        let expected = json!({ "prediction": 2.5, "label": null, "probability": null, "probabilities": null });
        assert_eq!(outcome(&Predictions::Numbers(vec![2.5]), &[]), expected);
    }

    #[test]
    fn the_time_has_two_decimals() {
        let answer = serde_json::to_value(Run::new(Duration::from_micros(1_239), None)).unwrap();
        assert_eq!((&answer["inference_time_ms"], &answer["model_type"]), (&json!(1.24), &json!("unknown")));
    }
}
