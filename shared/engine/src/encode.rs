//! Cells of a table → what a model reads: numbers in 32 bits, texts, category codes.

use std::{borrow::Cow, collections::HashMap};

use model::{Batch, Feature, FeatureKind, TextReader, date_numbers, moment};
use rayon::prelude::*;
use table::{Column as TableColumn, Frame, TextColumn, Values};

use crate::{
    EngineError,
    matrix::{Column, Matrix},
};

/// Cells of a column that are not what the model expects there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The column.
    pub column: String,
    /// `number` or `date`.
    pub expected: &'static str,
    /// How many cells there are.
    pub cells: usize,
    /// The first one's 1-based data row …
    pub row: usize,
    /// … and its beginning.
    pub text: String,
}

/// The inputs of a model for some rows (0-based) of a table that has its features by name, in any order and among others. Cells are
/// read as the model needs them: a number where it knows categories becomes its text, a text where it knows numbers or dates is parsed.
/// Those that cannot be read are missing, and are told.
pub fn batch(frame: &Frame, features: &[Feature], rows: &[usize]) -> Result<(Batch, Vec<Unread>), EngineError> {
    let (mut columns, mut texts, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for feature in features {
        if let FeatureKind::Categorical { .. } = &feature.kind {
            let column = find(frame, &feature.name)?;
            texts.push(rows.iter().map(|&row| Ok(text(column, row)?.into_owned())).collect::<Result<Vec<_>, EngineError>>()?);
        } else {
            columns.extend(numbers(frame, feature, rows, &mut unread)?);
        }
    }
    let row_major = (0..rows.len()).flat_map(|row| columns.iter().map(move |column: &Vec<f32>| column[row])).collect();
    Ok((Batch { rows: rows.len(), numbers: row_major, texts }, unread))
}

/// The inputs of some features in some rows (0-based), for training.
pub(crate) fn matrix(frame: &Frame, features: &[Feature], rows: &[usize]) -> Result<Matrix, EngineError> {
    let inputs: Vec<Vec<Column>> = features.par_iter().map(|feature| inputs(frame, feature, rows)).collect::<Result<_, _>>()?;
    let trees_use = |feature: &Feature| match &feature.kind {
        FeatureKind::Date { parts, since, .. } => parts.iter().map(|part| !part.is_cyclic()).chain(since.iter().map(|_| true)).collect(),
        kind => vec![true; kind.numbers().max(1)],
    };
    Ok(Matrix { columns: inputs.into_iter().flatten().collect(), for_trees: features.iter().flat_map(trees_use).collect() })
}

fn inputs(frame: &Frame, feature: &Feature, rows: &[usize]) -> Result<Vec<Column>, EngineError> {
    let FeatureKind::Categorical { categories } = &feature.kind else {
        let mut unread = Vec::new();
        let numbers = numbers(frame, feature, rows, &mut unread)?;
        return match unread.pop() {
            None => Ok(numbers.into_iter().map(Column::Numbers).collect()),
            Some(Unread { column, expected, row, text, .. }) => Err(EngineError::WrongCell { column, row, text, expected }),
        };
    };
    let column = find(frame, &feature.name)?;
    let codes: HashMap<&str, u16> = categories.iter().map(String::as_str).zip(1..).collect();
    let code = |text: &str| codes.get(text).copied().unwrap_or(0);
    let codes = if let Values::Texts(texts) = &column.values {
        let by_entry: Vec<u16> = texts.dictionary.iter().map(|entry| code(entry)).collect();
        let code_of = |row: usize| by_entry.get(entry(texts, row)?).copied();
        rows.iter().map(|&row| code_of(row).unwrap_or(0)).collect()
    } else {
        rows.iter().map(|&row| Ok(code(&text(column, row)?))).collect::<Result<Vec<_>, EngineError>>()?
    };
    Ok(vec![Column::Codes { codes, count: categories.len() + 1 }])
}

/// The numbers of a feature, column by column.
fn numbers(frame: &Frame, feature: &Feature, rows: &[usize], unread: &mut Vec<Unread>) -> Result<Vec<Vec<f32>>, EngineError> {
    let column = find(frame, &feature.name)?;
    let (parts, origin, since) = match &feature.kind {
        FeatureKind::Date { parts, origin, since } => (parts, origin, since),
        FeatureKind::Text { lengths, words } => {
            return text_columns(column, rows, &TextReader::new(lengths, words), feature.kind.numbers());
        }
        FeatureKind::Numeric | FeatureKind::Categorical { .. } => {
            return Ok(vec![read(column, rows, "number", f32::NAN, &number, unread)?]);
        }
    };
    let own = moments(column, rows, unread)?;
    // What is wrong with their cells is told where they are features themselves.
    let others: Vec<Vec<Option<i64>>> =
        since.iter().map(|name| moments(find(frame, name)?, rows, &mut Vec::new())).collect::<Result<_, EngineError>>()?;
    let mut columns = vec![Vec::with_capacity(rows.len()); feature.kind.numbers()];
    for (position, &moment) in own.iter().enumerate() {
        let values = date_numbers(moment, parts, *origin, others.iter().map(|other| other[position]));
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    Ok(columns)
}

/// The numbers of texts, one row after the other: nearly all differ, so nothing is gained by reading each of the dictionary once.
fn text_columns(column: &TableColumn, rows: &[usize], reader: &TextReader<'_>, width: usize) -> Result<Vec<Vec<f32>>, EngineError> {
    let mut columns = vec![Vec::with_capacity(rows.len()); width];
    for &row in rows {
        columns.iter_mut().zip(reader.numbers(&text(column, row)?)).for_each(|(column, number)| column.push(number));
    }
    Ok(columns)
}

/// What a column has in a row; `None` where that cannot be read.
type ReadCell<'a, T> = &'a dyn Fn(&TableColumn, usize) -> Result<Option<T>, EngineError>;

/// Reads the cells of some rows; `None` is what cannot be read, which becomes `missing` and is told.
fn read<T: Clone>(
    column: &TableColumn,
    rows: &[usize],
    expected: &'static str,
    missing: T,
    cell: ReadCell<'_, T>,
    unread: &mut Vec<Unread>,
) -> Result<Vec<T>, EngineError> {
    let (mut values, mut first, mut cells) = (Vec::with_capacity(rows.len()), None, 0);
    for &row in rows {
        let value = cell(column, row)?;
        if value.is_none() {
            first.get_or_insert(row);
            cells += 1;
        }
        values.push(value.unwrap_or_else(|| missing.clone()));
    }
    if let Some(row) = first {
        let text = text(column, row)?.chars().take(50).collect();
        unread.push(Unread { column: column.name.clone(), expected, cells, row: row + 1, text });
    }
    Ok(values)
}

/// The moments in some rows of a column of dates, in microseconds since 1970; none where there is no date.
pub(crate) fn moments(column: &TableColumn, rows: &[usize], unread: &mut Vec<Unread>) -> Result<Vec<Option<i64>>, EngineError> {
    let found = |text: &str| if text.trim().is_empty() { Some(None) } else { moment(text).map(Some) };
    if let Values::Texts(texts) = &column.values {
        let by_entry: Vec<Option<Option<i64>>> = texts.dictionary.iter().map(|entry| found(entry)).collect();
        let moment_in = |column: &TableColumn, row: usize| {
            cell(column, &texts.codes, row)?;
            Ok(entry(texts, row).and_then(|entry| by_entry.get(entry).copied()).unwrap_or(Some(None)))
        };
        return read(column, rows, "date", None, &moment_in, unread);
    }
    read(column, rows, "date", None, &|column, row| Ok(found(&text(column, row)?)), unread)
}

fn find<'a>(frame: &'a Frame, name: &str) -> Result<&'a TableColumn, EngineError> {
    frame.column(name).ok_or_else(|| EngineError::MissingFeature(name.to_owned()))
}

