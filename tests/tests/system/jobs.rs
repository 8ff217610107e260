//! A job's life as its owner sees it: submit, look, tag, deploy, predict, cancel, delete.

use std::time::Duration;

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use system_tests::{Stack, churn, flowers};

const PATIENCE: Duration = Duration::from_secs(90);

fn id(answer: &Value) -> String {
    answer["job_id"].as_str().unwrap_or_else(|| panic!("{answer} names no job")).to_owned()
}

async fn submit(stack: &Stack, dataset_id: &str, target: &str) -> String {
    id(&stack.post("/train", json!({ "dataset_id": dataset_id, "target_column": target, "config": { "time_budget": 60 } })).await)
}

async fn get(stack: &Stack, path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, Value) {
    let request = stack.request(Method::GET, path);
    let request = known.map_or(request.try_clone().unwrap(), |tags| request.header("if-none-match", tags));
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_finished_job_does_all_that_clients_ask_of_it() {
    let (_folder, stack) = Stack::fresh().await;
    let table = churn();
    let dataset_id = stack.dataset(&table.csv).await;
    let (status, answer) = stack.call(Method::POST, "/train", json!({ "dataset_id": dataset_id, "target_column": "Churn" })).await;
    assert_eq!((status, &answer["detail"]), (StatusCode::BAD_REQUEST, &json!("Target column 'Churn' not found in dataset")), "case counts");

    let submitted = stack.post("/train", json!({ "dataset_id": dataset_id, "target_column": table.target })).await;
    assert_eq!((&submitted["status"], &submitted["estimated_time"]), (&json!("pending"), &json!(120)), "400 rows");
    assert_eq!(submitted["estimated_cost"]["vcpu_seconds"], 240.0);
    let job_id = id(&submitted);
    let path = format!("/jobs/{job_id}");
    let job = stack.wait_for(&path, PATIENCE, |job| job["status"] == "completed").await;
    assert_eq!((&job["progress"]["percent"], &job["progress"]["remaining_seconds"]), (&json!(100), &json!(0.0)));
    assert!(job["progress"]["candidates_tried"].as_u64().unwrap() > 0 && job["cost"]["usd"].as_f64().unwrap() > 0.0);

    caching(&stack, &path).await;
    tags_and_notes(&stack, &path).await;
    deployment(&stack, &job_id).await;

    let listed = stack.get("/jobs?limit=1").await;
    let summary = &listed["jobs"][0];
    assert_eq!((&summary["job_id"], &summary["primary_metric"]), (&json!(job_id), &job["metrics"]["accuracy"]));
    assert!(summary.get("notes").is_none() && summary.get("preprocessing_info").is_none());

    let (status, refused) = stack.call(Method::POST, &format!("{path}/cancel"), Value::Null).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("job_finished")));
    let (status, refused) = stack.call(Method::DELETE, &format!("/datasets/{dataset_id}"), Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(refused["detail"].as_str().unwrap().contains(&job_id), "{refused}");
    deletion(&stack, &job, &dataset_id).await;
}

async fn caching(stack: &Stack, path: &str) {
    let (status, headers, _) = get(stack, path, None).await;
    assert_eq!((status, headers["cache-control"].to_str().unwrap()), (StatusCode::OK, "private, max-age=0, must-revalidate"));
    assert_eq!(headers["vary"], "Authorization");
    let tag = headers["etag"].to_str().unwrap();
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let (status, headers, body) = get(stack, path, Some(&known)).await;
        assert_eq!((status, headers["etag"].to_str().unwrap(), &body), (StatusCode::NOT_MODIFIED, tag, &Value::Null), "{known}");
        assert_eq!(headers["cache-control"], "private, max-age=0, must-revalidate");
    }
    assert_eq!(get(stack, path, Some("\"x\"")).await.0, StatusCode::OK);
}

