//! Between our types and DynamoDB's items. `None` is stored as `NULL`, numbers as `N`, as the system before this one did.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};

use crate::CloudError;

/// An item's attributes by name.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// DynamoDB keeps numbers of up to 38 digits between these magnitudes, and 0.
const LARGEST: f64 = 9.9e125;
const SMALLEST: f64 = 1e-130;
const MOST_DIGITS: usize = 38;

/// The item of `value`, which must serialise as a map.
pub(crate) fn to_item(value: &impl Serialize, subject: &str) -> Result<Item, CloudError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|source| CloudError::Item { subject: subject.to_owned(), source })?;
    item.values_mut().for_each(fit_numbers);
    Ok(item)
}

/// Our type from its item.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item, subject: &str) -> Result<T, CloudError> {
    serde_dynamo::from_item(item).map_err(|source| CloudError::Item { subject: subject.to_owned(), source })
}

/// The text under `name`.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Replaces the numbers that DynamoDB would refuse: too large or small ones by the nearest that it keeps, `NaN` by `NULL`.
fn fit_numbers(value: &mut AttributeValue) {
    match value {
        AttributeValue::M(entries) => entries.values_mut().for_each(fit_numbers),
        AttributeValue::L(entries) => entries.iter_mut().for_each(fit_numbers),
        AttributeValue::N(text) if text.len() > MOST_DIGITS || !text.ends_with(|last: char| last.is_ascii_digit()) => {
            *value = match text.parse::<f64>() {
                Ok(number) if !number.is_nan() => AttributeValue::N(format!("{:e}", nearest_kept(number))),
                _ => AttributeValue::Null(true),
            };
        }
        _ => {}
    }
}

fn nearest_kept(number: f64) -> f64 {
    if number.abs() < SMALLEST { 0.0 } else { number.clamp(-LARGEST, LARGEST) }
}

#[cfg(test)]
mod tests {
    use domain::{
        Dataset, DatasetId, Family, FeatureType, Job, JobFiles, JobStatus, Metric, Metrics, Monotone, NumericRange, Phase, Prediction,
        PredictionOutcome, PredictionSource, PreprocessingInfo, ProblemType, Progress, Timestamp, TrainingSettings, UnreadCells, UserId,
    };
    use proptest::prelude::*;

    use super::*;

    fn pending() -> Job {
        Job::pending(DatasetId::random(), UserId::default(), "a.csv".to_owned(), "y".to_owned(), ProblemType::Regression, 60)
    }

    fn completed() -> Job {
        Job {
            status: JobStatus::Completed,
            settings: TrainingSettings {
                metric: Some(Metric::Mae),
                estimators: vec![Family::Linear],
                weight_column: Some("w".to_owned()),
                monotone: [("a".to_owned(), Monotone::Decreasing)].into(),
                max_model_mb: Some(5.0),
                max_trees: Some(100),
                ..TrainingSettings::default()
            },
            seed: 7,
            started_at: Some(Timestamp::now()),
            progress: Some(Progress {
                best_score: Some(0.9),
                best_metric: Some("r2".to_owned()),
                candidates_tried: 3,
                ..Progress::entering(Phase::Training, 1.5)
            }),
            metrics: Some(Metrics { r2_score: Some(0.75), training_time: 59.0, best_estimator: "lgbm".to_owned(), ..Metrics::default() }),
            files: JobFiles { onnx_model_path: Some("s3://models/m".to_owned()), ..JobFiles::default() },
            preprocessing_info: Some(PreprocessingInfo {
                feature_columns: vec!["a".to_owned()],
                feature_count: 1,
                feature_types: [("a".to_owned(), FeatureType::Categorical)].into(),
                categorical_mappings: [("a".to_owned(), [("x".to_owned(), 0)].into())].into(),
                numeric_stats: [("b".to_owned(), NumericRange { min: -1.0, max: 2.5, is_integer: false })].into(),
                ..PreprocessingInfo::default()
            }),
            tags: Some(vec![]),
            deployed: true,
            ..pending()
        }
    }

