//! A line on standard output for each request: what `CloudWatch` takes for metrics where it stands in a log, without a call (the embedded metric
//! format, version 0 of its specification).
//!
//! The metrics have no dimensions: one for each job would be billed for each job. The job and what was doubtful about its features are
//! properties of the line, which Logs Insights searches.

use std::{
    collections::BTreeMap,
    io::{Write as _, stdout},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

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

/// Tells of a request that was answered. A line that cannot be written is not worth a failed prediction.
pub(crate) fn record(job: JobId, took: Took, warnings: &[Vec<Warning>], counted: Option<Counted<'_>>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let _ = writeln!(stdout(), "{}", line(now, job, took, warnings, counted));
}

fn line(now: Duration, job: JobId, took: Took, warnings: &[Vec<Warning>], counted: Option<Counted<'_>>) -> Value {
    let mut doubts: BTreeMap<&str, BTreeMap<Doubt, u64>> = BTreeMap::new();
    for (feature, doubt) in warnings.iter().flatten().map(Warning::kind) {
        *doubts.entry(feature).or_default().entry(doubt).or_default() += 1;
    }
    let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
    let metrics = [
        metric("Predictions", "Count"),
        metric("DoubtfulRows", "Count"),
        metric("RequestTime", "Milliseconds"),
        metric("ModelTime", "Milliseconds"),
    ];
    json!({
        "_aws": {
            "Timestamp": u64::try_from(now.as_millis()).unwrap_or_default(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics }],
        },
        "Predictions": warnings.len(),
        "DoubtfulRows": warnings.iter().filter(|of_row| !of_row.is_empty()).count(),
        "RequestTime": took.request.as_secs_f64() * 1_000.0,
        "ModelTime": took.model.as_secs_f64() * 1_000.0,
        "JobId": job,
        "Doubts": doubts,
        "Features": counted.map(features),
    })
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
    fn a_line_has_the_metrics_that_it_names() {
        let doubtful = vec![Warning::missing("age"), Warning::missing("plan")];
        let job = JobId::random();
        let ages = Distribution::of_numbers("age", [20.0, 60.0].into_iter());
        let reference = Reference { features: vec![ages], prediction: Distribution::of_numbers("prediction", [].into_iter()) };
        let line = line(
            Duration::from_millis(1_700_000_000_123),
            job,
            Took { request: Duration::from_millis(4), model: Duration::from_micros(1_500) },
            &[doubtful, Vec::new(), vec![Warning::missing("age")]],
            Some(Counted { reference: &reference, features: &[], bins: &[0, 1, 2, 3] }),
        );
        assert_eq!(line["_aws"]["Timestamp"], json!(1_700_000_000_123_u64));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([[]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        assert_eq!((&line["Predictions"], &line["DoubtfulRows"], &line["ModelTime"]), (&json!(3), &json!(2), &json!(1.5)));
        assert_eq!(line["Features"], json!({ "age": { "up to 60": 1, "above 60": 2, "missing or unknown": 3 } }));
        assert_eq!((&line["JobId"], &line["Doubts"]), (&json!(job), &json!({ "age": { "missing": 2 }, "plan": { "missing": 1 } })));
    }
}
