//! The whole product on one machine: the built functions and the trainer as processes, with S3, DynamoDB, Batch, Lambda and API Gateway
//! around them, all over HTTP. No AWS account, no Docker.
//!
//! The protocols of storage come from crates (`s3s`, `dynoxide`); what no crate offers is here.

pub mod batch;
pub mod database;
pub mod event_bus;
pub mod gateway;
pub mod lambda;
mod schedule;
pub mod stack;
pub mod storage;
pub mod template;
