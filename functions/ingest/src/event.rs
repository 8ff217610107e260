//! The storage event.

use std::{collections::BTreeSet, error::Error};

use aws_lambda_events::s3::S3Event;
use cloud::{Claim, keys};
use domain::{DatasetId, DatasetStatus, UserId};

use crate::{Ingest, IngestError};

impl Ingest {
    /// Reads every upload that the event tells of. The first failure is returned after all have been tried, so that the event comes again.
    pub async fn on_upload(&self, event: S3Event) -> Result<(), IngestError> {
        let mut outcome = Ok(());
        for dataset in uploaded(&event) {
            if let Err(error) = self.on_dataset(dataset).await {
                tracing::error!(%dataset, error = &error as &dyn Error, "the upload was not read");
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    }

    async fn on_dataset(&self, dataset: DatasetId) -> Result<(), IngestError> {
        let owner = match self.datasets.claim(dataset).await? {
            Claim::Owned(owner) => owner,
            Claim::Unknown => UserId::default(),
            Claim::Deleted => {
                tracing::info!(%dataset, "the dataset was deleted");
                return Ok(());
            }
        };
        match self.ingest_upload(dataset, &owner).await? {
            Some(read) if read.status == DatasetStatus::Failed => tracing::info!(%dataset, error = read.error, "not a table"),
            Some(read) => tracing::info!(%dataset, rows = read.row_count, columns = read.columns.len(), "ready"),
            None => tracing::info!(%dataset, "the upload is gone"),
        }
        Ok(())
    }
}

/// The datasets whose folders the event names. Keys are percent-encoded in events, which leaves a dataset's identifier as it is.
fn uploaded(event: &S3Event) -> BTreeSet<DatasetId> {
    event.records.iter().filter_map(|record| keys::dataset_of_upload(record.s3.object.key.as_deref()?)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(keys: &[String]) -> S3Event {
        let record = |key: &String| {
            json!({
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-west-1",
                "eventTime": "2026-01-31T12:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "userIdentity": { "principalId": "p" },
                "requestParameters": { "sourceIPAddress": "127.0.0.1" },
                "responseElements": {},
                "s3": { "s3SchemaVersion": "1.0", "bucket": { "name": "data" }, "object": { "key": key, "size": 3, "eTag": "e" } }
            })
        };
        serde_json::from_value(json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() })).unwrap()
    }

    #[test]
    fn an_event_names_each_dataset_once() {
        let (one, other) = (DatasetId::random(), DatasetId::random());
        let keys = [format!("datasets/{one}/a+b%28c%29.csv"), format!("datasets/{one}/z.csv"), format!("datasets/{other}/a.csv")];
        assert_eq!(uploaded(&event(&keys)), BTreeSet::from([one, other]));
    }

    #[test]
    fn other_objects_are_ignored() {
        let keys = [format!("tables/{}/data.parquet", DatasetId::random()), "datasets/readme.txt".to_owned()];
        assert_eq!(uploaded(&event(&keys)), BTreeSet::new());
    }
}
