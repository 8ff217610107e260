//! `POST /predict/{id}`: predictions for one row or several.

use std::{sync::Arc, time::Instant};

use api::{ApiError, Body, Caller, Input, PathId, Query, ReadInput, body_bytes, input, internal};
use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use model::{Manifest, PredictionTable};
use schemars::JsonSchema;
use tokio::task::spawn_blocking;

use crate::{
    App,
    answer::{Answered, Outcome, Predicted, Run},
    csv,
    error::PredictError,
    explain::{self, explanations},
    features::{Asked, Known},
    metrics::{self, Counted, Took},
};

const WHAT: &str = "Prediction error";
const CSV: &str = "text/csv";
/// Rows that take less than it takes to have another thread predict them.
const SHORT_ROWS: usize = 4;

/// How rows are predicted.
#[derive(Debug, Clone, Copy, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Options {
    /// Refuse rows that could only be guessed at, instead of adding warnings.
    #[schemars(default)]
    strict: bool,
    /// Say what each feature adds to a prediction (SHAP values).
    #[schemars(default)]
    explain: bool,
}

impl ReadInput for Options {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let strict = input.with_default("strict", false, input::boolean);
        let explain = input.with_default("explain", false, input::boolean);
        Some(Self { strict: strict?, explain: explain? })
    }
}

/// A body of either kind.
pub(crate) struct Sent {
    asked: Asked,
    as_csv: bool,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let as_csv = content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(CSV));
        let asked = if as_csv {
            Asked::Several { rows: csv::rows(&body_bytes(request.into_body()).await?)? }
        } else {
            Body::from_request(request, state).await?.0
        };
        Ok(Self { asked, as_csv })
    }
}

pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(options): Query<Options>,
    Sent { asked, as_csv }: Sent,
) -> Result<Response, ApiError> {
    let begin = Instant::now();
    let job = app.deployment(&user, &id, WHAT).await?;
    if !job.deployed {
        app.forget(job.job_id);
        return Err(ApiError::NotDeployed);
    }
    let path = job.onnx_model_path.as_deref().ok_or(ApiError::NoModel)?;
    let model = app.models.get(&job, path).await.map_err(internal(WHAT))?;
    let manifest = model.manifest();
    let inputs = asked.inputs(Known { features: &manifest.features, ranges: &manifest.numeric_stats })?;
    let several = matches!(asked, Asked::Several { .. });
    let doubtful = inputs.warnings.iter().enumerate().find(|(_, warnings)| !warnings.is_empty());
    if let Some((row, warnings)) = doubtful.filter(|_| options.strict) {
        let error = ApiError::Doubtful(warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        return Err(if several { ApiError::InRow { row: row + 1, error: Box::new(error) } } else { error });
    }
    let batch = inputs.batch;
    if options.explain && batch.rows > explain::MAX_ROWS {
        return Err(ApiError::TooManyExplained { rows: batch.rows, most: explain::MAX_ROWS });
    }
    let pipeline = if options.explain { Some(app.models.pipeline(&job, path).await.map_err(internal(WHAT))?) } else { None };
    let table = PredictionTable::new(&manifest.labels, &job.label_names());
    let loaded = Arc::clone(&model);
    let is_short = batch.rows <= SHORT_ROWS && !options.explain;
    let run = move || {
        let start = Instant::now();
        let predictions = loaded.predict(&batch)?;
        let took = start.elapsed();
        let Manifest { features, labels, reference, .. } = loaded.manifest();
        let counts = reference.as_ref().map(|reference| reference.count(features, &batch, labels, &predictions));
        let explanations = pipeline.map(|pipeline| explanations(&pipeline, &batch, &predictions)).transpose()?;
        Ok::<_, PredictError>((Predicted { predictions, explanations }, counts, took))
    };
    let done = if is_short { run() } else { spawn_blocking(run).await.map_err(internal(WHAT))? };
    let (predicted, counts, took) = done.map_err(internal(WHAT))?;
    let counted = manifest.reference.as_ref().zip(counts.as_deref());
    let counted = counted.map(|(reference, bins)| Counted { reference, features: &manifest.features, bins });
    metrics::record(job.job_id, Took { request: begin.elapsed(), model: took }, &inputs.warnings, counted);
    if let Some(bins) = &counts {
        app.windows.add(job.job_id, inputs.warnings.len() as u64, bins).await;
    }
    if as_csv {
        let table = csv::answer(&table, &predicted, &inputs.warnings).map_err(internal(WHAT))?;
        return Ok(([(CONTENT_TYPE, CSV)], table).into_response());
    }
    let outcomes = Outcome::all(&predicted.predictions, &manifest.labels, table.labels());
    let outcomes = outcomes.ok_or(PredictError::NoOutcome).map_err(internal(WHAT))?;
    let run = Run::new(took, job.best_estimator());
    let answer = Answered::new(job.job_id, outcomes, predicted.explanations, inputs.warnings, run, several);
    Ok(Json(answer.ok_or(PredictError::NoOutcome).map_err(internal(WHAT))?).into_response())
}
