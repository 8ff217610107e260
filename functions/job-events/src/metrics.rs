//! Metrics of jobs. What there is nothing to tell of is not told: a metric is billed for the hours in which it has values.

use std::env;

use cloud::tell_metrics;
use domain::JobStatus;
use serde_json::{Map, json};

const NAMESPACE: &str = "AutoML";
/// The dimension that tells deployments of an account apart: the functions' names begin with its value.
const DEPLOYMENT: &str = "Deployment";

/// Counts a job that has ended.
pub(crate) fn count_finished(status: JobStatus) {
    match status {
        JobStatus::Completed => count("CompletedJobs", 1),
        JobStatus::Failed => count("FailedJobs", 1),
        JobStatus::Pending | JobStatus::Running | JobStatus::Cancelled => {}
    }
}

/// Tells how many jobs are open for longer than they should be.
pub(crate) fn count_stuck(jobs: usize) {
    if jobs > 0 {
        count("StuckJobs", jobs);
    }
}

fn count(metric: &str, value: usize) {
    let function = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let deployment = function.strip_suffix("-job-events").unwrap_or(&function);
    tell_metrics(NAMESPACE, &[(DEPLOYMENT, deployment)], &[(metric, "Count", json!(value))], Map::new());
}
