//! The whole system over HTTP: one program, because each would link everything anew.

mod datasets;
mod drift;
mod events;
mod flow;
mod jobs;
mod lost_jobs;
mod models;
mod openapi;
mod owners;
mod predictions;
mod races;
mod requests;
mod schemathesis;
mod stack;
mod training;