async fn tags_and_notes(stack: &Stack, path: &str) {
    let patch = async |body: Value| stack.call(Method::PATCH, path, body).await;
    // the change, then tags and notes afterwards
    for (change, tags, notes) in [
        (json!({ "tags": ["a", "A", "a"], "notes": " two\nlines " }), json!(["a", "A", "a"]), json!(" two\nlines ")),
        (json!({}), json!(["a", "A", "a"]), json!(" two\nlines ")),
        (json!({ "tags": null, "notes": null }), json!(["a", "A", "a"]), json!(" two\nlines ")),
        (json!({ "notes": " \n" }), json!(["a", "A", "a"]), Value::Null),
        (json!({ "tags": [] }), json!([]), Value::Null),
        (json!({ "tags": ["é".repeat(50)], "notes": "é".repeat(1_000) }), json!(["é".repeat(50)]), json!("é".repeat(1_000))),
        (json!({ "tags": ["kept"], "notes": "kept" }), json!(["kept"]), json!("kept")),
    ] {
        let before = stack.get(path).await["updated_at"].clone();
        let (status, job) = patch(change.clone()).await;
        assert_eq!((status, &job["tags"], &job["notes"]), (StatusCode::OK, &tags, &notes), "{change}");
        assert!(job["updated_at"].as_str() > before.as_str());
        assert_eq!(stack.get(path).await, job);
    }
    for (change, detail) in [
        (json!({ "tags": [" "] }), "Tags cannot be empty or whitespace"),
        (json!({ "tags": ["x".repeat(51)] }), "Each tag must be 50 characters or less"),
    ] {
        let (status, refused) = patch(change).await;
        assert_eq!((status, &refused["detail"]), (StatusCode::BAD_REQUEST, &json!(detail)));
    }
    assert_eq!(stack.get(path).await["tags"], json!(["kept"]), "a refused change changes nothing");
}

