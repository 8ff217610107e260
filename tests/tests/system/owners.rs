//! What belongs to one user does not exist for another: every route of the API's document, with another user's identifiers.

use serde_json::{Value, json};
use system_tests::{Functions, Stack, document, flowers};

#[tokio::test]
async fn every_route_hides_what_belongs_to_another() {
    let (folder, stack) = Stack::fresh().await;
    let functions = Functions::of(&stack, folder.path());

    let (dataset_id, job_id) = deployed_job_of(&stack, &functions, "alice").await;
    let path = |route: &str| route.replace("{dataset_id}", &dataset_id).replace("{job_id}", &job_id);
    let mut walked = 0;
    for stranger in ["bob", "default"] {
        for (route, methods) in document()["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let method = method.to_uppercase();
                let mut body = operation["requestBody"]["content"]["application/json"]["example"].clone();
                if route == "/train" {
                    body["dataset_id"] = json!(dataset_id);
                }
                let names_something = route.contains('{') || route == "/train";
                let lists = matches!(route.as_str(), "/jobs" | "/datasets");
                if names_something || lists {
                    let (status, answer) = functions.request(stranger, &method, route, &path(route), &body).await;
                    assert_eq!(status, if lists { 200 } else { 404 }, "{stranger}: {method} {route}: {answer}");
                    assert!(!answer.to_string().contains(&job_id), "{answer}");
                    walked += 1;
                }
            }
        }
    }
    assert!(walked >= 26, "{walked} requests");

    // Nothing of that changed anything for the owner.
    let (status, job) = functions.request("alice", "GET", "/jobs/{job_id}", &path("/jobs/{job_id}"), &Value::Null).await;
    assert_eq!((status, &job["deployed"], &job["tags"]), (200, &json!(true), &Value::Null));
    let (_, jobs) = functions.request("alice", "GET", "/jobs", "/jobs", &Value::Null).await;
    assert_eq!(jobs["jobs"][0]["job_id"], json!(job_id));
    let (_, datasets) = functions.request("alice", "GET", "/datasets", "/datasets", &Value::Null).await;
    assert_eq!(datasets["datasets"][0]["dataset_id"], json!(dataset_id));
    functions.stop().await;
}

async fn deployed_job_of(stack: &Stack, functions: &Functions, user: &str) -> (String, String) {
    let ask = async |method: &str, route: &str, path: &str, body: Value| {
        let (status, answer) = functions.request(user, method, route, path, &body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    };
    let table = flowers();
    let answer = ask("POST", "/upload", "/upload", json!({ "filename": table.filename })).await;
    let dataset_id = answer["dataset_id"].as_str().unwrap().to_owned();
    let upload = system_tests::Upload { dataset_id: dataset_id.clone(), answer };
    stack.put(&upload, table.csv.into_bytes()).await;
    ask("POST", "/datasets/{dataset_id}/confirm", &format!("/datasets/{dataset_id}/confirm"), Value::Null).await;
    let request = json!({ "dataset_id": dataset_id, "target_column": table.target, "config": { "time_budget": 60 } });
    let job_id = ask("POST", "/train", "/train", request).await["job_id"].as_str().unwrap().to_owned();
    let path = format!("/jobs/{job_id}");
    loop {
        let job = ask("GET", "/jobs/{job_id}", &path, Value::Null).await;
        match job["status"].as_str().unwrap() {
            "completed" => break,
            "failed" => panic!("{}", job["error_message"]),
            _ => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
        }
    }
    ask("POST", "/jobs/{job_id}/deploy", &format!("{path}/deploy"), json!({ "deploy": true })).await;
    (dataset_id, job_id)
}
