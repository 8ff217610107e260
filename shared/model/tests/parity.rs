//! The stored model answers as the trained one does, for any pipeline and any input; and a file that is not one of ours is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod pipelines;

use model::{Batch, Calibration, ModelError, Pipeline, Predictions, Predictor, check_parity, write_onnx, write_pickle};
use pipelines::{any_batch, any_pipeline, manifest, small_pipeline};
use proptest::{prelude::*, test_runner::Config};
use prost::Message as _;
use tract_onnx::pb::ModelProto;

proptest! {
    #![proptest_config(Config::with_cases(96))]

    #[test]
    fn the_stored_model_answers_as_the_trained_one(
        (pipeline, batch) in any_pipeline().prop_flat_map(|pipeline| { let batch = any_batch(&pipeline); (Just(pipeline), batch) })
    ) {
        let onnx = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
        check_parity(&pipeline, &onnx, &batch).unwrap();
    }

    #[test]
    fn the_bytes_are_those_that_a_protobuf_library_writes(pipeline in any_pipeline()) {
        let onnx = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
        prop_assert_eq!(ModelProto::decode(onnx.as_slice()).unwrap().encode_to_vec(), onnx);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_a_panic(place in any::<prop::sample::Index>(), value in any::<u8>()) {
        let pipeline = small_pipeline();
        let mut onnx = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
        let place = place.index(onnx.len());
        onnx[place] = value;
        if let Ok(predictor) = Predictor::load(&onnx) {
            let _ = predictor.predict(&Batch { rows: 1, numbers: vec![0.5], texts: vec![vec!["b".to_owned()]] });
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    let pipeline = small_pipeline();
    let onnx = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
    for end in (0..onnx.len()).step_by(7) {
        assert!(Predictor::load(&onnx[..end]).is_err(), "{end} of {} bytes", onnx.len());
    }
}

#[test]
fn inputs_of_the_wrong_shape_are_refused() {
    let pipeline = small_pipeline();
    let predictor = Predictor::load(&write_onnx(&pipeline, &manifest(&pipeline)).unwrap()).unwrap();
    let refused = predictor.predict(&Batch { rows: 2, numbers: vec![0.5], texts: vec![vec!["a".to_owned(), "b".to_owned()]] });
    assert!(matches!(refused, Err(ModelError::Inputs { .. })), "{refused:?}");
}

#[test]
fn the_manifest_comes_back() {
    let pipeline = small_pipeline();
    let manifest = manifest(&pipeline);
    assert_eq!(*Predictor::load(&write_onnx(&pipeline, &manifest).unwrap()).unwrap().manifest(), manifest);
}

#[test]
fn no_rows_give_no_predictions() {
    let pipeline = small_pipeline();
    let predictor = Predictor::load(&write_onnx(&pipeline, &manifest(&pipeline)).unwrap()).unwrap();
    let none = Batch { rows: 0, numbers: vec![], texts: vec![vec![]] };
    assert_eq!(predictor.predict(&none).unwrap(), pipeline.predict(&none));
}

#[test]
fn the_pickle_holds_the_model_whole() {
    let pipeline = small_pipeline();
    let manifest = manifest(&pipeline);
    let onnx = write_onnx(&pipeline, &manifest).unwrap();
    let pickle = write_pickle(&onnx, &manifest).unwrap();
    assert!(pickle.starts_with(&[0x80, 4]) && pickle.ends_with(b"."));
    assert!(pickle.windows(onnx.len()).any(|window| window == onnx), "the model's bytes stand in it as they are");
    for opcode in [b"c__builtin__".as_slice(), b"os\nsystem"] {
        assert!(!pickle.windows(opcode.len()).any(|window| window == opcode));
    }
}

#[test]
fn a_calibrated_model_says_what_the_formula_says() {
    let plain = small_pipeline();
    let calibrated = Pipeline { calibration: Some(Calibration { slope: 0.4, shift: -0.5, floor: 1e-4 }), ..plain.clone() };
    let batch = Batch { rows: 2, numbers: vec![0.0, 7.0], texts: vec![vec!["a".to_owned(), "b".to_owned()]] };
    let second = |pipeline: &Pipeline| {
        let predictor = Predictor::load(&write_onnx(pipeline, &manifest(pipeline)).unwrap()).unwrap();
        let Predictions::Classes { probabilities, .. } = predictor.predict(&batch).unwrap() else { panic!("probabilities") };
        [probabilities[1], probabilities[3]]
    };
    for (said, calibrated) in second(&plain).into_iter().zip(second(&calibrated)) {
        let log_odds = 0.4 * ((said + 1e-4) / (1.0 - said + 1e-4)).ln() - 0.5;
        assert!((calibrated - 1.0 / (1.0 + (-log_odds).exp())).abs() < 1e-6, "{said} {calibrated}");
        assert!((said - calibrated).abs() > 0.01);
    }
}
