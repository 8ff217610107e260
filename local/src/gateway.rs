//! The API on this machine: the routes of the template, each answered by its function, as API Gateway's HTTP API does it.

mod payload;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, MatchedPath, RawPathParams, Request, State},
    http::{HeaderValue, Method, Response, StatusCode, Uri, header},
    middleware::{self, Next},
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::json;

use crate::{
    lambda::{Function, InvocationError},
    template::Route,
};
use payload::Call;

/// What API Gateway and Lambda take at most.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The routes of all functions.
///
/// # Errors
/// When a route of the template has a method or a path that cannot be served.
pub fn router(functions: Vec<(Vec<Route>, Arc<Function>)>) -> anyhow::Result<Router> {
    let mut paths: BTreeMap<String, MethodRouter> = BTreeMap::new();
    for (routes, function) in functions {
        for Route { method, path } in routes {
            let filter = MethodFilter::try_from(Method::from_bytes(method.as_bytes())?)?;
            let methods = paths.remove(&path).unwrap_or_default().merge(on(filter, forward).with_state(Arc::clone(&function)));
            paths.insert(path, methods);
        }
    }
    let known: Arc<[String]> = paths.keys().cloned().collect();
    let router = paths.into_iter().fold(Router::new(), |router, (path, methods)| router.route(&path, methods));
    Ok(router
        .method_not_allowed_fallback(|| async { detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") })
        .fallback(move |uri: Uri, headers: axum::http::HeaderMap| async move { unknown(&known, &uri, &headers) })
        .layer(middleware::from_fn(preflight))
        .layer(middleware::from_fn(log)))
}

/// Invokes the route's function.
async fn forward(
    State(function): State<Arc<Function>>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    path: MatchedPath,
    parameters: RawPathParams,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
    };
    let parameters = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let event = Call { parts: &parts, body: &body, route: path.as_str(), parameters, caller }.event();
    let answer = match function.invoke(event).await {
        Ok(answer) => payload::response(&answer),
        Err(error) => {
            tracing::error!(function = function.name(), "{error}");
            let status = if matches!(error, InvocationError::TimedOut { .. }) {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            };
            return message(status, status.canonical_reason().unwrap_or_default());
        }
    };
    answer.unwrap_or_else(|error| {
        tracing::error!(function = function.name(), "the function's answer is no HTTP response: {error}");
        message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })
}

/// A path that is no route: one with a slash too many is sent to the right one.
fn unknown(known: &[String], uri: &Uri, headers: &axum::http::HeaderMap) -> Response<Body> {
    let path = uri.path();
    let right = path.trim_end_matches('/');
    if right.len() == path.len() || !known.iter().any(|route| matches(route, right)) {
        return detail(StatusCode::NOT_FOUND, "Not Found");
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = HeaderValue::try_from(format!("http://{host}{right}{query}"));
    match location {
        Ok(location) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response(),
        Err(_) => detail(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn matches(route: &str, path: &str) -> bool {
    let (mut of_route, mut of_path) = (route.split('/'), path.split('/'));
    loop {
        match (of_route.next(), of_path.next()) {
            (None, None) => return true,
            (Some(known), Some(given)) if known == given || (known.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

/// Answers a browser that asks before it calls from another origin; API Gateway does so without asking a function.
async fn preflight(request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).cloned();
    let asks = request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let (Some(origin), true) = (origin, asks) else { return next.run(request).await };
    let mut answer = (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "OK").into_response();
    let allowed = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let given = answer.headers_mut();
    given.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    given.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    given.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"));
    given.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    given.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = allowed {
        given.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    answer
}

async fn log(request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = Instant::now();
    let answer = next.run(request).await;
    tracing::info!("{method} {path} {} {} ms", answer.status().as_u16(), started.elapsed().as_millis());
    answer
}

/// An error in the API's own form.
fn detail(status: StatusCode, text: &str) -> Response<Body> {
    (status, axum::Json(json!({ "detail": text }))).into_response()
}

/// An error in API Gateway's form.
fn message(status: StatusCode, text: &str) -> Response<Body> {
    (status, axum::Json(json!({ "message": text }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_segment_by_segment() {
        assert!(matches("/jobs/{job_id}/deploy", "/jobs/7/deploy"));
        assert!(matches("/jobs", "/jobs"));
        for path in ["/jobs/7", "/jobs//deploy", "/jobs/7/deploy/x", "/job/7/deploy"] {
            assert!(!matches("/jobs/{job_id}/deploy", path), "{path}");
        }
    }
}
