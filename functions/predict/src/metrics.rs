//! Metrics of each request, in a line of the log.
//!
//! They have no dimensions: one for each job would be billed for each job. The job and what was doubtful about its features are properties of
//! the line, which Logs Insights searches.

use std::{collections::BTreeMap, time::Duration};

use cloud::{Metric, tell_metrics};
use domain::JobId;
use model::{Distribution, Feature, Reference};
use serde_json::{Map, Value, json};

use crate::features::{Doubt, Warning};

const NAMESPACE: &str = "AutoML/Predictions";
/// Features that a line tells of, the first ones: an event of a log has its limits.
const MOST_FEATURES: usize = 100;

/// Rows in the bins of a model's reference, of each distribution one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted<'a> {
    pub reference: &'a Reference,
    pub features: &'a [Feature],
    pub bins: &'a [u64],
}

/// What a request took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// In all, but for reading its body and writing its answer.
    pub request: Duration,
    /// Of that, the model for all rows.
    pub model: Duration,
}

/// Tells of a request that was answered.
pub(crate) fn record(job: JobId, took: Took, warnings: &[Vec<Warning>], counted: Option<Counted<'_>>) {
    tell_metrics(NAMESPACE, &[], &metrics(took, warnings), properties(job, warnings, counted));
}

fn metrics(took: Took, warnings: &[Vec<Warning>]) -> [Metric<'static>; 4] {
    let doubtful = warnings.iter().filter(|of_row| !of_row.is_empty()).count();
    [
        ("Predictions", "Count", warnings.len().into()),
        ("DoubtfulRows", "Count", doubtful.into()),
        ("RequestTime", "Milliseconds", (took.request.as_secs_f64() * 1_000.0).into()),
        ("ModelTime", "Milliseconds", (took.model.as_secs_f64() * 1_000.0).into()),
    ]
}

fn properties(job: JobId, warnings: &[Vec<Warning>], counted: Option<Counted<'_>>) -> Map<String, Value> {
    let mut doubts: BTreeMap<&str, BTreeMap<Doubt, u64>> = BTreeMap::new();
    for (feature, doubt) in warnings.iter().flatten().map(Warning::kind) {
        *doubts.entry(feature).or_default().entry(doubt).or_default() += 1;
    }
    let properties = [("JobId", json!(job)), ("Doubts", json!(doubts)), ("Features", json!(counted.map(features)))];
    properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// How many rows have which values of which feature, by the bins that occur.
fn features(Counted { reference, features, bins }: Counted<'_>) -> Map<String, Value> {
    let mut bins = bins.iter();
    let of = |distribution: &Distribution| {
        let occurring = bins.by_ref().take(distribution.size()).enumerate().filter(|(_, rows)| **rows > 0);
        let values = |(bin, rows): (usize, &u64)| (distribution.label(bin, features), Value::from(*rows));
        (distribution.name.clone(), occurring.map(values).collect::<Map<_, _>>().into())
    };
    reference.features.iter().take(MOST_FEATURES).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rows_times_doubts_and_values() {
        let warnings = [vec![Warning::missing("age"), Warning::missing("plan")], Vec::new(), vec![Warning::missing("age")]];
        let took = Took { request: Duration::from_millis(4), model: Duration::from_micros(1_500) };
        let values = metrics(took, &warnings).map(|(name, _, value)| (name, value));
        let expected = [("Predictions", json!(3)), ("DoubtfulRows", json!(2)), ("RequestTime", json!(4.0)), ("ModelTime", json!(1.5))];
        assert_eq!(values, expected);

        let job = JobId::random();
        let ages = Distribution::of_numbers("age", [20.0, 60.0].into_iter());
        let reference = Reference { features: vec![ages], prediction: Distribution::of_numbers("prediction", [].into_iter()) };
        let counted = Counted { reference: &reference, features: &[], bins: &[0, 1, 2, 3] };
        let properties = Value::from(properties(job, &warnings, Some(counted)));
        assert_eq!(properties["Features"], json!({ "age": { "up to 60": 1, "above 60": 2, "missing or unknown": 3 } }));
        let doubts = json!({ "age": { "missing": 2 }, "plan": { "missing": 1 } });
        assert_eq!((&properties["JobId"], &properties["Doubts"]), (&json!(job), &doubts));
    }
}
