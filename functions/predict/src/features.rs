//! From the values that a caller sends to a model's inputs.

use std::{borrow::Cow, collections::BTreeMap};

use api::{
    ApiError, Input, Issue, ReadInput,
    input::{self, Read, Step},
};
use domain::{NumericRange, date};
use model::{Batch, Feature, FeatureKind, TextReader, date_numbers, moment};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Number, Value};

/// The most rows of a request; the gateway's limit on its size comes first.
const MAX_ROWS: usize = 1_000_000;

/// What may be sent for a feature.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Given {
    Number(#[schemars(with = "f64")] Number),
    Flag(bool),
    Text(String),
    /// An empty cell of a table.
    #[schemars(skip)]
    Missing,
}

/// A value for each of a model's features, by name; others are ignored.
pub(crate) type Row = BTreeMap<String, Given>;

/// What is to be predicted: one row, or several.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename = "PredictRequest", untagged)]
pub(crate) enum Asked {
    /// One row.
    One {
        /// A value for each of the model's features; others are ignored.
        features: Row,
    },
    /// Several rows.
    Several {
        /// For each row a value for each of the model's features; others are ignored.
        rows: Vec<Row>,
    },
}

impl ReadInput for Asked {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        if input.has("rows") && !input.has("features") {
            return Some(Self::Several { rows: input.required("rows", input::list(MAX_ROWS, row))? });
        }
        Some(Self::One { features: input.required("features", row)? })
    }
}

fn row(value: &Value) -> Read<Row> {
    Ok(input::entries(given)(value)?.into_iter().collect())
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

/// Something about a value that makes its prediction a guess.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Warning {
    /// The feature.
    feature: String,
    /// What is the matter, for programs.
    code: Doubt,
    /// The same for people.
    message: String,
}

/// What may be the matter with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Doubt {
    /// A category that was not in the training data.
    UnseenCategory,
    /// A number below or above all of the training data.
    OutOfRange,
    /// There is no value.
    Missing,
}

impl Warning {
    /// A feature without a value.
    pub(crate) fn missing(feature: &str) -> Self {
        Self { feature: feature.to_owned(), code: Doubt::Missing, message: "there is no value".to_owned() }
    }

    /// The feature, and what is the matter.
    pub(crate) fn kind(&self) -> (&str, Doubt) {
        (&self.feature, self.code)
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.feature, self.message)
    }
}

/// What a model knows of its inputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub features: &'a [Feature],
    /// What it learned from, by the numeric features' names.
    pub ranges: &'a BTreeMap<String, NumericRange>,
}

/// Rows as a model takes them, and what is the matter with each.
#[derive(Debug, PartialEq)]
pub(crate) struct Inputs {
    pub batch: Batch,
    pub warnings: Vec<Vec<Warning>>,
}

impl Asked {
    /// The rows for a model. What the model does not know is ignored.
    pub(crate) fn inputs(&self, known: Known<'_>) -> Result<Inputs, ApiError> {
        match self {
            Self::One { features } => {
                let mut inputs = Inputs::none(known);
                inputs.push(features, known)?;
                Ok(inputs)
            }
            Self::Several { rows } => {
                let mut inputs = Inputs::none(known);
                for (position, row) in rows.iter().enumerate() {
                    inputs.push(row, known).map_err(|error| ApiError::InRow { row: position + 1, error: Box::new(error) })?;
                }
                Ok(inputs)
            }
        }
    }
}

impl Inputs {
    fn none(known: Known<'_>) -> Self {
        let categorical = known.features.iter().filter(|feature| matches!(feature.kind, FeatureKind::Categorical { .. })).count();
        Self { batch: Batch { texts: vec![Vec::new(); categorical], ..Batch::default() }, warnings: Vec::new() }
    }

