//! The rows that are predicted against those that were learned from.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use system_tests::{Functions, Stack, flowers};

#[tokio::test]
async fn rows_of_another_kind_are_told_from_those_that_were_learned_from() {
    let (folder, stack) = Stack::fresh().await;
    let table = flowers();
    let dataset_id = stack.dataset(&table.csv).await;
    let job = stack.train(&dataset_id, table.target).await;
    let job_id = job["job_id"].as_str().unwrap();
    let (predict, drift) = (format!("/predict/{job_id}"), format!("/predict/{job_id}/drift"));
    assert_eq!(stack.call(Method::GET, &drift, Value::Null).await.0, StatusCode::BAD_REQUEST, "not deployed yet");
    stack.post(&format!("/jobs/{job_id}/deploy"), json!({ "deploy": true })).await;

    let before = stack.get(&drift).await;
    assert_eq!((&before["rows"], levels(&before)), (&json!(0), vec!["too_few_rows"; 4]), "{before}");

    let rows = |shift: f64| -> Vec<Value> {
        let row = |line: &str| {
            let cells: Vec<f64> = line.split(',').filter_map(|cell| cell.parse().ok()).collect();
            json!({ "petal_length": cells[0] + shift, "petal_width": cells[1], "sepal_length": cells[2] })
        };
        table.csv.lines().skip(1).map(row).collect()
    };
    stack.post(&predict, json!({ "rows": rows(0.0) })).await;
    let same = stack.get(&format!("{drift}?days=1")).await;
    assert_eq!((&same["rows"], levels(&same)), (&json!(300), vec!["stable"; 4]), "{same}");

    // Other processes count for themselves.
    let functions = Functions::of(&stack, folder.path());
    for _ in 0..2 {
        let shifted = json!({ "rows": rows(10.0) });
        let (status, answer) = functions.request("default", "POST", "/predict/{job_id}", &predict, &shifted).await;
        assert_eq!(status, 200, "{answer}");
    }
    functions.stop().await;
    let moved = stack.get(&drift).await;
    assert_eq!(moved["rows"], json!(600), "the second request of the other process waits for its minute");
    let first = &moved["features"][0];
    assert_eq!((&first["name"], &first["level"]), (&json!("petal_length"), &json!("major")), "{moved}");
    let beyond = &first["bins"].as_array().unwrap()[9];
    assert!(beyond["values"].as_str().unwrap().starts_with("above "), "{first}");
    assert!(beyond["predicted"].as_f64().unwrap() > 0.5 && beyond["training"].as_f64().unwrap() < 0.15, "{first}");
    assert_eq!(moved["features"][1]["level"], "stable", "{moved}");

    for days in ["0", "31", "many"] {
        assert_eq!(stack.call(Method::GET, &format!("{drift}?days={days}"), Value::Null).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

/// The features' levels, then the prediction's.
fn levels(drift: &Value) -> Vec<&str> {
    let features = drift["features"].as_array().unwrap().iter();
    features.chain([&drift["prediction"]]).map(|compared| compared["level"].as_str().unwrap()).collect()
}
