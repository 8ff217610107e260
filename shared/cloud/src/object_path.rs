//! Where an object is, in the stored form `s3://bucket/key`.

use std::{fmt, str::FromStr};

use crate::CloudError;

/// A bucket and a key, neither empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectPath {
    bucket: String,
    key: String,
}

impl ObjectPath {
    /// The object `key` in `bucket`.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into() }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key inside the bucket.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl FromStr for ObjectPath {
    type Err = CloudError;

    fn from_str(text: &str) -> Result<Self, CloudError> {
        text.strip_prefix("s3://")
            .and_then(|path| path.split_once('/'))
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .map(|(bucket, key)| Self::new(bucket, key))
            .ok_or_else(|| CloudError::InvalidPath { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_path_reads_back() {
        let path: ObjectPath = "s3://models/models/1/model.onnx".parse().unwrap();
        assert_eq!((path.bucket(), path.key()), ("models", "models/1/model.onnx"));
        assert_eq!(path.to_string(), "s3://models/models/1/model.onnx");
    }

    #[test]
    fn other_texts_are_no_paths() {
        for text in ["", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "https://bucket/key", "bucket/key"] {
            assert!(text.parse::<ObjectPath>().is_err(), "{text}");
        }
    }
}