async fn deployment(stack: &Stack, job_id: &str) {
    let (deploy, predict) = (format!("/jobs/{job_id}/deploy"), format!("/predict/{job_id}"));
    let refusal = async |path: &str, body: Value| {
        let method = if body.is_null() { Method::GET } else { Method::POST };
        let (status, answer) = stack.call(method, path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        answer["detail"].as_str().unwrap().to_owned()
    };
    let row = json!({ "contract": "monthly", "tenure": " 3 ", "charges": 80, "city": "never seen", "more": 1 });
    let hint = "Model is not deployed. Deploy the model first using POST /jobs/{job_id}/deploy";
    assert_eq!(refusal(&predict, json!({ "features": row })).await, hint);
    assert_eq!(refusal(&format!("{predict}/info"), Value::Null).await, "Model is not deployed");

    for (flag, message) in
        [(true, "Model successfully deployed"), (true, "Model successfully deployed"), (false, "Model successfully undeployed")]
    {
        let answer = stack.post(&deploy, json!({ "deploy": flag })).await;
        assert_eq!(answer, json!({ "job_id": job_id, "deployed": flag, "message": message }));
        let job = stack.get(&format!("/jobs/{job_id}")).await;
        assert_eq!((&job["deployed"], job["deployed_at"].is_string()), (&json!(flag), flag), "at once");
    }
    stack.post(&deploy, json!({ "deploy": true })).await;

    let answer = stack.post(&predict, json!({ "features": row })).await;
    let prediction = answer["prediction"].as_u64().unwrap();
    assert_eq!(answer["label"], ["no", "yes"][usize::try_from(prediction).unwrap()]);
    assert_eq!(answer["probability"], answer["probabilities"][prediction.to_string()]);
    let probabilities: Vec<&String> = answer["probabilities"].as_object().unwrap().keys().collect();
    assert_eq!(probabilities, ["0", "1"]);
    assert_eq!(
        refusal(&predict, json!({ "features": { "charges": "x" } })).await,
        "Missing required features: ['contract', 'tenure', 'city']"
    );
    let mut wrong = row.clone();
    wrong["charges"] = json!("12,5");
    assert_eq!(refusal(&predict, json!({ "features": wrong })).await, "Cannot convert '12,5' to number for feature 'charges'");

    let info = stack.get(&format!("{predict}/info")).await;
    assert_eq!(info["feature_columns"], json!(["contract", "tenure", "charges", "city"]));
    assert_eq!(
        info["feature_info"]["contract"],
        json!({
            "type": "categorical", "input_type": "select", "allowed_values": ["monthly", "two years", "yearly"],
            "kind": "category", "default": "monthly"
        })
    );
    let tenure = &info["feature_info"]["tenure"];
    assert_eq!((&tenure["type"], &tenure["input_type"], &tenure["kind"]), (&json!("numeric"), &json!("number"), &json!("number")));
    let within = |value: &Value| value.as_f64() >= tenure["range"]["min"].as_f64() && value.as_f64() <= tenure["range"]["max"].as_f64();
    assert!(within(&tenure["default"]), "{tenure}");
    assert_eq!(stack.post(&predict, info["example_request"].clone()).await["warnings"], json!([]));

    many_rows(stack, &predict, &row).await;
}

/// Several rows, as JSON and as CSV, explained, and refused where they are doubtful.
async fn many_rows(stack: &Stack, predict: &str, doubtful: &Value) {
    let mut known = doubtful.clone();
    known["city"] = json!("Oslo");
    let rows = json!({ "rows": [known, doubtful] });
    let answers = stack.post(&format!("{predict}?explain=true"), rows.clone()).await;
    let one = stack.post(predict, json!({ "features": doubtful })).await;
    let answer = &answers["predictions"][1];
    assert_eq!((&answer["prediction"], &answer["probability"]), (&one["prediction"], &one["probability"]), "one by one or together");
    assert_eq!(answer["warnings"], one["warnings"]);
    assert!(one["explanation"].is_null());
    assert_eq!(one["warnings"][0]["feature"], json!("city"));
    assert_eq!(one["warnings"][0]["code"], json!("unseen_category"));
    for answer in answers["predictions"].as_array().unwrap() {
        let contributions = answer["explanation"]["contributions"].as_object().unwrap();
        let sum: f64 =
            answer["explanation"]["base"].as_f64().unwrap() + contributions.values().map(|value| value.as_f64().unwrap()).sum::<f64>();
        assert!((sum - answer["probability"].as_f64().unwrap()).abs() < 1e-4, "{answer}");
        assert_eq!(contributions.keys().collect::<Vec<_>>(), ["charges", "city", "contract", "tenure"], "as sorted by the test's reader");
    }

    let (status, refused) = stack.call(Method::POST, &format!("{predict}?strict=true"), rows).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("doubtful_input")));
    assert!(refused["detail"].as_str().unwrap().starts_with("Row 2: city: 'never seen' was not learned from"), "{refused}");

    let send = async |csv: &'static str| {
        let request = stack.request(Method::POST, predict).header("content-type", "text/csv; charset=utf-8").body(csv);
        let response = request.send().await.unwrap();
        (response.status(), response.headers()["content-type"].to_str().unwrap().to_owned(), response.text().await.unwrap())
    };
    let (status, kind, text) = send("city;contract;tenure;charges\nOslo;monthly;3;80\nnever seen;monthly;3;80\n;monthly;;80\n").await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/csv"), "{text}");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["prediction", "probability_no", "probability_yes", "warnings"]);
    for (line, answer) in lines[1..3].iter().zip(answers["predictions"].as_array().unwrap()) {
        let probability = |cell: &str| cell.parse::<f32>().unwrap();
        assert_eq!(line[0], answer["label"].as_str().unwrap());
        assert!((f64::from(probability(line[2])) - answer["probabilities"]["1"].as_f64().unwrap()).abs() < 1e-6, "{line:?} {answer}");
    }
    assert_eq!(lines[3][3], "tenure: there is no value; city: there is no value");
    let (status, _, text) = send("city,contract\nOslo\n").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("Line 2 of the CSV has 1 cells") && text.contains("invalid_csv"), "{text}");
}

