//! How the model came about: its inputs, the columns left out and why, and the settings of the run.

use domain::{FeatureType, PreprocessingInfo};
use maud::{Markup, html};

use super::Configuration;
use crate::{
    format::{count, cut, format_time, label},
    page::{card, first_of, table, tiles},
};

/// The most columns named one by one in each list.
const MAX_COLUMNS: usize = 500;

/// The card about the features and the columns left out.
pub(crate) fn preprocessing(info: &PreprocessingInfo) -> Markup {
    let dropped = info.dropped_columns.as_deref().unwrap_or_default();
    let features = html! {
        @for name in info.feature_columns.iter().take(MAX_COLUMNS) {
            tr { th scope="row" { bdi { (label(name)) } } td { (input(info, name)) } }
        }
    };
    let left_out = html! {
        @for name in dropped.iter().take(MAX_COLUMNS) {
            tr {
                th scope="row" { bdi { (label(name)) } }
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
        ("Time budget", format_time(configuration.time_budget)),
        ("Rows", count(configuration.rows)),
        ("Columns", count(configuration.columns)),
        ("Training rows", count(configuration.train_rows)),
        ("Hold-out rows", count(configuration.holdout_rows)),
        ("Rows without target", count(configuration.dropped_rows)),
        ("Best estimator", label(best_estimator)),
        ("Seed", configuration.seed.to_string()),
        ("Version", label(&configuration.version)),
    ];
    let content = html! {
        (tiles(&figures.map(|(name, figure)| (name, html! { (figure) }))))
        p.soft { "Data fingerprint: " (cut(&configuration.data_fingerprint, 80)) }
    };
    card("Training Configuration", &content)
}
