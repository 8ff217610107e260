//! How the model came about: its inputs, the columns left out and why, and the settings of the run.

use domain::{FeatureType, PreprocessingInfo, words};
use maud::{Markup, html};

use super::{Configuration, Judged, TrainingReport};
use crate::{
    format::{count, cut, format_time, label},
    page::{self, card, first_of, table, tiles},
};

/// The most columns named one by one in each list.
const MAX_COLUMNS: usize = 500;

/// The card about the features and the columns left out.
pub(crate) fn preprocessing(info: &PreprocessingInfo) -> Markup {
    let dropped = info.dropped_columns.as_deref().unwrap_or_default();
    let features = html! {
        @for name in info.feature_columns.iter().take(MAX_COLUMNS) {
            tr { th scope="row" { (page::name(name)) } td { (input(info, name)) } }
        }
    };
    let left_out = html! {
        @for name in dropped.iter().take(MAX_COLUMNS) {
            tr {
                th scope="row" { (page::name(name)) }
                td { (cut(info.dropped_reasons.get(name).map_or("not used", String::as_str), 100)) }
            }
        }
    };
    let content = html! {
        h3 { "Features used: " (count(info.feature_columns.len() as u64)) }
        (table("features", &html! { th { "Feature" } th { "Input" } }, &features))
        (first_of(MAX_COLUMNS, info.feature_columns.len(), "features"))
        h3 { "Columns left out: " (count(dropped.len() as u64)) }
        @if dropped.is_empty() { p.soft { "Every column is used." } } @else {
            (table("dropped", &html! { th { "Column" } th { "Reason" } }, &left_out))
            (first_of(MAX_COLUMNS, dropped.len(), "columns"))
        }
    };
    card("Preprocessing Details", &content)
}

fn input(info: &PreprocessingInfo, feature: &str) -> String {
    match info.feature_types.get(feature) {
        _ if info.date_columns.iter().any(|name| name == feature) => "date".to_owned(),
        _ if info.text_words.contains_key(feature) => match info.text_words.get(feature).map_or(0, Vec::len) {
            0 => "text: its length".to_owned(),
            1 => "text: its length and 1 frequent word".to_owned(),
            words => format!("text: its length and {words} frequent words"),
        },
        Some(FeatureType::Categorical) => {
            let categories = info.categorical_mappings.get(feature).map_or(0, std::collections::BTreeMap::len);
            format!("categorical, {} known values", count(categories as u64))
        }
        Some(FeatureType::Numeric) | None => "numeric".to_owned(),
    }
}

/// The card about the run's settings.
pub(crate) fn configuration(configuration: &Configuration, best_estimator: &str) -> Markup {
    let figures = [
        ("Time budget", html! { (format_time(configuration.time_budget)) }),
        ("Best estimator", page::name(best_estimator)),
        ("Rows", html! { (count(configuration.rows)) }),
        ("Columns", html! { (count(configuration.columns)) }),
        ("Training rows", html! { (count(configuration.train_rows)) }),
        ("Judged rows", html! { (count(configuration.judged_rows)) }),
        ("Rows without target", html! { (count(configuration.dropped_rows)) }),
        ("Seed", html! { (configuration.seed) }),
    ];
    let settings = html! {
        @for (name, value) in &configuration.settings { tr { th scope="row" { (label(name)) } td { bdi { (cut(value, 200)) } } } }
    };
    let versions = html! {
        tr { th scope="row" { "data" } td { (cut(&configuration.data_fingerprint, 80)) } }
        @for (name, version) in &configuration.versions { tr { th scope="row" { (label(name)) } td { (cut(version, 80)) } } }
    };
    let content = html! {
        (tiles(&figures))
        @if !configuration.settings.is_empty() {
            h3 { "Asked for" }
            (table("settings", &html! { th { "Setting" } th { "Value" } }, &settings))
        }
        h3 { "Data and software" }
        (table("versions", &html! { th { "What" } th { "Version" } }, &versions))
    };
    card("Training Configuration", &content)
}

/// How a caller turns a text into numbers.
fn text_numbers() -> String {
    format!(
        "# A feature of the type \"text\" is these numbers; all are NaN where the text is missing.\n\
         def text_numbers(feature, text):\n    \
             words = re.findall(r\"{}\", text.lower())\n    \
             lengths = {{\"characters\": len(text), \"words\": len(words), \"digits\": sum(c in \"0123456789\" for c in text)}}\n    \
             return [lengths[name] for name in feature[\"lengths\"]] + [float(word in words) for word in feature[\"words\"]]\n",
        words::PATTERN
    )
}

/// The card about how the model file is used.
pub(crate) fn usage(report: &TrainingReport) -> Markup {
    let output = match &report.judged {
        Judged::Labels { .. } => "label, probabilities",
        Judged::Numbers(_) => "variable",
    };
    let re = if report.preprocessing.text_words.is_empty() { "" } else { ", re" };
    let texts = if report.preprocessing.text_words.is_empty() { String::new() } else { text_numbers() };
    let python = format!(
        "import json, onnxruntime{re}\n\
         session = onnxruntime.InferenceSession(\"model.onnx\")\n\
         manifest = json.loads(session.get_modelmeta().custom_metadata_map[\"manifest\"])\n\
         # One float32 array of all numbers, and one array of texts for each \"category:<name>\",\n\
         # in the order of manifest[\"features\"]; a missing number is NaN, a missing text is \"\".\n\
         {texts}\
         outputs = session.run(None, {{...}})  # {output}"
    );
    let rust = "let predictor = model::Predictor::load(&std::fs::read(\"model.onnx\")?)?;\n\
                let predictions = predictor.predict(&batch)?;";
    let terminal = "automl predict --model model.onnx --data new.csv --out predictions.csv\n\
                    automl inspect model.onnx";
    let http = format!(
        "curl -X POST $API/predict/{} -H 'Content-Type: application/json' \\\n  -d '{{\"features\": {{{}}}}}'",
        cut(&report.job, 60),
        report.preprocessing.feature_columns.iter().take(3).map(|name| format!("\"{}\": …", cut(name, 30))).collect::<Vec<_>>().join(", ")
    );
    let content = html! {
        p { "The file " code { "model.onnx" } " holds everything from raw values to the answer, and says in its manifest what it expects." }
        h3 { "Terminal" } pre { (terminal) }
        h3 { "HTTP, once deployed" } pre { (http) }
        h3 { "Python" } pre { (python) }
        h3 { "Rust" } pre { (rust) }
    };
    card("Using the Model", &content)
}
