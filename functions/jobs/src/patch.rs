//! `PATCH /jobs/{id}`: tags and notes.

use std::sync::Arc;

use api::{ApiError, Body, Caller, Input, PathId, ReadInput, input, internal, revalidated};
use axum::{extract::State, http::HeaderMap, response::Response};
use cloud::JobPatch;
use domain::limits::{MAX_NOTES_CHARS, MAX_TAG_CHARS, MAX_TAGS};
use schemars::JsonSchema;

use crate::App;

const WHAT: &str = "Error updating job metadata";

/// What to change; what is absent or `null` stays.
#[derive(JsonSchema)]
#[schemars(rename = "JobPatch")]
pub(crate) struct Request {
    /// All tags, each of at most 50 characters.
    #[schemars(length(max = MAX_TAGS))]
    tags: Option<Vec<String>>,
    /// Blank ones are removed.
    #[schemars(length(max = MAX_NOTES_CHARS))]
    notes: Option<String>,
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let tags = input.nullable("tags", input::list(MAX_TAGS, input::text));
        let notes = input.nullable("notes", input::text_up_to(MAX_NOTES_CHARS));
        Some(Self { tags: tags?, notes: notes? })
    }
}

pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
    Body(request): Body<Request>,
) -> Result<Response, ApiError> {
    let job_id = app.job(&user, &id, WHAT).await?.job_id;
    let patch = change(request)?;
    let job = app.jobs.patch(job_id, &patch).await.map_err(internal(WHAT))?.ok_or(ApiError::JobNotFound)?;
    revalidated(&headers, &app.job_response(job).await.map_err(internal(WHAT))?)
}

/// Blank notes are none.
fn change(Request { tags, notes }: Request) -> Result<JobPatch, ApiError> {
    for tag in tags.iter().flatten() {
        if tag.trim().is_empty() {
            return Err(ApiError::BlankTag);
        }
        if tag.chars().count() > MAX_TAG_CHARS {
            return Err(ApiError::LongTag);
        }
    }
    Ok(JobPatch { tags, notes: notes.map(|notes| Some(notes).filter(|notes| !notes.trim().is_empty())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(tags: &[&str], notes: Option<&str>) -> Request {
        Request { tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()), notes: notes.map(str::to_owned) }
    }

    #[test]
    fn blank_notes_are_removed_and_absent_ones_stay() {
        assert_eq!(change(request(&[], Some(" \n"))).unwrap().notes, Some(None));
        assert_eq!(change(request(&[], None)).unwrap().notes, None);
        assert_eq!(change(request(&[], Some(" a "))).unwrap().notes, Some(Some(" a ".to_owned())));
    }

    #[test]
    fn each_tag_has_text_and_at_most_fifty_characters() {
        assert!(matches!(change(request(&["a", " "], None)), Err(ApiError::BlankTag)));
        assert!(matches!(change(request(&["ä".repeat(51).as_str()], None)), Err(ApiError::LongTag)));
        assert_eq!(change(request(&["ä".repeat(50).as_str(), "a", "a"], None)).unwrap().tags.unwrap().len(), 3);
    }
}
