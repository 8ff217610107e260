//! What clients may keep of an answer.

use axum::{
    Json,
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    response::{IntoResponse, Response},
};
use md5::{Digest, Md5};
use serde::Serialize;

use crate::{ApiError, internal};

const REVALIDATE: HeaderValue = HeaderValue::from_static("private, max-age=0, must-revalidate");
const NEVER_STORE: HeaderValue = HeaderValue::from_static("no-store, no-cache, must-revalidate, max-age=0");

/// An answer that may be kept but is asked for again each time. The tag is a digest of the whole body: what a client keeps is never older
/// than what it would get. When the request has that tag already, the answer is 304 without a body.
pub fn revalidated(request: &HeaderMap, body: &impl Serialize) -> Result<Response, ApiError> {
    let json = serde_json::to_vec(body).map_err(internal("Error writing the answer"))?;
    let digest = u128::from_be_bytes(Md5::digest(&json).into());
    let tag = HeaderValue::try_from(format!("\"{digest:032x}\"")).map_err(internal("Error writing the answer"))?;
    if is_known(request, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag), (CACHE_CONTROL, REVALIDATE)]).into_response());
    }
    let headers: [(HeaderName, HeaderValue); 4] = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ETAG, tag),
        (CACHE_CONTROL, REVALIDATE),
        (VARY, HeaderValue::from_static("Authorization")),
    ];
    Ok((headers, Body::from(json)).into_response())
}

/// Whether the request has the answer of that tag already: its header may be a list, of weak tags too, or a star.
/// Source: RFC 9110, section 13.1.2.
fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let headers = request.get_all(IF_NONE_MATCH).iter().filter_map(|header| header.to_str().ok());
    let mut tags = headers.flat_map(|header| header.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == tag.as_bytes())
}

/// An answer that nobody may keep.
pub fn never_stored(body: impl Serialize) -> Response {
    ([(CACHE_CONTROL, NEVER_STORE)], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_answer_is_not_sent_twice() {
        let first = revalidated(&HeaderMap::new(), &["a"]).unwrap();
        assert_eq!((first.status(), &first.headers()[CACHE_CONTROL]), (StatusCode::OK, &REVALIDATE));
        let tag = first.headers()[ETAG].clone();
        assert_eq!(tag.len(), 34);
        let again = HeaderMap::from_iter([(IF_NONE_MATCH, tag.clone())]);
        let second = revalidated(&again, &["a"]).unwrap();
        assert_eq!((second.status(), &second.headers()[ETAG]), (StatusCode::NOT_MODIFIED, &tag));
        assert_eq!(revalidated(&again, &["b"]).unwrap().status(), StatusCode::OK);
    }

    #[test]
    fn a_tag_may_be_weak_or_one_of_several_or_any() {
        let tag = HeaderValue::from_static("\"a\"");
        let known = |header: &'static str| is_known(&HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(header))]), &tag);
        for header in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "W/\"b\",W/\"a\"", "*"] {
            assert!(known(header), "{header}");
        }
        for header in ["", "a", "\"b\"", "\"b\", W/\"c\"", "w/\"a\""] {
            assert!(!known(header), "{header}");
        }
    }
}
