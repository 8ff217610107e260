//! The model file: what a fitted model is ([`Pipeline`]), its one ONNX graph from raw features ([`write_onnx`]), its [`Manifest`], and
//! running it through tract ([`Predictor`]). What the prediction function links: no table reading, no fitting.

mod attribution;
mod card;
mod date_part;
mod error;
mod evaluate;
mod manifest;
mod onnx;
mod parity;
mod pickle;
mod pipeline;
mod prediction_table;
mod predictor;
mod reference;
mod text_part;
mod tree_ensemble;
mod tree_kernel;
mod wiring;

pub use attribution::{Explainer, MemberExplainer};
pub use card::{Baseline, ModelCard};
pub use date_part::{DatePart, date_numbers, moment};
pub use error::ModelError;
pub use manifest::{FORMAT_VERSION, Manifest};
pub use onnx::{read_pipeline, write_onnx};
pub use parity::check_parity;
pub use pickle::write_pickle;
pub use pipeline::{
    Batch, Calibration, Codes, Feature, FeatureKind, Fitted, Forest, Label, Linear, Link, Lookup, Member, Node, Pipeline, Predictions,
    SHARE_FLOOR, Scaled, Task, Tree, feature_of_input,
};
pub use prediction_table::PredictionTable;
pub use predictor::Predictor;
pub use reference::{Bins, Distribution, Reference};
pub use text_part::{TextLength, TextReader};
pub use tree_kernel::TreeKernel;
