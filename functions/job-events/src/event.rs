//! Batch's event, as far as it says which of our jobs failed.

use std::collections::HashMap;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use domain::JobId;
use serde::Deserialize;
use serde_json::Value;

const STATE_CHANGE: &str = "Batch Job State Change";

/// A job of ours that Batch calls failed.
#[derive(Debug)]
pub(crate) struct FailedJob {
    pub(crate) job_id: JobId,
    pub(crate) detail: Detail,
}

/// The event's `detail`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    status: String,
    pub(crate) status_reason: Option<String>,
    pub(crate) container: Option<Container>,
    parameters: Option<HashMap<String, String>>,
}

/// The container of the last attempt.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container {
    pub(crate) exit_code: Option<i64>,
    pub(crate) reason: Option<String>,
    #[serde(default)]
    environment: Vec<Variable>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    name: String,
    value: String,
}

impl FailedJob {
    /// `None` for other events, other statuses and jobs that are not ours.
    pub(crate) fn of(event: EventBridgeEvent<Value>) -> Option<Self> {
        let detail: Detail = (event.detail_type == STATE_CHANGE).then(|| serde_json::from_value(event.detail).ok())??;
        let job_id = detail.job_id().filter(|_| detail.status == "FAILED")?;
        Some(Self { job_id, detail })
    }
}

impl Detail {
    /// Our identifier of the job, which Batch passes to the container.
    fn job_id(&self) -> Option<JobId> {
        let of_container = self.container.iter().flat_map(|container| &container.environment).find(|variable| variable.name == "JOB_ID");
        let of_parameters = || self.parameters.as_ref()?.get("job_id").map(String::as_str);
        of_container.map(|variable| variable.value.as_str()).or_else(of_parameters)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(detail_type: &str, detail: &Value) -> EventBridgeEvent<Value> {
        serde_json::from_value(json!({
            "version": "0",
            "id": "e-1",
            "detail-type": detail_type,
            "source": "aws.batch",
            "account": "123456789012",
            "time": "2026-01-31T12:00:00Z",
            "region": "eu-west-1",
            "resources": [],
            "detail": detail
        }))
        .unwrap()
    }

    #[test]
    fn a_failed_job_is_known_by_its_environment_or_its_parameters() {
        let job = JobId::random();
        let environment = json!([{ "name": "TIME_BUDGET", "value": "60" }, { "name": "JOB_ID", "value": job.to_string() }]);
        for detail in [
            json!({ "status": "FAILED", "container": { "exitCode": 1, "environment": environment } }),
            json!({ "status": "FAILED", "container": { "environment": [] }, "parameters": { "job_id": job.to_string() } }),
            json!({ "status": "FAILED", "parameters": { "job_id": job.to_string() } }),
        ] {
            assert_eq!(FailedJob::of(event(STATE_CHANGE, &detail)).unwrap().job_id, job, "{detail}");
        }
    }

    #[test]
    fn everything_else_is_none_of_our_business() {
        let parameters = json!({ "job_id": JobId::random().to_string() });
        for (detail_type, detail) in [
            (STATE_CHANGE, json!({ "status": "RUNNING", "parameters": parameters })),
            (STATE_CHANGE, json!({ "status": "SUCCEEDED", "parameters": parameters })),
            (STATE_CHANGE, json!({ "status": "FAILED" })),
            (STATE_CHANGE, json!({ "status": "FAILED", "parameters": { "job_id": "7" } })),
            (STATE_CHANGE, json!({ "state": "FAILED" })),
            (STATE_CHANGE, json!(null)),
            ("EC2 Instance State-change Notification", json!({ "status": "FAILED", "parameters": parameters })),
        ] {
            assert!(FailedJob::of(event(detail_type, &detail)).is_none(), "{detail_type} {detail}");
        }
    }
}
