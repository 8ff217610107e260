//! What predicting needs of a job: a small part of its item, which is read for every request.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{JobId, UserId};
use serde::Deserialize;

use crate::{CloudError, Jobs, error::failed, item::from_item};

/// The attributes that are read; where one is a part of another, with a dot.
const ATTRIBUTES: [&str; 8] = [
    "job_id",
    "user_id",
    "deployed",
    "onnx_model_path",
    "model_sha256",
    "label_mapping",
    "preprocessing_info.target_mapping",
    "metrics.best_estimator",
];

/// A job as far as predicting needs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deployment {
    /// The job.
    pub job_id: JobId,
    /// Its owner.
    #[serde(default)]
    pub user_id: UserId,
    /// Whether predictions are answered.
    #[serde(default)]
    pub deployed: bool,
    /// The model, as `s3://bucket/key`; `None` where there is none.
    #[serde(default)]
    pub onnx_model_path: Option<String>,
    /// SHA-256 of the model file, in hex; jobs of the system before this one have none.
    #[serde(default)]
    pub model_sha256: Option<String>,
    #[serde(default)]
    label_mapping: Option<BTreeMap<String, String>>,
    #[serde(default)]
    preprocessing_info: Option<Labels>,
    #[serde(default)]
    metrics: Option<Winner>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Labels {
    #[serde(default)]
    target_mapping: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Winner {
    #[serde(default)]
    best_estimator: Option<String>,
}

impl Deployment {
    /// What the owner calls the labels, by their codes; empty where the owner did not name any.
    pub fn label_names(&self) -> BTreeMap<String, String> {
        let named = self.label_mapping.is_some().then_some(self.preprocessing_info.as_ref()).flatten();
        named.and_then(|labels| labels.target_mapping.clone()).unwrap_or_default()
    }

    /// The name of the chosen model.
    pub fn best_estimator(&self) -> Option<&str> {
        self.metrics.as_ref()?.best_estimator.as_deref()
    }
}

impl Jobs {
    /// Anyone's job, as far as predicting needs it, read after all that was written.
    pub async fn deployment(&self, job: JobId) -> Result<Option<Deployment>, CloudError> {
        // Each part has a name of its own: some are words of DynamoDB's.
        let paths = ATTRIBUTES.map(|path| path.split('.').map(|part| format!("#{part}")).collect::<Vec<_>>().join("."));
        let parts = ATTRIBUTES.iter().flat_map(|path| path.split('.'));
        let names: HashMap<String, String> = parts.map(|part| (format!("#{part}"), part.to_owned())).collect();
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("job_id", AttributeValue::S(job.to_string()))
            .consistent_read(true)
            .projection_expression(paths.join(", "))
            .set_expression_attribute_names(Some(names));
        let subject = format!("job {job}");
        let item = request.send().await.map_err(failed("GetItem", &subject))?.item;
        item.map(|item| from_item(item, &subject)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use domain::{DatasetId, Job, JobFiles, Metrics, PreprocessingInfo, ProblemType};

    use super::*;
    use crate::item::to_item;

    #[test]
    fn a_jobs_item_says_what_predicting_needs() {
        let job =
            Job::pending(DatasetId::random(), UserId::new("someone"), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60);
        let read = |job: &Job| from_item::<Deployment>(to_item(job, "").unwrap(), "").unwrap();
        let pending = read(&job);
        assert_eq!((pending.job_id, pending.user_id.as_str(), pending.deployed), (job.job_id, "someone", false));
        assert_eq!((pending.label_names().len(), pending.best_estimator()), (0, None));

        let names: BTreeMap<String, String> = [("0".to_owned(), "stays".to_owned())].into();
        let trained = Job {
            label_mapping: Some(names.clone()),
            preprocessing_info: Some(PreprocessingInfo { target_mapping: Some(names.clone()), ..PreprocessingInfo::default() }),
            metrics: Some(Metrics { best_estimator: "linear".to_owned(), ..Metrics::default() }),
            files: JobFiles { onnx_model_path: Some("s3://a/b".to_owned()), model_sha256: Some("00".to_owned()), ..JobFiles::default() },
            deployed: true,
            ..job
        };
        let deployed = read(&trained);
        assert_eq!((deployed.label_names(), deployed.best_estimator(), deployed.deployed), (names, Some("linear"), true));
        assert_eq!((deployed.onnx_model_path, deployed.model_sha256), (trained.files.onnx_model_path, trained.files.model_sha256));
    }
}
