//! The trainer's own evaluation of a pipeline, straight from its definition. The stored graph must give the same answers.

use std::collections::HashMap;

use crate::{
    Batch, Calibration, Feature, FeatureKind, Fitted, Forest, Linear, Link, Lookup, Member, Node, Pipeline, Predictions, Task, Tree,
    pipeline::{EXPONENT_LIMIT, SHARE_FLOOR},
};

impl Pipeline {
    /// Predictions for each row. Rows that the batch does not hold, and parts of the pipeline that do not fit each other, count as
    /// missing values and as 0: a pipeline that the engine made has neither.
    pub fn predict(&self, batch: &Batch) -> Predictions {
        let encoder = Encoder::new(self);
        let mut values = Vec::new();
        let mut output = Vec::new();
        let classes = self.classes();
        let (mut numbers, mut labels, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..batch.rows {
            encoder.encode(batch, row, &mut values);
            self.combine(&values, &mut output);
            if classes.is_some() {
                labels.push(chosen(&output, self.threshold));
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

    /// The weighted sum of the members' outputs, calibrated; for two labels both probabilities.
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
        if let Some(calibration) = self.calibration.filter(|_| self.classes().is_some()) {
            calibration.apply(output);
        }
    }
}

impl Calibration {
    /// Corrects the probabilities of all labels of a row, in place.
    pub fn apply(&self, probabilities: &mut [f32]) {
        let shifts = self.shifts(probabilities.len());
        for (p, shift) in probabilities.iter_mut().zip(shifts) {
            *p = self.slope * (*p + self.floor).ln() + shift;
        }
        Link::Softmax.apply(probabilities);
    }

    /// What is added for each of so many labels.
    pub(crate) fn shifts(&self, labels: usize) -> impl Iterator<Item = f32> + use<> {
        let of_second = if labels == 2 { self.shift } else { 0.0 };
        (0..labels).map(move |label| if label == 1 { of_second } else { 0.0 })
    }
}

impl Member {
    fn output(&self, values: &[f32], scores: &mut Vec<f32>) {
        scores.clear();
        match &self.model {
            Fitted::Trees(forest) => forest.scores(values, scores),
            Fitted::Linear(linear) => linear.scores(values, scores),
        }
        self.link.apply(scores);
    }
}

impl Link {
    /// Turns a row's scores into its outputs, in place: the number, the probability of the second label, or one probability per label.
    pub fn apply(self, scores: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Sigmoid => scores.iter_mut().for_each(|score| *score = 1.0 / (1.0 + (-*score).exp())),
            Self::Softmax => {
                let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                scores.iter_mut().for_each(|score| *score = (*score - largest).exp());
                divide_by_sum(scores);
            }
            Self::Exponential => scores.iter_mut().for_each(|score| *score = score.min(EXPONENT_LIMIT).exp()),
            Self::Shares if scores.len() == 1 => scores.iter_mut().for_each(|score| *score = score.clamp(0.0, 1.0)),
            Self::Shares => {
                scores.iter_mut().for_each(|score| *score = score.max(0.0) + SHARE_FLOOR);
                divide_by_sum(scores);
            }
        }
    }
}

fn divide_by_sum(scores: &mut [f32]) {
    let sum: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
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
    /// The value of the leaf that a row of inputs ends in; an input that is not there is missing.
    pub fn leaf(&self, values: &[f32]) -> f32 {
        let mut at = 0;
        // Children follow their parents, so this ends after as many steps as there are nodes.
        while let Some(node) = self.nodes.get(at) {
            let next = match node {
                Node::Leaf { value } => return *value,
                Node::Threshold { left, right, .. } | Node::InSet { left, right, .. } => {
                    if node.holds(values) {
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

impl Node {
    /// Whether its test holds for a row of inputs; a leaf has none.
    pub(crate) fn holds(&self, values: &[f32]) -> bool {
        let value = |feature: u32| values.get(feature as usize).copied().unwrap_or(f32::NAN);
        match self {
            Self::Leaf { .. } => false,
            Self::Threshold { feature, threshold, missing_left, .. } => {
                let value = value(*feature);
                value <= *threshold || (value.is_nan() && *missing_left)
            }
            Self::InSet { feature, codes, .. } => codes.binary_search(&(value(*feature) as u32)).is_ok(),
        }
    }
}

impl Linear {
    fn scores(&self, values: &[f32], scores: &mut Vec<f32>) {
        scores.extend_from_slice(&self.intercepts);
        for term in &self.numeric {
            let value = values.get(term.feature as usize).copied().unwrap_or(f32::NAN);
            let value = term.scaled(value);
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

/// The position of the chosen label: by the threshold where there is one, else the most probable, the first on ties.
pub(crate) fn chosen(probabilities: &[f32], threshold: Option<f32>) -> usize {
    if let (&[first, second], Some(threshold)) = (probabilities, threshold) {
        return usize::from(second + bias(threshold) > first);
    }
    let mut best = 0;
    for (position, value) in probabilities.iter().enumerate() {
        if probabilities.get(best).is_some_and(|largest| value > largest) {
            best = position;
        }
    }
    best
}

/// What the second label's probability gets before the larger of the two is chosen: p + (1 − 2t) > 1 − p where p > t.
pub(crate) fn bias(threshold: f32) -> f32 {
    1.0 - 2.0 * threshold
}

/// Raw values → a row of inputs.
pub(crate) struct Encoder<'a> {
    features: Vec<Source<'a>>,
    lookups: &'a [Lookup],
    numbers: usize,
}

enum Source<'a> {
    Numbers(usize),
    Codes(HashMap<&'a str, u32>),
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(pipeline: &'a Pipeline) -> Self {
        let source = |feature: &'a Feature| match &feature.kind {
            FeatureKind::Categorical { categories } => Source::Codes(categories.iter().map(String::as_str).zip(1..).collect()),
            FeatureKind::Numeric | FeatureKind::Date { .. } | FeatureKind::Text { .. } => Source::Numbers(feature.kind.numbers()),
        };
        Self {
            features: pipeline.features.iter().map(source).collect(),
            lookups: &pipeline.lookups,
            numbers: pipeline.features.iter().map(|feature| feature.kind.numbers()).sum(),
        }
    }

    pub(crate) fn encode(&self, batch: &Batch, row: usize, values: &mut Vec<f32>) {
        let (mut numbers, mut texts) = (batch.numbers.iter().skip(row * self.numbers), batch.texts.iter());
        values.clear();
        for source in &self.features {
            match source {
                Source::Numbers(count) => values.extend((0..*count).map(|_| numbers.next().copied().unwrap_or(f32::NAN))),
                Source::Codes(codes) => {
                    let text = texts.next().and_then(|texts| texts.get(row)).map_or("", String::as_str);
                    values.push(codes.get(text).copied().unwrap_or(0) as f32);
                }
            }
        }
        for lookup in self.lookups {
            let code = values.get(lookup.input as usize).copied().unwrap_or(0.0) as usize;
            values.push(lookup.values.get(code).copied().unwrap_or(f32::NAN));
        }
    }
}
