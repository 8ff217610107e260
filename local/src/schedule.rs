//! Functions that are invoked again and again, as an EventBridge rule with a schedule does.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::{lambda::Function, stack::timestamp, template::ACCOUNT};

/// Invokes the function at each interval, for ever.
pub(crate) async fn run(function: Arc<Function>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = function.invoke(event()).await {
            tracing::warn!(function = function.name(), "the scheduled invocation failed: {error}");
        }
    }
}

fn event() -> Bytes {
    let event = json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": timestamp(),
        "region": "us-east-1",
        "resources": [format!("arn:aws:events:us-east-1:{ACCOUNT}:rule/schedule")],
        "detail": {},
    });
    event.to_string().into()
}
