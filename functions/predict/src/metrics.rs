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
use serde_json::{Value, json};

use crate::features::{Doubt, Warning};

const NAMESPACE: &str = "AutoML/Predictions";

/// Tells of a request that was answered. A line that cannot be written is not worth a failed prediction.
pub(crate) fn record(job: JobId, took: Duration, warnings: &[Vec<Warning>]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let _ = writeln!(stdout(), "{}", line(now, job, took, warnings));
}

fn line(now: Duration, job: JobId, took: Duration, warnings: &[Vec<Warning>]) -> Value {
    let mut doubts: BTreeMap<&str, BTreeMap<Doubt, u64>> = BTreeMap::new();
    for (feature, doubt) in warnings.iter().flatten().map(Warning::kind) {
        *doubts.entry(feature).or_default().entry(doubt).or_default() += 1;
    }
    let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
    let metrics = [metric("Predictions", "Count"), metric("DoubtfulRows", "Count"), metric("ModelTime", "Milliseconds")];
    json!({
        "_aws": {
            "Timestamp": u64::try_from(now.as_millis()).unwrap_or_default(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics }],
        },
        "Predictions": warnings.len(),
        "DoubtfulRows": warnings.iter().filter(|of_row| !of_row.is_empty()).count(),
        "ModelTime": took.as_secs_f64() * 1_000.0,
        "JobId": job,
        "Doubts": doubts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_metrics_that_it_names() {
        let doubtful = vec![Warning::missing("age"), Warning::missing("plan")];
        let job = JobId::random();
        let line = line(
            Duration::from_millis(1_700_000_000_123),
            job,
            Duration::from_micros(1_500),
            &[doubtful, Vec::new(), vec![Warning::missing("age")]],
        );
        assert_eq!(line["_aws"]["Timestamp"], json!(1_700_000_000_123_u64));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([[]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        assert_eq!((&line["Predictions"], &line["DoubtfulRows"], &line["ModelTime"]), (&json!(3), &json!(2), &json!(1.5)));
        assert_eq!((&line["JobId"], &line["Doubts"]), (&json!(job), &json!({ "age": { "missing": 2 }, "plan": { "missing": 1 } })));
    }
}
