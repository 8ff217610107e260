//! What can go wrong between us and AWS. A message names the operation and what it was about; the SDK's own error is its source.

use std::{error::Error, path::PathBuf};

use crate::ObjectPath;

/// A failed call, a missing object, an item of another form, or a setting.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// An environment variable is not set.
    #[error("the environment variable {name} is not set")]
    MissingSetting {
        /// Its name.
        name: &'static str,
    },
    /// An environment variable has a value that cannot be used.
    #[error("the environment variable {name} is '{value}'; set it to {expected}")]
    InvalidSetting {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be usable.
        expected: &'static str,
    },
    /// AWS refused or did not answer.
    #[error("{operation} of {subject} failed")]
    Call {
        /// AWS's name of the operation.
        operation: &'static str,
        /// The object, item or job.
        subject: String,
        /// The SDK's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no such object.
    #[error("there is no object {path}")]
    MissingObject {
        /// Where it should be.
        path: ObjectPath,
    },
    /// An object's bytes break off or do not have the checksum that they were stored with.
    #[error("{path} cannot be read to its end: the connection broke off, or the object is damaged")]
    BrokenObject {
        /// Where it is.
        path: ObjectPath,
        /// What the SDK says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An object has more bytes than there is room for.
    #[error("{path} has {} MB, and there is room for {} MB", .bytes >> 20, .most >> 20)]
    LargeObject {
        /// Where it is.
        path: ObjectPath,
        /// Its length.
        bytes: u64,
        /// The longest that is read.
        most: u64,
    },
    /// A list's token is none that this list gave.
    #[error("the token is none that this list gave")]
    InvalidToken,
    /// A text is not of the form `s3://bucket/key`.
    #[error("'{text}' is not of the form s3://bucket/key")]
    InvalidPath {
        /// The text.
        text: String,
    },
    /// An item does not have the form of our type, or cannot be written as one.
    #[error("the item of {subject} does not have the expected form")]
    Item {
        /// Whose item.
        subject: String,
        /// What is different.
        source: serde_dynamo::Error,
    },
    /// A local file cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// For `map_err`: the call that failed, and what it was about.
pub(crate) fn failed<E: Error + Send + Sync + 'static>(operation: &'static str, subject: impl ToString) -> impl FnOnce(E) -> CloudError {
    move |source| CloudError::Call { operation, subject: subject.to_string(), source: Box::new(source) }
}
