//! Objects on S3.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    config::{Builder, ProvideCredentials, SharedCredentialsProvider},
    error::SdkError,
    operation::get_object::{GetObjectError, GetObjectOutput},
    presigning::PresigningConfig,
    primitives::{ByteStream, Length},
    types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier},
};
use bytes::Bytes;
use domain::{DatasetId, Profile};
use serde::de::DeserializeOwned;
use tokio::{fs::File, io::AsyncWriteExt};

use crate::{
    CloudError, ObjectPath, PresignedPost,
    error::failed,
    keys,
    presigned_post::{Terms, sign},
};

/// The most objects that one request deletes.
const DELETED_AT_ONCE: usize = 1_000;
/// The key of no object.
const BUCKET_PROBE: &str = "-";
/// The longest JSON that is read: well above the profile of the widest table.
const MOST_JSON: u64 = 256 << 20;
const WRITE_BUFFER: usize = 1024 * 1024;
/// The largest file that is stored in one piece, and the parts of a larger one: S3 takes up to 5 GiB at once, and 10,000 parts.
const LARGEST_PIECE: u64 = 512 * 1024 * 1024;

/// The S3 client. Bucket names come with each call: a job's files may lie in several.
#[derive(Debug, Clone)]
pub struct Objects {
    client: Client,
    credentials: Option<SharedCredentialsProvider>,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Where it is.
    pub path: ObjectPath,
    /// Its length in bytes.
    pub size: u64,
    /// Changes with the content; without the quotes.
    pub etag: Option<String>,
}

impl Objects {
    /// A client of `config`. Behind an endpoint of one's own, buckets are part of the path and not of the host's name.
    pub fn new(config: &SdkConfig) -> Self {
        let own_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let client = Client::from_conf(Builder::from(config).force_path_style(own_endpoint).build());
        Self { client, credentials: config.credentials_provider() }
    }

    /// A URL to which the object can be `PUT` with exactly that `Content-Type`, for a while.
    pub async fn presign_put(&self, path: &ObjectPath, content_type: &str, lifetime: Duration) -> Result<String, CloudError> {
        let presigning = PresigningConfig::expires_in(lifetime).map_err(failed("PutObject", path))?;
        let request = self.client.put_object().bucket(path.bucket()).key(path.key()).content_type(content_type);
        let presigned = request.presigned(presigning).await.map_err(failed("PutObject", path))?;
        Ok(presigned.uri().to_owned())
    }

    /// A form with which an object of 1 to `max_bytes` bytes can be uploaded with that `Content-Type`, for a while.
    pub async fn presign_post(
        &self,
        path: &ObjectPath,
        content_type: &str,
        max_bytes: u64,
        lifetime: Duration,
    ) -> Result<PresignedPost, CloudError> {
        let refused = |reason: &'static str| failed("PostObject", path)(std::io::Error::other(reason));
        let provider = self.credentials.as_ref().ok_or_else(|| refused("there are no credentials"))?;
        let credentials = provider.provide_credentials().await.map_err(failed("PostObject", path))?;
        // The bucket's own URL is that of an object without the object.
        let of_object = self.presign_get(&ObjectPath::new(path.bucket(), BUCKET_PROBE), lifetime).await?;
        let url = of_object.split('?').next().and_then(|url| url.strip_suffix(BUCKET_PROBE)).unwrap_or_default().to_owned();
        let region = self.client.config().region().map(ToString::to_string).unwrap_or_default();
        let terms = Terms { path, content_type, max_bytes, lifetime, region: &region };
        sign(url, &terms, &credentials, SystemTime::now()).ok_or_else(|| refused("the lifetime is too long"))
    }

    /// A URL from which the object can be read, for `lifetime` or up to a fifth less: within that fifth the URL stays the same, so that
    /// answers that hold it can be cached.
    pub async fn presign_get(&self, path: &ObjectPath, lifetime: Duration) -> Result<String, CloudError> {
        let presigning = PresigningConfig::builder().start_time(start_of_window(SystemTime::now(), lifetime / 5)).expires_in(lifetime);
        let presigning = presigning.build().map_err(failed("GetObject", path))?;
        let request = self.client.get_object().bucket(path.bucket()).key(path.key());
        let presigned = request.presigned(presigning).await.map_err(failed("GetObject", path))?;
        Ok(presigned.uri().to_owned())
    }

    /// Length and `ETag`; `None` when there is no such object.
    pub async fn head(&self, path: &ObjectPath) -> Result<Option<ObjectHead>, CloudError> {
        match self.client.head_object().bucket(path.bucket()).key(path.key()).send().await {
            Ok(head) => {
                Ok(Some(ObjectHead { path: path.clone(), size: size(head.content_length), etag: head.e_tag.as_deref().map(unquoted) }))
            }
            Err(error) if error.as_service_error().is_some_and(aws_sdk_s3::operation::head_object::HeadObjectError::is_not_found) => {
                Ok(None)
            }
            Err(error) => Err(failed("HeadObject", path)(error)),
        }
    }