async fn deletion(stack: &Stack, job: &Value, dataset_id: &str) {
    let job_id = id(job);
    let other = submit(stack, dataset_id, "contract").await;
    let answer = stack.call(Method::DELETE, &format!("/jobs/{job_id}"), Value::Null).await.1;
    let deleted: Vec<String> = ["model: models/{}/model.pkl", "onnx_model: models/{}/model.onnx", "manifest: models/{}/manifest.json"]
        .into_iter()
        .chain([
            "leaderboard: models/{}/leaderboard.json",
            "eda_report: reports/{}/eda_report.html",
            "training_report: reports/{}/training_report.html",
        ])
        .map(|line| line.replace("{}", &job_id))
        .collect();
    assert_eq!(answer["deleted_resources"], json!(deleted));
    assert_eq!(answer["kept_resources"], json!([format!("dataset {dataset_id}: used by {other}")]));
    assert_eq!(stack.call(Method::GET, &format!("/jobs/{job_id}"), Value::Null).await.0, StatusCode::NOT_FOUND);
    let model = stack.request(Method::GET, job["onnx_model_download_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(model.status(), StatusCode::NOT_FOUND, "the model is gone");

    // The last job takes its dataset with it, although it runs.
    let response = stack.request(Method::DELETE, &format!("/jobs/{other}?delete_data=true")).send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store, no-cache, must-revalidate, max-age=0");
    let answer: Value = response.json().await.unwrap();
    let deleted = json!(["dataset files: 1", "table files: 2", format!("dataset metadata: {dataset_id}")]);
    assert_eq!((&answer["deleted_resources"], &answer["kept_resources"]), (&deleted, &json!([])), "{answer}");
    assert_eq!(stack.call(Method::GET, &format!("/datasets/{dataset_id}"), Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(stack.get("/jobs").await, json!({ "jobs": [], "next_token": null }));
}

#[tokio::test]
async fn a_job_can_be_cancelled_while_it_waits_and_while_it_runs() {
    let (_folder, stack) = Stack::fresh().await;
    // Enough work for the whole budget.
    let dataset_id = stack.dataset(&busy_table()).await;
    let running = submit(&stack, &dataset_id, "y").await;
    let waiting = submit(&stack, &dataset_id, "y").await;
    let job = stack.wait_for(&format!("/jobs/{running}"), PATIENCE, |job| job["progress"]["phase"] == "training").await;
    assert_eq!(job["status"], "running");
    assert!(job["progress"]["percent"].as_u64().unwrap() < 100 && job["progress"]["remaining_seconds"].as_f64().unwrap() > 0.0);
    for job in [&waiting, &running] {
        for _ in 0..2 {
            let answer = stack.post(&format!("/jobs/{job}/cancel"), Value::Null).await;
            assert_eq!(answer, json!({ "job_id": job, "status": "cancelled", "message": "Job cancelled" }));
        }
        let job = stack.get(&format!("/jobs/{job}")).await;
        assert_eq!((&job["status"], &job["error_message"]), (&json!("cancelled"), &json!("Training was cancelled")));
        assert!(job["completed_at"].is_string() && job["model_download_url"].is_null());
    }
    // The queue goes on with what comes next; nothing brings the cancelled ones back.
    let small = stack.dataset(&flowers().csv).await;
    let next = stack.train(&small, "kind").await;
    assert_eq!(next["status"], "completed", "{}", next["error_message"]);
    for job in [&waiting, &running] {
        assert_eq!(stack.get(&format!("/jobs/{job}")).await["status"], "cancelled");
        let (status, refused) = stack.call(Method::POST, &format!("/jobs/{job}/deploy"), json!({ "deploy": false })).await;
        let detail = "Cannot deploy job with status 'cancelled'. Only completed jobs can be deployed.";
        assert_eq!((status, &refused["detail"]), (StatusCode::BAD_REQUEST, &json!(detail)));
    }
}

/// Twelve thousand rows of noise: the search finds something to do for a minute.
fn busy_table() -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 1_000
    };
    let rows: String = (0..12_000).map(|_| format!("{},{},{},{},{},c{}\n", next(), next(), next(), next(), next(), next() % 20)).collect();
    format!("a,b,c,d,e,y\n{rows}")
}

#[tokio::test]
async fn numeric_classes_can_have_names() {
    let (_folder, stack) = Stack::fresh().await;
    let dataset_id = stack.dataset(&flowers().csv).await;
    let names = json!({ "1": "small", "2.0": "middle", "3": "large" });
    let request = |labels: Value| json!({ "dataset_id": dataset_id, "target_column": "kind", "label_mapping": labels });
    for labels in [json!({ "4": "huge" }), json!({ "small": "1" })] {
        let (status, refused) = stack.call(Method::POST, "/train", request(labels)).await;
        assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_label_mapping")), "{refused}");
    }
    let job_id = id(&stack.post("/train", request(names.clone())).await);
    let job = stack.wait_for(&format!("/jobs/{job_id}"), PATIENCE, |job| job["status"] == "completed").await;
    assert_eq!(job["label_mapping"], names);
    assert_eq!(job["preprocessing_info"]["target_mapping"], json!({ "1": "small", "2": "middle", "3": "large" }));
    stack.post(&format!("/jobs/{job_id}/deploy"), json!({ "deploy": true })).await;
    let row = json!({ "features": { "petal_length": 3.6, "petal_width": 2.4, "sepal_length": 5 } });
    let answer = stack.post(&format!("/predict/{job_id}"), row).await;
    assert_eq!((&answer["prediction"], &answer["label"]), (&json!(3), &json!("large")), "{answer}");
}

#[tokio::test]
async fn fractional_and_boolean_labels_are_classes() {
    let (_folder, stack) = Stack::fresh().await;
    let rows: String =
        (0..400).map(|row| format!("{row},{},{}\n", f64::from(row % 3) + 0.5, if row % 2 == 0 { "True" } else { "False" })).collect();
    let dataset_id = stack.dataset(&format!("n,half,flag\n{rows}")).await;
    let half = stack.train(&dataset_id, "half").await;
    assert_eq!(
        half["preprocessing_info"]["target_mapping"],
        json!({ "0.5": "0.5", "1.5": "1.5", "2.5": "2.5" }),
        "{}",
        half["error_message"]
    );
    let flag = stack.train(&dataset_id, "flag").await;
    assert_eq!(flag["preprocessing_info"]["target_mapping"], json!({ "0": "False", "1": "True" }), "{}", flag["error_message"]);
}

#[tokio::test]
async fn the_same_request_starts_one_job() {
    let (_folder, stack) = Stack::fresh().await;
    let dataset_id = stack.dataset(&flowers().csv).await;
    let train_with = async |key: &str, config: Value| {
        let body = json!({ "dataset_id": dataset_id, "target_column": "kind", "config": config });
        let answer = stack.request(Method::POST, "/train").header("idempotency-key", key).json(&body).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let train = async |key: &str, budget: u32| train_with(key, json!({ "time_budget": budget })).await;
    let (one, two, three) = tokio::join!(train("k-1", 60), train("k-1", 60), train("k-1", 60));
    assert_eq!((one.0, two.0, three.0), (StatusCode::OK, StatusCode::OK, StatusCode::OK), "{} {} {}", one.1, two.1, three.1);
    assert_eq!((id(&one.1), id(&one.1)), (id(&two.1), id(&three.1)));
    assert_eq!(train("k-1", 61).await.1["code"], "idempotency_key_used");
    for setting in [json!({ "metric": "accuracy" }), json!({ "seed": 7 }), json!({ "monotone": {}, "max_trees": 9 })] {
        let mut config = setting;
        config["time_budget"] = json!(60);
        assert_eq!(train_with("k-1", config).await.1["code"], "idempotency_key_used", "settings are part of the request");
    }
    assert_ne!(id(&train("k-2", 60).await.1), id(&one.1));
    for key in ["", &"x".repeat(256)] {
        assert_eq!(train(key, 60).await.1["code"], "invalid_idempotency_key");
    }
    assert_eq!(stack.get("/jobs").await["jobs"].as_array().unwrap().len(), 2);
    stack.call(Method::DELETE, &format!("/jobs/{}?delete_data=false", id(&one.1)), Value::Null).await;
    assert_eq!(train("k-1", 60).await.0, StatusCode::CONFLICT, "its job was deleted");
}

#[tokio::test]
async fn lists_can_be_filtered_and_paged() {
    let (_folder, stack) = Stack::fresh().await;
    let (one, other) = (stack.dataset(&flowers().csv).await, stack.dataset(&churn().csv).await);
    let mut ids = Vec::new();
    for number in 0..7 {
        let dataset_id = if number % 2 == 0 { &one } else { &other };
        let job_id = submit(&stack, dataset_id, if number % 2 == 0 { "kind" } else { "churn" }).await;
        let tags = if number < 3 { json!(["early", "x"]) } else { json!(["late"]) };
        stack.call(Method::PATCH, &format!("/jobs/{job_id}"), json!({ "tags": tags })).await;
        stack.post(&format!("/jobs/{job_id}/cancel"), Value::Null).await;
        ids.insert(0, job_id);
    }
    let listed = async |query: &str| {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let request = stack.request(Method::GET, &format!("/jobs?limit=2&user_id=default&{query}")).query(&[("next_token", &token)]);
            let page: Value = request.send().await.unwrap().json().await.unwrap();
            let jobs = page["jobs"].as_array().unwrap_or_else(|| panic!("{page}"));
            seen.extend(jobs.iter().map(id));
            match page["next_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => return (seen, token),
            }
        }
    };
    let of = |wanted: &[usize]| wanted.iter().map(|at| ids[*at].clone()).collect::<Vec<_>>();
    let (all, last_token) = listed("").await;
    assert_eq!(all, ids, "newest first");
    assert_eq!(listed("tag=early").await.0, of(&[4, 5, 6]));
    assert_eq!(listed(&format!("dataset_id={other}")).await.0, of(&[1, 3, 5]));
    assert_eq!(listed(&format!("dataset_id={one}&tag=late&status=cancelled")).await.0, of(&[0, 2]));
    assert_eq!(listed("status=completed").await.0, of(&[]));
    let foreign = stack.request(Method::GET, "/jobs?tag=early").query(&[("next_token", &last_token)]).send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::BAD_REQUEST, "a token of another filter");
}

#[tokio::test]
async fn what_is_learned_can_be_asked_for() {
    let (_folder, stack) = Stack::fresh().await;
    let dataset_id = stack.dataset(&flowers().csv).await;
    let train = async |target: &str, problem: &str| {
        let config = json!({ "problem_type": problem, "time_budget": 60 });
        stack.call(Method::POST, "/train", json!({ "dataset_id": dataset_id, "target_column": target, "config": config })).await
    };
    let (status, submitted) = train("kind", "regression").await;
    assert_eq!((status, &submitted["problem"]["reason"]), (StatusCode::OK, &json!("it was asked for")));
    let job = stack.wait_for(&format!("/jobs/{}", id(&submitted)), PATIENCE, |job| !job["completed_at"].is_null()).await;
    assert_eq!((&job["problem_type"], job["metrics"]["r2_score"].is_number()), (&json!("regression"), true), "{}", job["error_message"]);
    assert_eq!(train("kind", "clustering").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let other = stack.dataset(&churn().csv).await;
    let body = json!({ "dataset_id": other, "target_column": "city", "config": { "problem_type": "regression" } });
    let (status, refused) = stack.call(Method::POST, "/train", body).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("target_not_numeric")));
}
