//! The route for the API's document.

use api::openapi::{Link, Operation};
use serde_json::json;

use crate::deploy::{Deployment, Request};

/// What this function answers.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new("POST", "/jobs/{job_id}/deploy", "deploy_job", "Deploy or undeploy a model")
            .describe("Lets the prediction endpoint answer for a completed job, or not. Can be repeated.")
            .body::<Request>(json!({ "deploy": true }))
            .answers::<Deployment>(
                "It is done",
                json!({ "job_id": "0d6c2b8e-5a37-4e0e-9d1c-7f3f0f1f2a11", "deployed": true, "message": "Model successfully deployed" }),
            )
            .leads_to([Link::new("get_model_info", "job_id", "/job_id")])
            .refuses(400, "The job is not completed, or has no model")
            .refuses(404, "There is no such job"),
    ]
}
