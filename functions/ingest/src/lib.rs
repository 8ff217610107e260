//! From an uploaded file to a dataset: the typed table, its profile and its item.
//!
//! Two doors lead here: the storage event and the confirm call. Both do the same, in any order and at the same time: the item carries the
//! tag of the object that was read, and writing it is conditional on that, so whichever comes second finds the work done.

mod error;
mod event;
mod read;

use cloud::{CloudError, Datasets, ObjectHead, Objects, SdkConfig, Setting, keys, max_upload_bytes};
use domain::{Dataset, DatasetId, UserId};

pub use error::IngestError;

/// Where uploads and tables lie, and what is known of them.
#[derive(Debug, Clone)]
pub struct Ingest {
    objects: Objects,
    datasets: Datasets,
    bucket: String,
    max_upload_bytes: u64,
}

impl Ingest {
    /// The places that the environment names.
    pub fn from_env(config: &SdkConfig) -> Result<Self, CloudError> {
        Ok(Self {
            objects: Objects::new(config),
            datasets: Datasets::new(config, Setting::DatasetsTable.read()?),
            bucket: Setting::DatasetsBucket.read()?,
            max_upload_bytes: max_upload_bytes()?,
        })
    }

    /// Reads what was uploaded for a dataset, unless that was done already. A file that is no table makes a failed dataset. `None` when
    /// nothing was uploaded, or when the dataset was deleted.
    pub async fn ingest_upload(&self, dataset: DatasetId, owner: &UserId) -> Result<Option<Dataset>, IngestError> {
        let mut upload = self.upload(dataset).await?;
        while let Some(object) = upload {
            if let Some(known) = self.datasets.find(dataset).await?.filter(|known| is_of(known, &object)) {
                return Ok(Some(known));
            }
            let read = self.read(dataset, owner, &object).await?;
            upload = self.upload(dataset).await?;
            if upload.as_ref() == Some(&object) {
                let stored = self.datasets.put(read).await?;
                if stored.is_some() {
                    return Ok(stored);
                }
                tracing::info!(%dataset, "the dataset was deleted while it was read");
                upload = None;
            } else {
                tracing::info!(%dataset, "the upload changed while it was read");
            }
            if upload.is_none() {
                self.objects.delete_prefix(&self.bucket, &keys::table_prefix(dataset)).await?;
            }
        }
        Ok(None)
    }

    /// The dataset's object: of several, the first by name.
    async fn upload(&self, dataset: DatasetId) -> Result<Option<ObjectHead>, CloudError> {
        let objects = self.objects.list(&self.bucket, &keys::upload_prefix(dataset)).await?;
        match objects.iter().find(|object| keys::dataset_of_upload(object.key()).is_some()) {
            Some(object) => self.objects.head(object).await,
            None => Ok(None),
        }
    }
}

fn is_of(known: &Dataset, object: &ObjectHead) -> bool {
    known.object_etag.is_some() && known.object_etag == object.etag
}
