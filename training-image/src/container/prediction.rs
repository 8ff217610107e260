//! A prediction job: the model of another job, and a dataset's table or an object that is read as one. The results go beside the datasets,
//! under `predictions/`, and are there once the job is completed: a job that fails leaves none.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use cloud::{Jobs, ObjectPath, Objects, PredictionCompletion, keys};
use domain::{Job, JobStatus, Metrics, Phase, Prediction, PredictionOutcome, PredictionSource, Profile, Progress};
use model::Predictor;
use tokio::{sync::watch, task::spawn_blocking};
use trainer::{Clock, PredictedTable, PredictionError, ResultFiles, Wanted, sha256};

use super::{BINARY, environment::Environment, failure, while_wanted};

const CSV: &str = "predictions.csv";
const PARQUET: &str = "predictions.parquet";
/// The longest model file that is fetched: none longer is loaded.
const MOST_MODEL_BYTES: u64 = 1 << 30;
/// The columns whose unread cells the job's item tells of.
const MOST_UNREAD: usize = 100;

type News = watch::Sender<Option<Progress>>;

/// Predicts and stores; progress is written meanwhile.
pub(super) async fn predict_and_store(
    environment: &Environment,
    job: &Job,
    asked: &Prediction,
    clock: Clock,
    objects: &Objects,
    jobs: &Jobs,
    news: News,
) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let work = async |news| {
        let model = fetch_model(job, asked, objects, jobs).await?;
        let profile = fetch_table(environment, asked, clock, objects, folder.path(), &news).await?;
        predict(model, profile, asked, clock, folder.path(), news).await
    };
    let Some(predicted) = while_wanted(environment, jobs, news, work).await? else { return Ok(()) };
    let outcome = store(environment, objects, folder.path(), &predicted).await?;
    complete(environment, objects, jobs, Prediction { outcome: Some(outcome), ..asked.clone() }, predicted.metrics).await
}

/// The model that answers, and what its labels are called.
struct Model {
    predictor: Arc<Predictor>,
    names: BTreeMap<String, String>,
}

/// Fetches the model of the training, which must still be there and be the same owner's.
async fn fetch_model(job: &Job, asked: &Prediction, objects: &Objects, jobs: &Jobs) -> Result<Model> {
    let found = jobs.deployment(asked.model_job_id).await.context("cannot read the model's job")?;
    let Some(trained) = found.filter(|trained| trained.user_id == job.user_id) else {
        bail!("the job {} of its model was deleted; predict with another model", asked.model_job_id);
    };
    let ask = "cannot fetch the model; train it again if it has expired";
    let path: ObjectPath = trained.onnx_model_path.as_deref().context("the model's job has no model; train it again")?.parse()?;
    let file = objects.get(&path, MOST_MODEL_BYTES).await.context(ask)?;
    if trained.model_sha256.as_ref().is_some_and(|expected| *expected != sha256(&file)) {
        bail!("the model's file is not the one that was trained; train it again");
    }
    let loading = spawn_blocking(move || Predictor::load(&file));
    let predictor = loading.await.map_err(failure::of_ended_thread)?.context("cannot load the model")?;
    Ok(Model { predictor: Arc::new(predictor), names: trained.label_names() })
}

