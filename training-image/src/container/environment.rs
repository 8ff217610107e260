//! What Batch passes to the container.

use std::time::Duration;

use anyhow::{Result, bail};
use domain::{DatasetId, JobId};

/// The job, as its environment names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) job_id: JobId,
    pub(crate) dataset_id: DatasetId,
    pub(crate) target: String,
    pub(crate) time_budget: Duration,
    pub(crate) datasets_bucket: String,
    pub(crate) models_bucket: String,
    pub(crate) reports_bucket: String,
    pub(crate) jobs_table: String,
    /// Batch's own identifier of the job.
    pub(crate) batch_job_id: String,
}

impl Environment {
    /// Reads every variable through `variable`; the error names all that are missing.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let names = [
            "JOB_ID",
            "DATASET_ID",
            "TARGET_COLUMN",
            "TIME_BUDGET",
            "S3_BUCKET_DATASETS",
            "S3_BUCKET_MODELS",
            "S3_BUCKET_REPORTS",
            "DYNAMODB_JOBS_TABLE",
            "AWS_BATCH_JOB_ID",
        ];
        let values = names.map(|name| variable(name).filter(|value| !value.is_empty()));
        let missing: Vec<&str> = names.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        let [
            Some(job),
            Some(dataset),
            Some(target),
            Some(budget),
            Some(datasets),
            Some(models),
            Some(reports),
            Some(jobs),
            Some(batch_job_id),
        ] = values
        else {
            bail!("set the environment variables {}; the jobs function and Batch pass them", missing.join(", "));
        };
        let Ok(seconds @ 1..) = budget.trim().parse() else {
            bail!("TIME_BUDGET is '{budget}'; set it to a number of seconds");
        };
        Ok(Self {
            job_id: job.parse()?,
            dataset_id: dataset.parse()?,
            target,
            time_budget: Duration::from_secs(seconds),
            datasets_bucket: datasets,
            models_bucket: models,
            reports_bucket: reports,
            jobs_table: jobs,
            batch_job_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "3f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11";

    fn variable(name: &str) -> String {
        let value = match name {
            "JOB_ID" | "DATASET_ID" => JOB,
            "TIME_BUDGET" => "90",
            "TARGET_COLUMN" => " income",
            other => other,
        };
        value.to_owned()
    }

    #[test]
    fn a_complete_environment_names_the_job() {
        let environment = Environment::read(|name| Some(variable(name))).unwrap();
        assert_eq!(environment.job_id.to_string(), JOB);
        assert_eq!(environment.time_budget, Duration::from_secs(90));
        assert_eq!(environment.target, " income", "a column's name may begin with a blank");
        assert_eq!(environment.models_bucket, "S3_BUCKET_MODELS");
    }

    #[test]
    fn all_missing_variables_are_named_at_once() {
        let error = Environment::read(|name| Some(variable(name)).filter(|_| !name.starts_with("S3_"))).unwrap_err();
        assert!(error.to_string().contains("S3_BUCKET_DATASETS, S3_BUCKET_MODELS, S3_BUCKET_REPORTS;"), "{error}");
    }

    #[test]
    fn a_budget_that_is_no_number_of_seconds_is_refused() {
        for budget in ["", "soon", "0", "-5", "1.5"] {
            let read = Environment::read(|name| Some(if name == "TIME_BUDGET" { budget.to_owned() } else { variable(name) }));
            assert!(read.unwrap_err().to_string().contains("TIME_BUDGET"), "{budget:?}");
        }
    }

    #[test]
    fn an_identifier_that_is_none_is_refused() {
        let read = Environment::read(|name| Some(if name == "JOB_ID" { "7".to_owned() } else { variable(name) }));
        assert_eq!(read.unwrap_err().to_string(), "'7' is not a UUID");
    }
}
