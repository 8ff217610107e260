//! `POST /jobs/{id}/deploy`: deploy or undeploy the model of a completed job.

use std::sync::Arc;

use api::{ApiError, Body, Caller, Input, PathId, ReadInput, input, internal};
use axum::{Json, extract::State};
use domain::{JobId, JobStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error deploying model";

/// Whether the prediction endpoint is to answer.
#[derive(JsonSchema)]
#[schemars(rename = "DeployRequest")]
pub(crate) struct Request {
    /// `false` takes the endpoint away.
    deploy: bool,
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self { deploy: input.required("deploy", input::boolean)? })
    }
}

/// Whether the prediction endpoint answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Deployment {
    job_id: JobId,
    deployed: bool,
    message: &'static str,
}

pub(crate) async fn deploy(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Body(request): Body<Request>,
) -> Result<Json<Deployment>, ApiError> {
    let Ok(job_id) = id.parse() else { return Err(ApiError::JobNotFound) };
    let job = app.jobs.get(&user, job_id).await.map_err(internal(WHAT))?.ok_or(ApiError::JobNotFound)?;
    if job.status != JobStatus::Completed {
        return Err(ApiError::NotCompleted(job.status));
    }
    if request.deploy && job.files.onnx_model_path.is_none() {
        return Err(ApiError::NothingToDeploy);
    }
    app.jobs.set_deployed(job_id, request.deploy).await.map_err(internal(WHAT))?.ok_or(ApiError::JobNotFound)?;
    let message = if request.deploy { "Model successfully deployed" } else { "Model successfully undeployed" };
    Ok(Json(Deployment { job_id, deployed: request.deploy, message }))
}
