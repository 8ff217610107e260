//! The routes for the API's document.

use api::openapi::{Link, Operation};
use serde_json::json;

use crate::request_url::{Answer, Request};

/// What this function answers.
pub fn operations() -> Vec<Operation> {
    let of = |path, id| {
        Operation::new("POST", path, id, "Ask for an upload URL")
            .describe(
                "Send the file to `upload_url` by `PUT` with `Content-Type: text/csv`, or with `upload_form` as a multipart form, then \
                 confirm the upload. Both paths do the same.",
            )
            .body::<Request>(json!({ "filename": "customers.csv" }))
            .answers::<Answer>(
                "Where the file goes",
                json!({
                    "dataset_id": "5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11",
                    "upload_url": "https://bucket.s3.eu-west-1.amazonaws.com/datasets/5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11/customers.csv?X-Amz-Signature=…",
                    "expires_in": 3600,
                    "filename": "customers.csv",
                    "max_size": 5_368_709_120_u64,
                    "upload_form": {
                        "url": "https://bucket.s3.eu-west-1.amazonaws.com/",
                        "fields": { "key": "datasets/5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11/customers.csv", "policy": "…", "x-amz-signature": "…" },
                    },
                }),
            )
            .leads_to(["confirm_upload", "get_dataset", "delete_dataset"].map(|operation| Link::new(operation, "dataset_id", "/dataset_id")))
            .refuses(400, "The file's name does not name a table")
    };
    vec![of("/upload", "request_upload"), of("/upload/request-url", "request_upload_url")]
}
