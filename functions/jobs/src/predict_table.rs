//! `POST /predict/{id}/batch`: predict a table with a completed job's model, as a job of its own.

use std::sync::Arc;

use api::{ApiError, Body, Caller, Input, PathId, ReadInput, input, internal};
use axum::{Json, extract::State, http::HeaderMap};
use cloud::{Claim, ObjectPath, keys};
use domain::{
    DatasetId, Job, JobId, JobStatus, PredictionSource, Profile, UserId,
    limits::{MAX_COLUMNS, MAX_KEPT_BYTES, MAX_OBJECT_KEY_BYTES},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{App, submission::idempotency_key};

const WHAT: &str = "Error starting prediction";
/// What Batch is told of a metric: there is none to choose.
const NO_METRIC: &str = "auto";

/// What to predict.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "BatchPredictRequest")]
pub(crate) struct Request {
    #[schemars(flatten)]
    table: Table,
    /// Columns of the table that stand before the predictions in the results, such as identifiers to join by.
    #[schemars(default)]
    keep: Vec<String>,
}

/// Where the rows are: a dataset, or an object.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
enum Table {
    Dataset {
        /// A confirmed dataset.
        dataset_id: String,
    },
    Object {
        /// An object of the datasets bucket: `datasets/{dataset_id}/{file}` of a dataset of the caller, or `inputs/{user}/…`.
        object_key: String,
    },
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let dataset_id = input.nullable("dataset_id", input::text);
        let object_key = input.nullable("object_key", input::text);
        let table = match (dataset_id, object_key) {
            (Some(Some(dataset_id)), Some(None)) => Some(Table::Dataset { dataset_id }),
            (Some(None), Some(Some(object_key))) => Some(Table::Object { object_key }),
            (Some(_), Some(_)) => input.refuse("one_of", "Give either dataset_id or object_key"),
            _ => None,
        };
        let keep = input.nullable("keep", input::list(MAX_COLUMNS, input::text));
        Some(Self { table: table?, keep: keep?.unwrap_or_default() })
    }
}

/// A prediction that was handed to Batch.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BatchPrediction")]
pub(crate) struct Submitted {
    /// Its own job: that of `GET /jobs/{job_id}`.
    job_id: JobId,
    /// The job whose model answers.
    model_job_id: JobId,
    status: JobStatus,
}

pub(crate) async fn predict_table(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
    Body(request): Body<Request>,
) -> Result<Json<Submitted>, ApiError> {
    let model = app.model_job(&user, &id).await?;
    let key = idempotency_key(&headers, &user, &(model.job_id, &request))?;
    check_names(&request.keep, &model)?;
    let Rows { source, dataset_id, name } = match request.table {
        Table::Dataset { dataset_id } => app.rows_of_dataset(&user, &model, &dataset_id, &request.keep).await?,
        Table::Object { object_key } => app.rows_of_object(&user, &model, object_key).await?,
    };
    let job = model.predicting(source, dataset_id, name, request.keep);
    let job = app.start(job, NO_METRIC, key.as_ref(), WHAT).await?;
    Ok(Json(Submitted { job_id: job.job_id, model_job_id: model.job_id, status: job.status }))
}

/// Rows that may be predicted.
struct Rows {
    source: PredictionSource,
    dataset_id: DatasetId,
    /// Of the file.
    name: String,
}

impl App {
    /// The caller's training, which has a model.
    async fn model_job(&self, user: &UserId, id: &str) -> Result<Job, ApiError> {
        let job = self.job(user, id, WHAT).await?;
        if job.prediction.is_some() {
            return Err(ApiError::NotATraining(job.job_id));
        }
        if job.status != JobStatus::Completed {
            return Err(ApiError::NoModelYet(job.status));
        }
        if job.files.onnx_model_path.is_none() {
            return Err(ApiError::NoModel);
        }
        Ok(job)
    }

    async fn rows_of_dataset(&self, user: &UserId, model: &Job, id: &str, keep: &[String]) -> Result<Rows, ApiError> {
        let dataset = self.ready_dataset(user, id, WHAT).await?;
        check_columns(&self.profile(&dataset, WHAT).await?, model, keep)?;
        let dataset_id = dataset.dataset_id;
        Ok(Rows { source: PredictionSource::Dataset(dataset_id), dataset_id, name: dataset.filename })
    }

    /// An object that is the caller's: the upload of a dataset, read or not, or what their own programs put under their name.
    async fn rows_of_object(&self, user: &UserId, model: &Job, key: String) -> Result<Rows, ApiError> {
        let allowed = || {
            format!(
                "it is datasets/{{dataset_id}}/{{file}} of a dataset of yours, or inputs/{}/… for files of your programs",
                user.as_str()
            )
        };
        let refused = |key: String| ApiError::ObjectNotFound { key, allowed: allowed() };
        if key.len() > MAX_OBJECT_KEY_BYTES || !keys::is_plain(&key) {
            return Err(refused(key));
        }
        let dataset_id = match keys::dataset_of_upload(&key) {
            Some(dataset) if self.datasets.claim(dataset).await.map_err(internal(WHAT))? == Claim::Owned(user.clone()) => dataset,
            None if keys::is_input_of(&key, user) => model.dataset_id,
            _ => return Err(refused(key)),
        };
        match self.objects.head(&ObjectPath::new(&self.datasets_bucket, &key)).await.map_err(internal(WHAT))? {
            None => Err(refused(key)),
            Some(head) if head.size == 0 => Err(ApiError::EmptyObject(key)),
            Some(_) => {
                let name = key.rsplit('/').next().unwrap_or_default().to_owned();
                Ok(Rows { source: PredictionSource::Object(key), dataset_id, name })
            }
        }
    }
}

