//! The ingest function on Lambda.

use ingest::Ingest;
use lambda_runtime::{Error, LambdaEvent, service_fn, tracing::init_default_subscriber};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    init_default_subscriber();
    let ingest = Ingest::from_env(&cloud::config().await)?;
    let ingest = &ingest;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<_>| ingest.on_upload(event.payload).await.map_err(Error::from))).await
}
