//! The model file: what a fitted model is ([`Pipeline`]), its one ONNX graph from raw features (write), its [`Manifest`], and
//! running it through tract ([`Predictor`]). What the prediction function links: no table reading, no fitting.

mod pipeline;

pub use pipeline::{
    Batch, Feature, FeatureKind, Fitted, Forest, Label, Linear, Link, Member, Node, Pipeline, Predictions, Scaled, Task, Tree,
};
