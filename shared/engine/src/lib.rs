//! Tables → models, in a time budget: prepare (labels, features, hold-out), fit (histogram gradient boosting, linear models), search (a
//! portfolio, its variations, a weighted ensemble) and measure. Plain data in and out; knows no files, no network and no clock but the
//! monotonic one.
//!
//! ```text
//! Frame + Profile ─ prepare ─▶ rows, labels, features ─ split ─▶ 80 % ─ search ─▶ Pipeline ─ evaluate on the other 20 % ─▶ Trained
//! ```

mod boost;
mod clock;
mod encode;
mod error;
mod evaluate;
mod linear;
mod matrix;
mod prepare;
mod random;
mod search;
mod split;
mod train;

pub use encode::batch;
pub use error::EngineError;
pub use evaluate::Outcome;
pub use search::LeaderboardEntry;
pub use train::{Options, Trained, train};
