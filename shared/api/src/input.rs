//! From JSON values and query texts to typed input, with all that is wrong at once.
//!
//! The forms of the [`Issue`]s and the conversions between JSON types are those of the interface that clients know (pydantic's lax mode):
//! a whole number may be given as `60`, `60.0`, `"60"` or `true`, a text only as a text.
//!
//! A reader is a function `&Value → Read<T>`. The places in its issues are relative; [`Input`] puts the field's name in front.

use std::{ops::RangeInclusive, str::FromStr};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Something wrong at one place.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Issue {
    /// What kind of mistake.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The place, from the outside in.
    loc: Vec<Step>,
    /// For people.
    msg: String,
    /// What was there.
    input: Value,
    /// The figures of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

/// One step towards a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Step {
    /// A field.
    Field(String),
    /// An entry of a list, or a position in a text.
    At(usize),
}

/// What a reader gives.
pub type Read<T> = Result<T, Vec<Issue>>;

impl Issue {
    /// A mistake here: the place is empty.
    pub fn new(kind: &'static str, msg: impl Into<String>, input: &Value) -> Self {
        Self { kind, loc: Vec::new(), msg: msg.into(), input: input.clone(), ctx: None }
    }

    /// The same mistake, with the figures of its message.
    #[must_use]
    pub fn with_figures(mut self, ctx: Value) -> Self {
        self.ctx = Some(ctx);
        self
    }

    /// The same mistake, seen from further outside.
    #[must_use]
    pub fn inside(mut self, step: Step) -> Self {
        self.loc.insert(0, step);
        self
    }
}

impl From<Issue> for Vec<Issue> {
    fn from(issue: Issue) -> Self {
        vec![issue]
    }
}

/// A type that is read from an object's fields. `None` exactly when an issue was noted.
pub trait ReadInput: Sized {
    /// Reads the fields in the order in which their issues are to be listed.
    fn read(input: &mut Input<'_>) -> Option<Self>;
}

/// An object being read. Fields that nobody asks for are ignored.
#[derive(Debug)]
pub struct Input<'a> {
    object: &'a Map<String, Value>,
    issues: Vec<Issue>,
}

impl Input<'_> {
    /// A field that must be there.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Read<T>) -> Option<T> {
        if let Some(value) = self.object.get(name) {
            return self.field(name, read(value));
        }
        let missing = Issue::new("missing", "Field required", &Value::Object(self.object.clone()));
        self.field(name, Err(missing.into()))
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// A field that may be left out.
    pub fn with_default<T>(&mut self, name: &str, default: T, read: impl FnOnce(&Value) -> Read<T>) -> Option<T> {
        match self.object.get(name) {
            None => Some(default),
            Some(value) => self.field(name, read(value)),
        }
    }

    /// A field that may be left out or `null`: both read as `Some(None)`.
    pub fn nullable<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Read<T>) -> Option<Option<T>> {
        match self.object.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.field(name, read(value)).map(Some),
        }
    }

    /// What is wrong with the object as a whole: with two fields that exclude each other, say.
    pub fn refuse<T>(&mut self, kind: &'static str, msg: &str) -> Option<T> {
        self.issues.push(Issue::new(kind, msg, &Value::Object(self.object.clone())));
        None
    }

    fn field<T>(&mut self, name: &str, read: Read<T>) -> Option<T> {
        read.map_err(|issues| self.issues.extend(inside(issues, &Step::Field(name.to_owned())))).ok()
    }
}

fn inside(issues: Vec<Issue>, step: &Step) -> impl Iterator<Item = Issue> {
    issues.into_iter().map(|issue| issue.inside(step.clone()))
}

/// An object of known fields.
pub fn object<T: ReadInput>(value: &Value) -> Read<T> {
    let Value::Object(object) = value else {
        return Err(
            Issue::new("model_attributes_type", "Input should be a valid dictionary or object to extract fields from", value).into()
        );
    };
    let mut input = Input { object, issues: Vec::new() };
    let read = T::read(&mut input);
    read.filter(|_| input.issues.is_empty()).ok_or(input.issues)
}

/// An object of any fields, its entries in the order of their names.
pub fn entries<T>(read: impl Fn(&Value) -> Read<T>) -> impl FnOnce(&Value) -> Read<Vec<(String, T)>> {
    move |value| {
        let Value::Object(object) = value else {
            return Err(Issue::new("dict_type", "Input should be a valid dictionary", value).into());
        };
        collected(object.iter().map(|(name, value)| {
            let entry = read(value).map_err(|issues| inside(issues, &Step::Field(name.clone())).collect());
            entry.map(|entry| (name.clone(), entry))
        }))
    }
}