/// The kept columns can stand beside those of the model's predictions.
fn check_names(keep: &[String], model: &Job) -> Result<(), ApiError> {
    if keep.iter().map(String::len).sum::<usize>() > MAX_KEPT_BYTES {
        return Err(ApiError::InvalidKeep(format!("the names have more than {MAX_KEPT_BYTES} bytes together; keep fewer columns")));
    }
    if let Some((_, twice)) = keep.iter().enumerate().find(|(at, name)| keep.iter().take(*at).any(|before| before == *name)) {
        return Err(ApiError::InvalidKeep(format!("'{twice}' is there twice; name it once")));
    }
    let labels = model.preprocessing_info.iter().filter_map(|info| info.target_mapping.as_ref()).flatten();
    // The owner's names are beside the codes of numeric labels, which the columns are called by.
    let label = |(code, label)| if model.label_mapping.is_some() { code } else { label };
    let results: Vec<String> = labels.map(label).map(|label: &String| format!("probability_{label}")).collect();
    match keep.iter().find(|name| *name == "prediction" || results.contains(name)) {
        Some(taken) => {
            Err(ApiError::InvalidKeep(format!("the results have a column '{taken}' of their own; leave it out, or rename it in the table")))
        }
        None => Ok(()),
    }
}

/// The dataset has what the model needs and what is to be kept.
fn check_columns(profile: &Profile, model: &Job, keep: &[String]) -> Result<(), ApiError> {
    let absent = |names: &[String]| names.iter().filter(|name| profile.column(name).is_none()).cloned().collect::<Vec<_>>();
    let features = model.preprocessing_info.as_ref().map(|info| absent(&info.feature_columns)).unwrap_or_default();
    if !features.is_empty() {
        return Err(ApiError::MissingFeatures(features));
    }
    let kept = absent(keep);
    if kept.is_empty() {
        return Ok(());
    }
    let names = kept.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    Err(ApiError::InvalidKeep(format!("the dataset has no columns [{names}]; keep columns that it has")))
}

#[cfg(test)]
mod tests {
    use domain::{ColumnProfile, PreprocessingInfo, ProblemType};

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn model(labels: &[(&str, &str)]) -> Job {
        let user = UserId::default();
        let job = Job::pending(DatasetId::random(), user, "a.csv".to_owned(), "y".to_owned(), ProblemType::Classification, 60);
        let target_mapping = Some(labels.iter().map(|(code, label)| ((*code).to_owned(), (*label).to_owned())).collect());
        let info = PreprocessingInfo { feature_columns: names(&["age", "plan"]), target_mapping, ..PreprocessingInfo::default() };
        Job { preprocessing_info: Some(info), ..job }
    }

    fn refusal(keep: &[&str], model: &Job) -> String {
        check_names(&names(keep), model).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn kept_columns_are_not_called_as_results() {
        let texts = model(&[("0", "no"), ("1", "yes")]);
        assert_eq!(refusal(&["id", "probability_1", "y"], &texts), "");
        assert!(refusal(&["probability_yes"], &texts).starts_with("keep: the results have a column 'probability_yes'"));
        assert!(refusal(&["prediction"], &texts).contains("'prediction'"));
        assert_eq!(refusal(&["id", "id"], &texts), "keep: 'id' is there twice; name it once");
        let named = Job { label_mapping: Some([("1".to_owned(), "yes".to_owned())].into()), ..model(&[("0", "0"), ("1", "yes")]) };
        assert_eq!(refusal(&["probability_yes"], &named), "");
        assert!(refusal(&["probability_1"], &named).contains("'probability_1'"));
        assert!(refusal(&[&"x".repeat(50_001)], &named).contains("keep fewer columns"));
    }

    #[test]
    fn a_dataset_has_the_models_features_and_the_kept_columns() {
        let column = |name: &str| ColumnProfile { name: name.to_owned(), ..ColumnProfile::default() };
        let profile = |names: &[&str]| Profile { columns: names.iter().map(|name| column(name)).collect(), ..Profile::default() };
        let check = |columns: &[&str], keep: &[&str]| {
            check_columns(&profile(columns), &model(&[]), &names(keep)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(check(&["plan", "age", "id"], &["id", "age"]), "");
        assert_eq!(check(&["id"], &["none"]), "Missing required features: ['age', 'plan']", "as the prediction of single rows says it");
        assert_eq!(check(&["plan", "age"], &["id", "no"]), "keep: the dataset has no columns ['id', 'no']; keep columns that it has");
    }
}
