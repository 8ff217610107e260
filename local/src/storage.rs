//! S3 on this machine: `s3s` on a folder, with what it lacks around it: the buckets' CORS rules and the events of created objects.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header},
    middleware::{self, Next},
    response::IntoResponse,
};
use percent_encoding::percent_decode_str;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::json;
use tokio::{sync::mpsc, time::sleep};

use crate::{lambda::Function, stack::timestamp};

/// The keys that the local functions sign with.
pub const ACCESS_KEY: &str = "local";
/// Their secret.
pub const SECRET_KEY: &str = "local-secret";

/// How often an event is delivered again when the function fails, as with Lambda's asynchronous invocations.
const RETRIES: u32 = 2;
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// An object that was just written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Created {
    bucket: String,
    key: String,
    etag: String,
    event: &'static str,
}

/// Which objects' creation is told to which function.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The bucket.
    pub bucket: String,
    /// Of its objects, those whose key begins so.
    pub prefix: String,
    /// The function that is told.
    pub function: Arc<Function>,
}

/// An S3 endpoint with its objects in `folder`, where `buckets` exist.
///
/// # Errors
/// When the folder cannot be used.
pub fn router(folder: &Path, buckets: &[&str], notification: Notification) -> anyhow::Result<Router> {
    for bucket in buckets {
        let path = folder.join(bucket);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    let files = FileSystem::new(folder).map_err(|error| anyhow::anyhow!("cannot serve objects from {}: {error:?}", folder.display()))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = builder.build();

    let (events, deliveries) = mpsc::unbounded_channel();
    tokio::spawn(deliver(deliveries, notification.function, folder.to_owned()));
    let is_told = move |created: &Created| created.bucket == notification.bucket && created.key.starts_with(&notification.prefix);
    let serve = move |request: Request| {
        let (service, events, is_told) = (service.clone(), events.clone(), is_told.clone());
        async move {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let is_copy = request.headers().contains_key("x-amz-copy-source");
            let answer = match service.call(request.map(s3s::Body::http_body_unsync)).await {
                Ok(answer) => answer.map(Body::new),
                Err(error) => {
                    tracing::error!("S3 failed: {error:?}");
                    return StatusCode::INTERNAL_SERVER_ERROR.into_response();
                }
            };
            if let Some(created) = created(&method, &uri, is_copy, &answer).filter(is_told) {
                let _ = events.send(created);
            }
            answer
        }
    };
    Ok(Router::new().fallback(serve).layer(middleware::from_fn(cross_origin)))
}

/// The object that a successful request created.
fn created(method: &Method, uri: &Uri, is_copy: bool, answer: &Response<Body>) -> Option<Created> {
    let has = |name: &str| form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).any(|(given, _)| given == name);
    let event = match *method {
        Method::PUT if has("partNumber") || has("tagging") || has("acl") => return None,
        Method::PUT if is_copy => "ObjectCreated:Copy",
        Method::PUT => "ObjectCreated:Put",
        Method::POST if has("uploadId") => "ObjectCreated:CompleteMultipartUpload",
        _ => return None,
    };
    if !answer.status().is_success() {
        return None;
    }
    let (bucket, key) = uri.path().strip_prefix('/')?.split_once('/')?;
    let key = percent_decode_str(key).decode_utf8().ok()?.into_owned();
    let etag = answer.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    (!key.is_empty()).then(|| Created { bucket: bucket.to_owned(), key, etag: etag.trim_matches('"').to_owned(), event })
}

/// Tells the function of each created object, one after the other.
async fn deliver(mut created: mpsc::UnboundedReceiver<Created>, function: Arc<Function>, folder: std::path::PathBuf) {
    // Later events have greater numbers, after a restart too.
    let mut sequence = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or_default());
    while let Some(object) = created.recv().await {
        sequence += 1;
        let size = tokio::fs::metadata(folder.join(&object.bucket).join(&object.key)).await.map_or(0, |file| file.len());
        let event = event(&object, size, sequence);
        let (function, mut attempts) = (Arc::clone(&function), 0);
        tokio::spawn(async move {
            while let Err(error) = function.invoke(event.clone().into()).await {
                tracing::warn!(function = function.name(), "the event of {} failed: {error}", object.key);
                if attempts == RETRIES {
                    tracing::error!(function = function.name(), "the event of {} is given up", object.key);
                    break;
                }
                attempts += 1;
                sleep(RETRY_DELAY * attempts).await;
            }
        });
    }
}

/// The event as S3 sends it. Source: the S3 user guide, "Event message structure", version 2.1.
fn event(object: &Created, size: u64, sequence: u64) -> String {
    let key: String = form_urlencoded::byte_serialize(object.key.as_bytes()).collect();
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": timestamp(),
            "eventName": object.event,
            "userIdentity": { "principalId": "local" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": {},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "uploads",
                "bucket": { "name": object.bucket, "ownerIdentity": { "principalId": "local" }, "arn": format!("arn:aws:s3:::{}", object.bucket) },
                "object": { "key": key.replace("%2F", "/"), "size": size, "eTag": object.etag, "sequencer": format!("{sequence:016X}") },
            },
        }],
    })
    .to_string()
}

/// The buckets' CORS rules: any origin may put, post and get, and read the `ETag` and the file's name.
async fn cross_origin(request: Request, next: Next) -> Response<Body> {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else { return next.run(request).await };
    let asks = request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let wanted = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut answer = if asks { StatusCode::OK.into_response() } else { next.run(request).await };
    let set = |headers: &mut HeaderMap, name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, "ETag, Content-Disposition");
    set(headers, header::VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    if asks {
        set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT");
        set(headers, header::ACCESS_CONTROL_MAX_AGE, "3600");
        if let Some(wanted) = wanted {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(method: &Method, uri: &str, status: StatusCode) -> Option<Created> {
        let answer = Response::builder().status(status).header("etag", "\"e\"").body(Body::empty()).unwrap();
        created(method, &uri.parse().unwrap(), false, &answer)
    }

    #[test]
    fn a_written_object_is_noticed() {
        let put = answered(&Method::PUT, "/b/datasets/1/a%20b.csv?X-Amz-Signature=0", StatusCode::OK).unwrap();
        assert_eq!((put.bucket.as_str(), put.key.as_str(), put.etag.as_str()), ("b", "datasets/1/a b.csv", "e"));
        assert_eq!(answered(&Method::POST, "/b/k?uploadId=1", StatusCode::OK).unwrap().event, "ObjectCreated:CompleteMultipartUpload");
    }

    #[test]
    fn nothing_else_is() {
        assert_eq!(answered(&Method::PUT, "/b/k", StatusCode::FORBIDDEN), None);
        assert_eq!(answered(&Method::PUT, "/b/k?partNumber=1&uploadId=2", StatusCode::OK), None);
        assert_eq!(answered(&Method::PUT, "/b", StatusCode::OK), None, "a bucket");
        assert_eq!(answered(&Method::GET, "/b/k", StatusCode::OK), None);
    }

    #[test]
    fn the_key_is_encoded_as_s3_does() {
        let object =
            Created { bucket: "b".to_owned(), key: "datasets/1/a b+ü.csv".to_owned(), etag: String::new(), event: "ObjectCreated:Put" };
        let event: serde_json::Value = serde_json::from_str(&event(&object, 3, 1)).unwrap();
        assert_eq!(event["Records"][0]["s3"]["object"]["key"], "datasets/1/a+b%2B%C3%BC.csv");
    }
}
