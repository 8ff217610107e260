//! The interface that clients know, without any data: routes, methods, redirects, headers, and each way in which a request's form can be
//! wrong. The cases are data; the answers are those of a running stack.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use system_tests::Stack;

const ID: &str = "00000000-0000-4000-8000-000000000000";

/// A body and its type.
enum Body {
    None,
    Json(Value),
    Text(&'static str, &'static str),
}

/// A request, and of each issue that it has the type and the place.
type Malformed = (Method, &'static str, Body, Vec<(&'static str, Value)>);

async fn ask(stack: &Stack, method: &Method, path: &str, body: &Body) -> (u16, Value) {
    let path = path.replace("{id}", ID);
    let request = stack.request(method.clone(), &path);
    let request = match body {
        Body::None => request,
        Body::Json(json) => request.json(json),
        Body::Text(content_type, text) => request.header("content-type", *content_type).body(*text),
    };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_request_of_the_wrong_form_is_told_all_that_is_wrong() {
    let (_folder, stack) = Stack::fresh().await;
    let train = |config: Value| Body::Json(json!({ "dataset_id": ID, "target_column": "y", "config": config }));
    let cases: Vec<Malformed> = vec![
        (Method::POST, "/upload", Body::None, vec![("missing", json!(["body"]))]),
        (Method::POST, "/upload", Body::Text("application/json", "null"), vec![("missing", json!(["body"]))]),
        (Method::POST, "/upload", Body::Text("application/json", "{\"filename\": }"), vec![("json_invalid", json!(["body", 13]))]),
        (Method::POST, "/upload", Body::Text("text/plain", "{}"), vec![("model_attributes_type", json!(["body"]))]),
        (Method::POST, "/upload", Body::Json(json!([1])), vec![("model_attributes_type", json!(["body"]))]),
        (Method::POST, "/upload", Body::Json(json!({})), vec![("missing", json!(["body", "filename"]))]),
        (Method::POST, "/upload", Body::Json(json!({ "filename": 7 })), vec![("string_type", json!(["body", "filename"]))]),
        (
            Method::POST,
            "/upload/request-url",
            Body::Json(json!({ "filename": null, "content_type": 1 })),
            vec![("string_type", json!(["body", "filename"])), ("string_type", json!(["body", "content_type"]))],
        ),
        (
            Method::POST,
            "/train",
            Body::Json(json!({})),
            vec![("missing", json!(["body", "dataset_id"])), ("missing", json!(["body", "target_column"]))],
        ),
        (
            Method::POST,
            "/train",
            train(json!({ "time_budget": 10 })),
            vec![("greater_than_equal", json!(["body", "config", "time_budget"]))],
        ),
        (
            Method::POST,
            "/train",
            train(json!({ "time_budget": 59 })),
            vec![("greater_than_equal", json!(["body", "config", "time_budget"]))],
        ),
        (
            Method::POST,
            "/train",
            train(json!({ "time_budget": true })),
            vec![("greater_than_equal", json!(["body", "config", "time_budget"]))],
        ),
        (
            Method::POST,
            "/train",
            train(json!({ "time_budget": 3601 })),
            vec![("less_than_equal", json!(["body", "config", "time_budget"]))],
        ),
        (
            Method::POST,
            "/train",
            train(json!({ "time_budget": 7200 })),
            vec![("less_than_equal", json!(["body", "config", "time_budget"]))],
        ),
        (Method::POST, "/train", train(json!({ "time_budget": 60.5 })), vec![("int_from_float", json!(["body", "config", "time_budget"]))]),
        (Method::POST, "/train", train(json!({ "time_budget": "abc" })), vec![("int_parsing", json!(["body", "config", "time_budget"]))]),
        (Method::POST, "/train", train(json!({ "time_budget": [60] })), vec![("int_type", json!(["body", "config", "time_budget"]))]),
        (Method::POST, "/train", train(json!({ "metric": 1 })), vec![("string_type", json!(["body", "config", "metric"]))]),
        (
            Method::POST,
            "/train",
            train(json!({ "estimator_list": "lgbm", "time_column": 1, "balance_classes": "perhaps", "monotone": { "a": "up" } })),
            vec![
                ("list_type", json!(["body", "config", "estimator_list"])),
                ("string_type", json!(["body", "config", "time_column"])),
                ("bool_parsing", json!(["body", "config", "balance_classes"])),
                ("enum", json!(["body", "config", "monotone", "a"])),
            ],
        ),
        (
            Method::POST,
            "/train",
            train(json!({ "max_model_mb": 0, "max_trees": 0, "seed": 1.5 })),
            vec![
                ("greater_than", json!(["body", "config", "max_model_mb"])),
                ("greater_than_equal", json!(["body", "config", "max_trees"])),
                ("int_from_float", json!(["body", "config", "seed"])),
            ],
        ),
        (Method::POST, "/train", train(json!("fast")), vec![("model_attributes_type", json!(["body", "config"]))]),
        (
            Method::POST,
            "/train",
            Body::Json(json!({ "dataset_id": ID, "target_column": "y", "label_mapping": { "0": 1 } })),
            vec![("string_type", json!(["body", "label_mapping", "0"]))],
        ),
        (Method::GET, "/jobs?limit=0", Body::None, vec![("greater_than_equal", json!(["query", "limit"]))]),
        (Method::GET, "/jobs?limit=101", Body::None, vec![("less_than_equal", json!(["query", "limit"]))]),
        (Method::GET, "/jobs?limit=abc", Body::None, vec![("int_parsing", json!(["query", "limit"]))]),
        (Method::GET, "/jobs?limit=", Body::None, vec![("int_parsing", json!(["query", "limit"]))]),
        (Method::GET, "/jobs?status=done", Body::None, vec![("enum", json!(["query", "status"]))]),
        (Method::GET, "/jobs?dataset_id=7", Body::None, vec![("uuid_parsing", json!(["query", "dataset_id"]))]),
        (Method::GET, "/datasets?limit=101", Body::None, vec![("less_than_equal", json!(["query", "limit"]))]),
        (Method::PATCH, "/jobs/{id}", Body::Json(json!({ "tags": vec!["a"; 11] })), vec![("too_long", json!(["body", "tags"]))]),
        (
            Method::PATCH,
            "/jobs/{id}",
            Body::Json(json!({ "tags": vec!["a"; 15], "notes": "x".repeat(1_001) })),
            vec![("too_long", json!(["body", "tags"])), ("string_too_long", json!(["body", "notes"]))],
        ),
        (Method::PATCH, "/jobs/{id}", Body::Json(json!({ "tags": "a" })), vec![("list_type", json!(["body", "tags"]))]),
        (Method::PATCH, "/jobs/{id}", Body::Json(json!({ "tags": ["a", 1] })), vec![("string_type", json!(["body", "tags", 1]))]),
        (Method::DELETE, "/jobs/{id}?delete_data=perhaps", Body::None, vec![("bool_parsing", json!(["query", "delete_data"]))]),
        (Method::DELETE, "/datasets/{id}?force=2", Body::None, vec![("bool_parsing", json!(["query", "force"]))]),
        (Method::POST, "/jobs/{id}/deploy", Body::Json(json!({})), vec![("missing", json!(["body", "deploy"]))]),
        (Method::POST, "/jobs/{id}/deploy", Body::Json(json!({ "deploy": "maybe" })), vec![("bool_parsing", json!(["body", "deploy"]))]),
        (Method::POST, "/jobs/{id}/deploy", Body::Json(json!({ "deploy": null })), vec![("bool_type", json!(["body", "deploy"]))]),
        (Method::POST, "/predict/{id}", Body::Json(json!({})), vec![("missing", json!(["body", "features"]))]),
        (Method::POST, "/predict/{id}", Body::Json(json!({ "features": [] })), vec![("dict_type", json!(["body", "features"]))]),
        (
            Method::POST,
            "/predict/{id}",
            Body::Json(json!({ "features": { "a": null } })),
            vec![("float_type", json!(["body", "features", "a", "float"])), ("string_type", json!(["body", "features", "a", "str"]))],
        ),
    ];
    for (method, path, body, expected) in cases {
        let (status, answer) = ask(&stack, &method, path, &body).await;
        assert_eq!(status, 422, "{method} {path}: {answer}");
        let issues = answer["detail"].as_array().unwrap_or_else(|| panic!("{method} {path}: {answer}"));
        let found: Vec<(&str, Value)> = issues.iter().map(|issue| (issue["type"].as_str().unwrap(), issue["loc"].clone())).collect();
        assert_eq!(found, expected, "{method} {path}: {answer}");
        assert!(issues.iter().all(|issue| issue["msg"].is_string() && issue.get("input").is_some()), "{answer}");
        assert_eq!(answer["code"], "invalid_request");
    }
}

#[tokio::test]
async fn a_request_of_the_right_form_about_nothing_is_not_found() {
    let (_folder, stack) = Stack::fresh().await;
    let train = |config: Value| Body::Json(json!({ "dataset_id": ID, "target_column": "y", "config": config, "more": 1 }));
    let no_job = "Job not found";
    let cases: Vec<(Method, &str, Body, &str)> = vec![
        (Method::GET, "/datasets/{id}", Body::None, "Dataset 00000000-0000-4000-8000-000000000000 not found"),
        (Method::GET, "/datasets/7", Body::None, "Dataset 7 not found"),
        (Method::DELETE, "/datasets/{id}", Body::None, "Dataset 00000000-0000-4000-8000-000000000000 not found"),
        (Method::POST, "/datasets/{id}/confirm", Body::None, "No files found for dataset 00000000-0000-4000-8000-000000000000"),
        (Method::POST, "/datasets/x/confirm", Body::None, "No files found for dataset x"),
        (Method::POST, "/train", train(json!(null)), "Dataset not found"),
        (Method::POST, "/train", train(json!({ "time_budget": "60" })), "Dataset not found"),
        (Method::POST, "/train", train(json!({ "time_budget": 60.0 })), "Dataset not found"),
        (Method::POST, "/train", train(json!({ "time_budget": 3600, "estimator_list": ["lgbm"] })), "Dataset not found"),
        (Method::POST, "/train", train(json!({ "time_budget": null })), "Dataset not found"),
        (Method::GET, "/jobs/{id}", Body::None, no_job),
        (Method::GET, "/jobs/%20", Body::None, no_job),
        (Method::PATCH, "/jobs/{id}", Body::Json(json!({ "tags": [" "] })), no_job),
        (Method::DELETE, "/jobs/{id}?delete_data=off", Body::None, no_job),
        (Method::POST, "/jobs/{id}/cancel", Body::None, no_job),
        (Method::GET, "/jobs/{id}/leaderboard", Body::None, no_job),
        (Method::POST, "/jobs/{id}/deploy", Body::Json(json!({ "deploy": "yes" })), no_job),
        (Method::POST, "/jobs/{id}/deploy", Body::Json(json!({ "deploy": 0 })), no_job),
        (Method::POST, "/predict/{id}", Body::Json(json!({ "features": { "a": true, "b": "x", "c": 1 } })), no_job),
        (Method::GET, "/predict/{id}/info", Body::None, no_job),
        (Method::GET, "/nowhere", Body::None, "Not Found"),
        (Method::POST, "/jobs/{id}/undeploy", Body::None, "Not Found"),
    ];
    for (method, path, body, detail) in cases {
        let (status, answer) = ask(&stack, &method, path, &body).await;
        assert_eq!((status, &answer["detail"]), (404, &json!(detail)), "{method} {path}");
        assert!(answer["code"].as_str().is_some_and(|code| code.ends_with("not_found")), "{answer}");
        assert!(answer["request_id"].is_string(), "{answer}");
    }
    for token in ["x", "{\"job_id\": \"7\"}", "WyJhIiwiYiIsImMiXQ"] {
        for list in ["/jobs", "/datasets"] {
            let request = stack.request(Method::GET, list).query(&[("next_token", token)]);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{list} {token}");
            assert_eq!(answer.json::<Value>().await.unwrap()["code"], "invalid_token");
        }
    }
}

#[tokio::test]
async fn names_of_files_are_cleaned_or_refused() {
    let (_folder, stack) = Stack::fresh().await;
    for (given, kept) in [
        ("customers.csv", "customers.csv"),
        ("../../etc/customers.csv", "customers.csv"),
        ("C:\\data\\Kunden 2024.CSV", "Kunden 2024.CSV"),
        ("a\u{0}b\n.csv", "ab.csv"),
        ("東京.csv", "東京.csv"),
    ] {
        for path in ["/upload", "/upload/request-url"] {
            let answer = stack.post(path, json!({ "filename": given, "content_type": "application/json" })).await;
            assert_eq!(answer["filename"], kept);
            assert_eq!(answer["expires_in"], 3_600);
            let key = format!("datasets/{}/{kept}", answer["dataset_id"].as_str().unwrap());
            assert_eq!(answer["upload_form"]["fields"]["key"], key);
            assert!(answer["upload_url"].as_str().unwrap().contains("X-Amz-SignedHeaders=content-type%3Bhost"));
        }
    }
    for given in ["", "data", "data.exe", "data.csv/", ".csv"] {
        let (status, answer) = stack.call(Method::POST, "/upload", json!({ "filename": given })).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_filename")), "{given}");
    }
    let long = stack.post("/upload", json!({ "filename": format!("{}.csv", "x".repeat(400)) })).await;
    assert_eq!(long["filename"].as_str().unwrap().len(), 255);
}

#[tokio::test]
async fn what_belongs_to_no_resource() {
    let (_folder, stack) = Stack::fresh().await;
    let welcome = stack.request(Method::GET, "/").send().await.unwrap();
    assert_eq!(welcome.headers()["content-type"], "application/json");
    assert_eq!(
        welcome.json::<Value>().await.unwrap(),
        json!({ "message": "AWS AutoML Lite API", "version": "1.1.0", "status": "healthy" })
    );
    assert_eq!(stack.get("/health").await, json!({ "status": "healthy", "service": "automl-api", "region": "us-east-1" }));

    let document = stack.get("/openapi.json").await;
    assert_eq!(document["info"]["title"], "AWS AutoML Lite API");
    assert!(document == system_tests::document(), "the served document is the current one");
    for page in ["/docs", "/redoc"] {
        let answer = stack.request(Method::GET, page).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let html = answer.text().await.unwrap();
        assert!(html.contains("openapi.json") && !html.contains("<script src") && !html.contains("<link"), "{page}");
    }

    for (method, path, allowed) in [
        (Method::DELETE, "/jobs", "GET"),
        (Method::HEAD, "/jobs", "GET"),
        (Method::HEAD, "/health", "GET"),
        (Method::OPTIONS, "/jobs", "GET"),
        (Method::GET, "/train", "POST"),
        (Method::PUT, "/jobs/7", "DELETE, GET, PATCH"),
        (Method::POST, "/", "GET"),
    ] {
        let answer = stack.request(method.clone(), path).send().await.unwrap();
        assert_eq!(
            (answer.status(), answer.headers()["allow"].to_str().unwrap()),
            (StatusCode::METHOD_NOT_ALLOWED, allowed),
            "{method} {path}"
        );
        if method != Method::HEAD {
            assert_eq!(answer.json::<Value>().await.unwrap()["detail"], "Method Not Allowed");
        }
    }
    for (path, right) in [("/jobs/", "/jobs"), ("/jobs/7/", "/jobs/7"), ("/train/", "/train"), ("/jobs/?limit=5", "/jobs?limit=5")] {
        let answer = stack.request(Method::POST, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(answer.headers()["location"].to_str().unwrap(), format!("{}{right}", stack.url));
    }
}

#[tokio::test]
async fn browsers_on_other_origins_may_use_everything() {
    let (_folder, stack) = Stack::fresh().await;
    let origin = "https://front.example";
    for (path, status) in [("/jobs", 200), ("/jobs/7", 404), ("/jobs?limit=0", 422), ("/nowhere", 404)] {
        let answer = stack.request(Method::GET, path).header("origin", origin).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], origin, "{path}");
        assert_eq!(answer.headers()["access-control-allow-credentials"], "true");
        assert!(answer.headers()["vary"].to_str().unwrap().contains("Origin"));
    }
    for (path, method) in [("/jobs/7", "PATCH"), ("/jobs/7", "DELETE"), ("/train", "POST"), ("/predict/7", "POST"), ("/nowhere", "GET")] {
        let request = stack.request(Method::OPTIONS, path).header("origin", origin).header("access-control-request-method", method);
        let answer = request.header("access-control-request-headers", "content-type,x-own").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let headers = answer.headers().clone();
        assert!(headers["access-control-allow-methods"].to_str().unwrap().contains(method));
        assert_eq!(headers["access-control-allow-headers"], "content-type,x-own");
        assert_eq!(headers["access-control-max-age"], "600");
        assert_eq!(headers["access-control-allow-origin"], origin);
        assert_eq!(answer.text().await.unwrap(), "OK");
    }
}

#[tokio::test]
async fn only_listed_origins_are_allowed_where_there_is_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start_with(&folder.path().join("data"), &[("CORS_ORIGINS", r#"["https://a.example"]"#)]).await;
    for (origin, allowed) in [("https://a.example", true), ("https://b.example", false)] {
        let answer = stack.request(Method::GET, "/health").header("origin", origin).send().await.unwrap();
        assert_eq!(answer.headers().contains_key("access-control-allow-origin"), allowed);
        let request = stack.request(Method::OPTIONS, "/jobs/7").header("origin", origin).header("access-control-request-method", "PATCH");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status() == StatusCode::OK, allowed, "{origin}");
    }
}