    /// All objects below `prefix`, in the order of their keys.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectPath>, CloudError> {
        let mut pages = self.client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("ListObjectsV2", ObjectPath::new(bucket, prefix)))?;
            found.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| Some(ObjectPath::new(bucket, object.key?))));
        }
        Ok(found)
    }

    /// The whole object in memory, unless it has more than `most` bytes.
    pub async fn get(&self, path: &ObjectPath, most: u64) -> Result<Bytes, CloudError> {
        let object = self.open(path).await?;
        let bytes = size(object.content_length);
        if bytes > most {
            return Err(CloudError::LargeObject { path: path.clone(), bytes, most });
        }
        let body = object.body.collect().await;
        Ok(body.map_err(|source| CloudError::BrokenObject { path: path.clone(), source: Box::new(source) })?.into_bytes())
    }

    /// What ingest found in a dataset's file; `None` where it has not read it.
    pub async fn profile(&self, bucket: &str, dataset: DatasetId) -> Result<Option<Profile>, CloudError> {
        self.json(&ObjectPath::new(bucket, keys::profile_key(dataset))).await
    }

    /// What a JSON object holds; `None` when there is no such object.
    pub async fn json<T: DeserializeOwned>(&self, path: &ObjectPath) -> Result<Option<T>, CloudError> {
        match self.get(path, MOST_JSON).await {
            Ok(json) => serde_json::from_slice(&json).map(Some).map_err(failed("GetObject", path)),
            Err(CloudError::MissingObject { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the object to a local file piece by piece.
    pub async fn download(&self, path: &ObjectPath, file: &Path) -> Result<(), CloudError> {
        self.download_with(path, file, |_| {}).await
    }

    /// The same; `on_written` is told how many bytes of the file can be read.
    pub async fn download_with(&self, path: &ObjectPath, file: &Path, on_written: impl Fn(u64)) -> Result<(), CloudError> {
        let mut body = self.open(path).await?.body;
        let of_file = |source| CloudError::File { path: file.to_owned(), source };
        let mut writer = File::create(file).await.map_err(of_file)?;
        let (mut waiting, mut written) = (Vec::with_capacity(2 * WRITE_BUFFER), 0);
        loop {
            let piece = body.try_next().await.map_err(failed("GetObject", path))?;
            waiting.extend_from_slice(piece.as_deref().unwrap_or_default());
            if waiting.len() >= WRITE_BUFFER || piece.is_none() {
                writer.write_all(&waiting).await.map_err(of_file)?;
                writer.flush().await.map_err(of_file)?;
                written += waiting.len() as u64;
                waiting.clear();
                on_written(written);
            }
            if piece.is_none() {
                return Ok(());
            }
        }
    }

    /// Stores a local file of any size; it appears whole or not at all.
    pub async fn upload(&self, file: &Path, path: &ObjectPath, content_type: &str) -> Result<(), CloudError> {
        let size = tokio::fs::metadata(file).await.map_err(|source| CloudError::File { path: file.to_owned(), source })?.len();
        if size > LARGEST_PIECE {
            return self.upload_in_parts(file, size, path, content_type, LARGEST_PIECE).await;
        }
        let body = ByteStream::from_path(file).await.map_err(failed("PutObject", path))?;
        self.write(path, body, content_type).await
    }

    /// Stores a local file of `size` bytes in parts of `part` bytes.
    pub async fn upload_in_parts(
        &self,
        file: &Path,
        size: u64,
        path: &ObjectPath,
        content_type: &str,
        part: u64,
    ) -> Result<(), CloudError> {
        let begin = self.client.create_multipart_upload().bucket(path.bucket()).key(path.key()).content_type(content_type);
        let upload = begin.send().await.map_err(failed("CreateMultipartUpload", path))?.upload_id.unwrap_or_default();
        let done = self.upload_parts(file, size, path, part, &upload).await;
        if done.is_err() {
            // What is left of it expires by a rule of the bucket.
            let _ = self.client.abort_multipart_upload().bucket(path.bucket()).key(path.key()).upload_id(&upload).send().await;
        }
        done
    }

    async fn upload_parts(&self, file: &Path, size: u64, path: &ObjectPath, part: u64, upload: &str) -> Result<(), CloudError> {
        let mut parts = CompletedMultipartUpload::builder();
        let begins = (0..size).step_by(usize::try_from(part.max(1)).unwrap_or(usize::MAX));
        for (number, begin) in (1..).zip(begins) {
            let piece = ByteStream::read_from().path(file).offset(begin).length(Length::Exact(part.min(size - begin)));
            let body = piece.build().await.map_err(failed("UploadPart", path))?;
            let request = self.client.upload_part().bucket(path.bucket()).key(path.key()).upload_id(upload).part_number(number).body(body);
            let answer = request.send().await.map_err(failed("UploadPart", path))?;
            let stored = CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).set_checksum_crc32(answer.checksum_crc32);
            parts = parts.parts(stored.build());
        }
        let end = self.client.complete_multipart_upload().bucket(path.bucket()).key(path.key()).upload_id(upload);
        end.multipart_upload(parts.build()).send().await.map_err(failed("CompleteMultipartUpload", path))?;
        Ok(())
    }

    /// Stores some bytes.
    pub async fn put(&self, path: &ObjectPath, bytes: Vec<u8>, content_type: &str) -> Result<(), CloudError> {
        self.write(path, ByteStream::from(bytes), content_type).await
    }

    /// Deletes an object; one that is not there is no error.
    pub async fn delete(&self, path: &ObjectPath) -> Result<(), CloudError> {
        self.client.delete_object().bucket(path.bucket()).key(path.key()).send().await.map_err(failed("DeleteObject", path))?;
        Ok(())
    }

    /// Deletes everything below `prefix`; how many objects that were.
    pub async fn delete_prefix(&self, bucket: &str, prefix: &str) -> Result<usize, CloudError> {
        let found = self.list(bucket, prefix).await?;
        let folder = ObjectPath::new(bucket, prefix);
        for some in found.chunks(DELETED_AT_ONCE) {
            let objects = some.iter().map(|object| ObjectIdentifier::builder().key(object.key()).build()).collect::<Result<_, _>>();
            let delete = objects.and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
            let request = self.client.delete_objects().bucket(bucket).delete(delete.map_err(failed("DeleteObjects", &folder))?);
            let answer = request.send().await.map_err(failed("DeleteObjects", &folder))?;
            if let Some(refused) = answer.errors().first() {
                let reason = refused.message().or(refused.code()).unwrap_or("refused without a reason");
                return Err(failed("DeleteObjects", &folder)(std::io::Error::other(reason)));
            }
        }
        Ok(found.len())
    }

    async fn open(&self, path: &ObjectPath) -> Result<GetObjectOutput, CloudError> {
        let answer = self.client.get_object().bucket(path.bucket()).key(path.key()).send().await;
        answer.map_err(|error| match &error {
            SdkError::ServiceError(service) if matches!(service.err(), GetObjectError::NoSuchKey(_)) => {
                CloudError::MissingObject { path: path.clone() }
            }
            _ => failed("GetObject", path)(error),
        })
    }

    async fn write(&self, path: &ObjectPath, body: ByteStream, content_type: &str) -> Result<(), CloudError> {
        let request = self.client.put_object().bucket(path.bucket()).key(path.key()).content_type(content_type).body(body);
        request.send().await.map_err(failed("PutObject", path))?;
        Ok(())
    }
}

fn start_of_window(now: SystemTime, window: Duration) -> SystemTime {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    UNIX_EPOCH + Duration::from_secs(since_epoch - since_epoch % window.as_secs().max(1))
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};
    use aws_sdk_s3::config::Credentials;

    use super::*;

    fn objects(endpoint: Option<&str>) -> Objects {
        let credentials = SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test"));
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(credentials);
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Objects::new(&config.build())
    }

    #[tokio::test]
    async fn an_upload_url_asks_for_its_content_type_and_nothing_else() {
        let path = ObjectPath::new("bucket", "datasets/1/a b.csv");
        let url = objects(None).presign_put(&path, "text/csv", Duration::from_mins(1)).await.unwrap();
        assert!(url.starts_with("https://bucket.s3.eu-west-1.amazonaws.com/datasets/1/a%20b.csv?"), "{url}");
        assert!(url.contains("X-Amz-SignedHeaders=content-type%3Bhost&"), "{url}");
        assert!(url.contains("X-Amz-Expires=60"), "{url}");
        assert!(!url.to_lowercase().contains("checksum"), "{url}");
    }

    #[test]
    fn a_download_url_stays_the_same_for_a_while() {
        let at = |seconds| start_of_window(UNIX_EPOCH + Duration::from_secs(seconds), Duration::from_mins(12));
        assert_eq!(at(7_200), at(7_919));
        assert_ne!(at(7_919), at(7_920));
        assert_eq!(at(7_919), UNIX_EPOCH + Duration::from_hours(2));
        assert_eq!(start_of_window(UNIX_EPOCH, Duration::ZERO), UNIX_EPOCH);
    }

    #[tokio::test]
    async fn behind_an_endpoint_of_ones_own_the_bucket_is_in_the_path() {
        let path = ObjectPath::new("bucket", "key");
        let url = objects(Some("http://localhost:8001")).presign_get(&path, Duration::from_mins(1)).await.unwrap();
        assert!(url.starts_with("http://localhost:8001/bucket/key?"), "{url}");
    }
}