/// One of some values by their names.
pub fn one_of<T: Copy + std::fmt::Display>(choices: &[T]) -> impl Fn(&Value) -> Read<T> {
    move |value| {
        let chosen = value.as_str().and_then(|text| choices.iter().find(|choice| choice.to_string() == text));
        chosen.copied().ok_or_else(|| {
            let names: Vec<String> = choices.iter().map(|choice| format!("'{choice}'")).collect();
            let expected = match names.split_last() {
                Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
                _ => names.concat(),
            };
            Issue::new("enum", format!("Input should be {expected}"), value).with_figures(json!({ "expected": expected })).into()
        })
    }
}

/// An identifier.
pub fn id<T: FromStr>(value: &Value) -> Read<T> {
    let text = text(value)?;
    text.parse().map_err(|_| Issue::new("uuid_parsing", "Input should be a valid UUID", value).into())
}

/// A list of at most that many entries.
pub fn list<T>(at_most: usize, read: impl Fn(&Value) -> Read<T>) -> impl FnOnce(&Value) -> Read<Vec<T>> {
    move |value| {
        let Value::Array(list) = value else {
            return Err(Issue::new("list_type", "Input should be a valid list", value).into());
        };
        if list.len() > at_most {
            let msg = format!("List should have at most {at_most} items after validation, not {}", list.len());
            let figures = json!({ "field_type": "List", "max_length": at_most, "actual_length": list.len() });
            return Err(Issue::new("too_long", msg, value).with_figures(figures).into());
        }
        collected(list.iter().enumerate().map(|(at, entry)| read(entry).map_err(|issues| inside(issues, &Step::At(at)).collect())))
    }
}

/// All values, or the issues of all that have some.
fn collected<T>(reads: impl Iterator<Item = Read<T>>) -> Read<Vec<T>> {
    let mut values = Vec::new();
    let mut issues = Vec::new();
    for read in reads {
        match read {
            Ok(value) => values.push(value),
            Err(more) => issues.extend(more),
        }
    }
    if issues.is_empty() { Ok(values) } else { Err(issues) }
}

/// A text.
pub fn text(value: &Value) -> Read<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| Issue::new("string_type", "Input should be a valid string", value).into())
}

/// A text of at most that many characters.
pub fn text_up_to(characters: usize) -> impl Fn(&Value) -> Read<String> {
    move |value| {
        let text = text(value)?;
        if text.chars().count() > characters {
            let msg = format!("String should have at most {characters} characters");
            return Err(Issue::new("string_too_long", msg, value).with_figures(json!({ "max_length": characters })).into());
        }
        Ok(text)
    }
}

/// A whole number in a range.
pub fn integer(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Read<u32> {
    move |value| {
        let number = whole(value)?;
        let (low, high) = range.clone().into_inner();
        if number < i64::from(low) {
            let msg = format!("Input should be greater than or equal to {low}");
            return Err(Issue::new("greater_than_equal", msg, value).with_figures(json!({ "ge": low })).into());
        }
        u32::try_from(number).ok().filter(|number| *number <= high).ok_or_else(|| {
            let msg = format!("Input should be less than or equal to {high}");
            Issue::new("less_than_equal", msg, value).with_figures(json!({ "le": high })).into()
        })
    }
}

/// A number above 0.
pub fn positive(value: &Value) -> Read<f64> {
    let number = match value {
        Value::Bool(flag) => f64::from(*flag),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => text
            .trim()
            .parse()
            .map_err(|_| Issue::new("float_parsing", "Input should be a valid number, unable to parse string as a number", value))?,
        _ => return Err(Issue::new("float_type", "Input should be a valid number", value).into()),
    };
    if !number.is_finite() {
        return Err(Issue::new("finite_number", "Input should be a finite number", value).into());
    }
    if number <= 0.0 {
        return Err(Issue::new("greater_than", "Input should be greater than 0", value).with_figures(json!({ "gt": 0 })).into());
    }
    Ok(number)
}

fn whole(value: &Value) -> Read<i64> {
    match value {
        Value::Bool(flag) => Ok(i64::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole),
            // Beyond 64 bits the conversion gives the largest number, which every range refuses.
            (None, Some(float)) if float.fract() == 0.0 => Ok(float as i64),
            _ => Err(Issue::new("int_from_float", "Input should be a valid integer, got a number with a fractional part", value).into()),
        },
        Value::String(text) => whole_in(text).ok_or_else(|| {
            Issue::new("int_parsing", "Input should be a valid integer, unable to parse string as an integer", value).into()
        }),
        _ => Err(Issue::new("int_type", "Input should be a valid integer", value).into()),
    }
}