/// The position in the dictionary of a row's text.
fn entry(texts: &TextColumn, row: usize) -> Option<usize> {
    texts.codes.get(row).filter(|&&code| code != TextColumn::MISSING).and_then(|&code| usize::try_from(code).ok())
}

fn number(column: &TableColumn, row: usize) -> Result<Option<f32>, EngineError> {
    match &column.values {
        Values::Numbers(values) => Ok(Some(*cell(column, values, row)? as f32)),
        Values::Booleans(values) => Ok(Some(cell(column, values, row)?.map_or(f32::NAN, |value| f32::from(u8::from(value))))),
        Values::Texts(values) => {
            cell(column, &values.codes, row)?;
            Ok(match values.get(row).unwrap_or_default().trim() {
                "" => Some(f32::NAN),
                "True" | "true" | "TRUE" => Some(1.0),
                "False" | "false" | "FALSE" => Some(0.0),
                text => text.parse::<f64>().ok().map(|value| value as f32),
            })
        }
    }
}

/// The text of a cell, empty when missing.
pub(crate) fn text(column: &TableColumn, row: usize) -> Result<Cow<'_, str>, EngineError> {
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
    use model::{DatePart, TextLength};

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
        let (batch, unread) = batch(&frame, &[numeric("n"), categorical("t"), numeric("b")], &[2, 0]).unwrap();
        assert_eq!(unread, []);
        assert_eq!(batch, Batch { rows: 2, numbers: vec![f32::INFINITY, 0.0, 1.5, 1.0], texts: vec![vec!["y".into(), "x".into()]] });
    }

    #[test]
    fn cells_of_another_type_are_read_as_the_model_needs_them() {
        let frame =
            frame(vec![("text", texts(&[Some(" 2.5 "), Some("true"), None])), ("number", Values::Numbers(vec![1.0, f64::NAN, 2.5]))]);
        let (batch, _) = batch(&frame, &[numeric("text"), categorical("number")], &[0, 1, 2]).unwrap();
        assert_eq!(batch.numbers[..2], [2.5, 1.0]);
        assert!(batch.numbers[2].is_nan());
        assert_eq!(batch.texts, [["1", "", "2.5"]]);
    }

    #[test]
    fn a_text_of_blanks_is_no_number_and_no_mistake() {
        let frame = frame(vec![("a", texts(&[Some("1"), Some("  "), Some("x")]))]);
        let (batch, unread) = batch(&frame, &[numeric("a")], &[1]).unwrap();
        assert!(batch.numbers[0].is_nan() && unread.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_missing_and_told() {
        let frame =
            frame(vec![("a", texts(&[Some("1"), Some("many"), None])), ("d", texts(&[Some("2024-03-01"), Some("soon"), Some("x")]))]);
        let day = FeatureKind::Date { parts: vec![DatePart::Day], origin: 0, since: Vec::new() };
        let (batch, unread) = batch(&frame, &[numeric("a"), Feature { name: "d".to_owned(), kind: day }], &[0, 1, 2]).unwrap();
        assert!(batch.numbers[0] == 1.0 && batch.numbers[1] == 1.0 && batch.numbers[2..].iter().all(|number| number.is_nan()));
        let told: Vec<(&str, &str, usize, usize, &str)> =
            unread.iter().map(|one| (one.column.as_str(), one.expected, one.cells, one.row, one.text.as_str())).collect();
        assert_eq!(told, [("a", "number", 1, 2, "many"), ("d", "date", 2, 2, "soon")]);
    }

    #[test]
    fn a_table_that_is_learned_from_must_be_read_whole() {
        let frame = frame(vec![("a", texts(&[Some("1"), Some("many"), None]))]);
        let error = |feature: &Feature| matrix(&frame, std::slice::from_ref(feature), &[0, 1]).unwrap_err().to_string();
        assert_eq!(
            error(&numeric("a")),
            "column 'a' has the text 'many' in row 2, where the model expects a number; correct or empty the cell"
        );
        assert_eq!(error(&numeric("z")), "the table has no column 'z', which the model needs; add it");
    }

    #[test]
    fn codes_are_one_more_than_the_position_and_0_for_the_unknown() {
        let codes = |values| match inputs(&frame(vec![("c", values)]), &categorical("c"), &[0, 1, 2]).unwrap().as_slice() {
            [Column::Codes { codes, count: 3 }] => codes.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(codes(texts(&[Some("x"), None, Some("new")])), [2, 0, 0]);
        assert_eq!(codes(Values::Numbers(vec![1.0, 7.0, f64::NAN])), [1, 0, 0]);
    }

    fn dates() -> (Frame, Vec<Feature>) {
        let frame = frame(vec![
            ("from", texts(&[Some("2024-03-01T06:00:00"), Some("2024-03-02"), None])),
            ("to", texts(&[Some("2024-03-01T12:00:00"), Some("2024-03-01"), Some("2024-03-09")])),
        ]);
        let date = |name: &str, since: &[&str]| Feature {
            name: name.to_owned(),
            kind: FeatureKind::Date {
                parts: vec![DatePart::Day, DatePart::DaySine],
                origin: 0,
                since: since.iter().map(|name| (*name).to_owned()).collect(),
            },
        };
        (frame, vec![date("from", &[]), date("to", &["from"])])
    }

    #[test]
    fn dates_become_their_parts_and_the_days_between_them() {
        let (frame, features) = dates();
        let (batch, _) = batch(&frame, &features, &[0, 1, 2]).unwrap();
        let row = |row: usize| &batch.numbers[row * 5..row * 5 + 5];
        assert_eq!(row(0), [1.0, 1.0, 1.0, DatePart::DaySine.of(12 * 3_600_000_000, 0), 0.25]);
        assert_eq!(row(1), [2.0, 0.0, 1.0, 0.0, -1.0]);
        assert!(row(2)[0].is_nan() && row(2)[4].is_nan());
        assert_eq!(row(2)[2], 9.0);
    }

    #[test]
    fn texts_become_their_lengths_and_words() {
        let frame = frame(vec![
            ("name", texts(&[Some("Kelly, Mr. James"), None, Some("12 mrs")])),
            ("number", Values::Numbers(vec![12.0, f64::NAN, 2.5])),
            ("flag", Values::Booleans(vec![Some(true), None, Some(false)])),
        ]);
        let kind = FeatureKind::Text { lengths: vec![TextLength::Characters, TextLength::Digits], words: vec!["mr".into(), "12".into()] };
        let text = |name: &str| Feature { name: name.to_owned(), kind: kind.clone() };
        let (batch, unread) = batch(&frame, &["name", "number", "flag"].map(text), &[0, 1, 2]).unwrap();
        assert!(unread.is_empty());
        let row = |row: usize| &batch.numbers[row * 12..row * 12 + 12];
        assert_eq!(row(0), [16.0, 0.0, 1.0, 0.0, 2.0, 2.0, 0.0, 1.0, 4.0, 0.0, 0.0, 0.0], "numbers are read as they are written");
        assert!(row(1).iter().all(|number| number.is_nan()));
        assert_eq!(row(2)[..4], [6.0, 2.0, 0.0, 1.0]);
        let matrix = matrix(&frame, &[text("name")], &[0, 1]).unwrap();
        assert_eq!((matrix.columns.len(), matrix.for_trees), (4, vec![true; 4]));
    }

    #[test]
    fn trees_do_without_places_on_circles() {
        let (frame, features) = dates();
        let matrix = matrix(&frame, &features, &[0, 1]).unwrap();
        assert_eq!(matrix.columns.len(), 5);
        assert_eq!(matrix.for_trees, [true, false, true, false, true]);
    }
}
