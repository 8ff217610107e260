//! HTTP ↔ the payload of API Gateway's HTTP API, format 2.0.
//! Source: the API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header, request::Parts},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

use crate::template::ACCOUNT;

/// A request on its way to a function.
pub(super) struct Call<'a> {
    pub(super) parts: &'a Parts,
    pub(super) body: &'a Bytes,
    pub(super) route_key: String,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) caller: SocketAddr,
}

impl Call<'_> {
    /// The event that the function is invoked with.
    pub(super) fn event(&self) -> Bytes {
        let Parts { method, uri, headers, .. } = self.parts;
        let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let mut joined: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in headers.iter().filter(|(name, _)| *name != header::COOKIE) {
            let value = String::from_utf8_lossy(value.as_bytes());
            joined.entry(name.as_str()).and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.into_owned());
        }
        for (name, value) in [("x-forwarded-for", self.caller.ip().to_string()), ("x-forwarded-proto", "http".to_owned())] {
            joined.entry(name).or_insert(value);
        }
        let cookies: Vec<String> = header(header::COOKIE).split("; ").filter(|cookie| !cookie.is_empty()).map(str::to_owned).collect();
        let (body, is_base64) = match std::str::from_utf8(self.body) {
            _ if self.body.is_empty() => (Value::Null, false),
            Ok(text) => (text.into(), false),
            Err(_) => (BASE64_STANDARD.encode(self.body).into(), true),
        };
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route_key,
            "rawPath": uri.path(),
            "rawQueryString": uri.query().unwrap_or_default(),
            "headers": joined,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": "local",
                "domainName": header(header::HOST),
                "domainPrefix": "local",
                "http": {
                    "method": method.as_str(),
                    "path": uri.path(),
                    "protocol": "HTTP/1.1",
                    "sourceIp": self.caller.ip().to_string(),
                    "userAgent": header(header::USER_AGENT),
                },
                "requestId": Uuid::new_v4().to_string(),
                "routeKey": self.route_key,
                "stage": "$default",
                "time": common_log_time(OffsetDateTime::now_utc()),
                "timeEpoch": u64::try_from(since_epoch.as_millis()).unwrap_or_default(),
            },
            "isBase64Encoded": is_base64,
        });
        let optional = [
            ("body", body),
            ("pathParameters", json!(self.parameters)),
            ("cookies", json!(cookies)),
            ("queryStringParameters", query(uri.query().unwrap_or_default())),
        ];
        for (name, value) in optional {
            let is_empty =
                value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty);
            if let (false, Some(fields)) = (is_empty, event.as_object_mut()) {
                fields.insert(name.to_owned(), value);
            }
        }
        event.to_string().into()
    }
}

/// The moment as web servers log it, `31/Jan/2026:12:00:00 +0000`.
fn common_log_time(moment: OffsetDateTime) -> String {
    let form = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    moment.format(form).unwrap_or_default()
}

/// Parameters by name; the values of a repeated one are joined by commas.
fn query(query: &str) -> Value {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name.into_owned()).and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.into_owned());
    }
    json!(parameters)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response in a function's answer.
pub(super) fn response(answer: &Bytes) -> anyhow::Result<Response<Body>> {
    let answer: Answer = serde_json::from_slice(answer)?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded { BASE64_STANDARD.decode(body)? } else { body.into_bytes() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code)?;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    for (name, values) in answer.multi_value_headers {
        let name = HeaderName::try_from(name)?;
        headers.remove(&name);
        for value in values {
            headers.append(&name, HeaderValue::try_from(value)?);
        }
    }
    for cookie in answer.cookies {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie)?);
    }
    headers.remove(header::CONTENT_LENGTH);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn event(request: Request<()>, body: &'static [u8]) -> Value {
        let (parts, ()) = request.into_parts();
        let parameters = [("job_id".to_owned(), "7".to_owned())].into();
        let caller = SocketAddr::from(([127, 0, 0, 1], 1234));
        let call = Call { parts: &parts, body: &Bytes::from_static(body), route_key: "POST /jobs/{job_id}".to_owned(), parameters, caller };
        serde_json::from_slice(&call.event()).unwrap()
    }

    #[test]
    fn a_request_becomes_an_event() {
        let request = Request::post("http://localhost/jobs/7?a=1&a=2&b=x%20y")
            .header("X-Two", "1")
            .header("x-two", "2")
            .header("cookie", "c=1; d=2")
            .body(())
            .unwrap();
        let event = event(request, b"{}");
        assert_eq!(event["routeKey"], "POST /jobs/{job_id}");
        assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/jobs/7"), &json!("a=1&a=2&b=x%20y")));
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "x y" }));
        assert_eq!(event["headers"], json!({ "x-two": "1,2", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http" }));
        assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
        assert_eq!(event["pathParameters"], json!({ "job_id": "7" }));
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));
    }

    #[test]
    fn a_body_that_is_no_text_is_base64() {
        let event = event(Request::get("/").body(()).unwrap(), b"\xFF\x00");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    }

    #[test]
    fn an_answer_becomes_a_response() {
        let answer = json!({
            "statusCode": 404,
            "headers": { "etag": "x" },
            "multiValueHeaders": { "vary": ["Origin", "Accept"] },
            "cookies": ["a=1"],
            "body": "e30=",
            "isBase64Encoded": true,
        });
        let response = response(&answer.to_string().into()).unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()["etag"], "x");
        assert_eq!(response.headers().get_all("vary").iter().count(), 2);
        assert_eq!(response.headers()["set-cookie"], "a=1");
    }
}
