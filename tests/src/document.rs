//! The API's document, put together from what each function says of its routes.

use serde_json::Value;

const DESCRIPTION: &str = "Upload a table, train a model, deploy it, predict.\n\nErrors are JSON objects: `detail` is for people (a list of \
                           issues when the request's form is wrong, with status 422), `code` for programs, and `request_id` names the \
                           request in the logs.\n\nNumbers and flags may be sent as texts.";

/// The document as the front function serves it.
pub fn document() -> Value {
    let operations: Vec<_> = [front::operations(), upload::operations(), datasets::operations(), jobs::operations()]
        .into_iter()
        .chain([deploy::operations(), predict::operations()])
        .flatten()
        .collect();
    api::openapi::document("AWS AutoML Lite API", "1.1.0", DESCRIPTION, &operations)
}
