//! Model files that are not what they should be: each is told, and the function lives on.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use reqwest::{Method, StatusCode};
use serde_json::json;
use system_tests::{Stack, flowers};

#[tokio::test]
async fn a_model_file_that_cannot_be_served_is_told_and_the_next_request_works() {
    let (folder, stack) = Stack::fresh().await;
    let table = flowers();
    let dataset_id = stack.dataset(&table.csv).await;
    let job = stack.train(&dataset_id, table.target).await;
    let job_id = job["job_id"].as_str().unwrap();
    stack.post(&format!("/jobs/{job_id}/deploy"), json!({ "deploy": true })).await;
    let model = file_named(folder.path(), "model.onnx").expect("the model is stored");
    let onnx = fs::read(&model).unwrap();
    let row = json!({ "features": { "petal_length": 1.2, "petal_width": 0.8, "sepal_length": 5.0 } });
    let refused = async |why: &str| {
        let (status, answer) = stack.call(Method::POST, &format!("/predict/{job_id}"), row.clone()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal_error")), "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(why), "{answer}");
    };

    fs::write(&model, &onnx[..onnx.len() / 2]).unwrap();
    refused("cannot be read to its end: the connection broke off, or the object is damaged").await;
    File::create(&model).unwrap().set_len(400 << 20).unwrap();
    refused("the model's file has 400 MB, and this function has the memory for one of 341 MB: give it more").await;
    fs::remove_file(&model).unwrap();
    refused("there is no object").await;

    fs::write(&model, &onnx).unwrap();
    let expect = async |sha256: &str| {
        let update = json!({
            "TableName": "automl-local-training-jobs",
            "Key": { "job_id": { "S": job_id } },
            "UpdateExpression": "SET model_sha256 = :sha256",
            "ExpressionAttributeValues": { ":sha256": { "S": sha256 } },
            "ReturnValues": "UPDATED_OLD"
        });
        stack.dynamodb("UpdateItem", update).await["Attributes"]["model_sha256"]["S"].as_str().unwrap().to_owned()
    };
    let trained = expect("00").await;
    refused("the stored model is not the one that was trained: its SHA-256 is").await;
    expect(&trained).await;
    let (status, answer) = stack.call(Method::POST, &format!("/predict/{job_id}"), row.clone()).await;
    assert_eq!((status, &answer["prediction"]), (StatusCode::OK, &json!(1)), "{answer}");
}

/// The first file of that name below a folder.
fn file_named(folder: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.filter_map(Result::ok).find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { file_named(&path, name) } else { Some(path).filter(|path| path.ends_with(name)) }
    })
}
