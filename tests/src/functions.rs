//! The function binaries one by one, behind the Lambda Runtime API, with events that the local gateway never sends: those of signed-in
//! users, of Batch and of the schedule.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use local::{
    lambda::Function,
    template::{Route, Template},
};
use serde_json::{Value, json};

use crate::{Stack, binaries};

const LIMIT: Duration = Duration::from_secs(30);

/// The functions of a running stack, started a second time for these events.
pub struct Functions {
    functions: BTreeMap<String, Arc<Function>>,
    template: Template,
}

impl Functions {
    /// The functions on the storage of `stack`; their logs go into `folder`.
    pub fn of(stack: &Stack, folder: &Path) -> Self {
        Self::with(stack, folder, &[])
    }

    /// The same with some variables of their own.
    pub fn with(stack: &Stack, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<(String, String)> = stack.environment().into_iter().chain(own).collect();
        let template = Template::read().expect("the template is readable");
        let names = template.functions.keys();
        let functions = names.map(|name| {
            let log = folder.join(format!("{name}.log"));
            (name.clone(), Arc::new(Function::new(name, &binaries(), environment.clone(), LIMIT, 512, log)))
        });
        Self { functions: functions.collect(), template }
    }

    /// Invokes a function with an event.
    pub async fn invoke(&self, name: &str, event: Value) -> Value {
        let function = self.functions.get(name).unwrap_or_else(|| panic!("there is no function {name}"));
        let answer = function.invoke(event.to_string().into()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_slice(&answer).expect("the answer is JSON")
    }

    /// Has the function of a route answer a request of a signed-in user; status and body. `route` has its parameters in braces, `path` does
    /// not; a `null` body is none.
    pub async fn request(&self, user: &str, method: &str, route: &str, path: &str, body: &Value) -> (u16, Value) {
        self.request_with(user, method, route, path, body, &[]).await
    }

    /// The same with more headers.
    pub async fn request_with(
        &self,
        user: &str,
        method: &str,
        route: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let wanted = Route::Path { method: method.to_owned(), path: route.to_owned() };
        let name = self.template.functions.iter().find(|(_, function)| function.routes.contains(&wanted)).map(|(name, _)| name.as_str());
        let mut all = json!({ "content-type": "application/json", "host": "api.example" });
        for (name, value) in headers {
            all[*name] = json!(value);
        }
        let event = json!({
            "version": "2.0",
            "routeKey": format!("{method} {route}"),
            "rawPath": path,
            "rawQueryString": "",
            "headers": all,
            "requestContext": {
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test" },
                "authorizer": { "jwt": { "claims": { "sub": user }, "scopes": null } },
                "stage": "$default",
                "timeEpoch": 0,
            },
            "body": if body.is_null() { Value::Null } else { body.to_string().into() },
            "isBase64Encoded": false,
        });
        let answer = self.invoke(name.unwrap_or_else(|| panic!("no function has {method} {route}")), event).await;
        let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        (status, body)
    }

    /// Tells of a change in the state of a job of Batch.
    pub async fn batch_event(&self, batch_job_id: &str, job_id: &str, status: &str) {
        let detail = json!({
            "jobId": batch_job_id,
            "status": status,
            "statusReason": "Essential container in task exited",
            "container": { "exitCode": 1, "environment": [{ "name": "JOB_ID", "value": job_id }] },
        });
        self.event("Batch Job State Change", detail).await;
    }

    /// Has the sweep look at all unfinished jobs.
    pub async fn sweep(&self) {
        self.event("Scheduled Event", json!({})).await;
    }

    async fn event(&self, detail_type: &str, detail: Value) {
        let event = json!({
            "version": "0",
            "id": "e-1",
            "detail-type": detail_type,
            "source": "test",
            "account": "000000000000",
            "time": "2026-01-31T12:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": detail,
        });
        self.invoke("job-events", event).await;
    }

    /// Ends them.
    pub async fn stop(self) {
        for function in self.functions.values() {
            function.stop().await;
        }
    }
}
