//! Requests that no function has a route for: a path with a slash too many is sent to the right one, another method is told which there
//! are, and the rest does not exist. The routes are those of the API's document.

use std::{collections::BTreeMap, sync::LazyLock};

use api::ApiError;
use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{ALLOW, HOST, LOCATION},
        uri::Authority,
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;

use crate::DOCUMENT;

/// Paths that the document does not describe, as it is one of them.
const OWN_PATHS: [&str; 3] = ["/openapi.json", "/docs", "/redoc"];

/// The paths, each with its methods in capitals.
static ROUTES: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Document {
        paths: BTreeMap<String, BTreeMap<String, Value>>,
    }
    let described = serde_json::from_str::<Document>(DOCUMENT).map(|document| document.paths).unwrap_or_default();
    let described = described.into_iter().map(|(path, methods)| (path, methods.into_keys().map(|method| method.to_uppercase()).collect()));
    described.chain(OWN_PATHS.map(|path| (path.to_owned(), vec!["GET".to_owned()]))).collect()
});

pub(crate) async fn answer(request: Request) -> Response {
    let path = request.uri().path();
    let right = path.trim_end_matches('/');
    if let Some(methods) = methods_of(path) {
        return ([(ALLOW, methods.join(", "))], ApiError::MethodNotAllowed).into_response();
    }
    if right.len() < path.len() && methods_of(right).is_some() {
        return match absolute(request.headers(), request.uri(), right) {
            Some(location) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response(),
            None => ApiError::UnknownRoute.into_response(),
        };
    }
    ApiError::UnknownRoute.into_response()
}

/// The methods of a path that exists.
fn methods_of(path: &str) -> Option<&'static [String]> {
    ROUTES.iter().find(|(route, _)| matches(route, path)).map(|(_, methods)| methods.as_slice())
}

/// Whether the path is one of the route, whose parameters stand in braces.
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

/// The URL of another path of this service, as its caller sees it.
fn absolute(headers: &HeaderMap, uri: &Uri, path: &str) -> Option<String> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = header(HOST.as_str()).or_else(|| uri.authority().map(Authority::as_str))?;
    let scheme = header("x-forwarded-proto").or_else(|| uri.scheme_str()).filter(|scheme| ["http", "https"].contains(scheme));
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{}://{host}{path}{query}", scheme.unwrap_or("https")))
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Method, StatusCode},
    };
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: Method, path: &str) -> (StatusCode, HeaderMap, Value) {
        let request = Request::builder().method(method).uri(path).header("host", "api.example").header("x-forwarded-proto", "https");
        let (parts, body) = crate::router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_slash_too_many_is_corrected() {
        for (path, location) in
            [("/jobs/", "/jobs"), ("/jobs/7/", "/jobs/7"), ("/jobs/?limit=3", "/jobs?limit=3"), ("/docs/", "/docs"), ("/train//", "/train")]
        {
            for method in [Method::GET, Method::POST] {
                let (status, headers, _) = ask(method, path).await;
                assert_eq!(status, StatusCode::TEMPORARY_REDIRECT, "{path}");
                assert_eq!(headers[LOCATION], format!("https://api.example{location}"));
            }
        }
    }

    #[tokio::test]
    async fn another_method_is_told_which_ones_there_are() {
        for (method, path, allowed) in [
            (Method::PUT, "/jobs/7", "DELETE, GET, PATCH"),
            (Method::POST, "/jobs", "GET"),
            (Method::HEAD, "/jobs", "GET"),
            (Method::OPTIONS, "/train", "POST"),
            (Method::POST, "/health", "GET"),
            (Method::HEAD, "/health", "GET"),
            (Method::DELETE, "/docs", "GET"),
        ] {
            let (status, headers, body) = ask(method.clone(), path).await;
            assert_eq!((status, &headers[ALLOW]), (StatusCode::METHOD_NOT_ALLOWED, &allowed.parse().unwrap()), "{method} {path}");
            assert!(method == Method::HEAD || body["detail"] == "Method Not Allowed", "{body}");
        }
    }

    #[tokio::test]
    async fn the_rest_does_not_exist() {
        for path in ["/nowhere", "/jobs/7/8", "/nowhere/", "//jobs", "/%2e%2e/jobs"] {
            let (status, _, body) = ask(Method::GET, path).await;
            assert_eq!((status, &body["detail"]), (StatusCode::NOT_FOUND, &"Not Found".into()), "{path}");
        }
    }

    #[tokio::test]
    async fn the_pages_come_with_all_their_parts() {
        for path in ["/docs", "/redoc"] {
            let (status, headers, _) = ask(Method::GET, path).await;
            assert_eq!((status, &headers["content-type"]), (StatusCode::OK, &"text/html; charset=utf-8".parse().unwrap()));
            assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
        }
    }
}
