//! `s3s-fs` with what it leaves out of S3: the tags of listed objects, the refusal of buckets that do not exist, and word of each object
//! that was created.

use std::{future::Future, pin::Pin};

use s3s::{S3, S3Request, S3Response, S3Result, dto};
use s3s_fs::FileSystem;
use tokio::sync::mpsc;

/// An object that was just written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Created {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: String,
    /// What wrote it, as S3 names its events.
    pub(super) event: &'static str,
}

/// The objects of a folder.
#[derive(Debug)]
pub(super) struct Objects {
    files: FileSystem,
    created: mpsc::UnboundedSender<Created>,
}

type Answer<'f, T> = Pin<Box<dyn Future<Output = S3Result<S3Response<T>>> + Send + 'f>>;

/// Operations that the files do as S3 does.
macro_rules! of_the_files {
    ($($operation:ident($input:ident) -> $output:ident;)*) => {$(
        fn $operation<'s, 'f>(&'s self, request: S3Request<dto::$input>) -> Answer<'f, dto::$output>
        where
            's: 'f,
            Self: 'f,
        {
            self.files.$operation(request)
        }
    )*};
}

impl Objects {
    pub(super) fn new(files: FileSystem, created: mpsc::UnboundedSender<Created>) -> Self {
        Self { files, created }
    }

    /// Tells of an object, as it lies there now.
    async fn tell(&self, object: S3Request<dto::HeadObjectInput>, event: &'static str) {
        let dto::HeadObjectInput { bucket, key, .. } = object.input.clone();
        let Ok(head) = self.files.head_object(object).await else {
            tracing::error!("s3://{bucket}/{key} was written and is not there");
            return;
        };
        let size = head.output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let etag = head.output.e_tag.map(dto::ETag::into_value).unwrap_or_default();
        // Nobody listens any more when the stack stops.
        let _ = self.created.send(Created { bucket, key, size, etag, event });
    }
}

impl S3 for Objects {
    of_the_files! {
        abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
        create_bucket(CreateBucketInput) -> CreateBucketOutput;
        create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
        delete_bucket(DeleteBucketInput) -> DeleteBucketOutput;
        delete_object(DeleteObjectInput) -> DeleteObjectOutput;
        delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput;
        get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput;
        get_object(GetObjectInput) -> GetObjectOutput;
        head_bucket(HeadBucketInput) -> HeadBucketOutput;
        head_object(HeadObjectInput) -> HeadObjectOutput;
        list_buckets(ListBucketsInput) -> ListBucketsOutput;
        list_objects(ListObjectsInput) -> ListObjectsOutput;
        list_parts(ListPartsInput) -> ListPartsOutput;
        upload_part(UploadPartInput) -> UploadPartOutput;
        upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput;
    }

    /// The files list no tags; those who compare a listed object with what they know need them.
    fn list_objects_v2<'s, 'f>(&'s self, request: S3Request<dto::ListObjectsV2Input>) -> Answer<'f, dto::ListObjectsV2Output>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let object_of = like(&request, head(&request.input.bucket, ""));
            let mut answer = self.files.list_objects_v2(request).await?;
            for object in answer.output.contents.iter_mut().flatten() {
                let mut request = object_of.clone();
                request.input.key = object.key.clone().unwrap_or_default();
                // An object that is deleted meanwhile is listed as it was.
                object.e_tag = self.files.head_object(request).await.ok().and_then(|head| head.output.e_tag);
            }
            Ok(answer)
        })
    }

    /// Also what a form posts: `s3s` makes the one of the other.
    fn put_object<'s, 'f>(&'s self, request: S3Request<dto::PutObjectInput>) -> Answer<'f, dto::PutObjectOutput>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let event = if request.method == "POST" { "ObjectCreated:Post" } else { "ObjectCreated:Put" };
            let object = like(&request, head(&request.input.bucket, &request.input.key));
            let bucket = dto::HeadBucketInput { bucket: request.input.bucket.clone(), ..dto::HeadBucketInput::default() };
            // The files would make the bucket.
            self.files.head_bucket(like(&request, bucket)).await?;
            let answer = self.files.put_object(request).await?;
            self.tell(object, event).await;
            Ok(answer)
        })
    }

    fn copy_object<'s, 'f>(&'s self, request: S3Request<dto::CopyObjectInput>) -> Answer<'f, dto::CopyObjectOutput>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let object = like(&request, head(&request.input.bucket, &request.input.key));
            let answer = self.files.copy_object(request).await?;
            self.tell(object, "ObjectCreated:Copy").await;
            Ok(answer)
        })
    }

    fn complete_multipart_upload<'s, 'f>(
        &'s self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> Answer<'f, dto::CompleteMultipartUploadOutput>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let object = like(&request, head(&request.input.bucket, &request.input.key));
            let answer = self.files.complete_multipart_upload(request).await?;
            self.tell(object, "ObjectCreated:CompleteMultipartUpload").await;
            Ok(answer)
        })
    }
}

