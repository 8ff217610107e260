//! Linear models by linfa: logistic regression for labels, the elastic net for numbers.
//!
//! linfa's solvers cannot be interrupted, so the logistic ones run in short stretches, each from where the last one ended, until the
//! coefficients settle or time is up; the elastic net's cost is known beforehand and its rows are thinned to fit.

mod design;

use linfa::{DatasetBase, traits::Fit};
use linfa_elasticnet::ElasticNet;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use model::Linear;
use ndarray::{Array1, Array2, Axis, concatenate};

use self::design::Design;
use crate::{
    clock::Deadline,
    matrix::{Column, Matrix, Target},
};

/// The most cells (rows × inputs × scores) that a fit reads at once.
const MAX_CELLS: usize = 2_000_000;
/// Solver iterations between looks at the clock.
const STRETCH: u64 = 10;
/// The most stretches.
const MAX_STRETCHES: usize = 15;
/// Coefficients that move less than this have settled.
const SETTLED: f64 = 1e-3;

/// Fits a linear model to some rows; `None` when no input varies, or the solver fails, or there is no time. `penalty` is the weight of
/// the L2 norm against the summed loss (labels), or of the elastic net against the mean one, in thousandths (numbers).
pub(crate) fn fit(
    matrix: &Matrix,
    target: &Target,
    weights: Option<&[f32]>,
    rows: &[u32],
    penalty: f64,
    deadline: &Deadline,
) -> Option<Linear> {
    let design = Design::new(matrix, rows);
    if design.width() == 0 || deadline.passed() {
        return None;
    }
    let step = (rows.len() * design.width() * target.outputs()).div_ceil(MAX_CELLS).max(1);
    let rows: Vec<u32> = rows.iter().copied().step_by(step).collect();
    let rows = weights.map_or_else(|| rows.clone(), |weights| drawn_by_weight(&rows, weights));
    let inputs = design.inputs(matrix, &rows);
    match target {
        Target::Numbers(values) => {
            let values: Array1<f64> = rows.iter().map(|&row| values[row as usize]).collect();
            let net = ElasticNet::params().penalty(penalty * 1e-3).l1_ratio(0.5).max_iterations(200).tolerance(1e-4);
            let fitted = net.fit(&DatasetBase::new(inputs, values)).ok()?;
            let coefficients = fitted.hyperplane().clone().insert_axis(Axis(1));
            usable(&design, &coefficients, &[fitted.intercept()])
        }
        Target::Classes { classes, count: 2 } => {
            let classes: Array1<u32> = rows.iter().map(|&row| classes[row as usize]).collect();
            let (coefficients, intercept) = logistic(&DatasetBase::new(inputs, classes), penalty, deadline)?;
            usable(&design, &coefficients.insert_axis(Axis(1)), &[intercept])
        }
        Target::Classes { classes, count } => {
            let classes: Array1<u32> = rows.iter().map(|&row| classes[row as usize]).collect();
            let (coefficients, intercepts) = multinomial(&DatasetBase::new(inputs, classes), *count, penalty, deadline)?;
            usable(&design, &coefficients, &intercepts)
        }
    }
}

/// As many rows, each about as often as its weight says: the solvers know no weights.
fn drawn_by_weight(rows: &[u32], weights: &[f32]) -> Vec<u32> {
    let weight = |row: u32| weights.get(row as usize).map_or(0.0, |&weight| f64::from(weight));
    let step = rows.iter().map(|&row| weight(row)).sum::<f64>() / rows.len().max(1) as f64;
    let (mut drawn, mut passed, mut next) = (Vec::with_capacity(rows.len()), 0.0, 0.5 * step);
    for &row in rows {
        passed += weight(row);
        while next < passed && drawn.len() < rows.len() {
            drawn.push(row);
            next += step;
        }
    }
    drawn
}

fn usable(design: &Design, coefficients: &Array2<f64>, intercepts: &[f64]) -> Option<Linear> {
    let finite = coefficients.iter().chain(intercepts).all(|value| (*value as f32).is_finite());
    finite.then(|| design.model(coefficients, intercepts))
}

type Labelled = DatasetBase<Array2<f64>, Array1<u32>>;

