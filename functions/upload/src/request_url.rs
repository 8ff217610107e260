//! `POST /upload` and `POST /upload/request-url`: a URL to which the caller may put one file.

use std::sync::Arc;

use api::{ApiError, Body, Caller, Input, ReadInput, input::text, internal};
use axum::{Json, extract::State};
use cloud::{CloudError, ObjectPath, PresignedPost, keys};
use domain::DatasetId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{App, filename::clean};

/// Whatever the request says: clients know that they have to send this.
const CONTENT_TYPE: &str = "text/csv";

/// A file that is to be uploaded.
#[derive(JsonSchema)]
#[schemars(rename = "UploadRequest")]
pub(crate) struct Request {
    /// The file's name; of a path, the last part counts. It has a visible character before its extension: `.csv`, `.tsv`, `.txt`,
    /// `.jsonl`, `.ndjson` or `.parquet`, with `.gz` or `.zst` when it is compressed.
    #[schemars(regex(
        pattern = r"[^\s./\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff][^/\\]*\.([cC][sS][vV]|[tT][sS][vV]|[tT][xX][tT]|[jJ][sS][oO][nN][lL]|[nN][dD][jJ][sS][oO][nN]|[pP][aA][rR][qQ][uU][eE][tT])(\.([gG][zZ]|[zZ][sS][tT]))?$"
    ))]
    filename: String,
    /// Has no effect: the upload is always `text/csv`.
    #[schemars(default = "content_type")]
    #[expect(dead_code, reason = "read by the schema only")]
    content_type: String,
}

fn content_type() -> String {
    CONTENT_TYPE.to_owned()
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let filename = input.required("filename", text);
        let content_type = input.with_default("content_type", content_type(), text);
        Some(Self { filename: filename?, content_type: content_type? })
    }
}

/// Where the file goes.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadUrl")]
pub(crate) struct Answer {
    dataset_id: DatasetId,
    /// Takes the file by `PUT` with `Content-Type: text/csv`.
    upload_url: String,
    /// Seconds for which both ways are open.
    expires_in: u64,
    /// The file's name as it is kept.
    filename: String,
    /// The most bytes that the file may have.
    max_size: u64,
    /// The other way: a form whose upload storage refuses when it is too large.
    upload_form: PresignedPost,
}

pub(crate) async fn request_url(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Body(request): Body<Request>,
) -> Result<Json<Answer>, ApiError> {
    let dataset_id = DatasetId::random();
    let filename = clean(&request.filename).map_err(ApiError::InvalidFilename)?;
    let path = ObjectPath::new(&app.bucket, keys::upload_key(dataset_id, &filename));
    let presign = async {
        let upload_url = app.objects.presign_put(&path, CONTENT_TYPE, app.url_lifetime).await?;
        let upload_form = app.objects.presign_post(&path, CONTENT_TYPE, app.max_upload_bytes, app.url_lifetime).await?;
        app.datasets.reserve(dataset_id, &user, app.url_lifetime).await?;
        Ok::<_, CloudError>((upload_url, upload_form))
    };
    let (upload_url, upload_form) = presign.await.map_err(internal("Error generating upload URL"))?;
    let (expires_in, max_size) = (app.url_lifetime.as_secs(), app.max_upload_bytes);
    Ok(Json(Answer { dataset_id, upload_url, expires_in, filename, max_size, upload_form }))
}
