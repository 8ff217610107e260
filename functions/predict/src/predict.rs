//! `POST /predict/{id}`: the prediction for one row.

use std::{sync::Arc, time::Instant};

use api::{ApiError, Body, Caller, PathId, internal};
use axum::{Json, extract::State};
use tokio::task::spawn_blocking;

use crate::{
    App,
    answer::{Answer, Outcome},
    error::PredictError,
    features::Features,
};

const WHAT: &str = "Prediction error";

pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Body(features): Body<Features>,
) -> Result<Json<Answer>, ApiError> {
    let job = app.job(&user, &id, WHAT).await?;
    if !job.deployed {
        return Err(ApiError::NotDeployed);
    }
    let path = job.files.onnx_model_path.as_deref().ok_or(ApiError::NoModel)?;
    let model = app.models.get(&job, path).await.map_err(internal(WHAT))?;
    let batch = features.batch(&model.manifest().features)?;
    let names =
        job.label_mapping.is_some().then_some(job.preprocessing_info).flatten().and_then(|info| info.target_mapping).unwrap_or_default();
    let run = spawn_blocking(move || {
        let start = Instant::now();
        let predictions = model.predict(&batch)?;
        let outcome = Outcome::of(&predictions, &model.manifest().labels, &names).ok_or(PredictError::NoOutcome)?;
        Ok::<_, PredictError>((outcome, start.elapsed()))
    });
    let (outcome, took) = run.await.map_err(internal(WHAT))?.map_err(internal(WHAT))?;
    Ok(Json(Answer::new(job.job_id, outcome, took, job.metrics.map(|metrics| metrics.best_estimator))))
}
