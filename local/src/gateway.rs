//! The API on this machine: the routes of the template, each answered by its function, as API Gateway's HTTP API does it.

mod payload;
mod routes;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{Response, StatusCode},
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
    Router::new().fallback(dispatch).with_state(Arc::new(Routes::new(functions))).layer(middleware::from_fn(log))
}

/// Finds the route and has its function answer.
async fn dispatch(
    State(routes): State<Arc<Routes<Function>>>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(Match { route_key, parameters, target: function }) = routes.find(parts.method.as_str(), parts.uri.path()) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let mut answer = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => invoke(&function, Call { parts: &parts, body: &body, route_key, parameters, caller }).await,
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

async fn log(request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = Instant::now();
    let answer = next.run(request).await;
    let by = answer.extensions().get().map_or("-", |AnsweredBy(function)| function);
    tracing::info!("{method} {path} {} {} ms {by}", answer.status().as_u16(), started.elapsed().as_millis());
    answer
}

/// An error in API Gateway's form.
fn message(status: StatusCode, text: &str) -> Response<Body> {
    (status, axum::Json(json!({ "message": text }))).into_response()
}
