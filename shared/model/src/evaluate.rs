//! The trainer's own evaluation of a pipeline, straight from its definition. The stored graph must give the same answers.

use std::collections::HashMap;

use crate::{
    Batch, Feature, FeatureKind, Fitted, Forest, Linear, Link, Member, Node, Pipeline, Predictions, Task, Tree,
    pipeline::{SCALED_LIMIT, scaled},
};

impl Pipeline {
    /// Predictions for each row. Rows that the batch does not hold, and parts of the pipeline that do not fit each other, count as
    /// missing values and as 0: a pipeline that the engine made has neither.
    pub fn predict(&self, batch: &Batch) -> Predictions {
        let encoder = Encoder::new(&self.features);
        let mut values = Vec::new();
        let mut output = Vec::new();
        let classes = self.classes();
        let (mut numbers, mut labels, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..batch.rows {
            encoder.encode(batch, row, &mut values);
            self.combine(&values, &mut output);
            if classes.is_some() {
                labels.push(most_probable(&output));
                probabilities.append(&mut output);
            } else {
                numbers.push(output.first().copied().unwrap_or(0.0));
            }
        }
        if classes.is_none() { Predictions::Numbers(numbers) } else { Predictions::Classes { labels, probabilities } }
    }

    /// Number of labels; `None` for regression.
    pub(crate) fn classes(&self) -> Option<usize> {
        match &self.task {
            Task::Regression => None,
            Task::Classification { labels } => Some(labels.len()),
        }
    }

    /// The weighted sum of the members' outputs; for two labels both probabilities.
    fn combine(&self, values: &[f32], output: &mut Vec<f32>) {
        output.clear();
        let mut member_output = Vec::new();
        for member in &self.members {
            member.output(values, &mut member_output);
            output.resize(member_output.len().max(output.len()), 0.0);
            for (sum, value) in output.iter_mut().zip(&member_output) {
                *sum += member.weight * value;
            }
        }
        if self.classes() == Some(2)
            && let [of_second] = output[..]
        {
            output.insert(0, 1.0 - of_second);
        }
    }
}

impl Member {
    fn output(&self, values: &[f32], scores: &mut Vec<f32>) {
        scores.clear();
        match &self.model {
            Fitted::Trees(forest) => forest.scores(values, scores),
            Fitted::Linear(linear) => linear.scores(values, scores),
        }
        match self.link {
            Link::Identity => {}
            Link::Sigmoid => scores.iter_mut().for_each(|score| *score = 1.0 / (1.0 + (-*score).exp())),
            Link::Softmax => {
                let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                scores.iter_mut().for_each(|score| *score = (*score - largest).exp());
                let sum: f32 = scores.iter().sum();
                scores.iter_mut().for_each(|score| *score /= sum);
            }
        }
    }
}

impl Forest {
    fn scores(&self, values: &[f32], scores: &mut Vec<f32>) {
        scores.resize(self.base.len(), 0.0);
        for tree in &self.trees {
            if let Some(score) = usize::try_from(tree.output).ok().and_then(|output| scores.get_mut(output)) {
                *score += tree.leaf(values);
            }
        }
        scores.iter_mut().zip(&self.base).for_each(|(score, base)| *score += base);
    }
}

impl Tree {
    fn leaf(&self, values: &[f32]) -> f32 {
        let value = |feature: u32| values.get(feature as usize).copied().unwrap_or(f32::NAN);
        let mut at = 0;
        // Children follow their parents, so this ends after as many steps as there are nodes.
        while let Some(node) = self.nodes.get(at) {
            let next = match node {
                Node::Leaf { value } => return *value,
                Node::Threshold { feature, threshold, missing_left, left, right } => {
                    let value = value(*feature);
                    if value <= *threshold || (value.is_nan() && *missing_left) { *left } else { *right }
                }
                Node::InSet { feature, codes, left, right } => {
                    if codes.binary_search(&(value(*feature) as u32)).is_ok() {
                        *left
                    } else {
                        *right
                    }
                }
            } as usize;
            if next <= at {
                break;
            }
            at = next;
        }
        0.0
    }
}

impl Linear {
    fn scores(&self, values: &[f32], scores: &mut Vec<f32>) {
        scores.extend_from_slice(&self.intercepts);
        for term in &self.numeric {
            let value = values.get(term.feature as usize).copied().unwrap_or(f32::NAN);
            let value = scaled(term, value).clamp(-SCALED_LIMIT, SCALED_LIMIT);
            scores.iter_mut().zip(&term.coefficients).for_each(|(score, coefficient)| *score += coefficient * value);
        }
        for (feature, table) in &self.categorical {
            let code = values.get(*feature as usize).copied().unwrap_or(0.0) as usize;
            if let Some(coefficients) = table.get(code) {
                scores.iter_mut().zip(coefficients).for_each(|(score, coefficient)| *score += coefficient);
            }
        }
    }
}

/// The position of the largest value, the first on ties.
pub(crate) fn most_probable(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (position, value) in probabilities.iter().enumerate() {
        if probabilities.get(best).is_some_and(|largest| value > largest) {
            best = position;
        }
    }
    best
}

/// Raw values → a row of numbers and codes in feature order.
struct Encoder<'a> {
    columns: Vec<Option<HashMap<&'a str, u32>>>,
    numeric: usize,
}

impl<'a> Encoder<'a> {
    fn new(features: &'a [Feature]) -> Self {
        let codes = |feature: &'a Feature| match &feature.kind {
            FeatureKind::Numeric => None,
            FeatureKind::Categorical { categories } => Some(categories.iter().map(String::as_str).zip(1..).collect()),
        };
        let columns: Vec<_> = features.iter().map(codes).collect();
        let numeric = columns.iter().filter(|column: &&Option<_>| column.is_none()).count();
        Self { columns, numeric }
    }

    fn encode(&self, batch: &Batch, row: usize, values: &mut Vec<f32>) {
        let (mut numbers, mut texts) = (batch.numbers.iter().skip(row * self.numeric), batch.texts.iter());
        values.clear();
        values.extend(self.columns.iter().map(|column| match column {
            None => numbers.next().copied().unwrap_or(f32::NAN),
            Some(codes) => {
                let text = texts.next().and_then(|texts| texts.get(row)).map_or("", String::as_str);
                codes.get(text).copied().unwrap_or(0) as f32
            }
        }));
    }
}
