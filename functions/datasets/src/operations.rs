//! The routes for the API's document.

use api::{
    PageRequest,
    openapi::{Link, Operation},
};
use serde_json::{Value, json};

use crate::{
    delete,
    list::DatasetList,
    metadata::DatasetMetadata,
    profile::{self, Preview, ProfileAnswer},
};

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
            .leads_to(
                ["get_dataset", "get_profile", "get_preview", "confirm_upload"]
                    .map(|operation| Link::new(operation, "dataset_id", "/datasets/0/dataset_id")),
            )
            .refuses(400, "The token is none of this list's"),
        Operation::new("GET", "/datasets/{dataset_id}", "get_dataset", "Get a dataset")
            .answers::<DatasetMetadata>("The dataset", dataset())
            .refuses(404, "There is no such dataset"),
        Operation::new("GET", "/datasets/{dataset_id}/profile", "get_profile", "Get all that was found in a dataset")
            .describe("How the file was read, and of each column what its cells are, counts, statistics and frequent values.")
            .query::<profile::Request>()
            .answers::<ProfileAnswer>("The profile", found())
            .refuses(400, "The dataset cannot be used, or has no such target")
            .refuses(404, "There is no such dataset"),
        Operation::new("GET", "/datasets/{dataset_id}/preview", "get_preview", "Get a dataset's first rows")
            .query::<profile::PreviewRequest>()
            .answers::<Preview>(
                "The rows",
                json!({
                    "dataset_id": "5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11",
                    "columns": ["age", "plan"],
                    "rows": [["41", "basic"], [null, "plus"]],
                    "row_count": 3,
                }),
            )
            .refuses(400, "The dataset cannot be used")
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

fn found() -> Value {
    let age = json!({
        "name": "age", "kind": "integer", "missing": 1, "unique": 2, "unique_exact": true,
        "top_values": [{ "value": "41", "count": 1 }, { "value": "52", "count": 1 }], "top_values_exact": true,
        "samples": ["41", "52"], "code_like_share": 0.0, "duplicate_of": null,
        "numeric": {
            "min": 41.0, "q25": 43.75, "median": 46.5, "q75": 49.25, "max": 52.0, "mean": 46.5, "std": 7.778, "skewness": 0.0,
            "kurtosis": 0.0, "quantiles_exact": true, "is_integer": true, "infinite": 0, "zeros": 0, "negatives": 0, "histogram": [],
        },
        "written_as": null, "digits_only": false, "bad": { "count": 0, "examples": [] }, "dates": null,
    });
    json!({
        "dataset_id": "5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11",
        "rows": 3,
        "bytes": 61,
        "fingerprint": "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "read_as": { "format": "csv", "compression": null, "encoding": "UTF-8", "delimiter": ",", "header": true, "notes": [] },
        "column_count": 2,
        "columns": [age],
        "problem": { "problem_type": "classification", "confidence": 1.0, "reason": "its 2 distinct values are not numbers" },
        "left_out": {},
    })
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
