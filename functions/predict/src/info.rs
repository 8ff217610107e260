//! `GET /predict/{id}/info`: what a deployed model needs, for forms.

use std::{collections::BTreeMap, sync::Arc};

use api::{ApiError, Caller, InOrder, PathId};
use axum::{Json, extract::State};
use domain::{FeatureType, Job, JobId, PreprocessingInfo, ProblemType};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

/// What a deployed model needs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ModelInfo {
    job_id: JobId,
    problem_type: Option<ProblemType>,
    target_column: String,
    dataset_name: Option<String>,
    feature_count: usize,
    feature_info: InOrder<String, FeatureInfo>,
    model_type: String,
    deployed: bool,
    example_request: ExampleRequest,
    feature_columns: Vec<String>,
}

/// How a feature is entered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct FeatureInfo {
    r#type: FeatureType,
    input_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_values: Option<Vec<String>>,
}

/// A request that works.
#[derive(Debug, Serialize, JsonSchema)]
struct ExampleRequest {
    features: InOrder<String, ExampleValue>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum ExampleValue {
    Number(u8),
    Text(String),
}

pub(crate) async fn info(State(app): State<Arc<App>>, Caller(user): Caller, PathId(id): PathId) -> Result<Json<ModelInfo>, ApiError> {
    let job = app.job(&user, &id, "Error getting prediction info").await?;
    if !job.deployed {
        return Err(ApiError::NoDeployment);
    }
    Ok(Json(ModelInfo::of(job)))
}

impl ModelInfo {
    fn of(job: Job) -> Self {
        let inputs = job.preprocessing_info.unwrap_or_default();
        let features: Vec<(String, FeatureInfo)> =
            inputs.feature_columns.iter().map(|name| (name.clone(), FeatureInfo::of(&inputs, name))).collect();
        let example = features.iter().map(|(name, feature)| (name.clone(), feature.example())).collect();
        Self {
            job_id: job.job_id,
            problem_type: job.problem_type,
            target_column: job.target_column,
            dataset_name: job.dataset_name,
            feature_count: inputs.feature_columns.len(),
            feature_info: InOrder(features),
            model_type: job.metrics.map_or_else(|| "unknown".to_owned(), |metrics| metrics.best_estimator),
            deployed: true,
            example_request: ExampleRequest { features: example },
            feature_columns: inputs.feature_columns,
        }
    }
}

impl FeatureInfo {
    fn of(inputs: &PreprocessingInfo, name: &str) -> Self {
        match inputs.feature_types.get(name) {
            Some(FeatureType::Categorical) => Self {
                r#type: FeatureType::Categorical,
                input_type: "select",
                allowed_values: Some(inputs.categorical_mappings.get(name).map(by_code).unwrap_or_default()),
            },
            Some(FeatureType::Numeric) | None => Self { r#type: FeatureType::Numeric, input_type: "number", allowed_values: None },
        }
    }

    fn example(&self) -> ExampleValue {
        match &self.allowed_values {
            Some(categories) => ExampleValue::Text(categories.first().cloned().unwrap_or_default()),
            None => ExampleValue::Number(0),
        }
    }
}

fn by_code(codes: &BTreeMap<String, u32>) -> Vec<String> {
    let mut entries: Vec<_> = codes.iter().collect();
    entries.sort_by_key(|(_, code)| **code);
    entries.into_iter().map(|(category, _)| category.clone()).collect()
}

#[cfg(test)]
mod tests {
    use domain::{DatasetId, UserId};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_can_be_made_of_the_answer() {
        let inputs = PreprocessingInfo {
            feature_columns: vec!["plan".to_owned(), "age".to_owned()],
            feature_count: 2,
            feature_types: [("plan".to_owned(), FeatureType::Categorical), ("age".to_owned(), FeatureType::Numeric)].into(),
            categorical_mappings: [("plan".to_owned(), [("b".to_owned(), 1), ("a".to_owned(), 0)].into())].into(),
            ..PreprocessingInfo::default()
        };
        let job = Job::pending(DatasetId::random(), UserId::default(), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60);
        let info = serde_json::to_value(ModelInfo::of(Job { preprocessing_info: Some(inputs), ..job })).unwrap();
        assert_eq!(info["feature_columns"], json!(["plan", "age"]));
        assert_eq!(
            info["feature_info"],
            json!({
                "plan": { "type": "categorical", "input_type": "select", "allowed_values": ["a", "b"] },
                "age": { "type": "numeric", "input_type": "number" }
            })
        );
        assert_eq!(info["example_request"], json!({ "features": { "plan": "a", "age": 0 } }));
        assert_eq!((&info["deployed"], &info["model_type"], &info["feature_count"]), (&json!(true), &json!("unknown"), &json!(2)));
    }
}
