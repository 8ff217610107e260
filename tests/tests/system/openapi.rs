//! The API's document, the functions' code and the deployment template say the same. `make openapi` writes the document anew.

use std::{collections::BTreeSet, path::Path};

use local::template::{Route, Template};
use system_tests::document;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/front/openapi.json");

#[test]
fn the_document_is_that_of_the_code() {
    let current = format!("{:#}\n", document());
    if std::env::var_os("WRITE_OPENAPI").is_some() {
        std::fs::write(Path::new(FILE), &current).unwrap();
    }
    let served = std::fs::read_to_string(FILE).unwrap();
    assert!(served == current, "functions/front/openapi.json is not what the code says: run make openapi");
}

#[test]
fn the_template_has_the_routes_of_the_document() {
    let document = document();
    let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let pages = ["GET /docs", "GET /redoc", "GET /openapi.json"].map(str::to_owned);
    let described: BTreeSet<String> = described.chain(pages).collect();
    let functions = Template::read().unwrap().functions;
    let routed = functions.values().flat_map(|function| &function.routes).filter_map(|route| match route {
        Route::Path { method, path } => Some(format!("{method} {path}")),
        Route::Default => None,
    });
    assert_eq!(routed.collect::<BTreeSet<String>>(), described);
}

#[test]
fn every_operation_has_a_summary_an_example_and_its_errors() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string() && operation["operationId"].is_string(), "{method} {path}");
            let answer = &operation["responses"]["200"]["content"]["application/json"];
            assert!(answer["example"].is_object() && answer["schema"].is_object(), "{method} {path}");
            assert!(operation["responses"]["500"].is_object(), "{method} {path}");
            assert!(!path.contains('{') || operation["responses"]["404"].is_object(), "{method} {path}");
        }
    }
}