/// Puts the typed table into the folder, a dataset's own or what an object is read as; what was found as it was read.
async fn fetch_table(
    environment: &Environment,
    asked: &Prediction,
    clock: Clock,
    objects: &Objects,
    folder: &Path,
    news: &News,
) -> Result<Profile> {
    let bucket = &environment.datasets_bucket;
    let parquet = table_in(folder);
    // Told of each piece, so that a job that was ended is left while a large file arrives.
    let tell = |_| drop(news.send_replace(Some(Progress::entering(Phase::Loading, clock.elapsed().as_secs_f64()))));
    tell(0);
    match &asked.source {
        PredictionSource::Dataset(dataset) => {
            let path = ObjectPath::new(bucket, keys::table_key(*dataset));
            let ask = "cannot fetch the dataset's table; confirm the dataset again";
            objects.download_with(&path, &parquet, tell).await.context(ask)?;
            objects.profile(bucket, *dataset).await.context(ask)?.context(ask)
        }
        PredictionSource::Object(key) => {
            let file = folder.join("input");
            objects.download_with(&ObjectPath::new(bucket, key), &file, tell).await.with_context(|| format!("cannot fetch '{key}'"))?;
            let news = news.clone();
            let reading = spawn_blocking(move || {
                let mut tell = |_| drop(news.send_replace(Some(Progress::entering(Phase::Loading, clock.elapsed().as_secs_f64()))));
                let profile = table::ingest_with(&table::Input::whole(&file)?, &parquet, &mut tell)?;
                // The typed table is all that is needed from here on: the disk is not.
                let _ = std::fs::remove_file(&file);
                Ok::<_, table::TableError>(profile)
            });
            reading.await.map_err(failure::of_ended_thread)?.with_context(|| format!("'{key}' cannot be read as a table"))
        }
    }
}

fn table_in(folder: &Path) -> std::path::PathBuf {
    folder.join("data.parquet")
}

/// Predicts the table in the folder, on a thread of its own; the results are written beside it.
async fn predict(model: Model, profile: Profile, asked: &Prediction, clock: Clock, folder: &Path, news: News) -> Result<PredictedTable> {
    let (folder, keep, names) = (folder.to_owned(), asked.keep.clone(), model.names);
    let predicting = spawn_blocking(move || {
        let mut tell = |done, of| {
            let predicting = Progress::entering(Phase::Predicting, clock.elapsed().as_secs_f64());
            news.send_replace(Some(Progress { rows_done: Some(done), rows: Some(of), ..predicting }));
        };
        let (csv, parquet) = (folder.join(CSV), folder.join(PARQUET));
        let files = ResultFiles { csv: &csv, parquet: Some(&parquet) };
        trainer::predict(&model.predictor, &table_in(&folder), Wanted { keep: &keep, names: &names, profile: &profile }, files, &mut tell)
    });
    let predicted: Result<_, PredictionError> = predicting.await.map_err(failure::of_ended_thread)?;
    Ok(predicted?)
}

/// Stores the results in both forms.
async fn store(environment: &Environment, objects: &Objects, folder: &Path, predicted: &PredictedTable) -> Result<PredictionOutcome> {
    let put = async |name: &str, content_type| {
        let path = ObjectPath::new(&environment.datasets_bucket, keys::prediction_key(environment.job_id, name));
        objects.upload(&folder.join(name), &path, content_type).await.context("cannot store the results")?;
        anyhow::Ok(path.to_string())
    };
    Ok(PredictionOutcome {
        rows: predicted.rows,
        csv_path: put(CSV, "text/csv; charset=utf-8").await?,
        parquet_path: put(PARQUET, BINARY).await?,
        judged_rows: predicted.judged_rows,
        unknown_targets: predicted.unknown_targets,
        unread: predicted.unread.iter().take(MOST_UNREAD).cloned().collect(),
    })
}

/// Marks the job as completed. When it was deleted or cancelled meanwhile, what was stored for it goes too.
async fn complete(
    environment: &Environment,
    objects: &Objects,
    jobs: &Jobs,
    prediction: Prediction,
    metrics: Option<Metrics>,
) -> Result<()> {
    let job_id = environment.job_id;
    let completed = jobs.complete_prediction(job_id, &PredictionCompletion { prediction, metrics }).await;
    if completed.context("cannot mark the job as completed")? {
        tracing::info!(job = %job_id, "completed");
    } else if jobs.find(job_id).await?.is_none_or(|job| job.status == JobStatus::Cancelled) {
        tracing::info!(job = %job_id, "the job was ended: removing its results");
        remove_results(environment, objects).await?;
    }
    Ok(())
}

/// Removes what was stored for the job.
pub(super) async fn remove_results(environment: &Environment, objects: &Objects) -> Result<()> {
    objects.delete_prefix(&environment.datasets_bucket, &keys::prediction_key(environment.job_id, "")).await?;
    Ok(())
}
