//! The routes for the API's document.

use api::{
    PageRequest,
    openapi::{Link, Operation},
};
use serde_json::{Value, json};

use crate::{delete, list::DatasetList, metadata::DatasetMetadata};

/// What this function answers.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new("POST", "/datasets/{dataset_id}/confirm", "confirm_upload", "Read an upload")
            .describe(
                "Reads the uploaded file, unless the storage event has had it read already, and answers what was found. Can be repeated: \
                 the same file is read once.",
            )
            .answers::<DatasetMetadata>("The dataset is ready", dataset())
            .refuses(400, "The file is no table: the message names line and column")
            .refuses(404, "Nothing was uploaded"),
        Operation::new("GET", "/datasets", "list_datasets", "List the datasets")
            .describe("Newest first, those that could not be read included.")
            .query::<PageRequest>()
            .answers::<DatasetList>("A page of datasets", json!({ "datasets": [dataset()], "next_token": null }))
            .leads_to(["get_dataset", "confirm_upload"].map(|operation| Link::new(operation, "dataset_id", "/datasets/0/dataset_id")))
            .refuses(400, "The token is none of this list's"),
        Operation::new("GET", "/datasets/{dataset_id}", "get_dataset", "Get a dataset")
            .answers::<DatasetMetadata>("The dataset", dataset())
            .refuses(404, "There is no such dataset"),
        Operation::new("DELETE", "/datasets/{dataset_id}", "delete_dataset", "Delete a dataset")
            .query::<delete::Request>()
            .answers::<delete::Answer>(
                "It is deleted",
                json!({
                    "message": "Dataset deleted successfully",
                    "dataset_id": "5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11",
                    "deleted_resources": ["dataset files: 1", "table files: 2", "dataset metadata: 5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11"],
                }),
            )
            .refuses(404, "There is no such dataset")
            .refuses(409, "Jobs were trained on it: the message lists them"),
    ]
}

fn dataset() -> Value {
    json!({
        "dataset_id": "5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11",
        "filename": "customers.csv",
        "file_size": 61,
        "uploaded_at": "2026-01-31T12:00:00.123456+00:00",
        "row_count": 3,
        "column_types": { "age": "numeric", "plan": "categorical" },
        "column_stats": {
            "age": { "unique": 2, "missing": 1, "missing_pct": 33.33 },
            "plan": { "unique": 2, "missing": 0, "missing_pct": 0.0 },
        },
        "columns": ["age", "plan"],
        "problem_type": null,
        "status": "ready",
        "error": null,
    })
}
