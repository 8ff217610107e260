//! One job, from `pending` to `completed` or `failed`: a training, or a prediction (`prediction.rs`).
//!
//! The work runs on a thread of its own; the async side keeps the job's item, fetches and stores the files and listens for SIGTERM,
//! which comes before the machine is taken away, at the time limit and when the job is ended: the search then stops, and the best model so
//! far is judged and stored as always; half a prediction is none. An error or a panic is told in the item, unless the job is gone or
//! finished. A signal that came too early for a result leaves the item as it is: only Batch knows why, and whether the job starts again.

mod environment;
mod failure;
mod item_size;
mod labels;
mod prediction;
mod progress_writer;

use std::{
    env,
    num::NonZeroUsize,
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use cloud::{Completion, Jobs, ObjectPath, Objects, keys};
use domain::{Job, JobFiles, JobId, JobStatus, Phase, Progress, Work};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::timeout,
};
use trainer::{Artefacts, Clock, Options, Outcome};

use environment::Environment;
use prediction::{predict_and_store, remove_results};
use progress_writer::write_latest;

/// What is left to finish in after SIGTERM: Batch and Fargate kill after 30 seconds.
const GRACE: Duration = Duration::from_secs(25);
/// What a process ended by SIGTERM reports: 128 + 15.
const STOPPED_CODE: u8 = 143;

const HTML: &str = "text/html; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// Does the job that the environment names.
pub(crate) fn run() -> ExitCode {
    let done = Environment::read(|name| env::var(name).ok()).and_then(|environment| {
        let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the async runtime")?;
        let done = runtime.block_on(work(&environment));
        // After a signal the search still runs on its thread: the process ends without it.
        runtime.shutdown_background();
        done
    });
    done.unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        ExitCode::FAILURE
    })
}

async fn work(environment: &Environment) -> Result<ExitCode> {
    let clock = Clock::start();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let config = cloud::config().await;
    let jobs = Jobs::new(&config, &environment.jobs_table);
    let started = jobs.start(environment.job_id, &environment.batch_job_id).await.context("cannot start the job")?;
    let Some(job) = started else {
        tracing::info!(job = %environment.job_id, "the job is gone, finished or another container's: nothing to do");
        return Ok(ExitCode::SUCCESS);
    };
    tracing::info!(
        job = %environment.job_id, work = %job.work(), dataset = %environment.dataset_id, target = environment.target, "started"
    );
    let objects = Objects::new(&config);
    let (news, latest) = watch::channel(None);
    let stop = Arc::<AtomicBool>::default();
    let working = async {
        match &job.prediction {
            Some(asked) => predict_and_store(environment, &job, asked, clock, &objects, &jobs, news).await,
            None => train_and_store(environment, &job, clock, &objects, &jobs, news, Arc::clone(&stop)).await,
        }
    };
    tokio::pin!(working);
    let done = tokio::select! {
        done = &mut working => Some(done),
        _ = terminate.recv() => {
            tracing::warn!("SIGTERM");
            let finish = async {
                if !is_worth_finishing(environment.job_id, &jobs, &latest).await {
                    return None;
                }
                stop.store(true, Ordering::Relaxed);
                Some(working.await)
            };
            timeout(GRACE, finish).await.ok().flatten()
        }
    };
    match done {
        Some(Ok(())) => Ok(ExitCode::SUCCESS),
        Some(Err(error)) => {
            fail(environment, &job, &jobs, &objects, &failure::message(job.work(), &error)).await?;
            Err(error)
        }
        None => {
            tracing::error!("stopped without a result: Batch starts the job again, or tells how it ended");
            Ok(ExitCode::from(STOPPED_CODE))
        }
    }
}

/// Whether there is a model, and a job that still wants it: one that was cancelled or deleted does not.
async fn is_worth_finishing(job_id: JobId, jobs: &Jobs, latest: &watch::Receiver<Option<Progress>>) -> bool {
    let has_model = latest.borrow().as_ref().is_some_and(|progress| progress.candidates_tried > 0);
    // Where the item cannot be read, the write at the end decides.
    has_model && jobs.find(job_id).await.map_or(true, |job| job.is_some_and(|job| !job.status.is_final()))
}

/// Tells why the job failed. Of a prediction no results are left, and so no part of them; a model that was stored may be of use.
async fn fail(environment: &Environment, job: &Job, jobs: &Jobs, objects: &Objects, reason: &str) -> Result<()> {
    let failed = jobs.fail(environment.job_id, reason).await.context("cannot mark the job as failed")?;
    if failed && job.work() == Work::Prediction {
        remove_results(environment, objects).await?;
    }
    Ok(())
}

/// Does the work while its news are written; `None` when the owner has ended the job, which leaves the work at once.
async fn while_wanted<T>(
    environment: &Environment,
    jobs: &Jobs,
    news: watch::Sender<Option<Progress>>,
    work: impl AsyncFnOnce(watch::Sender<Option<Progress>>) -> Result<T>,
) -> Result<Option<T>> {
    let mut writing = tokio::spawn(write_latest(jobs.clone(), environment.job_id, news.subscribe()));
    let done = tokio::select! {
        done = work(news) => done,
        _ = &mut writing => {
            tracing::info!(job = %environment.job_id, "the job was ended");
            return Ok(None);
        }
    };
    // The sender went with the work: only the last write is waited for, so that it never follows the completion.
    writing.await.context("the task that writes progress ended early")?;
    done.map(Some)
}

