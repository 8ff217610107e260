//! What every HTTP function shares: reading requests, answering errors in one form, CORS and cache headers, and running on Lambda.
//!
//! A function builds an axum router of its routes, passes it through [`finish`] and runs it with [`run`]. A handler takes the typed
//! [`Body`], [`Query`] and [`Caller`] and returns a value or an [`ApiError`].

mod cache;
mod caller;
mod cors;
mod error;
mod extract;
mod in_order;
pub mod input;
pub mod openapi;
mod page_request;
mod serve;

pub use cache::{never_stored, revalidated};
pub use caller::Caller;
pub use error::{ApiError, internal};
pub use extract::{Body, PathId, Query, body_bytes};
pub use in_order::InOrder;
pub use input::{Input, Issue, ReadInput};
pub use page_request::PageRequest;
pub use serve::{StartError, finish, finish_front, run};
