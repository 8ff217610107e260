//! `automl-local demo`: the main job as a client sees it, over HTTP only: upload a table, train, deploy, predict, and show where
//! the reports and the model are. Uses the stack that runs on the port, or starts one for as long as it takes.

mod client;
mod sample;
mod stack;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use client::{Client, Job, Preview};
use stack::Stack;

/// How often a running job is asked for its news.
const POLL: Duration = Duration::from_millis(500);
/// What the job may take beyond its budget before the demo gives up: start-up, reports and upload.
const GRACE: Duration = Duration::from_mins(2);

/// What to run the demo on.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A table's file; by default one of wine qualities that ships with the program
    #[arg(long, requires = "target")]
    pub data: Option<PathBuf>,
    /// The column to predict
    #[arg(long)]
    pub target: Option<String>,
    /// Seconds that training may take (60 to 3600)
    #[arg(long, default_value_t = 60)]
    pub budget: u32,
    /// Port of the API
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// Folder of the stack's data and of what the demo downloads
    #[arg(long = "local", default_value = ".local")]
    pub folder: PathBuf,
}

/// Runs the demo and prints each step.
///
/// # Errors
/// The first step that fails, with what failed; the caller adds where the logs are.
#[expect(clippy::print_stdout, reason = "the demo's output is its product")]
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let started = Instant::now();
    let (data, target) = match (options.data, options.target) {
        (Some(data), Some(target)) => (data, target),
        _ => (sample::write(&options.folder.join("demo"))?, sample::TARGET.to_owned()),
    };
    let bytes = std::fs::metadata(&data).with_context(|| format!("cannot read {}", data.display()))?.len();
    let stack = Stack::running_or_started(options.port, &options.folder).await?;
    println!("stack     {} ({})", stack.url(), if stack.is_ours() { "started for this demo" } else { "already running" });
    println!("table     {} ({bytes} bytes)", data.display());
    let client = Client::new(stack.url());
    let done = tokio::select! {
        done = main_job(&client, &data, &target, options.budget, &options.folder) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let stopped = stack.stop().await;
    done.and(stopped)?;
    println!("done      in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Upload, train, download, deploy, predict.
#[expect(clippy::print_stdout, reason = "the demo's output is its product")]
async fn main_job(client: &Client, data: &Path, target: &str, budget: u32, folder: &Path) -> anyhow::Result<()> {
    let upload = client.request_upload(data).await?;
    client.put(&upload, data).await?;
    println!("upload    dataset {}", upload.dataset_id);

    let dataset = client.confirm(&upload.dataset_id).await?;
    println!("dataset   {} rows, {} columns", dataset.row_count, dataset.columns.len());

    let target = column_meant(target, &dataset.columns)?;
    let job_id = client.train(&upload.dataset_id, target, budget).await?;
    println!("train     job {job_id}: predict '{target}' within {budget} s");
    let deadline = Instant::now() + Duration::from_secs(budget.into()) + GRACE;
    let job = watch(client, &job_id, deadline).await?;
    print_metrics(&job);

    let results = folder.join("results").join(&job_id);
    for (what, url, name) in job.downloads() {
        let path = results.join(name);
        client.download(url.with_context(|| format!("the finished job has no {what}"))?, &path).await?;
        println!("{what:<9} {}", path.canonicalize().unwrap_or(path).display());
    }

    client.deploy(&job_id).await?;
    println!("deploy    POST {}/predict/{job_id}", client.base());
    let row = first_row(client.preview(&upload.dataset_id).await?, &job.feature_columns())?;
    let answer = client.predict(&job_id, &row.features).await?;
    println!("predict   {}", Value::Object(row.features));
    println!("answer    {}", job.describe(&answer));
    if let Some(actual) = row.cells.iter().find(|(name, _)| name == target) {
        println!("actual    {}", actual.1);
    }
    Ok(())
}

/// The column of that name, or the only one that has it but for the blanks around it: make drops those of its arguments.
fn column_meant<'a>(target: &'a str, columns: &'a [String]) -> anyhow::Result<&'a str> {
    let mut similar = columns.iter().filter(|column| column.trim() == target.trim());
    match (columns.iter().any(|column| column == target), similar.next(), similar.next()) {
        (true, ..) => Ok(target),
        (false, Some(column), None) => Ok(column),
        _ => bail!("the table has no column '{target}'; it has {}", columns.join(", ")),
    }
}

/// Prints a running job's news until it has ended.
#[expect(clippy::print_stdout, reason = "the demo's output is its product")]
async fn watch(client: &Client, job_id: &str, deadline: Instant) -> anyhow::Result<Job> {
    let mut shown = String::new();
    loop {
        let job = client.job(job_id).await?;
        match job.status.as_str() {
            "completed" => return Ok(job),
            "failed" | "cancelled" => bail!("{}", job.error_message.unwrap_or_else(|| "the job failed without a reason".to_owned())),
            _ if Instant::now() > deadline => bail!("job {job_id} is still {} long after its time budget", job.status),
            _ => {}
        }
        let news = job.news();
        if news.key != shown {
            println!("          {}", news.line);
            shown = news.key;
        }
        tokio::time::sleep(POLL).await;
    }
}

#[expect(clippy::print_stdout, reason = "the demo's output is its product")]
fn print_metrics(job: &Job) {
    let figures = job.metrics.iter().filter_map(|(name, value)| match value {
        Value::Number(number) => number.as_f64().map(|number| format!("{name} {number:.4}")),
        _ => None,
    });
    println!("metrics   {}", figures.collect::<Vec<_>>().join("  "));
    println!("model     {}", job.metrics.get("best_estimator").and_then(Value::as_str).unwrap_or("unknown"));
}

/// A data row: all its cells, and those that a model asks for in the form that `/predict` takes.
struct Row {
    cells: Vec<(String, String)>,
    features: Map<String, Value>,
}

/// The table's first complete row, or its first row with 0 and empty text in the gaps.
fn first_row(preview: Preview, features: &[(String, bool)]) -> anyhow::Result<Row> {
    let Preview { columns, rows } = preview;
    let complete = rows.iter().position(|row| row.iter().all(Option::is_some)).unwrap_or(0);
    let row = rows.into_iter().nth(complete).context("the table has no data row")?;
    let cells: Vec<(String, String)> = columns.into_iter().zip(row.into_iter().map(Option::unwrap_or_default)).collect();
    let value = |name: &str, numeric: bool| {
        let cell = cells.iter().find(|(header, _)| header == name).map_or("", |(_, cell)| cell.as_str());
        match cell.trim() {
            _ if !numeric => Value::from(cell),
            flag if flag.eq_ignore_ascii_case("true") => Value::from(true),
            number => Value::from(number.parse::<f64>().unwrap_or(0.0)),
        }
    };
    let features = features.iter().map(|(name, numeric)| (name.clone(), value(name, *numeric))).collect();
    Ok(Row { cells, features })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_without_its_blanks() {
        let columns = ["age", " income", "a", " a"].map(str::to_owned);
        assert_eq!(column_meant("income", &columns).unwrap(), " income");
        assert_eq!(column_meant("a", &columns).unwrap(), "a");
        assert!(column_meant("a ", &columns).is_err(), "two columns could be meant");
        assert!(column_meant("b", &columns).unwrap_err().to_string().contains("age"));
    }
}
