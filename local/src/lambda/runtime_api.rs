//! The Lambda Runtime API of one instance: the process asks for its next invocation and posts the answer.
//! Source: the AWS Lambda developer guide, "Using the Lambda runtime API", version 2018-06-01.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, State},
    http::{Response, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    task::JoinHandle,
};

/// An event on its way to the process, and where its answer goes.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    pub(super) deadline: SystemTime,
    pub(super) answer: Answer,
}

/// The answer, or what the function reports as its error.
type Answer = oneshot::Sender<Result<Bytes, String>>;

/// A server for one process; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::Sender<Invocation>,
    server: JoinHandle<()>,
}

struct Shared {
    function: String,
    waiting: AsyncMutex<mpsc::Receiver<Invocation>>,
    pending: Mutex<HashMap<String, Answer>>,
}

#[derive(Deserialize)]
struct ReportedError {
    #[serde(rename = "errorMessage")]
    message: String,
}

impl RuntimeApi {
    pub(super) async fn start(function: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (invocations, waiting) = mpsc::channel(1);
        let shared = Shared { function: function.to_owned(), waiting: AsyncMutex::new(waiting), pending: Mutex::default() };
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{request_id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::new(shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!("the Lambda Runtime API ended: {error}");
            }
        });
        Ok(Self { address, invocations, server })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands an invocation to the process; `false` when its server has ended.
    pub(super) async fn send(&self, invocation: Invocation) -> bool {
        self.invocations.send(invocation).await.is_ok()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let Some(invocation) = shared.waiting.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = invocation.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let answer = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &invocation.request_id)
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", format!("arn:aws:lambda:local:000000000000:function:{}", shared.function))
        .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000")
        .body(Body::from(invocation.event));
    if let Ok(mut pending) = shared.pending.lock() {
        pending.insert(invocation.request_id, invocation.answer);
    }
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(State(shared): State<Arc<Shared>>, Path(request_id): Path<String>, body: Bytes) -> StatusCode {
    shared.answer(&request_id, Ok(body))
}

async fn error(State(shared): State<Arc<Shared>>, Path(request_id): Path<String>, body: Bytes) -> StatusCode {
    shared.answer(&request_id, Err(message(&body)))
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    tracing::error!(function = shared.function, "the function cannot start: {}", message(&body));
    StatusCode::ACCEPTED
}

fn message(body: &Bytes) -> String {
    serde_json::from_slice(body).map_or_else(|_| String::from_utf8_lossy(body).into_owned(), |error: ReportedError| error.message)
}

impl Shared {
    fn answer(&self, request_id: &str, answer: Result<Bytes, String>) -> StatusCode {
        let waiting = self.pending.lock().ok().and_then(|mut pending| pending.remove(request_id));
        match waiting.map(|waiting| waiting.send(answer)) {
            Some(_) => StatusCode::ACCEPTED,
            None => StatusCode::BAD_REQUEST,
        }
    }
}
