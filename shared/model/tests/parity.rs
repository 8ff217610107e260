//! The stored model answers as the trained one does, for any pipeline and any input; and a file that is not one of ours is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod formats;
mod pipelines;

use std::{env, fs, process};

use model::{
    Batch, Calibration, Explainer, Fitted, Forest, ModelError, Node, Pipeline, Predictions, Predictor, Tree, check_parity, read_pipeline,
    write_onnx, write_pickle,
};
use pipelines::{any_batch, any_pipeline, manifest, small_pipeline};
use proptest::{prelude::*, test_runner::Config};
use prost::Message as _;
use tract_onnx::{
    pb::{AttributeProto, GraphProto, ModelProto, NodeProto},
    prelude::*,
};

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
    fn a_pipeline_comes_back_from_its_file(
        (pipeline, batch) in any_pipeline().prop_flat_map(|pipeline| { let batch = any_batch(&pipeline); (Just(pipeline), batch) })
    ) {
        let onnx = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
        let read = read_pipeline(&onnx).unwrap();
        prop_assert_eq!(format!("{:?}", read.predict(&batch)), format!("{:?}", pipeline.predict(&batch)), "NaN equals NaN");
        let explained = |pipeline: &Pipeline| Explainer::new(pipeline).map(|explainer| (explainer.base().to_vec(), explainer.explain(&batch)));
        let (read, written) = (explained(&read).unwrap(), explained(&pipeline).unwrap());
        prop_assert_eq!(format!("{read:?}"), format!("{written:?}"));
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
        if let Ok(pipeline) = read_pipeline(&onnx) {
            let _ = Explainer::new(&pipeline);
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
    let mut pickle = Vec::new();
    write_pickle(&onnx, &manifest, &mut pickle).unwrap();
    assert!(pickle.starts_with(&[0x80, 4]) && pickle.ends_with(b"."));
    assert!(pickle.windows(onnx.len()).any(|window| window == onnx), "the model's bytes stand in it as they are");
    for opcode in [b"c__builtin__".as_slice(), b"os\nsystem"] {
        assert!(!pickle.windows(opcode.len()).any(|window| window == opcode));
    }
}

#[test]
fn tracts_reader_of_any_file_gives_the_same_probabilities() {
    let pipeline = small_pipeline();
    let onnx = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
    let mut model = tract_onnx::onnx().model_for_read(&mut onnx.as_slice()).unwrap();
    model.select_outputs_by_name(["probabilities"]).unwrap();
    let model = model.into_optimized().unwrap().into_runnable().unwrap();
    let batch = Batch { rows: 2, numbers: vec![0.0, 7.0], texts: vec![vec!["a".to_owned(), "?".to_owned()]] };
    let column = |tensor: Tensor| tensor.into_shape(&[2, 1]).unwrap().into_tvalue();
    let read = model.run(tvec![column(tensor1(&batch.numbers)), column(tensor1(&batch.texts[0]))]).unwrap();
    let Predictions::Classes { probabilities, .. } = Predictor::load(&onnx).unwrap().predict(&batch).unwrap() else {
        panic!("probabilities")
    };
    let pairs = read[0].to_plain_array_view::<f32>().unwrap().iter().copied().zip(probabilities).collect::<Vec<_>>();
    assert!(pairs.len() == 4 && pairs.iter().all(|(one, other)| (one - other).abs() < 1e-6), "{pairs:?}");
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

#[test]
fn a_file_that_the_onnx_package_wrote_again_answers_alike() {
    let Ok(python) = env::var("AUTOML_PYTHON") else {
        println!("not written again: AUTOML_PYTHON names no Python that has the package (`make test` does)");
        return;
    };
    let pipeline = small_pipeline();
    let file = env::temp_dir().join(format!("rewritten-{}.onnx", process::id()));
    fs::write(&file, write_onnx(&pipeline, &manifest(&pipeline)).unwrap()).unwrap();
    let script = "import onnx, sys; model = onnx.load(sys.argv[1]); onnx.checker.check_model(model); onnx.save(model, sys.argv[1])";
    let status = process::Command::new(python).args(["-c", script]).arg(&file).status().unwrap();
    let rewritten = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(status.success(), "the package refused the model");
    assert_ne!(rewritten, write_onnx(&pipeline, &manifest(&pipeline)).unwrap(), "it does not pack numbers");
    let batch = Batch { rows: 2, numbers: vec![0.0, 7.0], texts: vec![vec!["a".to_owned(), "b".to_owned()]] };
    check_parity(&pipeline, &rewritten, &batch).unwrap();
}

#[test]
fn trees_that_contradict_themselves_are_refused() {
    let pipeline = small_pipeline();
    let written = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
    let refusal = |change: fn(&mut NodeProto)| {
        let mut model = ModelProto::decode(written.as_slice()).unwrap();
        let nodes = &mut model.graph.as_mut().unwrap().node;
        change(nodes.iter_mut().find(|node| node.op_type == "TreeEnsembleClassifier").unwrap());
        Predictor::load(&model.encode_to_vec()).unwrap_err().to_string()
    };
    assert_says(&refusal(|node| attribute(node, "nodes_nodeids").ints.swap(0, 1)), "not in the order of its tree");
    assert_says(&refusal(|node| attribute(node, "nodes_truenodeids").ints[0] = 0), "is damaged: a tree has a child before its parent");
    assert_says(&refusal(|node| attribute(node, "nodes_truenodeids").ints[0] = 1 << 31), "past its end");
    assert_says(&refusal(|node| attribute(node, "nodes_falsenodeids").ints[0] = -1), "point to -1");
    assert_says(&refusal(|node| attribute(node, "nodes_values").floats.truncate(2)), "too few nodes_values");
    assert_says(&refusal(|node| attribute(node, "nodes_modes").strings.push(b"LEAF".to_vec())), "too many nodes_modes");
    assert_says(&refusal(|node| attribute(node, "nodes_modes").strings[0] = b"BRANCH_EQ".to_vec()), "tests with BRANCH_EQ");
    assert_says(&refusal(|node| attribute(node, "nodes_values").floats[0] = f32::NAN), "no threshold");
    assert_says(&refusal(|node| attribute(node, "class_ids").ints[0] = 3), "adds to class 3 of 3");
    assert_says(&refusal(|node| attribute(node, "class_ids").ints[1] = 1), "adds to several classes");
    assert_says(&refusal(|node| attribute(node, "class_nodeids").ints[0] = 0), "no leaf");
    assert_says(&refusal(|node| attribute(node, "class_treeids").ints[0] = 9), "does not exist");
    assert_says(&refusal(|node| attribute(node, "class_weights").name.clear()), "lack class_weights");
    assert_says(&refusal(|node| node.attribute.push(node.attribute[0].clone())), "nodes_treeids twice");
    assert_says(&refusal(|node| attribute(node, "class_ids").g = Some(GraphProto::default())), "has the field 6");
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    const DEPTH: u32 = 1_000_001;
    let chain = (0..DEPTH).flat_map(|depth| {
        let test = Node::Threshold { feature: 0, threshold: 0.0, missing_left: false, left: 2 * depth + 1, right: 2 * depth + 2 };
        [test, Node::Leaf { value: 0.0 }]
    });
    let nodes: Vec<Node> = chain.chain([Node::Leaf { value: 1.0 }]).collect();
    let mut pipeline = small_pipeline();
    let covers = vec![1.0; nodes.len()];
    pipeline.members[0].model = Fitted::Trees(Forest { base: vec![0.0], trees: vec![Tree { output: 0, nodes, covers }] });
    let written = write_onnx(&pipeline, &manifest(&pipeline)).unwrap();
    assert_says(&Predictor::load(&written).unwrap_err().to_string(), "has paths of 1000001 tests; at most");
}

fn attribute<'a>(node: &'a mut NodeProto, name: &str) -> &'a mut AttributeProto {
    node.attribute.iter_mut().find(|attribute| attribute.name == name).unwrap()
}

fn assert_says(refusal: &str, words: &str) {
    assert!(refusal.contains(words), "{refusal}");
}
