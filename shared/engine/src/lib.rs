//! Tables → models, in a time budget: prepare (labels, features, hold-out), fit (histogram gradient boosting, linear models), search (a
//! portfolio, its variations, a weighted ensemble) and measure. Plain data in and out; knows no files, no network and no clock but the
//! monotonic one.
//!
//! ```text
//! Frame + Profile ─ prepare ─▶ rows, labels, features ─ search ─▶ candidates, folds ─ judge on rows not learned from ─▶ Trained
//! ```

mod apply;
mod assess;
#[doc(hidden)]
pub mod bench;
mod boost;
mod calibrate;
mod clock;
mod encode;
mod error;
mod evaluate;
mod explain;
mod judge;
mod linear;
mod log_sum;
mod matrix;
mod prepare;
mod random;
mod search;
mod shap;
mod split;
mod statistics;
mod train;
mod vocabulary;

pub use assess::Assessment;
pub use encode::{Unread, batch};
pub use error::EngineError;
pub use evaluate::{Baseline, Outcome};
pub use explain::{Curve, Effect, Explained, ExplainedRows, Part, Permuted};
pub use search::LeaderboardEntry;
pub use shap::Contribution;
pub use train::{Options, Trained, train};
