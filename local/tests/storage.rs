//! S3 as its clients see it: signed URLs, browsers on other origins, and the event of a created object, which `examples/echo.rs` gets.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, SharedCredentialsProvider},
    presigning::PresigningConfig,
};
use cloud::{ObjectPath, Objects};
use local::{
    lambda::Function,
    storage::{self, ACCESS_KEY, Notification, SECRET_KEY},
    template::Bucket,
};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};

const BUCKET: &str = "uploads";
const LONG: Duration = Duration::from_secs(30);

struct Storage {
    folder: TempDir,
    url: String,
    client: Client,
    http: reqwest::Client,
}

impl Storage {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let test = std::env::current_exe().unwrap();
        let examples: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
        let function = Arc::new(Function::new("echo", &examples, Vec::new(), LONG, 128, folder.path().join("echo.log")));
        let told = Notification { bucket: BUCKET.to_owned(), prefix: "datasets/".to_owned(), function };
        let bucket = Bucket {
            name: BUCKET.to_owned(),
            allowed_methods: vec!["GET".to_owned(), "PUT".to_owned()],
            exposed_headers: vec!["ETag".to_owned()],
            max_age: 3600,
        };
        let router = storage::router(&folder.path().join("s3"), &[bucket], told).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
            .endpoint_url(&url)
            .force_path_style(true)
            .build();
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { folder, url, client: Client::from_conf(config), http: reqwest::Client::new() }
    }

    async fn upload_url(&self, key: &str) -> String {
        let request = self.client.put_object().bucket(BUCKET).key(key).content_type("text/csv");
        request.presigned(PresigningConfig::expires_in(LONG).unwrap()).await.unwrap().uri().to_owned()
    }

    async fn put(&self, url: &str, content_type: &str) -> StatusCode {
        let request = self.http.put(url).header("content-type", content_type).body("a,b\n1,2\n");
        request.send().await.unwrap().status()
    }

    /// The first event that the function printed.
    async fn event(&self) -> Value {
        let log = self.folder.path().join("echo.log");
        let printed = timeout(LONG, async {
            loop {
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                match text.split_once('\n') {
                    Some((line, _)) => return serde_json::from_str(line).unwrap(),
                    None => tokio::task::yield_now().await,
                }
            }
        });
        printed.await.unwrap()
    }
}

#[tokio::test]
async fn an_upload_by_signed_url_is_told_to_the_function() {
    let storage = Storage::start().await;
    let elsewhere = storage.upload_url("tables/7/profile.json").await;
    assert_eq!(storage.put(&elsewhere, "text/csv").await, StatusCode::OK);
    let url = storage.upload_url("datasets/7/a b+ü.csv").await;
    assert_eq!(storage.put(&url, "text/csv").await, StatusCode::OK);

    let event = storage.event().await;
    let record = &event["Records"][0];
    assert_eq!((&record["eventName"], &record["s3"]["bucket"]["name"]), (&"ObjectCreated:Put".into(), &BUCKET.into()));
    let object = &record["s3"]["object"];
    assert_eq!((&object["key"], &object["size"]), (&"datasets/7/a+b%2B%C3%BC.csv".into(), &8.into()), "and not the other object");
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts() {
    let storage = Storage::start().await;
    let config = cloud::config()
        .await
        .into_builder()
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test")))
        .endpoint_url(&storage.url);
    let objects = Objects::new(&config.build());
    let content: Vec<u8> = (0..12_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    let file = storage.folder.path().join("large");
    std::fs::write(&file, &content).unwrap();
    let path = ObjectPath::new(BUCKET, "predictions/7/predictions.csv");
    objects.upload_in_parts(&file, content.len() as u64, &path, "text/csv", 5 << 20).await.unwrap();
    assert!(objects.get(&path, u64::MAX).await.unwrap() == content);
    objects.upload(&file, &path, "text/csv").await.unwrap();
    assert_eq!(objects.head(&path).await.unwrap().unwrap().size, 12_000_000);
    let cut = objects.upload_in_parts(&file, 13_000_000, &path, "text/csv", 6 << 20).await;
    assert!(cut.is_err(), "a file that is shorter than it was");
}

#[tokio::test]
async fn a_url_holds_only_for_what_was_signed() {
    let storage = Storage::start().await;
    let url = storage.upload_url("datasets/7/a.csv").await;
    assert_eq!(storage.put(&url, "text/plain").await, StatusCode::FORBIDDEN);
    assert_eq!(storage.put(&url.replace("a.csv", "b.csv"), "text/csv").await, StatusCode::FORBIDDEN);
    let (unsigned, _) = url.split_once('?').unwrap();
    assert_eq!(storage.put(unsigned, "text/csv").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_browser_on_another_origin_may_upload_and_read_the_tag() {
    let storage = Storage::start().await;
    let url = storage.upload_url("datasets/7/a.csv").await;
    let asked = storage.http.request(Method::OPTIONS, &url).header("origin", "http://elsewhere");
    let asked = asked.header("access-control-request-method", "PUT").header("access-control-request-headers", "content-type");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["access-control-allow-methods"].to_str().unwrap().contains("PUT"));
    assert_eq!(answer.headers()["access-control-allow-headers"], "content-type");

    let put = storage.http.put(&url).header("origin", "http://elsewhere").header("content-type", "text/csv").body("a\n1\n");
    let answer = put.send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "http://elsewhere");
    assert!(answer.headers()["access-control-expose-headers"].to_str().unwrap().contains("ETag"));
}
