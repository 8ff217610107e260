//! What the whole-system tests share: a stack of their own on free ports, and a client that speaks HTTP and nothing else.
//!
//! The binaries are those beside the test's own: `make test` builds them first.

mod document;
mod functions;
mod tables;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use local::{
    storage::{ACCESS_KEY, SECRET_KEY},
    template::Template,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

pub use document::document;
pub use functions::Functions;
pub use tables::{Table, churn, flowers, houses};

/// How long a stack may take to serve or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of the built binaries: `AUTOML_BINARIES`, or the one above the test executable's.
pub fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("AUTOML_BINARIES") {
        return folder.into();
    }
    let test = std::env::current_exe().expect("the test has a path");
    test.ancestors().nth(2).expect("the test is in target/<profile>/deps").to_owned()
}

/// The local stack's command with its arguments.
pub fn stack_command(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(binaries().join("automl-local"));
    command.args(arguments).arg("--data").arg(data).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The process of a job's trainer: the one that has the job in its environment.
pub fn trainer_of(job_id: &str) -> Pid {
    let variable = format!("JOB_ID={job_id}");
    let processes = std::fs::read_dir("/proc").expect("there are processes").flatten();
    let mut numbers = processes.filter_map(|process| {
        let pid: i32 = process.file_name().to_str()?.parse().ok()?;
        let environment = std::fs::read(process.path().join("environ")).ok()?;
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes()).then_some(pid)
    });
    Pid::from_raw(numbers.next().expect("the trainer runs"))
}

/// A running local stack.
pub struct Stack {
    /// `http://localhost:PORT`.
    pub url: String,
    s3: String,
    dynamodb: String,
    batch: String,
    child: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
    http: reqwest::Client,
}

/// Where an upload goes.
pub struct Upload {
    /// Names the dataset.
    pub dataset_id: String,
    /// The whole answer.
    pub answer: Value,
}

