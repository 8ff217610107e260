//! One object, read once: down to a temporary file, converted, and its table and profile up again.

use std::path::Path;

use cloud::{ObjectHead, ObjectPath, keys};
use domain::{Dataset, DatasetId, Profile, UserId};
use table::{Arrival, Input, TableError};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::{Ingest, IngestError};

const PARQUET: &str = "application/vnd.apache.parquet";

impl Ingest {
    /// The dataset of an object. Its table and profile are stored when this returns; its item is not.
    pub(crate) async fn read(&self, dataset: DatasetId, owner: &UserId, object: &ObjectHead) -> Result<Dataset, IngestError> {
        let filename = filename_of(object).to_owned();
        let (owner, etag) = (owner.clone(), object.etag.clone());
        Ok(match self.convert(dataset, object).await? {
            Ok(profile) => Dataset::ready(dataset, owner, filename, etag, &profile),
            Err(reason) => Dataset::failed(dataset, owner, filename, etag, object.size, reason),
        })
    }

    /// The profile of the stored table, or what is wrong with the file.
    async fn convert(&self, dataset: DatasetId, object: &ObjectHead) -> Result<Result<Profile, String>, IngestError> {
        if object.size > self.max_upload_bytes {
            return Ok(Err(format!("the file is too large: it has {} bytes, at most {} are allowed", object.size, self.max_upload_bytes)));
        }
        let folder = TempDir::new().map_err(IngestError::TemporaryFolder)?;
        let (upload, parquet) = (folder.path().join("upload"), folder.path().join("data.parquet"));
        let profile = match self.read_as_it_arrives(object, &upload, &parquet).await? {
            Ok(profile) => Profile { file_name: filename_of(object).to_owned(), ..profile },
            Err(error) if error.is_about_the_table() => return Ok(Err(error.to_string())),
            Err(error) => return Err(IngestError::Table(error)),
        };
        let path = |key| ObjectPath::new(&self.bucket, key);
        self.objects.upload(&parquet, &path(keys::table_key(dataset)), PARQUET).await?;
        let sample = folder.path().join("sample.parquet");
        let (profile, is_part) = spawn_blocking({
            let sample = sample.clone();
            move || table::sample_for_relations(&parquet, &profile, &sample).map(|is_part| (profile, is_part))
        })
        .await?
        .map_err(IngestError::Table)?;
        if is_part {
            self.objects.upload(&sample, &path(keys::sample_key(dataset)), PARQUET).await?;
        }
        self.objects.put(&path(keys::profile_key(dataset)), serde_json::to_vec(&profile)?, "application/json").await?;
        Ok(Ok(profile))
    }

    /// Downloads an object and reads it at the same time. A file that turns out to be no table is not downloaded to its end.
    async fn read_as_it_arrives(
        &self,
        object: &ObjectHead,
        upload: &Path,
        parquet: &Path,
    ) -> Result<Result<Profile, TableError>, IngestError> {
        std::fs::File::create(upload).map_err(IngestError::TemporaryFolder)?;
        let arrival = Arrival::default();
        let input = Input::arriving(upload, object.size, arrival.clone());
        let parquet = parquet.to_owned();
        let mut reading = spawn_blocking(move || table::ingest_with(&input, &parquet, &mut |_| {}));
        tokio::select! {
            downloaded = self.objects.download_with(&object.path, upload, |bytes| arrival.reached(bytes)) => {
                match &downloaded {
                    Ok(()) => arrival.complete(),
                    Err(_) => arrival.break_off(),
                }
                let read = reading.await?;
                downloaded?;
                Ok(read)
            }
            read = &mut reading => {
                arrival.break_off();
                Ok(read?)
            }
        }
    }
}

fn filename_of(object: &ObjectHead) -> &str {
    object.path.key().rsplit('/').next().unwrap_or_default()
}
