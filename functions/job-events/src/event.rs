//! An event, as far as it says that a job of ours ended, or that it is time to look.

use std::collections::HashMap;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use domain::JobId;
use serde::Deserialize;
use serde_json::Value;

use crate::reason::Ending;

const STATE_CHANGE: &str = "Batch Job State Change";
const SCHEDULE: &str = "Scheduled Event";

/// What an event means for us.
#[derive(Debug, PartialEq)]
pub(crate) enum News {
    /// A job of ours has ended.
    Ended(EndedJob),
    /// It is time to look at all jobs that have not.
    Schedule,
    /// Nothing.
    Other,
}

/// A job of ours whose container ended.
#[derive(Debug, PartialEq)]
pub(crate) struct EndedJob {
    pub(crate) job_id: JobId,
    pub(crate) batch_job_id: String,
    pub(crate) end: End,
}

/// How it ended.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Succeeded,
    Failed(Ending),
}

/// The event's `detail`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    job_id: String,
    status: String,
    status_reason: Option<String>,
    container: Option<Container>,
    parameters: Option<HashMap<String, String>>,
}

/// The container of the last attempt.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    exit_code: Option<i32>,
    reason: Option<String>,
    #[serde(default)]
    environment: Vec<Variable>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    name: String,
    value: String,
}

impl News {
    pub(crate) fn of(event: EventBridgeEvent<Value>) -> Self {
        match event.detail_type.as_str() {
            SCHEDULE => Self::Schedule,
            STATE_CHANGE => serde_json::from_value(event.detail).ok().and_then(EndedJob::of).map_or(Self::Other, Self::Ended),
            _ => Self::Other,
        }
    }
}

impl EndedJob {
    /// `None` for jobs that have not ended or are not ours.
    fn of(detail: Detail) -> Option<Self> {
        let job_id = detail.our_id()?;
        let container = detail.container.unwrap_or_default();
        let end = match detail.status.as_str() {
            "SUCCEEDED" => End::Succeeded,
            "FAILED" => End::Failed(Ending {
                status_reason: detail.status_reason.unwrap_or_default(),
                container_reason: container.reason.unwrap_or_default(),
                exit_code: container.exit_code,
            }),
            _ => return None,
        };
        Some(Self { job_id, batch_job_id: detail.job_id, end })
    }
}

impl Detail {
    /// Our identifier of the job, which Batch passes to the container.
    fn our_id(&self) -> Option<JobId> {
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
    fn an_ended_job_is_known_by_its_environment_or_its_parameters() {
        let job = JobId::random();
        let environment = json!([{ "name": "TIME_BUDGET", "value": "60" }, { "name": "JOB_ID", "value": job.to_string() }]);
        for detail in [
            json!({ "jobId": "b-1", "status": "FAILED", "container": { "exitCode": 1, "environment": environment } }),
            json!({ "jobId": "b-1", "status": "SUCCEEDED", "container": { "environment": [] }, "parameters": { "job_id": job.to_string() } }),
            json!({ "jobId": "b-1", "status": "FAILED", "parameters": { "job_id": job.to_string() } }),
        ] {
            let News::Ended(ended) = News::of(event(STATE_CHANGE, &detail)) else { panic!("{detail} is an end") };
            assert_eq!((ended.job_id, ended.batch_job_id.as_str()), (job, "b-1"));
            assert_eq!(ended.end == End::Succeeded, detail["status"] == "SUCCEEDED");
        }
    }

    #[test]
    fn a_schedule_says_no_more_than_that() {
        assert_eq!(News::of(event(SCHEDULE, &json!({}))), News::Schedule);
    }

    #[test]
    fn everything_else_is_none_of_our_business() {
        let parameters = json!({ "job_id": JobId::random().to_string() });
        for (detail_type, detail) in [
            (STATE_CHANGE, json!({ "status": "RUNNING", "parameters": parameters })),
            (STATE_CHANGE, json!({ "status": "FAILED" })),
            (STATE_CHANGE, json!({ "status": "FAILED", "parameters": { "job_id": "7" } })),
            (STATE_CHANGE, json!({ "state": "FAILED" })),
            (STATE_CHANGE, json!(null)),
            ("EC2 Instance State-change Notification", json!({ "status": "FAILED", "parameters": parameters })),
        ] {
            assert_eq!(News::of(event(detail_type, &detail)), News::Other, "{detail_type} {detail}");
        }
    }
}
