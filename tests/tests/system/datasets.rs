//! Uploads and datasets: what is read from a file, what is said of one that cannot be read, and every order of events.

use std::time::Duration;

use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};
use system_tests::Stack;

/// A column's name, its type, and how many distinct and missing values it has.
type Column = (&'static str, &'static str, u64, u64);

#[tokio::test]
async fn columns_are_read_as_clients_expect() {
    let (_folder, stack) = Stack::fresh().await;
    let cases: Vec<(&str, Vec<Column>)> = vec![
        (
            "id,name,price,category\n1,Product A,29.99,x\n2,Product B,49.99,y\n3,Product C,19.99,x\n",
            vec![("id", "numeric", 3, 0), ("name", "categorical", 3, 0), ("price", "numeric", 3, 0), ("category", "categorical", 2, 0)],
        ),
        (
            "id,name,price\n1,Product A,29.99\n2,,49.99\n3,Product C,\n4,Product D,19.99\n",
            vec![("id", "numeric", 4, 0), ("name", "categorical", 3, 1), ("price", "numeric", 3, 1)],
        ),
        ("a,a,a\n1,x,True\n2,y,False\n", vec![("a", "numeric", 2, 0), ("a.1", "categorical", 2, 0), ("a.2", "categorical", 2, 0)]),
        ("\u{feff}x,,y\n1,2,3\n", vec![("x", "numeric", 1, 0), ("Unnamed: 1", "numeric", 1, 0), ("y", "numeric", 1, 0)]),
        (" b,c \n1\n\n2,z\n   \n", vec![(" b", "numeric", 2, 0), ("c ", "categorical", 1, 1)]),
        ("a,b\nNA,n/a\nnull,<NA>\nNaN,#N/A\n", vec![("a", "numeric", 0, 3), ("b", "numeric", 0, 3)]),
        (
            "a,b,c,d\n007,0x1F,1_000,inf\n8,0x2F,2_000,-Infinity\n",
            vec![("a", "numeric", 2, 0), ("b", "categorical", 2, 0), ("c", "categorical", 2, 0), ("d", "numeric", 2, 0)],
        ),
        ("a,b\nTrue,1\n1,18446744073709551616\n", vec![("a", "categorical", 2, 0), ("b", "categorical", 2, 0)]),
        ("a,b\n +1.5 ,\"x\ny\"\n-2,\"say \"\"hi\"\"\"\n", vec![("a", "numeric", 2, 0), ("b", "categorical", 2, 0)]),
        ("a,b\r\n1,2024-01-31\r\n2,2024-02-29\r\n", vec![("a", "numeric", 2, 0), ("b", "datetime", 2, 0)]),
    ];
    for (csv, expected) in cases {
        let dataset_id = stack.upload("t.csv", csv.as_bytes().to_vec()).await;
        let dataset = stack.post(&format!("/datasets/{dataset_id}/confirm"), Value::Null).await;
        let names: Vec<&str> = expected.iter().map(|(name, ..)| *name).collect();
        assert_eq!(dataset["columns"], json!(names), "{csv}");
        for (name, kind, unique, missing) in expected {
            assert_eq!(dataset["column_types"][name], kind, "{csv}: {name}");
            let stats = &dataset["column_stats"][name];
            assert_eq!((&stats["unique"], &stats["missing"]), (&json!(unique), &json!(missing)), "{csv}: {name}");
            let rows = dataset["row_count"].as_f64().unwrap();
            let share = (missing as f64 / rows * 10_000.0).round() / 100.0;
            assert_eq!(stats["missing_pct"], json!(share), "{csv}: {name}");
        }
        assert_eq!((&dataset["problem_type"], &dataset["status"]), (&Value::Null, &json!("ready")));
        assert_eq!(dataset["file_size"], csv.len());
        assert!(dataset["uploaded_at"].as_str().unwrap().ends_with("+00:00"));
        assert_eq!(stack.get(&format!("/datasets/{dataset_id}")).await, dataset);
    }
}

