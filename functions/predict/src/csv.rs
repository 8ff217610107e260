//! Rows to predict as CSV, and their predictions.

use std::collections::BTreeMap;

use api::{ApiError, InOrder};
use csv::{ReaderBuilder, StringRecord, Writer};
use model::PredictionTable;

use crate::{
    answer::Predicted,
    error::PredictError,
    explain::Explanation,
    features::{Given, Row, Warning},
};

/// What may stand between the cells of a row.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The rows of a table whose first line names its columns, each cell as a text. Between cells stands what the names are parted by most often.
pub(crate) fn rows(body: &[u8]) -> Result<Vec<Row>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let line = body.get(..error.valid_up_to()).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong(format!("The CSV is not UTF-8: line {line} holds other bytes; save it as UTF-8"))
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // The first of equals, so a comma where there is none of them.
    let delimiter = DELIMITERS.iter().rev().copied().max_by_key(count).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| refused(&error))?.clone();
    if names.iter().all(str::is_empty) {
        return Err(wrong("The CSV is empty; its first line must name the columns".to_owned()));
    }
    if let Some(twice) = names.iter().enumerate().find(|(place, name)| names.iter().take(*place).any(|before| before == *name)) {
        return Err(wrong(format!("The CSV has two columns named '{}'; rename one", twice.1)));
    }
    reader.records().map(|record| Ok(row(&names, &record.map_err(|error| refused(&error))?))).collect()
}

fn row(names: &StringRecord, record: &StringRecord) -> Row {
    let cell = |text: &str| if text.is_empty() { Given::Missing } else { Given::Text(text.to_owned()) };
    names.iter().zip(record).map(|(name, text)| (name.to_owned(), cell(text))).collect::<BTreeMap<_, _>>()
}

fn wrong(problem: String) -> ApiError {
    ApiError::InvalidCsv(problem)
}

fn refused(error: &csv::Error) -> ApiError {
    wrong(match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("Line {line} of the CSV has {len} cells, its first line names {expected_len} columns")
        }
        _ => format!("The CSV cannot be read: {error}"),
    })
}

/// One line for each row: the columns of `table`; where explanations are asked for `base`, and `contribution_<feature>` for each; and
/// `warnings`, several of them with `; ` between.
pub(crate) fn answer(table: &PredictionTable, predicted: &Predicted, warnings: &[Vec<Warning>]) -> Result<Vec<u8>, PredictError> {
    let explanations = predicted.explanations.as_deref().unwrap_or_default();
    let mut csv = Writer::from_writer(Vec::new());
    let mut names = table.columns().to_vec();
    if let Some(Explanation { contributions: InOrder(features), .. }) = explanations.first() {
        names.push("base".to_owned());
        names.extend(features.iter().map(|(feature, _)| format!("contribution_{feature}")));
    }
    names.push("warnings".to_owned());
    csv.write_record(names)?;
    for (row, warnings) in warnings.iter().enumerate() {
        let mut cells = table.cells(&predicted.predictions, row).ok_or(PredictError::NoOutcome)?;
        if let Some(Explanation { base, contributions: InOrder(features) }) = explanations.get(row) {
            cells.push(base.to_string());
            cells.extend(features.iter().map(|(_, value)| value.to_string()));
        }
        cells.push(warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        csv.write_record(cells)?;
    }
    csv.into_inner().map_err(|error| csv::Error::from(error.into_error()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Row>, String> {
        rows(text.as_bytes()).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    #[test]
    fn each_line_is_a_row_of_texts() {
        let expected = vec![
            Row::from([("age".to_owned(), text("30")), ("plan".to_owned(), text("a, \"b\""))]),
            Row::from([("age".to_owned(), Given::Missing), ("plan".to_owned(), text("c"))]),
        ];
        for csv in ["age,plan\n30,\"a, \"\"b\"\"\"\n,c\n", "\u{feff}age;plan\r\n30;\"a, \"\"b\"\"\"\r\n;c", "age\tplan\n30\ta, \"b\"\n\tc"]
        {
            assert_eq!(read(csv), Ok(expected.clone()), "{csv}");
        }
        assert_eq!(read("age\n"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(read("a,b\n1,2\n3\n").unwrap_err(), "Line 3 of the CSV has 1 cells, its first line names 2 columns");
        assert_eq!(read("a,b,a\n1,2,3\n").unwrap_err(), "The CSV has two columns named 'a'; rename one");
        assert!(read("").unwrap_err().contains("first line must name"));
        assert!(rows(b"a,b\n1,2\n\xff,3").unwrap_err().to_string().contains("line 3"));
    }
}
