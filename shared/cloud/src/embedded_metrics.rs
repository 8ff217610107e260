//! Lines on standard output that `CloudWatch` takes for metrics where they stand in a log, without a call (the embedded metric format,
//! version 0 of its specification).

use std::{
    io::{Write as _, stdout},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

/// A metric's name, its unit as `CloudWatch` calls it, and its value.
pub type Metric<'a> = (&'a str, &'a str, Value);

/// Tells of metrics now. `dimensions` are their names and values; `properties` stand in the line for whoever searches the log. A line that
/// cannot be written is not worth a failed request.
pub fn tell_metrics(namespace: &str, dimensions: &[(&str, &str)], metrics: &[Metric<'_>], properties: Map<String, Value>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let _ = writeln!(stdout(), "{}", line(now, namespace, dimensions, metrics, properties));
}

fn line(now: Duration, namespace: &str, dimensions: &[(&str, &str)], metrics: &[Metric<'_>], properties: Map<String, Value>) -> Value {
    let declared: Vec<Value> = metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut line = properties;
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    line.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone())));
    let about = json!({
        "Timestamp": u64::try_from(now.as_millis()).unwrap_or_default(),
        "CloudWatchMetrics": [{ "Namespace": namespace, "Dimensions": [names], "Metrics": declared }],
    });
    line.insert("_aws".to_owned(), about);
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_metrics_and_dimensions_that_it_names() {
        let metrics = [("Rows", "Count", json!(3)), ("Time", "Milliseconds", json!(1.5))];
        let properties = Map::from_iter([("JobId".to_owned(), json!("7"))]);
        let line = line(Duration::from_millis(1_700_000_000_123), "AutoML", &[("Deployment", "automl-dev")], &metrics, properties);
        assert_eq!(line["_aws"]["Timestamp"], json!(1_700_000_000_123_u64));
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&declared["Namespace"], &declared["Dimensions"]), (&json!("AutoML"), &json!([["Deployment"]])));
        assert_eq!(declared["Metrics"][1], json!({ "Name": "Time", "Unit": "Milliseconds" }));
        assert_eq!(
            (&line["Rows"], &line["Time"], &line["Deployment"], &line["JobId"]),
            (&json!(3), &json!(1.5), &json!("automl-dev"), &json!("7"))
        );
    }

    #[test]
    fn a_line_may_have_no_dimensions() {
        let line = line(Duration::ZERO, "AutoML", &[], &[("Rows", "Count", json!(1))], Map::new());
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
    }
}
