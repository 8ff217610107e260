//! Functions as processes behind the Lambda Runtime API, and the API in front of them. `examples/echo.rs` is the function.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use local::{
    gateway,
    lambda::{Function, InvocationError},
    template::Route,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

fn echo(folder: &TempDir, limit: Duration) -> Arc<Function> {
    let test = std::env::current_exe().unwrap();
    let examples: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
    Arc::new(Function::new("echo", &examples, Vec::new(), limit, 128, folder.path().join("echo.log")))
}

/// The front with the echo function behind it.
struct Front {
    _folder: TempDir,
    url: String,
    http: Client,
}

impl Front {
    async fn start(limit: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let route = |method: &str, path: &str| Route::Path { method: method.to_owned(), path: path.to_owned() };
        let routes = vec![route("GET", "/things"), route("POST", "/things"), route("GET", "/things/{thing}"), Route::Default];
        let router = gateway::router([(routes, echo(&folder, limit))]);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await });
        Self { _folder: folder, url, http: Client::builder().redirect(Policy::none()).build().unwrap() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }
}

const LONG: Duration = Duration::from_secs(30);

fn process(answer: &[u8]) -> Value {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    serde_json::from_str::<Value>(answer["body"].as_str().unwrap()).unwrap()["process"].clone()
}

#[tokio::test]
async fn an_instance_stays_for_the_next_invocation() {
    let folder = tempfile::tempdir().unwrap();
    let function = echo(&folder, LONG);
    let first = process(&function.invoke("{}".into()).await.unwrap());
    assert_eq!(process(&function.invoke("{}".into()).await.unwrap()), first);
}

#[tokio::test]
async fn invocations_at_the_same_time_get_instances_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let function = echo(&folder, LONG);
    let (one, other) = tokio::join!(function.invoke("{}".into()), function.invoke("{}".into()));
    assert_ne!(process(&one.unwrap()), process(&other.unwrap()));
}

#[tokio::test]
async fn a_function_over_its_time_limit_is_ended_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let function = echo(&folder, Duration::from_secs(3));
    let first = process(&function.invoke("{}".into()).await.unwrap());
    let late = function.invoke(json!({ "rawQueryString": "wait" }).to_string().into()).await;
    assert!(matches!(late, Err(InvocationError::TimedOut { .. })), "{late:?}");
    assert_ne!(process(&function.invoke("{}".into()).await.unwrap()), first);
}

#[tokio::test]
async fn a_process_that_dies_is_reported_with_its_status_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let function = echo(&folder, LONG);
    let died = function.invoke(json!({ "rawQueryString": "exit" }).to_string().into()).await.unwrap_err();
    assert_eq!(died.to_string(), "the process ended without an answer: exit status: 7");
    function.invoke("{}".into()).await.unwrap();
}

#[tokio::test]
async fn an_error_is_reported_and_the_instance_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let function = echo(&folder, LONG);
    let first = process(&function.invoke("{}".into()).await.unwrap());
    let failed = function.invoke(json!({ "rawQueryString": "fail" }).to_string().into()).await.unwrap_err();
    assert_eq!(failed.to_string(), "it was asked for");
    assert_eq!(process(&function.invoke("{}".into()).await.unwrap()), first);
}

#[tokio::test]
async fn a_request_reaches_the_function_as_an_event() {
    let front = Front::start(LONG).await;
    let (status, answer) = front.get("/things/a%20b?q=1").await;
    assert_eq!(status, StatusCode::OK);
    let event = &answer["event"];
    assert_eq!((&event["routeKey"], &event["pathParameters"]), (&json!("GET /things/{thing}"), &json!({ "thing": "a b" })));
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
}

#[tokio::test]
async fn what_is_no_route_reaches_the_default_function() {
    let front = Front::start(LONG).await;
    for (method, path) in
        [(Method::GET, "/nothing"), (Method::DELETE, "/things"), (Method::OPTIONS, "/things/7"), (Method::GET, "/things/")]
    {
        let answer = front.request(method.clone(), path).send().await.unwrap().json::<Value>().await.unwrap();
        let event = &answer["event"];
        assert_eq!((&event["routeKey"], &event["rawPath"]), (&json!("$default"), &json!(path)), "{method}");
    }
}

#[tokio::test]
async fn a_body_over_the_gateways_limit_is_refused() {
    let front = Front::start(LONG).await;
    let large = front.request(Method::POST, "/things").body(vec![b' '; 6 * 1024 * 1024 + 1]).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_function_that_fails_is_an_error_of_the_server() {
    let front = Front::start(Duration::from_secs(3)).await;
    let broken = (StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": "Internal Server Error" }));
    assert_eq!(front.get("/things?exit").await, broken);
    assert_eq!(front.get("/things?fail").await, broken);
    assert_eq!(front.get("/things?wait").await, (StatusCode::SERVICE_UNAVAILABLE, json!({ "message": "Service Unavailable" })));
    assert_eq!(front.get("/things").await.0, StatusCode::OK);
}