    fn push(&mut self, row: &Row, Known { features, ranges }: Known<'_>) -> Result<(), ApiError> {
        let missing: Vec<String> = features.iter().map(|feature| &feature.name).filter(|name| !row.contains_key(*name)).cloned().collect();
        if !missing.is_empty() {
            return Err(ApiError::MissingFeatures(missing));
        }
        let mut moments: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        for feature in features.iter().filter(|feature| matches!(feature.kind, FeatureKind::Date { .. })) {
            if let Some(given) = row.get(&feature.name) {
                moments.insert(&feature.name, given.moment(&feature.name)?);
            }
        }
        let moment_of = |name: &str| moments.get(name).copied().flatten();
        let (mut numbers, mut texts, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        for (feature, given) in features.iter().filter_map(|feature| Some((feature, row.get(&feature.name)?))) {
            let mut is_missing = given.is_missing();
            let mut doubt = |code, message| warnings.push(Warning { feature: feature.name.clone(), code, message });
            match &feature.kind {
                FeatureKind::Date { parts, origin, since } => {
                    let others = since.iter().map(|name| moment_of(name));
                    numbers.extend(date_numbers(moment_of(&feature.name), parts, *origin, others));
                }
                FeatureKind::Text { lengths, words } => numbers.extend(TextReader::new(lengths, words).numbers(&given.text())),
                FeatureKind::Numeric => {
                    let number = given.number(&feature.name)?;
                    is_missing |= number.is_nan();
                    if let Some(NumericRange { min, max, .. }) = ranges.get(&feature.name)
                        && (number < *min as f32 || number > *max as f32)
                    {
                        doubt(Doubt::OutOfRange, format!("{given} is outside of what was learned from, {min} to {max}"));
                    }
                    numbers.push(number);
                }
                FeatureKind::Categorical { categories } => {
                    let category = given.category(categories);
                    if category.is_none() && !is_missing {
                        doubt(Doubt::UnseenCategory, format!("'{given}' was not learned from and counts as unknown"));
                    }
                    texts.push(category.unwrap_or_default().to_owned());
                }
            }
            if is_missing {
                warnings.push(Warning::missing(&feature.name));
            }
        }
        self.batch.rows += 1;
        self.batch.numbers.extend(numbers);
        self.batch.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        self.warnings.push(warnings);
        Ok(())
    }
}

impl Given {
    /// A text of blanks is no category and no date, but no number either, which is an error.
    fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(_) | Self::Flag(_) => false,
        }
    }

    fn number(&self, feature: &str) -> Result<f32, ApiError> {
        let number = match self {
            Self::Missing => Some(f64::NAN),
            Self::Number(number) => number.as_f64(),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(text) => number_in(text),
        };
        number.map(|number| number as f32).ok_or_else(|| ApiError::NotANumber { value: self.to_string(), feature: feature.to_owned() })
    }

    /// As it would stand in a table, where 7.0 is read as 7.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Missing => Cow::Borrowed(""),
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
            Self::Missing => Ok(None),
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
            Self::Missing => None,
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
            Self::Missing => Ok(()),
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

    fn features(value: &Value) -> Read<Asked> {
        input::object(&json!({ "features": value }))
    }

    fn inputs_of(asked: &Asked, features: &[Feature]) -> Result<Inputs, ApiError> {
        let range = NumericRange { min: 0.0, max: 120.0, is_integer: true };
        asked.inputs(Known { features, ranges: &[("age".to_owned(), range)].into() })
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
        inputs_of(&features(&row(changes)).unwrap(), &model()).map(|inputs| inputs.batch).map_err(|error| error.to_string())
    }

    #[test]
    fn values_go_to_their_inputs_in_the_models_order() {
        let expected = Batch { rows: 1, numbers: vec![30.0, 1.0], texts: vec![vec!["basic".to_owned()], vec!["True".to_owned()]] };
        assert_eq!(batch(&json!({})), Ok(expected));
    }

    #[test]
    fn doubtful_values_are_told() {
        let told = |changes: Value| -> Vec<String> {
            let inputs = inputs_of(&features(&row(&changes)).unwrap(), &model()).unwrap();
            inputs.warnings[0].iter().map(ToString::to_string).collect()
        };
        assert!(told(json!({ "age": 120, "size": 1e9 })).is_empty(), "nothing is known of the size");
        assert_eq!(told(json!({ "age": 121 })), ["age: 121 is outside of what was learned from, 0 to 120"]);
        assert_eq!(told(json!({ "age": -0.5 })), ["age: -0.5 is outside of what was learned from, 0 to 120"]);
        assert_eq!(told(json!({ "plan": "gold" })), ["plan: 'gold' was not learned from and counts as unknown"]);
        assert_eq!(told(json!({ "plan": " ", "age": "nan" })), ["age: there is no value", "plan: there is no value"]);
    }

    #[test]
    fn of_several_rows_the_wrong_one_is_named() {
        let rows = |values: Value| input::object::<Asked>(&json!({ "rows": values }));
        let asked = rows(json!([row(&json!({})), row(&json!({ "age": 31, "plan": 10 }))])).unwrap();
        let batch = inputs_of(&asked, &model()).unwrap().batch;
        assert_eq!(
            (batch.rows, batch.numbers, &batch.texts[0]),
            (2, vec![30.0, 1.0, 31.0, 1.0], &vec!["basic".to_owned(), "10".to_owned()])
        );
        let wrong = rows(json!([row(&json!({})), row(&json!({ "age": "abc" }))])).unwrap();
        let refusal = inputs_of(&wrong, &model()).unwrap_err().to_string();
        assert_eq!(refusal, "Row 2: Cannot convert 'abc' to number for feature 'age'");
        assert_eq!(inputs_of(&rows(json!([])).unwrap(), &model()).unwrap().batch.rows, 0);
        assert!(rows(json!([{ "age": null }])).is_err() && rows(json!({})).is_err());
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
        assert_eq!(inputs_of(&features, &model()).unwrap_err().to_string(), "Missing required features: ['plan', 'size']");
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
        let numbers = |sent: Value| inputs_of(&features(&json!({ "name": sent })).unwrap(), &model).unwrap().batch.numbers;
        assert_eq!(numbers(json!("Kelly, Mr. James")), [16.0, 3.0, 0.0, 1.0, 0.0]);
        assert_eq!(numbers(json!("MR")), [2.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(numbers(json!(7)), [1.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(numbers(json!(7.0)), [1.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(numbers(json!(7.5)), [3.0, 2.0, 2.0, 0.0, 1.0]);
        assert_eq!(numbers(json!(true)), [4.0, 1.0, 0.0, 0.0, 0.0]);
        assert!(numbers(json!("")).iter().all(|number| number.is_nan()), "missing");
        assert_eq!(inputs_of(&features(&json!({})).unwrap(), &model).unwrap_err().to_string(), "Missing required features: ['name']");
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
            let batch = inputs_of(&features(&json!({ "day": sent })).unwrap(), &model).unwrap().batch;
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