impl Stack {
    /// A stack on a folder of its own, which is removed with the guard.
    pub async fn fresh() -> (tempfile::TempDir, Self) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let stack = Self::start(&folder.path().join("data")).await;
        (folder, stack)
    }

    /// Starts a stack on free ports with its data in `data`, and waits until it serves.
    pub async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    /// The same with settings in its environment.
    pub async fn start_with(data: &Path, settings: &[(&str, &str)]) -> Self {
        let log = std::fs::File::create(data.with_extension("log")).expect("the log can be written");
        let mut child = stack_command(&["up", "--port", "0"], data)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("automl-local is built");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut banner = HashMap::new();
        let url = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.expect("stdout is text") {
                if let Some(url) = line.strip_prefix("ready ") {
                    return url.to_owned();
                }
                let mut words = line.split_whitespace();
                if let (Some(what), Some(place)) = (words.next(), words.next()) {
                    banner.insert(what.to_owned(), place.to_owned());
                }
            }
            panic!("the stack ended before it was ready; see {}", data.with_extension("log").display());
        });
        let url = url.await.expect("the stack gets ready in time");
        let mut endpoint = |what: &str| banner.remove(what).expect("the banner says where everything is");
        let http = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
        let (s3, dynamodb, batch) = (endpoint("S3"), endpoint("DynamoDB"), endpoint("Batch"));
        Self { url, s3, dynamodb, batch, child, _stdout: lines, http }
    }

    /// What a function of this stack finds in its environment: the template's names, and where the endpoints are.
    pub fn environment(&self) -> Vec<(String, String)> {
        let template = Template::read().expect("the template is readable");
        let endpoints = [("S3", &self.s3), ("DYNAMODB", &self.dynamodb), ("BATCH", &self.batch), ("EVENTBRIDGE", &self.batch)];
        let endpoints = endpoints.map(|(service, url)| (format!("AWS_ENDPOINT_URL_{service}"), url.clone()));
        let keys = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];
        let keys = keys.map(|(name, value)| (name.to_owned(), value.to_owned()));
        template.environment.into_iter().chain(endpoints).chain(keys).collect()
    }

    /// Asks the stack to stop, as Ctrl-C does, and waits for it.
    pub async fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).expect("the stack runs");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("the stack can be signalled");
        timeout(PATIENCE, self.child.wait()).await.expect("the stack stops in time").expect("its status is known")
    }

    /// A request to the API, or to a URL of storage; redirects are not followed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        self.http.request(method, url)
    }

    /// A call of `DynamoDB`, to make items that the API never makes.
    pub async fn dynamodb(&self, operation: &str, body: Value) -> Value {
        let request = self.http.post(&self.dynamodb).header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        // The local server asks for a signature and does not check it.
        let signature =
            format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260131/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0");
        let request = request.header("authorization", signature).header("x-amz-date", "20260131T120000Z");
        let request = request.header("content-type", "application/x-amz-json-1.0").body(body.to_string());
        let answer = request.send().await.expect("DynamoDB answers");
        assert_eq!(answer.status(), StatusCode::OK, "{operation}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("the answer is JSON")
    }

    /// Sends a request; a `null` body sends none.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.request(method, path);
        let request = if body.is_null() { request } else { request.json(body) };
        request.send().await.expect("the stack answers")
    }

    /// Sends a request and takes status and JSON body.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let answer = self.send(method, path, &body).await;
        (answer.status(), answer.json().await.expect("the answer is JSON"))
    }

    /// A `GET` that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "GET {path}: {body}");
        body
    }

    /// A `POST` that must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, body).await;
        assert_eq!(status, StatusCode::OK, "POST {path}: {answer}");
        answer
    }

    /// What a presigned URL gives.
    pub async fn download(&self, url: &str) -> Vec<u8> {
        let answer = self.http.get(url).send().await.expect("storage answers");
        assert_eq!(answer.status(), StatusCode::OK, "GET {url}");
        answer.bytes().await.expect("the object arrives").to_vec()
    }

    /// Asks for an upload URL and puts the bytes there; the dataset's id.
    pub async fn upload(&self, filename: &str, bytes: Vec<u8>) -> String {
        let upload = self.request_upload(filename).await;
        self.put(&upload, bytes).await;
        upload.dataset_id
    }

    /// Asks for an upload URL.
    pub async fn request_upload(&self, filename: &str) -> Upload {
        let answer = self.post("/upload/request-url", json!({ "filename": filename })).await;
        Upload { dataset_id: answer["dataset_id"].as_str().expect("a dataset id").to_owned(), answer }
    }

    /// Puts the bytes to an upload URL.
    pub async fn put(&self, upload: &Upload, bytes: Vec<u8>) {
        let url = upload.answer["upload_url"].as_str().expect("an upload URL");
        let answer = self.http.put(url).header("content-type", "text/csv").body(bytes).send().await.expect("storage answers");
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap_or_default());
    }

    /// Uploads and confirms a table; the dataset's id.
    pub async fn dataset(&self, csv: &str) -> String {
        let dataset_id = self.upload("table.csv", csv.as_bytes().to_vec()).await;
        self.post(&format!("/datasets/{dataset_id}/confirm"), Value::Null).await;
        dataset_id
    }

    /// Trains on a confirmed dataset with the smallest budget and waits for the end; the finished job, whatever its status.
    pub async fn train(&self, dataset_id: &str, target: &str) -> Value {
        let request = json!({ "dataset_id": dataset_id, "target_column": target, "config": { "time_budget": 60 } });
        let job = self.post("/train", request).await;
        let path = format!("/jobs/{}", job["job_id"].as_str().expect("a job id"));
        self.wait_for(&path, Duration::from_secs(150), |job| matches!(job["status"].as_str(), Some("completed" | "failed"))).await
    }

    /// Gets `path` until `done` holds of the answer.
    pub async fn wait_for(&self, path: &str, patience: Duration, done: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let (_, body) = self.call(Method::GET, path, Value::Null).await;
            if done(&body) {
                return body;
            }
            assert!(Instant::now() < deadline, "{path} is still {body}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
