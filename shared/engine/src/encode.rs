//! Cells of a table → what a model reads: numbers in 32 bits, texts, category codes.

use std::{borrow::Cow, collections::HashMap};

use model::{Batch, Feature, FeatureKind};
use table::{Column as TableColumn, Frame, TextColumn, Values};

use crate::{EngineError, matrix};

/// The inputs of a model for some rows (0-based) of a table that has its features by name, in any order and among others. Cells are
/// read as the model needs them: a number where it knows categories becomes its text, a text where it knows numbers is parsed.
pub fn batch(frame: &Frame, features: &[Feature], rows: &[usize]) -> Result<Batch, EngineError> {
    let mut numbers = Vec::new();
    let mut texts = Vec::new();
    for feature in features {
        let column = frame.column(&feature.name).ok_or_else(|| EngineError::MissingFeature(feature.name.clone()))?;
        match &feature.kind {
            FeatureKind::Numeric => numbers.push(rows.iter().map(|&row| number(column, row)).collect::<Result<Vec<_>, _>>()?),
            FeatureKind::Categorical { .. } => {
                texts.push(rows.iter().map(|&row| Ok(text(column, row)?.into_owned())).collect::<Result<Vec<_>, EngineError>>()?);
            }
        }
    }
    let row_major = (0..rows.len()).flat_map(|row| numbers.iter().map(move |column| column[row])).collect();
    Ok(Batch { rows: rows.len(), numbers: row_major, texts })
}

/// A feature's values in some rows (0-based), for training.
pub(crate) fn column(column: &TableColumn, kind: &FeatureKind, rows: &[usize]) -> Result<matrix::Column, EngineError> {
    match kind {
        FeatureKind::Numeric => {
            let values: Result<Vec<f32>, _> = rows.iter().map(|&row| number(column, row)).collect();
            Ok(matrix::Column::Numbers(values?))
        }
        FeatureKind::Categorical { categories } => {
            let codes: HashMap<&str, u16> = categories.iter().map(String::as_str).zip(1..).collect();
            let code = |text: &str| codes.get(text).copied().unwrap_or(0);
            let codes = if let Values::Texts(texts) = &column.values {
                let by_entry: Vec<u16> = texts.dictionary.iter().map(|entry| code(entry)).collect();
                let code_of = |row: usize| by_entry.get(entry(texts, row)?).copied();
                rows.iter().map(|&row| code_of(row).unwrap_or(0)).collect()
            } else {
                rows.iter().map(|&row| Ok(code(&text(column, row)?))).collect::<Result<Vec<_>, EngineError>>()?
            };
            Ok(matrix::Column::Codes { codes, count: categories.len() + 1 })
        }
    }
}

/// The position in the dictionary of a row's text.
fn entry(texts: &TextColumn, row: usize) -> Option<usize> {
    texts.codes.get(row).filter(|&&code| code != TextColumn::MISSING).and_then(|&code| usize::try_from(code).ok())
}

fn number(column: &TableColumn, row: usize) -> Result<f32, EngineError> {
    match &column.values {
        Values::Numbers(values) => Ok(*cell(column, values, row)? as f32),
        Values::Booleans(values) => Ok(cell(column, values, row)?.map_or(f32::NAN, |value| f32::from(u8::from(value)))),
        Values::Texts(values) => {
            cell(column, &values.codes, row)?;
            let Some(text) = values.get(row) else { return Ok(f32::NAN) };
            match text.trim() {
                "" => Ok(f32::NAN),
                "True" | "true" | "TRUE" => Ok(1.0),
                "False" | "false" | "FALSE" => Ok(0.0),
                trimmed => trimmed.parse::<f64>().map(|value| value as f32).map_err(|_| EngineError::NotANumber {
                    column: column.name.clone(),
                    row: row + 1,
                    text: text.chars().take(50).collect(),
                }),
            }
        }
    }
}

/// The text of a cell, empty when missing.
fn text(column: &TableColumn, row: usize) -> Result<Cow<'_, str>, EngineError> {
    match &column.values {
        Values::Numbers(values) => {
            let value = *cell(column, values, row)?;
            Ok(if value.is_nan() { Cow::Borrowed("") } else { Cow::Owned(value.to_string()) })
        }
        Values::Booleans(values) => Ok(Cow::Borrowed(cell(column, values, row)?.map_or("", boolean_text))),
        Values::Texts(values) => {
            cell(column, &values.codes, row)?;
            Ok(Cow::Borrowed(values.get(row).unwrap_or_default()))
        }
    }
}

