//! The two documents of a training job: the data report, written before training from the table's profile alone, and the training
//! report, written after it.
//!
//! Each is one static HTML file that works offline and prints well: a style sheet, tables and inline SVG; no script, nothing fetched.
//! Every text that comes from a table is escaped by the templates (`maud`) and cut to a bounded length, and every list is cut with a
//! line that says so, so that a report stays below 2 MB whatever the table's width.

mod chart;
mod eda;
mod format;
mod page;
mod training;

pub use eda::{EdaTarget, eda_report};
pub use format::format_time;
pub use training::{
    Configuration, Contribution, Curve, Effect, ExplainedRows, HardRow, Judged, LeaderboardRow, Places, Segment, TrainingReport, beware,
    how_calibrated, how_judged, training_report,
};
