//! The API on this machine: the routes of the template, each answered by its function, as API Gateway's HTTP API does it.

mod payload;
mod routes;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header},
    middleware::{self, Next},
    response::IntoResponse,
};
use serde_json::json;

use crate::{
    lambda::{Function, InvocationError},
    template::Route,
};
use payload::Call;
use routes::{Match, Routes};

/// What API Gateway and Lambda take at most.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The function that answered, for the log.
#[derive(Debug, Clone)]
struct AnsweredBy(String);

/// The routes of all functions.
pub fn router(functions: impl IntoIterator<Item = (Vec<Route>, Arc<Function>)>) -> Router {
    Router::new()
        .fallback(dispatch)
        .with_state(Arc::new(Routes::new(functions)))
        .layer(middleware::from_fn(cross_origin))
        .layer(middleware::from_fn(log))
}

/// Finds the route and has its function answer.
async fn dispatch(
    State(routes): State<Arc<Routes<Function>>>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (route, parameters, function) = match routes.find(parts.method.as_str(), parts.uri.path()) {
        Match::Found { route, parameters, target } => (route, parameters, target),
        Match::WrongMethod { allowed } => {
            return ([(header::ALLOW, allowed)], detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")).into_response();
        }
        Match::Unknown => return unknown(&routes, &parts.uri, &parts.headers),
    };
    let mut answer = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => invoke(&function, Call { parts: &parts, body: &body, route, parameters, caller }).await,
        Err(_) => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
    };
    answer.extensions_mut().insert(AnsweredBy(function.name().to_owned()));
    answer
}

async fn invoke(function: &Arc<Function>, call: Call<'_>) -> Response<Body> {
    let answer = match function.invoke_to_the_end(call.event()).await {
        Ok(answer) => payload::response(&answer),
        Err(error) => {
            tracing::error!(function = function.name(), "{error}");
            let status = match error {
                InvocationError::TimedOut { .. } => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
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
fn unknown(routes: &Routes<Function>, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
    let path = uri.path();
    let right = path.trim_end_matches('/');
    if right.len() == path.len() || matches!(routes.find("", right), Match::Unknown) {
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

/// Answers a browser that asks before it calls from another origin, as API Gateway does without asking a function, and lets such callers
/// read the answers that are our own; the functions see to theirs.
async fn cross_origin(request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    let Some(origin) = headers.get(header::ORIGIN).cloned() else { return next.run(request).await };
    let asks = request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut answer = if asks {
        (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "OK").into_response()
    } else {
        next.run(request).await
    };
    let by_function = answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if by_function {
        return answer;
    }
    let given = answer.headers_mut();
    given.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    given.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    given.append(header::VARY, HeaderValue::from_static("Origin"));
    if asks {
        given.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"));
        given.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        if let Some(wanted) = wanted {
            given.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
    }
    answer
}

async fn log(request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = Instant::now();
    let answer = next.run(request).await;
    let by = answer.extensions().get().map_or("-", |AnsweredBy(function)| function);
    tracing::info!("{method} {path} {} {} ms {by}", answer.status().as_u16(), started.elapsed().as_millis());
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