/// How a boolean is written as a label or category.
pub(crate) fn boolean_text(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn cell<'a, T>(column: &TableColumn, values: &'a [T], row: usize) -> Result<&'a T, EngineError> {
    values.get(row).ok_or_else(|| EngineError::ShortColumn { column: column.name.clone(), rows: values.len(), row: row + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: &[Option<&str>]) -> Values {
        let mut column = TextColumn::default();
        for cell in cells {
            column.codes.push(match cell {
                None => TextColumn::MISSING,
                Some(text) => {
                    column.dictionary.push((*text).to_owned());
                    (column.dictionary.len() - 1) as u32
                }
            });
        }
        Values::Texts(column)
    }

    fn frame(columns: Vec<(&str, Values)>) -> Frame {
        Frame { rows: 3, columns: columns.into_iter().map(|(name, values)| TableColumn { name: name.to_owned(), values }).collect() }
    }

    fn numeric(name: &str) -> Feature {
        Feature { name: name.to_owned(), kind: FeatureKind::Numeric }
    }

    fn categorical(name: &str) -> Feature {
        Feature { name: name.to_owned(), kind: FeatureKind::Categorical { categories: vec!["1".to_owned(), "x".to_owned()] } }
    }

    #[test]
    fn a_batch_takes_the_features_by_name_in_the_models_order() {
        let frame = frame(vec![
            ("t", texts(&[Some("x"), None, Some("y")])),
            ("b", Values::Booleans(vec![Some(true), None, Some(false)])),
            ("n", Values::Numbers(vec![1.5, f64::NAN, 1e300])),
        ]);
        let batch = batch(&frame, &[numeric("n"), categorical("t"), numeric("b")], &[2, 0]).unwrap();
        assert_eq!(batch, Batch { rows: 2, numbers: vec![f32::INFINITY, 0.0, 1.5, 1.0], texts: vec![vec!["y".into(), "x".into()]] });
    }

    #[test]
    fn cells_of_another_type_are_read_as_the_model_needs_them() {
        let frame =
            frame(vec![("text", texts(&[Some(" 2.5 "), Some("true"), None])), ("number", Values::Numbers(vec![1.0, f64::NAN, 2.5]))]);
        let batch = batch(&frame, &[numeric("text"), categorical("number")], &[0, 1, 2]).unwrap();
        assert_eq!(batch.numbers[..2], [2.5, 1.0]);
        assert!(batch.numbers[2].is_nan());
        assert_eq!(batch.texts, [["1", "", "2.5"]]);
    }

    #[test]
    fn a_text_of_blanks_is_no_number_and_no_mistake() {
        let frame = frame(vec![("a", texts(&[Some("1"), Some("  "), Some("x")]))]);
        assert!(batch(&frame, &[numeric("a")], &[1]).unwrap().numbers[0].is_nan());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let frame = frame(vec![("a", texts(&[Some("1"), Some("many"), None]))]);
        let error = |feature: &Feature| batch(&frame, std::slice::from_ref(feature), &[0, 1]).unwrap_err().to_string();
        assert_eq!(
            error(&numeric("a")),
            "column 'a' has the text 'many' in row 2, where the model expects a number; correct or empty the cell"
        );
        assert_eq!(error(&numeric("z")), "the table has no column 'z', which the model needs; add it");
    }

    #[test]
    fn codes_are_one_more_than_the_position_and_0_for_the_unknown() {
        let column_of = |values| TableColumn { name: "c".to_owned(), values };
        let codes = |values| match column(&column_of(values), &categorical("c").kind, &[0, 1, 2]).unwrap() {
            matrix::Column::Codes { codes, count: 3 } => codes,
            other => panic!("{other:?}"),
        };
        assert_eq!(codes(texts(&[Some("x"), None, Some("new")])), [2, 0, 0]);
        assert_eq!(codes(Values::Numbers(vec![1.0, 7.0, f64::NAN])), [1, 0, 0]);
    }
}