/// `60`, ` +60 `, `60.0`; digits beyond 64 bits saturate.
fn whole_in(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|zero| zero == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().or(Some(if digits.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// A flag.
pub fn boolean(value: &Value) -> Read<bool> {
    let read = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            _ => None,
        },
        _ => return Err(Issue::new("bool_type", "Input should be a valid boolean", value).into()),
    };
    read.ok_or_else(|| Issue::new("bool_parsing", "Input should be a valid boolean, unable to interpret input", value).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds<T>(read: Read<T>) -> Vec<&'static str> {
        read.err().unwrap_or_default().into_iter().map(|issue| issue.kind).collect()
    }

    #[test]
    fn whole_numbers_come_in_several_forms() {
        for value in [json!(60), json!(60.0), json!("60"), json!(" +60 "), json!("60.00")] {
            assert_eq!(integer(60..=3_600)(&value), Ok(60), "{value}");
        }
        assert_eq!(integer(0..=1)(&json!(true)), Ok(1));
    }

    #[test]
    fn what_is_no_whole_number_is_named() {
        for (value, kind) in [
            (json!(60.5), "int_from_float"),
            (json!("abc"), "int_parsing"),
            (json!("60.5"), "int_parsing"),
            (json!(""), "int_parsing"),
            (json!(null), "int_type"),
            (json!([60]), "int_type"),
            (json!(59), "greater_than_equal"),
            (json!(-1), "greater_than_equal"),
            (json!(3_601), "less_than_equal"),
            (json!(1e300), "less_than_equal"),
            (json!(u64::MAX), "less_than_equal"),
            (json!("99999999999999999999"), "less_than_equal"),
            (json!("-99999999999999999999"), "greater_than_equal"),
        ] {
            assert_eq!(kinds(integer(60..=3_600)(&value)), [kind], "{value}");
        }
    }

    #[test]
    fn numbers_above_zero_come_in_several_forms() {
        for value in [json!(2), json!(2.0), json!("2"), json!(" 2.0 ")] {
            assert_eq!(positive(&value), Ok(2.0), "{value}");
        }
        for (value, kind) in [
            (json!(0), "greater_than"),
            (json!(-0.5), "greater_than"),
            (json!(false), "greater_than"),
            (json!("inf"), "finite_number"),
            (json!("NaN"), "finite_number"),
            (json!("much"), "float_parsing"),
            (json!([1]), "float_type"),
            (json!(null), "float_type"),
        ] {
            assert_eq!(kinds(positive(&value)), [kind], "{value}");
        }
    }

    #[test]
    fn flags_come_in_several_forms() {
        for value in [json!(true), json!(1), json!(1.0), json!("Yes"), json!("on"), json!("1")] {
            assert_eq!(boolean(&value), Ok(true), "{value}");
        }
        for value in [json!(false), json!(0), json!("FALSE"), json!("off")] {
            assert_eq!(boolean(&value), Ok(false), "{value}");
        }
        for (value, kind) in [(json!(2), "bool_parsing"), (json!("maybe"), "bool_parsing"), (json!(null), "bool_type")] {
            assert_eq!(kinds(boolean(&value)), [kind], "{value}");
        }
    }

    #[test]
    fn a_range_tells_its_bound() {
        let issue = integer(60..=3_600)(&json!("30")).unwrap_err().remove(0).inside(Step::Field("time_budget".to_owned()));
        assert_eq!(
            serde_json::to_value(issue).unwrap(),
            json!({
                "type": "greater_than_equal",
                "loc": ["time_budget"],
                "msg": "Input should be greater than or equal to 60",
                "input": "30",
                "ctx": { "ge": 60 }
            })
        );
    }

    #[test]
    fn texts_are_counted_in_characters() {
        assert!(text_up_to(3)(&json!("äöü")).is_ok());
        assert_eq!(kinds(text_up_to(3)(&json!("äöüß"))), ["string_too_long"]);
        assert_eq!(kinds(text(&json!(7))), ["string_type"]);
    }

    #[test]
    fn a_choice_names_all_that_there_are() {
        assert_eq!(one_of(&["a", "b", "c"])(&json!("b")), Ok("b"));
        let issue = serde_json::to_value(one_of(&["a", "b", "c"])(&json!("B")).unwrap_err()).unwrap();
        assert_eq!((&issue[0]["type"], &issue[0]["msg"]), (&json!("enum"), &json!("Input should be 'a', 'b' or 'c'")));
        assert_eq!(kinds(id::<domain::JobId>(&json!("7"))), ["uuid_parsing"]);
    }

    #[test]
    fn every_entry_of_a_list_is_judged() {
        let issues = list(3, text)(&json!(["a", 1, null])).unwrap_err();
        assert_eq!(issues.iter().map(|issue| issue.loc.clone()).collect::<Vec<_>>(), [[Step::At(1)], [Step::At(2)]]);
        assert_eq!(kinds(list(2, text)(&json!([1, 2, 3]))), ["too_long"]);
        assert_eq!(kinds(list(2, text)(&json!("a"))), ["list_type"]);
    }

    proptest! {
        #[test]
        fn every_number_in_range_reads_back_from_its_text(number in 60_u32..=3_600) {
            prop_assert_eq!(integer(60..=3_600)(&json!(number.to_string())), Ok(number));
        }

        #[test]
        fn no_text_breaks_a_reader(text in ".*") {
            let _ = (integer(0..=u32::MAX)(&json!(text)), positive(&json!(text)), boolean(&json!(text)));
        }
    }
}