/// Coefficients and intercept of the log-odds of label 1.
fn logistic(data: &Labelled, penalty: f64, deadline: &Deadline) -> Option<(Array1<f64>, f64)> {
    let mut solution: Option<Array1<f64>> = None;
    let mut sign = 1.0;
    for _ in 0..MAX_STRETCHES {
        let mut solver = LogisticRegression::default().alpha(penalty).max_iterations(STRETCH);
        if let Some(start) = &solution {
            solver = solver.initial_params(start.clone());
        }
        let Ok(fitted) = solver.fit(data) else { break };
        sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
        let next = concatenate(Axis(0), &[fitted.params().view(), Array1::from_elem(1, fitted.intercept()).view()]).ok()?;
        let settled = solution.as_ref().is_some_and(|last| largest(&(&next - last)) < SETTLED);
        solution = Some(next);
        if settled || deadline.passed() {
            break;
        }
    }
    let solution = solution? * sign;
    let (intercept, coefficients) = solution.as_slice()?.split_last()?;
    Some((Array1::from(coefficients.to_vec()), *intercept))
}

/// Coefficients (`width × labels`) and intercepts of the scores of all labels; one that no row has is next to impossible.
fn multinomial(data: &Labelled, labels: usize, penalty: f64, deadline: &Deadline) -> Option<(Array2<f64>, Vec<f64>)> {
    let width = data.records.ncols();
    let mut solution: Option<Array2<f64>> = None;
    let mut seen = Vec::new();
    for _ in 0..MAX_STRETCHES {
        let mut solver = MultiLogisticRegression::default().alpha(penalty).max_iterations(STRETCH);
        if let Some(start) = &solution {
            solver = solver.initial_params(start.clone());
        }
        let Ok(fitted) = solver.fit(data) else { break };
        seen = fitted.classes().to_vec();
        let next = concatenate(Axis(0), &[fitted.params().view(), fitted.intercept().view().insert_axis(Axis(0))]).ok()?;
        let settled = solution.as_ref().is_some_and(|last| largest(&(&next - last)) < SETTLED);
        solution = Some(next);
        if settled || deadline.passed() {
            break;
        }
    }
    let solution = solution?;
    let lowest = solution.row(width).iter().copied().fold(0.0, f64::min);
    let mut coefficients = Array2::zeros((width, labels));
    let mut intercepts = vec![lowest - 10.0; labels];
    for (position, &label) in seen.iter().enumerate() {
        let label = label as usize;
        coefficients.column_mut(label).iter_mut().zip(solution.column(position)).for_each(|(to, from)| *to = *from);
        intercepts[label] = solution[(width, position)];
    }
    Some((coefficients, intercepts))
}

fn largest<D: ndarray::Dimension>(values: &ndarray::Array<f64, D>) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

/// The scores of some rows by output, as the model computes them.
pub(crate) fn scores(model: &Linear, matrix: &Matrix, rows: &[u32]) -> Vec<Vec<f32>> {
    let mut scores: Vec<Vec<f32>> = model.intercepts.iter().map(|&intercept| vec![intercept; rows.len()]).collect();
    for scaled in &model.numeric {
        let Some(Column::Numbers(values)) = matrix.columns.get(scaled.feature as usize) else { continue };
        for (position, &row) in rows.iter().enumerate() {
            let value = values[row as usize];
            let standardised = ((if value.is_nan() { scaled.fill } else { value }) - scaled.mean) / scaled.scale;
            scores.iter_mut().zip(&scaled.coefficients).for_each(|(scores, coefficient)| scores[position] += standardised * coefficient);
        }
    }
    for (feature, table) in &model.categorical {
        let Some(Column::Codes { codes, .. }) = matrix.columns.get(*feature as usize) else { continue };
        for (position, &row) in rows.iter().enumerate() {
            if let Some(coefficients) = table.get(usize::from(codes[row as usize])) {
                scores.iter_mut().zip(coefficients).for_each(|(scores, coefficient)| scores[position] += coefficient);
            }
        }
    }
    scores
}

