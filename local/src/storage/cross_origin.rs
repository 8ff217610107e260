//! The buckets' CORS rules as S3 applies them. Any origin is let in on this machine; the methods are the template's.
//! Source: the S3 user guide, "How CORS works".

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header},
    middleware::Next,
    response::IntoResponse as _,
};

use crate::template::Bucket;

/// Answers a browser that asks before it calls from another origin, and lets it read the answers that a rule allows it.
pub(super) async fn cross_origin(State(buckets): State<Arc<[Bucket]>>, request: Request, next: Next) -> Response<Body> {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else { return next.run(request).await };
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| request.method() == Method::OPTIONS).cloned();
    let method = asked.as_ref().map_or(request.method().as_str(), |asked| asked.to_str().unwrap_or_default());
    let rule = rule(&buckets, request.uri(), method).cloned();
    let wanted = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut answer = match (&asked, &rule) {
        (None, _) => next.run(request).await,
        (Some(_), Some(_)) => StatusCode::OK.into_response(),
        (Some(_), None) => (StatusCode::FORBIDDEN, "CORSResponse: This CORS request is not allowed.").into_response(),
    };
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin, Access-Control-Request-Headers, Access-Control-Request-Method"));
    let Some(rule) = rule else { return answer };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    insert(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &rule.exposed_headers.join(", "));
    if asked.is_some() {
        insert(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &rule.allowed_methods.join(", "));
        insert(headers, header::ACCESS_CONTROL_MAX_AGE, &rule.max_age.to_string());
        if let Some(wanted) = wanted {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
    }
    answer
}

/// The bucket of the path, if it allows the method.
fn rule<'a>(buckets: &'a [Bucket], uri: &Uri, method: &str) -> Option<&'a Bucket> {
    let name = uri.path().trim_start_matches('/').split('/').next()?;
    buckets.iter().find(|bucket| bucket.name == name && bucket.allowed_methods.iter().any(|allowed| allowed == method))
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::any};
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(method: Method, path: &str, asks_for: Option<&str>) -> Response<Body> {
        let bucket = |name: &str, methods: &[&str]| Bucket {
            name: name.to_owned(),
            allowed_methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            exposed_headers: vec!["ETag".to_owned()],
            max_age: 3600,
        };
        let buckets: Arc<[Bucket]> = [bucket("uploads", &["PUT", "GET"]), bucket("models", &["GET"])].into();
        let mut request = Request::builder().method(method).uri(path).header("origin", "https://a.example");
        if let Some(method) = asks_for {
            request = request.header("access-control-request-method", method).header("access-control-request-headers", "content-type");
        }
        let objects = Router::new().fallback(any(async || "object")).layer(middleware::from_fn_with_state(buckets, cross_origin));
        objects.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_browser_may_do_what_the_bucket_allows() {
        let answer = ask(Method::OPTIONS, "/uploads/datasets/1/a.csv?X-Amz-Signature=0", Some("PUT")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://a.example");
        assert_eq!(answer.headers()["access-control-allow-methods"], "PUT, GET");
        assert_eq!(answer.headers()["access-control-allow-headers"], "content-type");
        assert_eq!(answer.headers()["access-control-max-age"], "3600");
        let answer = ask(Method::GET, "/models/m.onnx", None).await;
        assert_eq!(answer.headers()["access-control-expose-headers"], "ETag");
    }

    #[tokio::test]
    async fn and_nothing_else() {
        for (path, method) in [("/models/m.onnx", "PUT"), ("/uploads/a", "DELETE"), ("/elsewhere/a", "GET"), ("/", "GET")] {
            let answer = ask(Method::OPTIONS, path, Some(method)).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
            assert!(!answer.headers().contains_key("access-control-allow-origin"), "{method} {path}");
        }
        let answer = ask(Method::PUT, "/models/m.onnx", None).await;
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "the browser must not read it");
    }
}
