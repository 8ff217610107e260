//! `EventBridge` on this machine: what is put on a bus is told in the log and kept in a file, a line each. Source: the API reference of
//! `EventBridge`, "`PutEvents`".

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use axum::{Json, Router, http::StatusCode, routing::post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stack::timestamp;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Events {
    entries: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the API's names")]
struct Event {
    event_bus_name: String,
    source: String,
    detail_type: String,
    detail: String,
}

/// The endpoint: one call is all that our functions make. Events go to the end of `file`.
pub fn router(file: PathBuf) -> Router {
    // The SDK's content type is none of JSON's that axum knows.
    let put = async move |body: Bytes| match serde_json::from_slice(&body) {
        Ok(events) => put(events, &file).map(Json).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        Err(error) => Err((StatusCode::BAD_REQUEST, error.to_string())),
    };
    Router::new().route("/", post(put))
}

fn put(Events { entries }: Events, file: &Path) -> io::Result<Value> {
    let mut taken = Vec::with_capacity(entries.len());
    for Event { event_bus_name, source, detail_type, detail } in entries {
        tracing::info!("{detail_type} on {event_bus_name}: {detail}");
        let id = Uuid::new_v4().to_string();
        let detail: Value = serde_json::from_str(&detail)?;
        let event = json!({ "id": id, "time": timestamp(), "source": source, "detail-type": detail_type, "detail": detail });
        OpenOptions::new().create(true).append(true).open(file)?.write_all(format!("{event}\n").as_bytes())?;
        taken.push(json!({ "EventId": id }));
    }
    Ok(json!({ "FailedEntryCount": 0, "Entries": taken }))
}