    fn predicted() -> Job {
        let (source, table) = (PredictionSource::Object("inputs/default/a.csv".to_owned()), DatasetId::random());
        let job = completed().predicting(source, table, "a.csv".to_owned(), vec!["id".to_owned()]);
        let unread =
            UnreadCells { column: "a".to_owned(), expected: "date".to_owned(), cells: 2, row: Some(7), line: None, text: "x".to_owned() };
        let outcome = PredictionOutcome {
            rows: 10,
            csv_path: "s3://b/c".to_owned(),
            parquet_path: "s3://b/p".to_owned(),
            judged_rows: 9,
            unknown_targets: 1,
            unread: vec![unread],
        };
        Job { prediction: job.prediction.clone().map(|asked| Prediction { outcome: Some(outcome), ..asked }), ..job }
    }

    #[test]
    fn a_job_reads_back_as_it_was_stored() {
        for job in [pending(), completed(), predicted()] {
            assert_eq!(from_item::<Job>(to_item(&job, "").unwrap(), "").unwrap(), job);
        }
    }

    #[test]
    fn a_job_is_stored_in_the_form_that_older_readers_know() {
        let item = to_item(&completed(), "").unwrap();
        assert_eq!(item["notes"], AttributeValue::Null(true));
        assert_eq!(item["status"], AttributeValue::S("completed".to_owned()));
        assert_eq!(item["deployed"], AttributeValue::Bool(true));
        assert_eq!(item["onnx_model_path"], AttributeValue::S("s3://models/m".to_owned()));
        assert_eq!(item["metrics"].as_m().unwrap()["r2_score"], AttributeValue::N("0.75".to_owned()));
        assert_eq!(item["tags"], AttributeValue::L(vec![]));
        assert!(!item.contains_key("prediction"), "lists of trainings look for that");
    }

    #[test]
    fn an_item_of_the_system_before_reads_as_a_job() {
        let mut item = to_item(&completed(), "").unwrap();
        for addition in ["time_budget", "settings", "seed", "progress", "manifest_path", "model_sha256"] {
            item.remove(addition);
        }
        item.insert("feature_importance".to_owned(), AttributeValue::M(Item::new()));
        let job: Job = from_item(item, "").unwrap();
        assert_eq!((job.status, job.progress, job.files.onnx_model_path.as_deref()), (JobStatus::Completed, None, Some("s3://models/m")));
    }

    #[test]
    fn a_dataset_without_an_owner_belongs_to_the_default_user() {
        let failed = Dataset::failed(DatasetId::random(), UserId::new("someone"), "a.csv".to_owned(), None, 3, "empty".to_owned());
        let mut item = to_item(&failed, "").unwrap();
        item.remove("user_id");
        let read: Dataset = from_item(item, "").unwrap();
        assert_eq!(read, Dataset { user_id: UserId::default(), ..failed });
    }

    #[test]
    fn numbers_beyond_dynamodbs_are_stored_as_the_nearest_that_it_keeps() {
        let stored = |number: f64| to_item(&[("n", number)].into_iter().collect::<HashMap<_, _>>(), "").unwrap().remove("n").unwrap();
        for (number, kept) in [(1e300, "9.9e125"), (f64::NEG_INFINITY, "-9.9e125"), (5e-324, "0e0"), (-1e100, "-1e100"), (0.1, "0.1")] {
            assert_eq!(stored(number), AttributeValue::N(kept.to_owned()), "{number}");
        }
        assert_eq!(stored(f64::NAN), AttributeValue::Null(true));
    }

    proptest! {
        #[test]
        fn numbers_that_dynamodb_keeps_read_back_exactly(number in -1e120_f64..1e120, small in -1e-30_f64..1e-30) {
            for number in [number, small].into_iter().filter(|number| number.abs() >= SMALLEST) {
                let item = to_item(&HashMap::from([("n", number)]), "").unwrap();
                prop_assert!(item["n"].as_n().unwrap().len() <= MOST_DIGITS);
                prop_assert_eq!(from_item::<HashMap<String, f64>>(item, "").unwrap()["n"].to_bits(), number.to_bits());
            }
        }
    }
}
