//! The check that a stored model answers as the trained one does.

use crate::{Batch, ModelError, Pipeline, Predictions, Predictor};

/// The largest difference allowed, relative to the figure where that is above 1, or to the usual size of the figures where that is larger.
const TOLERANCE: f32 = 1e-5;

/// Loads the stored model and compares it with the pipeline on every row of `batch`: labels must be the same unless their probabilities
/// are as good as equal, figures within 1e-5. The largest difference.
pub fn check_parity(pipeline: &Pipeline, onnx: &[u8], batch: &Batch) -> Result<f32, ModelError> {
    let stored = Predictor::load(onnx)?.predict(batch)?;
    let (trained, stored, width) = match (pipeline.predict(batch), stored) {
        (Predictions::Numbers(trained), Predictions::Numbers(stored)) => (trained, stored, 1),
        (Predictions::Classes { probabilities: trained, .. }, Predictions::Classes { probabilities: stored, .. }) => {
            (trained, stored, pipeline.classes().unwrap_or(1))
        }
        _ => return Err(ModelError::damaged("it predicts something else than it was trained for")),
    };
    if trained.len() != stored.len() {
        return Err(ModelError::damaged(format!("it gives {} figures instead of {}", stored.len(), trained.len())));
    }
    let usual = (trained.iter().map(|figure| f64::from(*figure).powi(2)).sum::<f64>() / trained.len().max(1) as f64).sqrt() as f32;
    let mut largest = 0.0_f32;
    for (position, (&trained, &stored)) in trained.iter().zip(&stored).enumerate() {
        let difference = (trained - stored).abs() / trained.abs().max(usual).max(1.0);
        if difference.is_nan() || difference > TOLERANCE {
            return Err(ModelError::Parity { row: position / width.max(1) + 1, trained, stored });
        }
        largest = largest.max(difference);
    }
    Ok(largest)
}
