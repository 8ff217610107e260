//! A router on Lambda, with what all routes share around it.
//!
//! ```text
//! request ─▶ CORS ─▶ errors ─▶ route, or 404 / 405
//!         ◀─ headers ◀─ body and identifier
//! ```

use std::{error::Error, future::Future, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header::ALLOW},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
};
use lambda_http::RequestExt;

use crate::{
    ApiError,
    cors::{Origins, cross_origin},
};

/// Why a function could not start or go on.
pub type StartError = lambda_http::Error;

/// Adds the answers to unknown paths and methods, the bodies of errors, and the headers for other origins.
pub fn finish(router: Router) -> Router {
    finish_front(router.fallback(async || ApiError::UnknownRoute))
}

/// The same for a router that answers unknown paths itself.
pub fn finish_front(router: Router) -> Router {
    finish_for(router, Origins::from_env())
}

fn finish_for(router: Router, origins: Origins) -> Router {
    router
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn(answer_errors))
        .layer(from_fn_with_state(origins, cross_origin))
}

/// Starts logging, builds the router with `init` and serves it until Lambda ends the process.
pub async fn run<E: Into<Box<dyn Error + Send + Sync>>>(init: impl Future<Output = Result<Router, E>>) -> Result<(), StartError> {
    lambda_http::tracing::init_default_subscriber();
    let router = init.await.map_err(|error| {
        let error = error.into();
        tracing::error!("cannot start: {error}");
        error
    })?;
    lambda_http::run(router).await
}

/// Gives the errors of handlers their bodies, which name the request. `HEAD` is no method of ours.
async fn answer_errors(request: Request, next: Next) -> Response {
    let request_id = request.lambda_context_ref().map(|context| context.request_id.clone());
    let is_head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    let error = match response.extensions().get::<Arc<ApiError>>() {
        Some(error) => Arc::clone(error),
        None if is_head && response.status().is_success() => Arc::new(ApiError::MethodNotAllowed),
        None => return response,
    };
    let mut answer = error.answer(request_id.as_deref());
    if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(ALLOW, allowed(response.headers()));
    }
    answer
}

/// The methods of the path. `HEAD`, which the router adds to `GET`, is none of ours; where it was answered there is a `GET`.
fn allowed(headers: &HeaderMap) -> HeaderValue {
    let methods = headers.get(ALLOW).and_then(|methods| methods.to_str().ok()).unwrap_or("GET");
    let mut methods: Vec<&str> = methods.split(',').map(str::trim).filter(|method| *method != "HEAD").collect();
    methods.sort_unstable();
    methods.join(", ").try_into().unwrap_or(HeaderValue::from_static("GET"))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: Method, path: &str, headers: &[(&'static str, &'static str)]) -> (StatusCode, HeaderMap, String) {
        let routes = Router::new()
            .route("/jobs", get(async || "all"))
            .route("/broken", get(async || Err::<(), _>(crate::internal("Error listing jobs")(std::io::Error::other("no table")))));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let routes = routes.fallback(async || ApiError::UnknownRoute);
        let answer = finish_for(routes, Origins::Any).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    fn detail(body: &str) -> Value {
        serde_json::from_str::<Value>(body).unwrap()["detail"].clone()
    }

    #[tokio::test]
    async fn an_unknown_path_is_not_found() {
        let (status, headers, body) = ask(Method::GET, "/nowhere", &[]).await;
        assert_eq!((status, detail(&body)), (StatusCode::NOT_FOUND, json!("Not Found")));
        assert_eq!(headers["content-type"], "application/json");
    }

    #[tokio::test]
    async fn another_method_is_told_which_ones_there_are() {
        for method in [Method::DELETE, Method::OPTIONS, Method::HEAD] {
            let (status, headers, body) = ask(method.clone(), "/jobs", &[]).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
            if method != Method::HEAD {
                assert_eq!(detail(&body), json!("Method Not Allowed"));
                assert_eq!(headers[ALLOW], "GET");
            }
        }
    }

    #[tokio::test]
    async fn an_internal_failure_says_what_was_attempted() {
        let (status, _, body) = ask(Method::GET, "/broken", &[]).await;
        assert_eq!((status, detail(&body)), (StatusCode::INTERNAL_SERVER_ERROR, json!("Error listing jobs: no table")));
    }

    #[tokio::test]
    async fn other_origins_may_read_answers_and_errors() {
        for (path, status) in [("/jobs", StatusCode::OK), ("/nowhere", StatusCode::NOT_FOUND)] {
            let (answered, headers, _) = ask(Method::GET, path, &[("origin", "https://a.example")]).await;
            assert_eq!(answered, status);
            assert_eq!(headers["access-control-allow-origin"], "https://a.example");
            assert_eq!(headers["access-control-allow-credentials"], "true");
            assert_eq!(headers["vary"], "Origin");
        }
        let (_, headers, _) = ask(Method::GET, "/jobs", &[]).await;
        assert!(!headers.contains_key("access-control-allow-origin"));
    }

    #[tokio::test]
    async fn a_preflight_allows_every_method_of_ours() {
        let asked = [
            ("origin", "https://a.example"),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "content-type, x-a"),
        ];
        let (status, headers, body) = ask(Method::OPTIONS, "/jobs", &asked).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "OK"));
        assert!(headers["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
        assert_eq!(headers["access-control-allow-headers"], "content-type, x-a");
        assert_eq!(headers["access-control-max-age"], "600");
    }
}
