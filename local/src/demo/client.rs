//! The few calls of the HTTP interface that the demo makes, and the parts of the answers that it shows.

use std::path::Path;

use anyhow::{Context as _, bail};
use reqwest::{Response, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

pub(super) struct Client {
    http: reqwest::Client,
    base: String,
}

#[derive(Deserialize)]
pub(super) struct Upload {
    pub(super) dataset_id: String,
    upload_url: String,
}

#[derive(Deserialize)]
pub(super) struct Dataset {
    pub(super) row_count: u64,
    pub(super) columns: Vec<String>,
}

/// A table's first rows.
#[derive(Deserialize)]
pub(super) struct Preview {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct Submitted {
    job_id: String,
}

#[derive(Deserialize)]
pub(super) struct Job {
    pub(super) status: String,
    pub(super) error_message: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) metrics: Map<String, Value>,
    progress: Option<Progress>,
    preprocessing_info: Option<Inputs>,
    onnx_model_download_url: Option<String>,
    model_download_url: Option<String>,
    eda_report_download_url: Option<String>,
    training_report_download_url: Option<String>,
}

#[derive(Deserialize)]
struct Progress {
    phase: Option<String>,
    elapsed_seconds: f64,
    best_score: Option<f64>,
    best_metric: Option<String>,
    best_estimator: Option<String>,
    candidates_tried: u32,
}

#[derive(Deserialize)]
struct Inputs {
    feature_columns: Vec<String>,
    feature_types: Map<String, Value>,
    target_mapping: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
pub(super) struct Prediction {
    #[serde(rename = "prediction")]
    value: Value,
    probability: Option<f64>,
    inference_time_ms: f64,
    model_type: String,
}

/// A line about a running job; the key changes when the line is worth printing again.
pub(super) struct News {
    pub(super) key: String,
    pub(super) line: String,
}

impl Client {
    pub(super) fn new(base: &str) -> Self {
        Self { http: reqwest::Client::new(), base: base.to_owned() }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) async fn request_upload(&self, data: &Path) -> anyhow::Result<Upload> {
        let filename = data.file_name().context("the data path names no file")?.to_string_lossy();
        self.post("/upload/request-url", &json!({ "filename": filename })).await
    }

    pub(super) async fn put(&self, upload: &Upload, data: &Path) -> anyhow::Result<()> {
        let file = tokio::fs::File::open(data).await.with_context(|| format!("cannot read {}", data.display()))?;
        let length = file.metadata().await?.len();
        let request = self
            .http
            .put(&upload.upload_url)
            .header(header::CONTENT_TYPE, "text/csv")
            .header(header::CONTENT_LENGTH, length)
            .body(reqwest::Body::from(file));
        accepted(request.send().await.context("cannot upload")?, "PUT of the file").await?;
        Ok(())
    }

    pub(super) async fn confirm(&self, dataset_id: &str) -> anyhow::Result<Dataset> {
        self.post(&format!("/datasets/{dataset_id}/confirm"), &Value::Null).await
    }

    pub(super) async fn train(&self, dataset_id: &str, target: &str, budget: u32) -> anyhow::Result<String> {
        let body = json!({ "dataset_id": dataset_id, "target_column": target, "config": { "time_budget": budget } });
        let submitted: Submitted = self.post("/train", &body).await?;
        Ok(submitted.job_id)
    }

    pub(super) async fn preview(&self, dataset_id: &str) -> anyhow::Result<Preview> {
        self.get(&format!("/datasets/{dataset_id}/preview?rows=100")).await
    }

    pub(super) async fn job(&self, job_id: &str) -> anyhow::Result<Job> {
        self.get(&format!("/jobs/{job_id}")).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await?;
        parsed(answer, &format!("GET {path}")).await
    }

    pub(super) async fn deploy(&self, job_id: &str) -> anyhow::Result<()> {
        let _: Value = self.post(&format!("/jobs/{job_id}/deploy"), &json!({ "deploy": true })).await?;
        Ok(())
    }

    pub(super) async fn predict(&self, job_id: &str, features: &Map<String, Value>) -> anyhow::Result<Prediction> {
        self.post(&format!("/predict/{job_id}"), &json!({ "features": features })).await
    }

    /// Writes what a presigned URL gives to `path`.
    pub(super) async fn download(&self, url: &str, path: &Path) -> anyhow::Result<()> {
        let answer = accepted(self.http.get(url).send().await?, "download").await?;
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        tokio::fs::write(path, answer.bytes().await?).await.with_context(|| format!("cannot write {}", path.display()))
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = if body.is_null() { request } else { request.json(body) };
        parsed(request.send().await.with_context(|| format!("cannot reach {}", self.base))?, &format!("POST {path}")).await
    }
}

async fn parsed<T: DeserializeOwned>(answer: Response, what: &str) -> anyhow::Result<T> {
    accepted(answer, what).await?.json().await.with_context(|| format!("{what} answered in an unknown form"))
}

async fn accepted(answer: Response, what: &str) -> anyhow::Result<Response> {
    let status = answer.status();
    if !status.is_success() {
        bail!("{what} answered {status}: {}", answer.text().await.unwrap_or_default());
    }
    Ok(answer)
}

fn null_as_default<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Job {
    pub(super) fn news(&self) -> News {
        let Some(progress) = &self.progress else { return News { key: self.status.clone(), line: self.status.clone() } };
        let best = match (progress.best_score, &progress.best_metric, &progress.best_estimator) {
            (Some(score), Some(metric), Some(estimator)) => format!("best {metric} {score:.4} by {estimator}, "),
            _ => String::new(),
        };
        let phase = progress.phase.as_deref().unwrap_or(&self.status);
        let line = format!("{:>6.1} s  {phase:<10} {best}{} models fitted", progress.elapsed_seconds, progress.candidates_tried);
        News { key: format!("{phase} {best} {}", progress.candidates_tried), line }
    }

    /// What a finished job offers: its name, its URL and the file name to keep it under.
    pub(super) fn downloads(&self) -> [(&'static str, Option<&str>, &'static str); 4] {
        [
            ("data", self.eda_report_download_url.as_deref(), "eda_report.html"),
            ("training", self.training_report_download_url.as_deref(), "training_report.html"),
            ("onnx", self.onnx_model_download_url.as_deref(), "model.onnx"),
            ("pickle", self.model_download_url.as_deref(), "model.pkl"),
        ]
    }

    /// The model's inputs in order, and whether each is a number.
    pub(super) fn feature_columns(&self) -> Vec<(String, bool)> {
        let Some(inputs) = &self.preprocessing_info else { return Vec::new() };
        let is_numeric = |name: &str| inputs.feature_types.get(name).and_then(Value::as_str) == Some("numeric");
        inputs.feature_columns.iter().map(|name| (name.clone(), is_numeric(name))).collect()
    }

    /// A prediction in words: the label behind its code, how sure the model is, how long it took.
    pub(super) fn describe(&self, answer: &Prediction) -> String {
        let code = match &answer.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mapping = self.preprocessing_info.as_ref().and_then(|inputs| inputs.target_mapping.as_ref());
        let label = mapping.and_then(|mapping| mapping.get(&code)).and_then(Value::as_str).unwrap_or(&code);
        let certainty = answer.probability.map(|p| format!(" with probability {p:.3}")).unwrap_or_default();
        format!("{label}{certainty}, by {} in {} ms", answer.model_type, answer.inference_time_ms)
    }
}
