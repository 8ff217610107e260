//! Model files of every format that was ever released stay loadable, and answer as they did.
//!
//! `formats/` has one file for each, with what it answers. `WRITE_FORMAT=name` adds one of the present format.

use std::{fs, path::PathBuf};

use model::{Batch, Explainer, Predictions, Predictor, read_pipeline, write_onnx};
use serde_json::{Value, json};

use crate::pipelines::{manifest, small_pipeline};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats")
}

fn batch() -> Batch {
    let texts = ["a", "b", "", "never seen", "b"].map(str::to_owned).to_vec();
    Batch { rows: 5, numbers: vec![0.0, 0.5, f32::NAN, 1e30, -3.0], texts: vec![texts] }
}

fn answers(predictions: &Predictions) -> Value {
    match predictions {
        Predictions::Numbers(numbers) => json!({ "numbers": numbers }),
        Predictions::Classes { labels, probabilities } => json!({ "labels": labels, "probabilities": probabilities }),
    }
}

#[test]
fn files_of_released_formats_answer_as_they_did() {
    if let Ok(name) = std::env::var("WRITE_FORMAT") {
        let pipeline = small_pipeline();
        let onnx = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
        let predictions = Predictor::load(&onnx).unwrap().predict(&batch()).unwrap();
        fs::create_dir_all(folder()).unwrap();
        fs::write(folder().join(format!("{name}.onnx")), onnx).unwrap();
        fs::write(folder().join(format!("{name}.json")), serde_json::to_vec_pretty(&answers(&predictions)).unwrap()).unwrap();
    }
    let mut seen = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        let onnx = fs::read(&path).unwrap();
        let expected: Value = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        let predictions = Predictor::load(&onnx).unwrap().predict(&batch()).unwrap();
        assert_eq!(answers(&predictions), expected, "{}", path.display());
        match read_pipeline(&onnx) {
            Ok(pipeline) => assert_eq!(Explainer::new(&pipeline).unwrap().explain(&batch()).len(), 5),
            Err(error) => assert!(error.to_string().contains("train again"), "{}: {error}", path.display()),
        }
        seen += 1;
    }
    assert!(seen >= 3, "the files are there");
}
