//! Settings from the environment. Each program reads the ones that it uses, when it starts.

use std::{env, str::FromStr, time::Duration};

use domain::limits::MAX_UPLOAD_BYTES;

use crate::CloudError;

/// A setting without a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The bucket of uploads and tables.
    DatasetsBucket,
    /// The bucket of models.
    ModelsBucket,
    /// The bucket of reports.
    ReportsBucket,
    /// The table of datasets.
    DatasetsTable,
    /// The table of jobs.
    JobsTable,
    /// The Batch queue that jobs are submitted to.
    JobQueue,
    /// The Batch definition that jobs are made from.
    JobDefinition,
    /// The bus of the events that others subscribe to.
    EventBus,
}

impl Setting {
    /// Its environment variable.
    pub fn name(self) -> &'static str {
        match self {
            Self::DatasetsBucket => "S3_BUCKET_DATASETS",
            Self::ModelsBucket => "S3_BUCKET_MODELS",
            Self::ReportsBucket => "S3_BUCKET_REPORTS",
            Self::DatasetsTable => "DYNAMODB_DATASETS_TABLE",
            Self::JobsTable => "DYNAMODB_JOBS_TABLE",
            Self::JobQueue => "BATCH_JOB_QUEUE",
            Self::JobDefinition => "BATCH_JOB_DEFINITION",
            Self::EventBus => "EVENT_BUS",
        }
    }

    /// Its value; an empty one counts as not set.
    pub fn read(self) -> Result<String, CloudError> {
        variable(self.name()).ok_or(CloudError::MissingSetting { name: self.name() })
    }
}

/// How long a presigned URL is valid: `PRESIGNED_URL_EXPIRATION` seconds, an hour by default.
pub fn presigned_url_lifetime() -> Result<Duration, CloudError> {
    number("PRESIGNED_URL_EXPIRATION", 3_600).map(Duration::from_secs)
}

/// The largest upload: `MAX_UPLOAD_SIZE` bytes.
pub fn max_upload_bytes() -> Result<u64, CloudError> {
    number("MAX_UPLOAD_SIZE", MAX_UPLOAD_BYTES)
}

/// The region that we run in: `AWS_REGION`, or `REGION` as the trainer gets it, or the first region of all.
pub fn region() -> String {
    ["AWS_REGION", "AWS_DEFAULT_REGION", "REGION"].into_iter().find_map(variable).unwrap_or_else(|| "us-east-1".to_owned())
}

fn number<T: FromStr>(name: &'static str, default: T) -> Result<T, CloudError> {
    variable(name).map_or(Ok(default), |value| {
        value.trim().parse().map_err(|_| CloudError::InvalidSetting { name, value, expected: "a whole number" })
    })
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
