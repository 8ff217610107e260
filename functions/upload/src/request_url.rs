//! `POST /upload` and `POST /upload/request-url`: a URL to which the caller may put one file.

use std::sync::Arc;

use api::{ApiError, Body, Caller, Input, ReadInput, input::text, internal};
use axum::{Json, extract::State};
use cloud::{CloudError, ObjectPath, keys};
use domain::{DatasetId, limits::MAX_FILENAME_BYTES};
use serde::Serialize;

use crate::App;

/// Whatever the request says: clients know that they have to send this.
const CONTENT_TYPE: &str = "text/csv";

pub(crate) struct Request {
    filename: String,
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let filename = input.required("filename", text);
        let content_type = input.with_default("content_type", String::new(), text);
        content_type.and(Some(Self { filename: filename? }))
    }
}

#[derive(Serialize)]
pub(crate) struct Answer {
    dataset_id: DatasetId,
    upload_url: String,
    expires_in: u64,
}

pub(crate) async fn request_url(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Body(request): Body<Request>,
) -> Result<Json<Answer>, ApiError> {
    let dataset_id = DatasetId::random();
    let path = ObjectPath::new(&app.bucket, keys::upload_key(dataset_id, file_name(&request.filename)?));
    let presign = async {
        let upload_url = app.objects.presign_put(&path, CONTENT_TYPE, app.url_lifetime).await?;
        app.datasets.reserve(dataset_id, &user, app.url_lifetime).await?;
        Ok::<_, CloudError>(upload_url)
    };
    let upload_url = presign.await.map_err(internal("Error generating upload URL"))?;
    Ok(Json(Answer { dataset_id, upload_url, expires_in: app.url_lifetime.as_secs() }))
}

/// The last part of a path: the name that the file has in its folder.
fn file_name(path: &str) -> Result<&str, ApiError> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.trim().is_empty() || name == "." || name == ".." {
        return Err(ApiError::InvalidFilename("filename must name a file, such as data.csv"));
    }
    if name.len() > MAX_FILENAME_BYTES {
        return Err(ApiError::InvalidFilename("filename is too long; use at most 255 bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err(ApiError::InvalidFilename("filename has a control character; remove it"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_file_is_left_out() {
        for path in ["a.csv", "/home/me/a.csv", "C:\\data\\a.csv", "../a.csv"] {
            assert_eq!(file_name(path).unwrap(), "a.csv", "{path}");
        }
        assert_eq!(file_name("Ümsatz (2).CSV").unwrap(), "Ümsatz (2).CSV");
    }

    #[test]
    fn what_cannot_name_a_file_is_refused() {
        for path in ["", " ", "a/", "..", "a\nb.csv", &"x".repeat(256)] {
            assert!(matches!(file_name(path), Err(ApiError::InvalidFilename(_))), "{path:?}");
        }
    }
}
