//! The job-events function on Lambda.

use job_events::JobEvents;
use lambda_runtime::{Error, LambdaEvent, service_fn, tracing::init_default_subscriber};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    init_default_subscriber();
    let events = JobEvents::from_env(&cloud::config().await)?;
    let events = &events;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<_>| events.on_event(event.payload).await.map_err(Error::from))).await
}