#[tokio::test]
async fn a_file_that_is_no_table_is_told_why_and_where() {
    let (_folder, stack) = Stack::fresh().await;
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".to_vec();
    for (file, reason) in [
        (Vec::new(), "No columns to parse from file"),
        (b"\n\n".to_vec(), "No columns to parse from file"),
        (png, "not text"),
        (b"a,b\n1,2\n\0\0,1\n".to_vec(), "line 3, column 'a' ("),
        (b"PAR1 and no more".to_vec(), "the Parquet file cannot be read"),
        (b"a,b\n1,2\n1,2,3\n".to_vec(), "Expected 2 fields in line 3, saw 3: '3' is one too many"),
        (b"a,b\n1,\"2\n3,4".to_vec(), "begins in line 2, column 'b'"),
    ] {
        let dataset_id = stack.upload("t.csv", file).await;
        let path = format!("/datasets/{dataset_id}");
        for _ in 0..2 {
            let (status, answer) = stack.call(Method::POST, &format!("{path}/confirm"), Value::Null).await;
            assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("not_a_table")), "{answer}");
            assert!(answer["detail"].as_str().unwrap().contains(reason), "{answer}");
        }
        let dataset = stack.get(&path).await;
        assert_eq!(dataset["status"], "failed");
        assert!(dataset["error"].as_str().unwrap().contains(reason));
        let (status, _) = stack.call(Method::POST, "/train", json!({ "dataset_id": dataset_id, "target_column": "a" })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_failed_upload_is_mended_by_the_right_file() {
    let (_folder, stack) = Stack::fresh().await;
    let upload = stack.request_upload("t.csv").await;
    let confirm = format!("/datasets/{}/confirm", upload.dataset_id);
    stack.put(&upload, b"a,b\n1,2,3\n1,2,3,4\n".to_vec()).await;
    assert_eq!(stack.call(Method::POST, &confirm, Value::Null).await.0, StatusCode::BAD_REQUEST);
    stack.put(&upload, b"a,b\n1,2\n".to_vec()).await;
    assert_eq!(stack.post(&confirm, Value::Null).await["row_count"], 1);
}

#[tokio::test]
async fn storage_itself_keeps_to_type_and_size() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start_with(&folder.path().join("data"), &[("MAX_UPLOAD_SIZE", "10")]).await;
    let small = b"a,b\n1,2\n".to_vec();
    let large = b"a,b\n1,2\n3,4\n5,6\n7,8\n".to_vec();

    let upload = stack.request_upload("t.csv").await;
    let url = upload.answer["upload_url"].as_str().unwrap();
    let wrong = stack.request(Method::PUT, url).header("content-type", "application/json").body(small.clone()).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    stack.put(&upload, large.clone()).await;
    let (status, answer) = stack.call(Method::POST, &format!("/datasets/{}/confirm", upload.dataset_id), Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["detail"], "the file is too large: it has 20 bytes, at most 10 are allowed");

    let upload = stack.request_upload("t.csv").await;
    assert_eq!(upload.answer["max_size"], 10);
    let form = |file: Vec<u8>| {
        let fields = upload.answer["upload_form"]["fields"].as_object().unwrap();
        let form =
            fields.iter().fold(multipart::Form::new(), |form, (name, value)| form.text(name.clone(), value.as_str().unwrap().to_owned()));
        form.part("file", multipart::Part::bytes(file).file_name("t.csv"))
    };
    let url = upload.answer["upload_form"]["url"].as_str().unwrap();
    let refused = stack.request(Method::POST, url).multipart(form(large)).send().await.unwrap();
    assert!(refused.status().is_client_error(), "{}", refused.text().await.unwrap());
    let taken = stack.request(Method::POST, url).multipart(form(small)).send().await.unwrap();
    assert!(taken.status().is_success(), "{}", taken.text().await.unwrap());
    assert_eq!(stack.post(&format!("/datasets/{}/confirm", upload.dataset_id), Value::Null).await["row_count"], 1);
}