/// Trains and stores; progress is written meanwhile.
async fn train_and_store(
    environment: &Environment,
    job: &Job,
    clock: Clock,
    objects: &Objects,
    jobs: &Jobs,
    news: watch::Sender<Option<Progress>>,
    stop: Arc<AtomicBool>,
) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let work = async |news| train(environment, job, clock, objects, folder.path(), news, stop).await;
    let Some(mut outcome) = while_wanted(environment, jobs, news, work).await? else { return Ok(()) };
    if let (Some(names), Some(labels)) = (&job.label_mapping, &mut outcome.preprocessing.target_mapping) {
        labels::rename(labels, names);
    }
    let files = store(environment, objects, &outcome).await?;
    complete(environment, objects, jobs, outcome, files).await
}

/// Fetches the table and trains on it, on a thread of its own.
async fn train(
    environment: &Environment,
    job: &Job,
    clock: Clock,
    objects: &Objects,
    folder: &Path,
    news: watch::Sender<Option<Progress>>,
    stop: Arc<AtomicBool>,
) -> Result<Outcome> {
    let loading = Progress::entering(Phase::Loading, clock.elapsed().as_secs_f64());
    news.send_replace(Some(loading));
    let ask = "cannot fetch the dataset's table; confirm the dataset again";
    let profile = objects.profile(&environment.datasets_bucket, environment.dataset_id).await.context(ask)?.context(ask)?;
    let parquet = folder.join("data.parquet");
    objects
        .download(&ObjectPath::new(&environment.datasets_bucket, keys::table_key(environment.dataset_id)), &parquet)
        .await
        .context(ask)?;

    let options = Options {
        job: environment.job_id.to_string(),
        target: environment.target.clone(),
        problem_type: job.problem_type,
        settings: job.settings.clone(),
        time_budget: environment.time_budget,
        seed: job.seed.into(),
        memory: trainer::available_memory(),
        threads: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        stop,
    };
    let folder = folder.to_owned();
    let training = spawn_blocking(move || {
        let mut tell = |progress| drop(news.send_replace(Some(progress)));
        trainer::run(&parquet, &profile, &options, &folder, clock, &mut tell)
    });
    match training.await {
        Ok(trained) => Ok(trained?),
        Err(ended) => Err(failure::of_ended_thread(ended)),
    }
}

/// Stores the files of a training in their buckets.
async fn store(environment: &Environment, objects: &Objects, outcome: &Outcome) -> Result<JobFiles> {
    let Artefacts { eda_report, training_report, model, pickle, manifest, leaderboard } = &outcome.artefacts;
    let put = async |file: &Path, bucket: &str, key: fn(JobId, &str) -> String, content_type| {
        let name = file.file_name().context("a result has no name")?.to_string_lossy();
        let path = ObjectPath::new(bucket, key(environment.job_id, &name));
        objects.upload(file, &path, content_type).await.context("cannot store the results")?;
        anyhow::Ok(Some(path.to_string()))
    };
    let (models, reports) = (&environment.models_bucket, &environment.reports_bucket);
    let eda_report = put(eda_report, reports, keys::report_key, HTML).await?;
    Ok(JobFiles {
        onnx_model_path: put(model, models, keys::model_key, BINARY).await?,
        model_path: put(pickle, models, keys::model_key, BINARY).await?,
        manifest_path: put(manifest, models, keys::model_key, "application/json").await?,
        leaderboard_path: put(leaderboard, models, keys::model_key, "application/json").await?,
        training_report_path: put(training_report, reports, keys::report_key, HTML).await?,
        report_path: eda_report.clone(),
        eda_report_path: eda_report,
        model_sha256: Some(outcome.model_sha256.clone()),
    })
}

/// Marks the job as completed. When it was deleted or cancelled meanwhile, what was stored for it goes too.
async fn complete(environment: &Environment, objects: &Objects, jobs: &Jobs, outcome: Outcome, files: JobFiles) -> Result<()> {
    let job_id = environment.job_id;
    let completion = Completion {
        problem_type: outcome.problem_type,
        metrics: outcome.metrics,
        files,
        preprocessing_info: item_size::fit(outcome.preprocessing),
    };
    if jobs.complete(job_id, &completion).await.context("cannot mark the job as completed")? {
        tracing::info!(job = %job_id, best = completion.metrics.best_estimator, "completed");
    } else if jobs.find(job_id).await?.is_none_or(|job| job.status == JobStatus::Cancelled) {
        tracing::info!(job = %job_id, "the job was ended: removing its results");
        objects.delete_prefix(&environment.models_bucket, &keys::model_key(job_id, "")).await?;
        objects.delete_prefix(&environment.reports_bucket, &keys::report_key(job_id, "")).await?;
    }
    Ok(())
}
