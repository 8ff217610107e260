//! Lines on standard output that `CloudWatch` takes for metrics (the embedded metric format, version 0 of its specification). What there is
//! nothing to tell of is not told: a metric is billed for the hours in which it has values.

use std::{
    env,
    io::{Write as _, stdout},
    time::{SystemTime, UNIX_EPOCH},
};

use domain::JobStatus;
use serde_json::{Value, json};

const NAMESPACE: &str = "AutoML";
/// The dimension that tells deployments of an account apart: the functions' names begin with its value.
const DEPLOYMENT: &str = "Deployment";

/// Counts a job that has ended.
pub(crate) fn count_finished(status: JobStatus) {
    match status {
        JobStatus::Completed => tell("CompletedJobs", 1),
        JobStatus::Failed => tell("FailedJobs", 1),
        JobStatus::Pending | JobStatus::Running | JobStatus::Cancelled => {}
    }
}

/// Tells how many jobs are open for longer than they should be.
pub(crate) fn count_stuck(jobs: usize) {
    if jobs > 0 {
        tell("StuckJobs", jobs);
    }
}

/// A line that cannot be written is not worth a failed invocation.
fn tell(metric: &str, value: usize) {
    let function = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let deployment = function.strip_suffix("-job-events").unwrap_or(&function);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let _ = writeln!(stdout(), "{}", line(u64::try_from(now).unwrap_or_default(), deployment, metric, value));
}

fn line(now: u64, deployment: &str, metric: &str, value: usize) -> Value {
    json!({
        "_aws": {
            "Timestamp": now,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [[DEPLOYMENT]],
                "Metrics": [{ "Name": metric, "Unit": "Count" }],
            }],
        },
        DEPLOYMENT: deployment,
        metric: value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_metric_and_its_dimension() {
        let line = line(7, "automl-dev", "StuckJobs", 2);
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&declared["Metrics"][0]["Name"], &declared["Dimensions"]), (&json!("StuckJobs"), &json!([["Deployment"]])));
        assert_eq!((&line["StuckJobs"], &line["Deployment"]), (&json!(2), &json!("automl-dev")));
    }
}
