//! From the values that a caller sends to a model's inputs.

use std::{borrow::Cow, collections::BTreeMap};

use api::{
    ApiError, Input, Issue, ReadInput,
    input::{self, Read, Step},
};
use domain::date;
use model::{Batch, Feature, FeatureKind, TextReader, date_numbers, moment};
use schemars::JsonSchema;
use serde_json::{Number, Value};

/// What may be sent for a feature.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Given {
    Number(#[schemars(with = "f64")] Number),
    Flag(bool),
    Text(String),
}

/// A row to predict.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename = "PredictRequest")]
pub(crate) struct Features {
    /// A value for each of the model's features; others are ignored.
    features: BTreeMap<String, Given>,
}

impl ReadInput for Features {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let features = input.required("features", input::entries(given))?;
        Some(Self { features: features.into_iter().collect() })
    }
}

fn given(value: &Value) -> Read<Given> {
    match value {
        Value::Number(number) => Ok(Given::Number(number.clone())),
        Value::Bool(flag) => Ok(Given::Flag(*flag)),
        Value::String(text) => Ok(Given::Text(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(vec![
            Issue::new("float_type", "Input should be a valid number", value).inside(Step::Field("float".to_owned())),
            Issue::new("string_type", "Input should be a valid string", value).inside(Step::Field("str".to_owned())),
        ]),
    }
}

impl Features {
    /// One row for a model of these features. What the model does not know is ignored.
    pub(crate) fn batch(&self, features: &[Feature]) -> Result<Batch, ApiError> {
        let missing: Vec<String> =
            features.iter().map(|feature| &feature.name).filter(|name| !self.features.contains_key(*name)).cloned().collect();
        if !missing.is_empty() {
            return Err(ApiError::MissingFeatures(missing));
        }
        let mut batch = Batch { rows: 1, ..Batch::default() };
        let mut moments: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        for feature in features.iter().filter(|feature| matches!(feature.kind, FeatureKind::Date { .. })) {
            if let Some(given) = self.features.get(&feature.name) {
                moments.insert(&feature.name, given.moment(&feature.name)?);
            }
        }
        let moment_of = |name: &str| moments.get(name).copied().flatten();
        for (feature, given) in features.iter().filter_map(|feature| Some((feature, self.features.get(&feature.name)?))) {
            match &feature.kind {
                FeatureKind::Date { parts, origin, since } => {
                    let others = since.iter().map(|name| moment_of(name));
                    batch.numbers.extend(date_numbers(moment_of(&feature.name), parts, *origin, others));
                }
                FeatureKind::Text { lengths, words } => batch.numbers.extend(TextReader::new(lengths, words).numbers(&given.text())),
                FeatureKind::Numeric => batch.numbers.push(given.number(&feature.name)?),
                FeatureKind::Categorical { categories } => {
                    batch.texts.push(vec![given.category(categories).unwrap_or_default().to_owned()]);
                }
            }
        }
        Ok(batch)
    }
}

impl Given {
    fn number(&self, feature: &str) -> Result<f32, ApiError> {
        let number = match self {
            Self::Number(number) => number.as_f64(),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(text) => number_in(text),
        };
        number.map(|number| number as f32).ok_or_else(|| ApiError::NotANumber { value: self.to_string(), feature: feature.to_owned() })
    }

    /// As it would stand in a table, where 7.0 is read as 7.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) if number.is_f64() => {
                Cow::Owned(number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()))
            }
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Flag(flag) => Cow::Borrowed(if *flag { "True" } else { "False" }),
        }
    }

    /// The moment that is meant, in microseconds since 1970; none for an empty text.
    fn moment(&self, feature: &str) -> Result<Option<i64>, ApiError> {
        match self {
            Self::Text(text) if text.trim().is_empty() => Ok(None),
            Self::Text(text) => {
                moment(text).map(Some).ok_or_else(|| ApiError::NotADate { value: self.to_string(), feature: feature.to_owned() })
            }
            Self::Number(_) | Self::Flag(_) => Err(ApiError::NotADate { value: self.to_string(), feature: feature.to_owned() }),
        }
    }

    /// The known category that is meant. A form that has turned `007` or `7.0` into the number 7 means the category of that value; a date
    /// means the same day however it is written.
    fn category<'a>(&self, categories: &'a [String]) -> Option<&'a str> {
        let exact = |text: &str| categories.binary_search_by(|category| category.as_str().cmp(text)).ok();
        let of_value = |value: f64| categories.iter().position(|category| number_in(category) == Some(value));
        let position = match self {
            Self::Text(text) => {
                exact(text).or_else(|| date::Order::all().find_map(|order| exact(&date::iso(order.parse(text.as_bytes())?))))
            }
            Self::Number(number) => {
                exact(&number.to_string()).or_else(|| exact(&number.as_f64()?.to_string())).or_else(|| of_value(number.as_f64()?))
            }
            Self::Flag(flag) => {
                let of_flag = categories.iter().position(|category| flag_in(category) == Some(*flag));
                of_flag.or_else(|| of_value(f64::from(u8::from(*flag))))
            }
        };
        categories.get(position?).map(String::as_str)
    }
}

impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A number as people type it: blanks around it, `_` between digits, `nan`, `inf`; the texts of a flag are 1 and 0, as in the table.
fn number_in(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(flag) = flag_in(text) {
        return Some(f64::from(u8::from(flag)));
    }
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let separates = |at: usize| is_digit(at.checked_sub(1).and_then(|before| bytes.get(before))) && is_digit(bytes.get(at + 1));
    if !text.match_indices('_').all(|(at, _)| separates(at)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn flag_in(text: &str) -> Option<bool> {
    match text {
        "True" | "true" | "TRUE" => Some(true),
        "False" | "false" | "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn features(value: &Value) -> Read<Features> {
        input::object(&json!({ "features": value }))
    }

    fn model() -> Vec<Feature> {
        let categories = |texts: &[&str]| FeatureKind::Categorical { categories: texts.iter().map(|text| (*text).to_owned()).collect() };
        vec![
            Feature { name: "age".to_owned(), kind: FeatureKind::Numeric },
            Feature { name: "plan".to_owned(), kind: categories(&["007", "10", "7.5", "basic"]) },
            Feature { name: "size".to_owned(), kind: FeatureKind::Numeric },
            Feature { name: "paid".to_owned(), kind: categories(&["False", "True"]) },
        ]
    }

    fn row(changes: &Value) -> Value {
        let mut row = json!({ "age": 30, "plan": "basic", "size": 1, "paid": true, "ignored": "x" });
        row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        row
    }

    fn batch(changes: &Value) -> Result<Batch, String> {
        features(&row(changes)).unwrap().batch(&model()).map_err(|error| error.to_string())
    }

    #[test]
    fn values_go_to_their_inputs_in_the_models_order() {
        let expected = Batch { rows: 1, numbers: vec![30.0, 1.0], texts: vec![vec!["basic".to_owned()], vec!["True".to_owned()]] };
        assert_eq!(batch(&json!({})), Ok(expected));
    }

    #[test]
    fn a_number_may_be_typed() {
        for (typed, number) in [
            (json!(" 1_000.5 "), 1_000.5),
            (json!("1e3"), 1_000.0),
            (json!("+.5"), 0.5),
            (json!("inf"), f32::INFINITY),
            (json!(true), 1.0),
            (json!("False"), 0.0),
            (json!(1e300), f32::INFINITY),
        ] {
            assert_eq!(batch(&json!({ "age": typed })).unwrap().numbers, [number, 1.0], "{typed}");
        }
        assert!(batch(&json!({ "age": "nan" })).unwrap().numbers[0].is_nan());
    }

    #[test]
    fn what_is_no_number_is_named_with_its_feature() {
        for typed in ["abc", "", "1__0", "_1", "1_", "1,5", "0x1F"] {
            assert_eq!(batch(&json!({ "age": typed })), Err(format!("Cannot convert '{typed}' to number for feature 'age'")));
        }
    }

    #[test]
    fn missing_features_are_told_before_wrong_ones() {
        let features = features(&json!({ "age": "abc", "paid": 1 })).unwrap();
        assert_eq!(features.batch(&model()).unwrap_err().to_string(), "Missing required features: ['plan', 'size']");
    }

    #[test]
    fn a_category_that_looks_like_a_number_may_come_as_one() {
        for (sent, category) in [
            (json!(7), "007"),
            (json!(7.0), "007"),
            (json!("007"), "007"),
            (json!("7"), ""),
            (json!(10), "10"),
            (json!(10.0), "10"),
            (json!(7.5), "7.5"),
            (json!(11), ""),
            (json!("never seen"), ""),
        ] {
            assert_eq!(batch(&json!({ "plan": sent })).unwrap().texts[0], [category], "{sent}");
        }
    }

    #[test]
    fn a_text_is_read_by_its_words_and_length() {
        let kind = FeatureKind::Text { lengths: model::TextLength::ALL.to_vec(), words: vec!["mr".to_owned(), "7".to_owned()] };
        let model = [Feature { name: "name".to_owned(), kind }];
        let numbers = |sent: Value| features(&json!({ "name": sent })).unwrap().batch(&model).unwrap().numbers;
        assert_eq!(numbers(json!("Kelly, Mr. James")), [16.0, 3.0, 0.0, 1.0, 0.0]);
        assert_eq!(numbers(json!("MR")), [2.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(numbers(json!(7)), [1.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(numbers(json!(7.0)), [1.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(numbers(json!(7.5)), [3.0, 2.0, 2.0, 0.0, 1.0]);
        assert_eq!(numbers(json!(true)), [4.0, 1.0, 0.0, 0.0, 0.0]);
        assert!(numbers(json!("")).iter().all(|number| number.is_nan()), "missing");
        assert_eq!(features(&json!({})).unwrap().batch(&model).unwrap_err().to_string(), "Missing required features: ['name']");
    }

    #[test]
    fn a_date_means_its_day_however_it_is_written() {
        let model = [Feature {
            name: "day".to_owned(),
            kind: FeatureKind::Categorical { categories: vec!["2024-01-31".to_owned(), "2024-02-01T05:00:00".to_owned()] },
        }];
        for (sent, category) in [
            ("2024-01-31", "2024-01-31"),
            ("31.01.2024", "2024-01-31"),
            ("1/31/2024", "2024-01-31"),
            ("2024-02-01T05:00:00Z", "2024-02-01T05:00:00"),
            ("2024-02-02", ""),
        ] {
            let batch = features(&json!({ "day": sent })).unwrap().batch(&model).unwrap();
            assert_eq!(batch.texts[0], [category], "{sent}");
        }
    }

    #[test]
    fn a_flag_means_the_category_of_its_name() {
        for (sent, category) in [(json!(false), "False"), (json!("True"), "True"), (json!(1), "True"), (json!("yes"), "")] {
            assert_eq!(batch(&json!({ "paid": sent })).unwrap().texts[1], [category], "{sent}");
        }
    }

    #[test]
    fn other_values_have_two_issues_as_neither_form_fits() {
        for value in [json!(null), json!([1]), json!({})] {
            let issues = serde_json::to_value(features(&json!({ "age": value })).unwrap_err()).unwrap();
            assert_eq!(issues[0]["loc"], json!(["features", "age", "float"]));
            assert_eq!((&issues[1]["loc"], &issues[1]["type"]), (&json!(["features", "age", "str"]), &json!("string_type")));
        }
        assert!(features(&json!([])).is_err());
    }
}