/// How much each feature moves the scores: the spread of its contribution over some rows, summed over the outputs.
pub(crate) fn influence(model: &Linear, matrix: &Matrix, rows: &[u32]) -> Vec<f64> {
    let mut influence = vec![0.0; matrix.columns.len()];
    for scaled in &model.numeric {
        influence[scaled.feature as usize] = scaled.coefficients.iter().map(|value| f64::from(value.abs())).sum();
    }
    for (feature, table) in &model.categorical {
        let Some(Column::Codes { codes, .. }) = matrix.columns.get(*feature as usize) else { continue };
        let contribution = |row: &u32, output: usize| f64::from(table[usize::from(codes[*row as usize])][output]);
        for output in 0..model.intercepts.len() {
            let count = rows.len().max(1) as f64;
            let mean = rows.iter().map(|row| contribution(row, output)).sum::<f64>() / count;
            let variance = rows.iter().map(|row| (contribution(row, output) - mean).powi(2)).sum::<f64>() / count;
            influence[*feature as usize] += variance.sqrt();
        }
    }
    influence
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::random::Random;

    fn later() -> Deadline {
        Deadline::after(Duration::from_mins(1))
    }

    /// 400 rows of a number that is sometimes missing and a category of three.
    fn table() -> (Matrix, Vec<f64>) {
        let mut random = Random::labelled(5, 0);
        let numbers: Vec<f32> = (0..400).map(|row| if row % 10 == 0 { f32::NAN } else { random.unit() as f32 * 20.0 }).collect();
        let codes: Vec<u16> = (0..400).map(|_| 1 + random.below(3) as u16).collect();
        let signal = numbers
            .iter()
            .zip(&codes)
            .map(|(&number, &code)| (if number.is_nan() { 0.0 } else { f64::from(number) / 5.0 - 2.0 }) + f64::from(code) - 2.0)
            .collect();
        (Matrix { columns: vec![Column::Numbers(numbers), Column::Codes { codes, count: 4 }], for_trees: vec![true; 2] }, signal)
    }

    #[test]
    fn numbers_are_recovered() {
        let (matrix, signal) = table();
        let rows: Vec<u32> = (0..400).collect();
        let model = fit(&matrix, &Target::Numbers(signal.clone()), None, &rows, 1.0, &later()).unwrap();
        let scores = scores(&model, &matrix, &rows);
        let error = scores[0].iter().zip(&signal).map(|(score, value)| (f64::from(*score) - value).abs()).sum::<f64>() / 400.0;
        assert!(error < 0.1, "{error}");
    }

    #[test]
    fn the_intercept_is_the_mean_score() {
        let (matrix, signal) = table();
        let rows: Vec<u32> = (0..400).collect();
        let model = fit(&matrix, &Target::Numbers(signal), None, &rows, 1.0, &later()).unwrap();
        let mean = scores(&model, &matrix, &rows)[0].iter().sum::<f32>() / 400.0;
        assert!((mean - model.intercepts[0]).abs() < 1e-4, "{mean} {}", model.intercepts[0]);
    }

    #[test]
    fn labels_are_recovered_whichever_is_more_frequent() {
        let (matrix, signal) = table();
        let rows: Vec<u32> = (0..400).collect();
        for cut in [-1.0, 1.0] {
            let classes: Vec<u32> = signal.iter().map(|&value| u32::from(value > cut)).collect();
            let target = Target::Classes { classes: classes.clone(), count: 2 };
            let model = fit(&matrix, &target, None, &rows, 1.0, &later()).unwrap();
            let scores = scores(&model, &matrix, &rows);
            let right = scores[0].iter().zip(&classes).filter(|(score, class)| (**score > 0.0) == (**class == 1)).count();
            assert!(right > 360, "cut {cut}: {right}");
        }
    }

    #[test]
    fn a_label_that_no_row_has_is_improbable_and_the_others_are_recovered() {
        let (matrix, signal) = table();
        let rows: Vec<u32> = (0..400).collect();
        let classes: Vec<u32> = signal
            .iter()
            .map(|&value| {
                if value < -1.0 {
                    0
                } else if value < 1.0 {
                    1
                } else {
                    3
                }
            })
            .collect();
        let target = Target::Classes { classes: classes.clone(), count: 4 };
        let model = fit(&matrix, &target, None, &rows, 1.0, &later()).unwrap();
        let scores = scores(&model, &matrix, &rows);
        let predicted = |row: usize| (0..4).reduce(|best, next| if scores[next][row] > scores[best][row] { next } else { best });
        assert!((0..400).all(|row| predicted(row) != Some(2)));
        assert!((0..400).filter(|&row| predicted(row) == Some(classes[row] as usize)).count() > 340);
    }

    #[test]
    fn without_an_input_that_varies_there_is_no_model() {
        let matrix =
            Matrix { columns: vec![Column::Numbers(vec![3.0; 20]), Column::Numbers(vec![f32::NAN; 20])], for_trees: vec![true; 2] };
        let target = Target::Numbers((0..20).map(f64::from).collect());
        assert_eq!(fit(&matrix, &target, None, &(0..20).collect::<Vec<_>>(), 1.0, &later()), None);
    }
}
