//! S3 on this machine: `s3s` on a folder, with what it lacks around it: the buckets' CORS rules and the events of created objects.

mod cross_origin;
mod objects;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use axum::{Router, body::Body, extract::Request, http::StatusCode, middleware, response::IntoResponse};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::json;
use tokio::{sync::mpsc, time::sleep};

use crate::{lambda::Function, stack::timestamp, template::Bucket};
use cross_origin::cross_origin;
use objects::{Created, Objects};

/// The keys that the local functions sign with.
pub const ACCESS_KEY: &str = "local";
/// Their secret.
pub const SECRET_KEY: &str = "local-secret";

/// How often an event is delivered again when the function fails, as with Lambda's asynchronous invocations.
const RETRIES: u32 = 2;
const RETRY_DELAY: Duration = Duration::from_secs(1);

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
pub fn router(folder: &Path, buckets: &[Bucket], notification: Notification) -> anyhow::Result<Router> {
    for bucket in buckets {
        let path = folder.join(&bucket.name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    let files = FileSystem::new(folder).map_err(|error| anyhow::anyhow!("cannot serve objects from {}: {error:?}", folder.display()))?;
    let (created, events) = mpsc::unbounded_channel();
    tokio::spawn(deliver(events, notification));
    let mut builder = S3ServiceBuilder::new(Objects::new(files, created));
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = builder.build();
    let serve = move |request: Request| {
        let service = service.clone();
        async move {
            match service.call(request.map(s3s::Body::http_body_unsync)).await {
                Ok(answer) => answer.map(Body::new),
                Err(error) => {
                    tracing::error!("S3 failed: {error:?}");
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            }
        }
    };
    Ok(Router::new().fallback(serve).layer(middleware::from_fn_with_state(buckets.into(), cross_origin)))
}

/// Tells the function of each created object, without waiting for what it makes of the one before.
async fn deliver(mut created: mpsc::UnboundedReceiver<Created>, Notification { bucket, prefix, function }: Notification) {
    // Later events have greater numbers, after a restart too.
    let mut sequence = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or_default());
    while let Some(object) = created.recv().await {
        if object.bucket != bucket || !object.key.starts_with(&prefix) {
            continue;
        }
        sequence += 1;
        let event = event(&object, sequence);
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
fn event(object: &Created, sequence: u64) -> String {
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
                "object": { "key": key.replace("%2F", "/"), "size": object.size, "eTag": object.etag, "sequencer": format!("{sequence:016X}") },
            },
        }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_encoded_as_s3_does() {
        let key = "datasets/1/a b+ü.csv".to_owned();
        let object = Created { bucket: "b".to_owned(), key, size: 3, etag: "e".to_owned(), event: "ObjectCreated:Put" };
        let event: serde_json::Value = serde_json::from_str(&event(&object, 1)).unwrap();
        assert_eq!(event["Records"][0]["s3"]["object"]["key"], "datasets/1/a+b%2B%C3%BC.csv");
    }
}