/// Another request of the same caller.
fn like<T, U>(request: &S3Request<T>, input: U) -> S3Request<U> {
    S3Request {
        input,
        method: request.method.clone(),
        uri: request.uri.clone(),
        headers: request.headers.clone(),
        extensions: request.extensions.clone(),
        credentials: request.credentials.clone(),
        region: request.region.clone(),
        service: request.service.clone(),
        trailing_headers: None,
    }
}

fn head(bucket: &str, key: &str) -> dto::HeadObjectInput {
    dto::HeadObjectInput { bucket: bucket.to_owned(), key: key.to_owned(), ..dto::HeadObjectInput::default() }
}

#[cfg(test)]
mod tests {
    use s3s::{
        Body,
        dto::{CopyObjectInput, CopySource, ListObjectsV2Input, PutObjectInput, StreamingBlob},
    };
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;

    /// Objects in an empty folder with one bucket, `b`.
    fn objects(folder: &tempfile::TempDir) -> (Objects, UnboundedReceiver<Created>) {
        std::fs::create_dir(folder.path().join("b")).unwrap();
        let (created, told) = mpsc::unbounded_channel();
        (Objects::new(FileSystem::new(folder.path()).unwrap(), created), told)
    }

    fn request<T>(method: &str, input: T) -> S3Request<T> {
        S3Request {
            input,
            method: method.parse().unwrap(),
            uri: "/".parse().unwrap(),
            headers: axum::http::HeaderMap::new(),
            extensions: axum::http::Extensions::new(),
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        }
    }

    fn put(key: &str, bytes: &str) -> PutObjectInput {
        let body = Some(StreamingBlob::from(Body::from(bytes.to_owned())));
        PutObjectInput { bucket: "b".to_owned(), key: key.to_owned(), body, ..PutObjectInput::default() }
    }

    #[tokio::test]
    async fn a_listed_object_has_the_tag_that_writing_it_gave() {
        let folder = tempfile::tempdir().unwrap();
        let (objects, _told) = objects(&folder);
        let written = objects.put_object(request("PUT", put("datasets/1/a.csv", "a\n1\n"))).await.unwrap().output;
        let all = ListObjectsV2Input { bucket: "b".to_owned(), ..ListObjectsV2Input::default() };
        let listed = objects.list_objects_v2(request("GET", all)).await.unwrap().output.contents.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(written.e_tag.is_some());
        assert_eq!(listed[0].e_tag, written.e_tag);
    }

    #[tokio::test]
    async fn each_way_of_writing_an_object_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (objects, mut told) = objects(&folder);
        let written = objects.put_object(request("PUT", put("a", "1234"))).await.unwrap().output;
        objects.put_object(request("POST", put("form", "12"))).await.unwrap();
        let source = CopySource::Bucket { bucket: "b".into(), key: "a".into(), version_id: None };
        let mut copy = CopyObjectInput::builder();
        copy.set_bucket("b".to_owned());
        copy.set_key("copy".to_owned());
        copy.set_copy_source(source);
        objects.copy_object(request("PUT", copy.build().unwrap())).await.unwrap();

        let etag = written.e_tag.unwrap().into_value();
        let created = |key: &str, size, etag: &str, event| Created {
            bucket: "b".to_owned(),
            key: key.to_owned(),
            size,
            etag: etag.to_owned(),
            event,
        };
        assert_eq!(told.recv().await.unwrap(), created("a", 4, &etag, "ObjectCreated:Put"));
        let form = told.recv().await.unwrap();
        assert_eq!((form.key.as_str(), form.size, form.event), ("form", 2, "ObjectCreated:Post"));
        assert_eq!(told.recv().await.unwrap(), created("copy", 4, &etag, "ObjectCreated:Copy"));
    }

    #[tokio::test]
    async fn an_object_that_could_not_be_written_is_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let (objects, mut told) = objects(&folder);
        let nowhere = PutObjectInput { bucket: "none".to_owned(), ..put("a", "1") };
        assert!(objects.put_object(request("PUT", nowhere)).await.is_err());
        assert!(told.try_recv().is_err());
    }
}
