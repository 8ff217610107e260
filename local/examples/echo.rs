//! A function for the stack's own tests: it answers with its event and its process id, and misbehaves when the query asks for it.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the tests read what was delivered in the log")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let event = event.payload;
        println!("{event}");
        match event.get("rawQueryString").and_then(Value::as_str) {
            Some("wait") => std::future::pending().await,
            Some("exit") => std::process::exit(7),
            Some("fail") => Err(Error::from("it was asked for")),
            _ => {
                let body = json!({ "event": event, "process": std::process::id() }).to_string();
                Ok(json!({ "statusCode": 200, "headers": { "content-type": "application/json" }, "body": body }))
            }
        }
    }))
    .await
}
