//! `GET /predict/{id}/info`: what a deployed model needs, for forms.

use std::{collections::BTreeMap, sync::Arc};

use api::{ApiError, Caller, InOrder, PathId};
use axum::{Json, extract::State};
use domain::{FeatureType, Job, JobId, NumericRange, PreprocessingInfo, ProblemType};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

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
    /// What is really learned from: of dates and texts any may be sent, and the allowed values are examples.
    kind: Kind,
    /// What a number was in the training data.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<NumericRange>,
    /// What a form may begin with.
    default: ExampleValue,
}

/// What a feature's values are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "FeatureKind")]
#[serde(rename_all = "snake_case")]
enum Kind {
    Number,
    Category,
    Date,
    Text,
}

/// A request that works.
#[derive(Debug, Serialize, JsonSchema)]
struct ExampleRequest {
    features: InOrder<String, ExampleValue>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
enum ExampleValue {
    Number(#[schemars(with = "f64")] Number),
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
        let example = features.iter().map(|(name, feature)| (name.clone(), feature.default.clone())).collect();
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
            Some(FeatureType::Categorical) => {
                let values = inputs.categorical_mappings.get(name).map(by_code).unwrap_or_default();
                let kind = if inputs.date_columns.iter().any(|date| date == name) {
                    Kind::Date
                } else if inputs.text_words.contains_key(name) {
                    Kind::Text
                } else {
                    Kind::Category
                };
                Self {
                    r#type: FeatureType::Categorical,
                    input_type: "select",
                    default: ExampleValue::Text(values.first().cloned().unwrap_or_default()),
                    allowed_values: Some(values),
                    kind,
                    range: None,
                }
            }
            Some(FeatureType::Numeric) | None => {
                let range = inputs.numeric_stats.get(name).cloned();
                Self {
                    r#type: FeatureType::Numeric,
                    input_type: "number",
                    allowed_values: None,
                    kind: Kind::Number,
                    default: ExampleValue::Number(range.as_ref().map_or_else(|| 0.into(), middle)),
                    range,
                }
            }
        }
    }
}

/// A number of the range, about in its middle, of few digits where they are enough.
fn middle(range: &NumericRange) -> Number {
    let middle = f64::midpoint(range.min, range.max);
    if range.is_integer && middle.abs() < 2.0_f64.powi(53) {
        return Number::from(middle.round() as i64);
    }
    let short = format!("{middle:.3e}").parse().ok().filter(|short| (range.min..=range.max).contains(short));
    Number::from_f64(short.unwrap_or(middle)).unwrap_or_else(|| 0.into())
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
    fn a_form_begins_with_a_short_number_of_the_range() {
        let of = |min: f64, max: f64, is_integer| middle(&NumericRange { min, max, is_integer }).to_string();
        assert_eq!(of(0.12, 1.58, false), "0.85");
        assert_eq!(of(18.0, 61.0, true), "40");
        assert!(of(1.000_001, 1.000_003, false).starts_with("1.00000"), "four digits would lie outside");
    }

    #[test]
    fn a_form_can_be_made_of_the_answer() {
        let inputs = PreprocessingInfo {
            feature_columns: vec!["plan".to_owned(), "age".to_owned()],
            feature_count: 2,
            feature_types: [("plan".to_owned(), FeatureType::Categorical), ("age".to_owned(), FeatureType::Numeric)].into(),
            categorical_mappings: [("plan".to_owned(), [("b".to_owned(), 1), ("a".to_owned(), 0)].into())].into(),
            numeric_stats: [("age".to_owned(), NumericRange { min: 18.0, max: 61.0, is_integer: true })].into(),
            ..PreprocessingInfo::default()
        };
        let job = Job::pending(DatasetId::random(), UserId::default(), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60);
        let info = serde_json::to_value(ModelInfo::of(Job { preprocessing_info: Some(inputs), ..job })).unwrap();
        assert_eq!(info["feature_columns"], json!(["plan", "age"]));
        assert_eq!(
            info["feature_info"],
            json!({
                "plan": {
                    "type": "categorical", "input_type": "select", "allowed_values": ["a", "b"], "kind": "category", "default": "a"
                },
                "age": {
                    "type": "numeric", "input_type": "number", "kind": "number", "default": 40,
                    "range": { "min": 18.0, "max": 61.0, "is_integer": true }
                }
            })
        );
        assert_eq!(info["example_request"], json!({ "features": { "plan": "a", "age": 40 } }));
        assert_eq!((&info["deployed"], &info["model_type"], &info["feature_count"]), (&json!(true), &json!("unknown"), &json!(2)));
    }
}
