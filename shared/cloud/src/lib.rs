//! Our objects, items, jobs and events on S3, DynamoDB, Batch and EventBridge: the only place that imports the AWS SDK.
//!
//! One concrete struct per store: [`Objects`], [`Datasets`], [`Jobs`], and [`Batch`] and [`EventBus`] with the features `batch` and
//! `events`. Each is a client and the name of what it works on; cloning one is cheap. What a caller owns is scoped by a
//! [`domain::UserId`]: another owner's item reads as absent.

#[cfg(feature = "batch")]
mod batch;
mod config;
mod datasets;
mod deployment;
mod embedded_metrics;
mod error;
#[cfg(feature = "events")]
mod event_bus;
mod idempotency;
mod item;
mod jobs;
pub mod keys;
mod object_path;
mod objects;
mod page;
mod prediction_counts;
mod presigned_post;
mod settings;

pub use aws_config::SdkConfig;

#[cfg(feature = "batch")]
pub use batch::{Batch, BatchJob, Submission, TrainerPlaces, TrainingQueue};
pub use config::config;
pub use datasets::{Claim, Datasets};
pub use deployment::Deployment;
pub use embedded_metrics::{Metric, tell_metrics};
pub use error::CloudError;
#[cfg(feature = "events")]
pub use event_bus::EventBus;
pub use idempotency::{Creation, IdempotencyKey};
pub use jobs::{Completion, JobFilter, JobPatch, Jobs, PredictionCompletion};
pub use object_path::ObjectPath;
pub use objects::{ObjectHead, Objects};
pub use page::{Page, PageToken};
pub use prediction_counts::DayCounts;
pub use presigned_post::PresignedPost;
pub use settings::{Setting, max_upload_bytes, presigned_url_lifetime, region};
