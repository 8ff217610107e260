//! Why an upload was not read, where trying again may help. A file that is no table is not among these: that is an outcome.

use cloud::CloudError;
use table::TableError;

/// A failure of the machine or of what stands behind it.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Storage or the table of datasets.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// A local file.
    #[error("the table could not be converted")]
    Table(#[source] TableError),
    /// The temporary folder.
    #[error("there is no room for temporary files")]
    TemporaryFolder(#[source] std::io::Error),
    /// The profile.
    #[error("the profile could not be written as JSON")]
    Profile(#[from] serde_json::Error),
    /// The reading thread.
    #[error("the table's reader ended early")]
    Ended(#[from] tokio::task::JoinError),
}
