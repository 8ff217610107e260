//! Answers to browsers on other origins. Allowed origins are a JSON list in `CORS_ORIGINS`; all are by default.

use std::{env, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

const METHODS: HeaderValue = HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins that may read answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origins {
    Any,
    Listed(Arc<[String]>),
}

impl Origins {
    /// From `CORS_ORIGINS`. A value that is no list of texts allows no origin: an open door is not what a typing error should give.
    pub(crate) fn from_env() -> Self {
        env::var("CORS_ORIGINS").ok().filter(|list| !list.trim().is_empty()).map_or(Self::Any, |list| Self::parse(&list))
    }

    fn parse(list: &str) -> Self {
        let origins: Vec<String> = serde_json::from_str(list).unwrap_or_else(|error| {
            tracing::error!("CORS_ORIGINS is not a JSON list of origins, none is allowed: {error}");
            Vec::new()
        });
        if origins.iter().any(|origin| origin == "*") { Self::Any } else { Self::Listed(origins.into()) }
    }

    fn allow(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        }
    }
}

/// Answers preflights and adds the headers to every other answer, errors included.
pub(crate) async fn cross_origin(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else { return next.run(request).await };
    let allowed = origins.allow(&origin);
    let is_preflight = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight { preflight(request.headers(), allowed) } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(VARY, varying_by_origin(headers.get(VARY)));
    if allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    response
}

/// One header with all names: the gateway's payload holds one value for each.
fn varying_by_origin(vary: Option<&HeaderValue>) -> HeaderValue {
    let others = vary.and_then(|names| names.to_str().ok()).map(|names| format!("{names}, Origin"));
    others.and_then(|names| names.try_into().ok()).unwrap_or(HeaderValue::from_static("Origin"))
}

fn preflight(request: &HeaderMap, allowed: bool) -> Response {
    if !allowed {
        return (StatusCode::BAD_REQUEST, "Disallowed CORS origin").into_response();
    }
    let mut response = "OK".into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_what_it_names() {
        let origins = Origins::parse(r#"["https://a.example"]"#);
        assert!(origins.allow(&HeaderValue::from_static("https://a.example")));
        assert!(!origins.allow(&HeaderValue::from_static("https://b.example")));
    }

    #[test]
    fn what_an_answer_varies_by_already_stays() {
        assert_eq!(varying_by_origin(Some(&HeaderValue::from_static("Authorization"))), "Authorization, Origin");
        assert_eq!(varying_by_origin(None), "Origin");
    }

    #[test]
    fn a_star_allows_all_and_a_typing_error_none() {
        assert_eq!(Origins::parse(r#"["*"]"#), Origins::Any);
        assert!(!Origins::parse("https://a.example").allow(&HeaderValue::from_static("https://a.example")));
    }
}
