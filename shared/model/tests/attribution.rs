//! Contributions sum to the prediction, for any pipeline and any row, and a feature that is not used has none.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod pipelines;

use model::{Batch, Calibration, Explainer, Feature, FeatureKind, Pipeline, Predictions};
use pipelines::{any_batch, any_pipeline, manifest, small_pipeline};
use proptest::{prelude::*, test_runner::Config};

/// The outputs that are explained, row-major.
fn explained_outputs(pipeline: &Pipeline, batch: &Batch) -> Vec<f32> {
    match pipeline.predict(batch) {
        Predictions::Numbers(numbers) => numbers,
        Predictions::Classes { probabilities, .. } if manifest(pipeline).labels.len() == 2 => {
            probabilities.into_iter().skip(1).step_by(2).collect()
        }
        Predictions::Classes { probabilities, .. } => probabilities,
    }
}

proptest! {
    #![proptest_config(Config::with_cases(96))]

    #[test]
    fn contributions_sum_to_the_prediction(
        (pipeline, batch) in any_pipeline().prop_flat_map(|pipeline| { let batch = any_batch(&pipeline); (Just(pipeline), batch) })
    ) {
        let explainer = Explainer::new(&pipeline).unwrap();
        let (outputs, features) = (explainer.base().len(), pipeline.features.len());
        let expected = explained_outputs(&pipeline, &batch);
        for (contributions, expected) in explainer.explain(&batch).iter().zip(expected.chunks(outputs)) {
            for (output, expected) in expected.iter().enumerate() {
                let of_output = &contributions[output * features..(output + 1) * features];
                let sum = explainer.base()[output] + of_output.iter().sum::<f64>();
                let tolerance = 1e-4 * f64::from(expected.abs()).max(1.0);
                prop_assert!((sum - f64::from(*expected)).abs() < tolerance, "{} instead of {}", sum, expected);
            }
        }
    }
}

#[test]
fn the_base_is_the_prediction_of_the_mean_row() {
    let pipeline = small_pipeline();
    let explainer = Explainer::new(&pipeline).unwrap();
    let mean: f64 = 0.1 + (6.0 * -0.5 + 3.0 * 0.75 + 1.0 * 1.5) / 10.0;
    assert!((explainer.base()[0] - 1.0 / (1.0 + (-mean).exp())).abs() < 1e-6);
}

#[test]
fn a_feature_that_no_member_uses_has_none() {
    let mut pipeline = small_pipeline();
    pipeline.features.push(Feature { name: "unused".to_owned(), kind: FeatureKind::Numeric });
    let batch = Batch { rows: 1, numbers: vec![7.0, 3.0], texts: vec![vec!["b".to_owned()]] };
    let contributions = Explainer::new(&pipeline).unwrap().explain(&batch);
    assert!(contributions[0][..2].iter().all(|value| *value != 0.0) && contributions[0][2] == 0.0, "{contributions:?}");
}

#[test]
fn a_calibration_rescales_what_the_features_of_two_labels_add() {
    let plain = small_pipeline();
    let calibration = Calibration { slope: 0.5, shift: 0.3, floor: 1e-3 };
    let calibrated = Pipeline { calibration: Some(calibration), ..plain.clone() };
    let batch = Batch { rows: 1, numbers: vec![7.0], texts: vec![vec!["b".to_owned()]] };
    let explain = |pipeline: &Pipeline| {
        let explainer = Explainer::new(pipeline).unwrap();
        (explainer.base()[0], explainer.explain(&batch).remove(0))
    };
    let ((base, contributions), (calibrated_base, calibrated_contributions)) = (explain(&plain), explain(&calibrated));
    let map = |p: f64| 1.0 / (1.0 + (-(0.5 * ((p + 1e-3) / (1.0 - p + 1e-3)).ln() + 0.3)).exp());
    assert!((calibrated_base - map(base)).abs() < 1e-6);
    let step: f64 = contributions.iter().sum();
    let ratio = (map(base + step) - map(base)) / step;
    for (plain, calibrated) in contributions.iter().zip(&calibrated_contributions) {
        assert!(plain.abs() > 0.01 && (ratio * plain - calibrated).abs() < 1e-6, "{contributions:?} {calibrated_contributions:?}");
    }
}
