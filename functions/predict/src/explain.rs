//! What each feature adds to a prediction.

use api::InOrder;
use model::{Batch, Explainer, ModelError, Pipeline, Predictions};
use schemars::JsonSchema;
use serde::Serialize;

/// The most rows of a request that are explained.
pub(crate) const MAX_ROWS: usize = 1_000;

/// A prediction, divided: base + all contributions = the predicted number, or the probability of the predicted label.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Explanation {
    /// What it would be if no feature were known.
    pub base: f64,
    /// What each feature adds: its SHAP value.
    pub contributions: InOrder<String, f64>,
}

/// One for each row of `batch`, for which the model gave `predictions`.
pub(crate) fn explanations(pipeline: &Pipeline, batch: &Batch, predictions: &Predictions) -> Result<Vec<Explanation>, ModelError> {
    let explainer = Explainer::new(pipeline)?;
    let outputs = explainer.base().len();
    let explain = |(row, contributions): (usize, Vec<f64>)| {
        // Of two labels the probability of the second is explained; the first one's is what that leaves of 1.
        let (output, is_rest) = match predictions {
            Predictions::Numbers(_) => (0, false),
            Predictions::Classes { labels, .. } => match labels.get(row).copied().unwrap_or(0) {
                label if outputs > 1 => (label, false),
                label => (0, label == 0),
            },
        };
        let base = explainer.base().get(output).copied().unwrap_or(0.0);
        let of_output = contributions.chunks(pipeline.features.len().max(1)).nth(output).unwrap_or_default();
        let values = of_output.iter().map(|value| if is_rest { -value } else { *value });
        Explanation {
            base: if is_rest { 1.0 - base } else { base },
            contributions: pipeline.features.iter().map(|feature| feature.name.clone()).zip(values).collect(),
        }
    };
    Ok(explainer.explain(batch).into_iter().enumerate().map(explain).collect())
}

#[cfg(test)]
mod tests {
    use model::{Feature, FeatureKind, Fitted, Forest, Label, Link, Member, Node, Task, Tree};

    use super::*;

    /// One tree: is the first of two numbers above 1, and if so the second.
    fn pipeline(task: Task, link: Link, outputs: u32) -> Pipeline {
        let leaf = |value| Node::Leaf { value };
        let test = |feature, left, right| Node::Threshold { feature, threshold: 1.0, missing_left: true, left, right };
        let tree = |output| Tree {
            output,
            nodes: vec![test(0, 1, 2), leaf(-1.0 - output as f32), test(1, 3, 4), leaf(0.5), leaf(2.0)],
            covers: vec![10.0, 6.0, 4.0, 3.0, 1.0],
        };
        let forest = Forest { base: vec![0.1; outputs as usize], trees: (0..outputs).map(tree).collect() };
        let feature = |name: &str| Feature { name: name.to_owned(), kind: FeatureKind::Numeric };
        Pipeline {
            task,
            features: vec![feature("a"), feature("b")],
            lookups: Vec::new(),
            calibration: None,
            threshold: None,
            members: vec![Member { name: "m".to_owned(), weight: 1.0, link, model: Fitted::Trees(forest) }],
        }
    }

    fn classes(count: usize) -> Task {
        Task::Classification { labels: (0..count).map(|label| Label::Number(label as f64)).collect() }
    }

    #[test]
    fn base_and_contributions_sum_to_the_prediction() {
        let batch = Batch { rows: 3, numbers: vec![0.0, 0.0, 2.0, 0.0, 2.0, 2.0], texts: Vec::new() };
        let of = [(Task::Regression, Link::Identity, 1), (classes(2), Link::Sigmoid, 1), (classes(3), Link::Softmax, 3)];
        for (task, link, outputs) in of {
            let pipeline = pipeline(task, link, outputs);
            let predictions = pipeline.predict(&batch);
            let explained = explanations(&pipeline, &batch, &predictions).unwrap();
            assert_eq!(explained.len(), 3);
            for (row, Explanation { base, contributions: InOrder(contributions) }) in explained.iter().enumerate() {
                let sum = base + contributions.iter().map(|(_, value)| value).sum::<f64>();
                let predicted = match &predictions {
                    Predictions::Numbers(numbers) => numbers[row],
                    Predictions::Classes { labels, probabilities } => probabilities[row * probabilities.len() / 3 + labels[row]],
                };
                assert!((sum - f64::from(predicted)).abs() < 1e-5, "{link:?} {row}: {sum} {predicted}");
                assert_eq!(contributions.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
            }
        }
    }
}
