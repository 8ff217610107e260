//! A form with which a browser may upload one object, its size limited by storage itself.
//! Source: the Amazon S3 API reference, "Authenticating requests in browser-based uploads using POST (AWS Signature Version 4)".

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::config::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::ObjectPath;

const BASIC: &[BorrowedFormatItem<'static>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const EXTENDED: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");

/// A multipart form: the fields come first, in any order, and the file last, as the field `file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PresignedPost {
    /// Where it is sent by `POST`.
    pub url: String,
    /// Names and values of the fields.
    pub fields: BTreeMap<String, String>,
}

/// What a form is signed for.
pub(crate) struct Terms<'a> {
    pub(crate) path: &'a ObjectPath,
    pub(crate) content_type: &'a str,
    pub(crate) max_bytes: u64,
    pub(crate) lifetime: Duration,
    pub(crate) region: &'a str,
}

/// The signed form; `None` when a moment is beyond the calendar.
pub(crate) fn sign(url: String, terms: &Terms<'_>, credentials: &Credentials, now: SystemTime) -> Option<PresignedPost> {
    let basic = OffsetDateTime::from(now).format(BASIC).ok()?;
    let expiration = OffsetDateTime::from(now + terms.lifetime).format(EXTENDED).ok()?;
    let scope = format!("{}/{}/{}/s3/aws4_request", credentials.access_key_id(), basic.get(..8)?, terms.region);
    let mut fields = BTreeMap::from([
        ("key".to_owned(), terms.path.key().to_owned()),
        ("Content-Type".to_owned(), terms.content_type.to_owned()),
        ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
        ("x-amz-credential".to_owned(), scope),
        ("x-amz-date".to_owned(), basic),
    ]);
    if let Some(token) = credentials.session_token() {
        fields.insert("x-amz-security-token".to_owned(), token.to_owned());
    }
    let mut conditions: Vec<_> = fields.iter().map(|(name, value)| json!({ name: value })).collect();
    conditions.push(json!({ "bucket": terms.path.bucket() }));
    conditions.push(json!(["content-length-range", 1, terms.max_bytes]));
    let policy = STANDARD.encode(json!({ "expiration": expiration, "conditions": conditions }).to_string());
    let key = generate_signing_key(credentials.secret_access_key(), now, terms.region, "s3");
    fields.insert("x-amz-signature".to_owned(), calculate_signature(key, policy.as_bytes()));
    fields.insert("policy".to_owned(), policy);
    Some(PresignedPost { url, fields })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_form_fixes_key_type_and_size() {
        let path = ObjectPath::new("bucket", "datasets/1/a.csv");
        let terms =
            Terms { path: &path, content_type: "text/csv", max_bytes: 1_000, lifetime: Duration::from_hours(1), region: "eu-west-1" };
        let credentials = Credentials::new("key", "secret", Some("token".to_owned()), None, "test");
        let now = UNIX_EPOCH + Duration::from_secs(1_769_860_801);
        let form = sign("https://bucket.example/".to_owned(), &terms, &credentials, now).unwrap();
        assert_eq!(form.fields["x-amz-credential"], "key/20260131/eu-west-1/s3/aws4_request");
        assert_eq!(form.fields["x-amz-date"], "20260131T120001Z");
        let policy: serde_json::Value = serde_json::from_slice(&STANDARD.decode(&form.fields["policy"]).unwrap()).unwrap();
        assert_eq!(policy["expiration"], "2026-01-31T13:00:01.000Z");
        let conditions = policy["conditions"].as_array().unwrap();
        for expected in [
            json!({ "bucket": "bucket" }),
            json!({ "key": "datasets/1/a.csv" }),
            json!({ "Content-Type": "text/csv" }),
            json!({ "x-amz-security-token": "token" }),
            json!(["content-length-range", 1, 1_000]),
        ] {
            assert!(conditions.contains(&expected), "{expected}");
        }
        assert_eq!(form.fields["x-amz-signature"].len(), 64);
    }
}
