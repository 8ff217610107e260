//! What the training rows looked like, for the manifest.

use engine::{EngineError, Outcome, Trained};
use model::{Distribution, Reference};
use table::Frame;

use crate::labels;

/// Rows that are counted at most, and cells, which many words of texts would make too many.
const MOST_ROWS: usize = 100_000;
const MOST_CELLS: usize = 10_000_000;

/// Of rows from all over the table, and of the predictions for the judged rows.
pub(crate) fn of(trained: &Trained, frame: &Frame) -> Result<Reference, EngineError> {
    let features = &trained.pipeline.features;
    let width: usize = features.iter().map(|feature| feature.kind.numbers().max(1)).sum();
    let most = (MOST_CELLS / width.max(1)).clamp(1, MOST_ROWS);
    let rows: Vec<usize> = (0..frame.rows).step_by(frame.rows.div_ceil(most).max(1)).collect();
    let prediction = match &trained.outcome {
        Outcome::Labels { chosen, .. } => {
            let labels: Vec<String> = labels(&trained.pipeline.task).iter().map(ToString::to_string).collect();
            let text = |label: &u32| labels.get(*label as usize).map(String::as_str);
            Distribution::of_texts("prediction", chosen.iter().map(text))
        }
        Outcome::Numbers(numbers) => Distribution::of_numbers("prediction", numbers.iter().map(|&(_, predicted)| predicted as f32)),
    };
    Ok(Reference::new(features, &trained.importances, &engine::batch(frame, features, &rows)?.0, prediction))
}