#[tokio::test]
async fn lists_are_newest_first_across_pages() {
    let (_folder, stack) = Stack::fresh().await;
    let mut ids = Vec::new();
    for rows in 1..=5 {
        ids.insert(0, stack.dataset(&format!("a,b\n{}", "1,2\n".repeat(rows))).await);
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let request = stack.request(Method::GET, "/datasets").query(&[("limit", "2"), ("next_token", &token)]);
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        let datasets = page["datasets"].as_array().unwrap();
        assert!(datasets.len() <= 2 && !datasets.is_empty());
        seen.extend(datasets.iter().map(|dataset| dataset["dataset_id"].as_str().unwrap().to_owned()));
        match page["next_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let foreign = stack.request(Method::GET, "/jobs").query(&[("next_token", &token)]).send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::BAD_REQUEST, "a token of another list");
}

#[tokio::test]
async fn a_dataset_is_read_once_in_whatever_order_things_happen() {
    let (_folder, stack) = Stack::fresh().await;
    let csv = format!("a,b\n{}", "1,x\n".repeat(5_000));
    let upload = stack.request_upload("t.csv").await;
    let confirm = format!("/datasets/{}/confirm", upload.dataset_id);
    let (status, _) = stack.call(Method::POST, &confirm, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "nothing is there yet");
    stack.put(&upload, csv.clone().into_bytes()).await;
    // The event is on its way; three confirms at the same time meet it.
    let ask = || stack.post(&confirm, Value::Null);
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert_eq!((&one, &one), (&two, &three));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stack.post(&confirm, Value::Null).await, one, "the event changed nothing");
    // The same bytes again are the same dataset; other bytes are another reading.
    stack.put(&upload, csv.into_bytes()).await;
    assert_eq!(stack.post(&confirm, Value::Null).await, one);
    stack.put(&upload, b"a,b\n1,x\n".to_vec()).await;
    assert_eq!(stack.post(&confirm, Value::Null).await["row_count"], 1);
}

#[tokio::test]
async fn a_deleted_dataset_does_not_come_back() {
    let (_folder, stack) = Stack::fresh().await;
    let upload = stack.request_upload("t.csv").await;
    stack.put(&upload, b"a,b\n1,x\n".to_vec()).await;
    let path = format!("/datasets/{}", upload.dataset_id);
    stack.post(&format!("{path}/confirm"), Value::Null).await;
    let deleted = stack.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(deleted.0, StatusCode::OK);
    assert_eq!(
        deleted.1,
        json!({
            "message": "Dataset deleted successfully",
            "dataset_id": upload.dataset_id,
            "deleted_resources": ["dataset files: 1", "table files: 2", format!("dataset metadata: {}", upload.dataset_id)],
        })
    );
    // The URL still takes a file: its event finds a dataset that is gone.
    stack.put(&upload, b"a,b\n1,x\n".to_vec()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (method, path) in [(Method::GET, path.clone()), (Method::DELETE, path.clone()), (Method::POST, format!("{path}/confirm"))] {
        assert_eq!(stack.call(method, &path, Value::Null).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(stack.get("/datasets").await["datasets"], json!([]));
}

#[tokio::test]
async fn a_very_wide_table_keeps_all_its_columns() {
    let (_folder, stack) = Stack::fresh().await;
    let names: Vec<String> = (0..4_000).map(|column| format!("a rather long name for column number {column}")).collect();
    let csv = format!("{}\n{}\n", names.join(","), vec!["1"; names.len()].join(","));
    let dataset_id = stack.dataset(&csv).await;
    let dataset = stack.get(&format!("/datasets/{dataset_id}")).await;
    assert_eq!(dataset["columns"].as_array().unwrap().len(), names.len());
    assert_eq!(dataset["column_types"][&names[3_999]], "numeric");
    let (status, answer) = stack.call(Method::POST, "/train", json!({ "dataset_id": dataset_id, "target_column": "none" })).await;
    assert_eq!((status, &answer["detail"]), (StatusCode::BAD_REQUEST, &json!("Target column 'none' not found in dataset")));
}

#[tokio::test]
async fn all_that_was_found_can_be_asked_for() {
    let (_folder, stack) = Stack::fresh().await;
    let csv =
        "id;plan;preis;tag;churn\n1;basic;1.234,50 €;31.12.2023;no\n2;plus;7,25 €;01.02.2024;yes\n3;basic;;;no\n4;;8 €;05.06.2024;no\n";
    let dataset_id = stack.dataset(csv).await;
    let path = format!("/datasets/{dataset_id}");
    let profile = stack.get(&format!("{path}/profile?target=churn")).await;
    assert_eq!((&profile["rows"], &profile["column_count"], &profile["read_as"]["delimiter"]), (&json!(4), &json!(5), &json!(";")));
    let kinds: Vec<&str> = profile["columns"].as_array().unwrap().iter().map(|column| column["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["integer", "text", "float", "date", "text"]);
    assert_eq!(profile["columns"][2]["numeric"]["max"], 1_234.5);
    let dates = &profile["columns"][3]["dates"];
    assert_eq!((&dates["min"], &dates["max"], &dates["has_time"]), (&json!("2023-12-31"), &json!("2024-06-05"), &json!(false)));
    assert_eq!(profile["findings"][0]["kind"], "few_rows");
    assert_eq!((&profile["duplicate_rows"], &profile["duplicate_rows_exact"]), (&json!(0), &json!(true)));
    assert_eq!(profile["problem"]["problem_type"], "classification");
    assert_eq!(profile["left_out"]["id"], "identifier");
    assert_eq!((&profile["relations"]["rows"], &profile["relations"]["classes"]), (&json!(4), &json!(["no", "yes"])));
    assert_eq!(profile["relations"]["features"].as_array().unwrap().len(), 4);

    let page = stack.get(&format!("{path}/profile?offset=1&limit=2")).await;
    assert_eq!(
        (page["columns"].as_array().unwrap().len(), &page["columns"][0]["name"], &page["problem"]),
        (2, &json!("plan"), &Value::Null)
    );
    let preview = stack.get(&format!("{path}/preview?rows=3")).await;
    assert_eq!(
        preview["rows"],
        json!([
            ["1", "basic", "1.234,50 €", "31.12.2023", "no"],
            ["2", "plus", "7,25 €", "01.02.2024", "yes"],
            ["3", "basic", null, null, "no"]
        ])
    );
    assert_eq!((&preview["row_count"], &preview["columns"][2]), (&json!(4), &json!("preis")));
    for (path, status) in [("/profile?limit=0", 422), ("/preview?rows=101", 422), ("/profile?target=none", 400)] {
        assert_eq!(stack.call(Method::GET, &format!("/datasets/{dataset_id}{path}"), Value::Null).await.0.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn a_large_tables_target_is_looked_up_in_the_rows_that_training_looks_at() {
    let (_folder, stack) = Stack::fresh().await;
    let mut csv = "x,told_later,y\n".to_owned();
    for row in 0_u64..30_000 {
        let random = (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        csv.push_str(&format!("{},{},{}\n", random % 1_009, random % 3, if random % 3 == 0 { "no" } else { "yes" }));
    }
    let dataset_id = stack.dataset(&csv).await;
    let answer = stack.get(&format!("/datasets/{dataset_id}/profile?target=y")).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, parquet) = (folder.path().join("data.csv"), folder.path().join("data.parquet"));
    std::fs::write(&file, csv).unwrap();
    let profile = table::ingest(&file, &parquet).unwrap();
    let expected = table::relations(&parquet, &profile, "y", domain::ProblemType::Classification).unwrap();
    assert!(expected.rows < 30_000 && expected.of("told_later").unwrap().tells_nearly_all());
    let as_sent: Value = serde_json::from_str(&serde_json::to_string(&expected).unwrap()).unwrap();
    assert_eq!(answer["relations"], as_sent);
    assert!(answer["findings"].as_array().unwrap().iter().any(|finding| finding["kind"] == "leakage"), "{}", answer["findings"]);
}

#[tokio::test]
async fn other_formats_are_datasets_too() {
    let (_folder, stack) = Stack::fresh().await;
    let lines = b"{\"a\": 1, \"b\": \"x\"}\n{\"a\": 2, \"b\": \"y\"}\n".to_vec();
    for (filename, file, format) in [("t.jsonl", lines, "jsonl"), ("t.tsv", b"a\tb\n1\tx\n2\ty\n".to_vec(), "csv")] {
        let dataset_id = stack.upload(filename, file).await;
        let dataset = stack.post(&format!("/datasets/{dataset_id}/confirm"), Value::Null).await;
        assert_eq!((&dataset["filename"], &dataset["columns"], &dataset["row_count"]), (&json!(filename), &json!(["a", "b"]), &json!(2)));
        assert_eq!(stack.get(&format!("/datasets/{dataset_id}/profile")).await["read_as"]["format"], format);
    }
}
