//! The typed body and query of a request, and the identifier in its path.

use axum::{
    body::{Body as RequestBody, Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Path, Query as Pairs, Request},
    http::{HeaderMap, header::CONTENT_TYPE, request::Parts},
};
use serde_json::{Value, json};

use crate::{
    ApiError, Issue,
    input::{Read, ReadInput, Step, object},
};

/// More than any body of ours needs; the gateway lets 10 MB through.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// A JSON body.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

/// The query's parameters. Of one that is given twice, the last counts.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

/// The `{id}` of the route, as it came. A path that is no text leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::from_request_parts(parts, state).await.map_err(|_| ApiError::UnknownRoute)?;
        Ok(Self(id))
    }
}

impl<S: Send + Sync, T: ReadInput> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = body_bytes(body).await?;
        read_body(&parts.headers, &bytes).map(Self).map_err(|issues| located(issues, "body"))
    }
}

impl<S: Send + Sync, T: ReadInput> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(&parts.uri).unwrap_or_default();
        let parameters = pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        object(&Value::Object(parameters)).map(Self).map_err(|issues| located(issues, "query"))
    }
}

/// A body as it came.
pub async fn body_bytes(body: RequestBody) -> Result<Bytes, ApiError> {
    to_bytes(body, MAX_BODY_BYTES).await.map_err(crate::internal("Error reading the body"))
}

fn located(issues: Vec<Issue>, part: &str) -> ApiError {
    ApiError::Invalid(issues.into_iter().map(|issue| issue.inside(Step::Field(part.to_owned()))).collect())
}

fn read_body<T: ReadInput>(headers: &HeaderMap, bytes: &[u8]) -> Read<T> {
    if bytes.is_empty() {
        return Err(missing_body().into());
    }
    if !is_json(headers) {
        return object(&Value::String(String::from_utf8_lossy(bytes).into_owned()));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Null) => Err(missing_body().into()),
        Ok(value) => object(&value),
        Err(error) => Err(Issue::new("json_invalid", "JSON decode error", &json!({}))
            .with_figures(json!({ "error": error.to_string() }))
            .inside(Step::At(position(bytes, &error)))
            .into()),
    }
}

fn missing_body() -> Issue {
    Issue::new("missing", "Field required", &Value::Null)
}

/// `application/json` or `application/…+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// The byte at which the parser gave up.
fn position(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let line_start: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
    line_start + error.column().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::input::{Input, integer, text};

    #[derive(Debug, PartialEq)]
    struct Request {
        name: String,
        count: u32,
    }

    impl ReadInput for Request {
        fn read(input: &mut Input<'_>) -> Option<Self> {
            let name = input.required("name", text);
            let count = input.with_default("count", 7, integer(1..=10));
            Some(Self { name: name?, count: count? })
        }
    }

    fn read(content_type: &'static str, body: &str) -> Result<Request, Value> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        read_body(&headers, body.as_bytes()).map_err(|issues| {
            let ApiError::Invalid(issues) = located(issues, "body") else { panic!("it is invalid") };
            serde_json::to_value(issues).unwrap()
        })
    }

    #[test]
    fn a_body_is_read_and_unknown_fields_are_ignored() {
        let expected = Request { name: "a".to_owned(), count: 7 };
        for content_type in ["application/json", "application/json; charset=utf-8", "application/vnd.api+json"] {
            assert_eq!(read(content_type, r#"{"name": "a", "more": [1]}"#).unwrap(), expected);
        }
    }

    #[test]
    fn all_issues_are_listed_in_the_order_of_the_fields() {
        assert_eq!(
            read("application/json", r#"{"count": 11}"#).unwrap_err(),
            json!([
                { "type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": { "count": 11 } },
                {
                    "type": "less_than_equal",
                    "loc": ["body", "count"],
                    "msg": "Input should be less than or equal to 10",
                    "input": 11,
                    "ctx": { "le": 10 }
                }
            ])
        );
    }

    #[test]
    fn no_body_is_a_missing_one() {
        for body in ["", "null"] {
            let expected = json!([{ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }]);
            assert_eq!(read("application/json", body).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_body_of_another_type_is_no_object() {
        for (content_type, body, input) in
            [("text/plain", r#"{"name": "a"}"#, json!(r#"{"name": "a"}"#)), ("application/json", "[1]", json!([1]))]
        {
            let issues = read(content_type, body).unwrap_err();
            assert_eq!(
                (&issues[0]["type"], &issues[0]["loc"], &issues[0]["input"]),
                (&json!("model_attributes_type"), &json!(["body"]), &input)
            );
        }
    }

    #[test]
    fn malformed_json_tells_its_position() {
        for (body, at) in [("{", 0), ("{\"name\": }", 9), ("{\n\"name\": \"a\",\n x}", 16)] {
            let issues = read("application/json", body).unwrap_err();
            assert_eq!((&issues[0]["type"], &issues[0]["loc"]), (&json!("json_invalid"), &json!(["body", at])), "{body}");
        }
    }
}
