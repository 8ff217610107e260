//! The text of one cell: missing, a number, a boolean, or just text. The rules are those of pandas' `read_csv` defaults.

/// The tokens that stand for a missing value, besides the empty cell.
const MISSING: [&str; 18] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None",
    "n/a", "nan", "null",
];

/// Whether the cell holds no value.
pub(crate) fn is_missing(cell: &str) -> bool {
    cell.is_empty() || (cell.len() <= 8 && MISSING.contains(&cell))
}

/// A number as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// Digits only, within 64 bits.
    Integer(i64),
    /// Everything else, infinities included.
    Float(f64),
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// The number in the cell: surrounding blanks, a sign, decimals, an exponent, `inf` and `infinity` are allowed; `1_000`, `0x1F` and
/// whole numbers beyond 64 bits are text.
pub(crate) fn number(cell: &str) -> Option<Number> {
    let cell = cell.trim_matches([' ', '\t']);
    let unsigned = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let first = *unsigned.as_bytes().first()?;
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return match cell.parse::<i64>() {
            Ok(value) => Some(Number::Integer(value)),
            Err(_) => cell.parse::<u64>().ok().map(|value| Number::Float(value as f64)),
        };
    }
    let numeric =
        first.is_ascii_digit() || first == b'.' || unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity");
    if numeric { cell.parse().ok().map(Number::Float) } else { None }
}

/// The boolean in the cell.
pub(crate) fn boolean(cell: &str) -> Option<bool> {
    match cell {
        "True" | "TRUE" | "true" => Some(true),
        "False" | "FALSE" | "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_pandas_reads_them() {
        let integers = [("7", 7), ("007", 7), ("+5", 5), ("-3", -3), (" 12 ", 12), ("9223372036854775807", i64::MAX)];
        for (cell, value) in integers {
            assert_eq!(number(cell), Some(Number::Integer(value)), "{cell}");
        }
        let floats = [("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-2.5E-1", -0.25), ("Infinity", f64::INFINITY)];
        for (cell, value) in floats {
            assert_eq!(number(cell), Some(Number::Float(value)), "{cell}");
        }
        assert_eq!(number("-inf"), Some(Number::Float(f64::NEG_INFINITY)));
        assert_eq!(number("18446744073709551615"), Some(Number::Float(18_446_744_073_709_551_615.0)), "within unsigned 64 bits");
    }

    #[test]
    fn what_only_looks_like_a_number_is_text() {
        for cell in ["0x1F", "1_000", "1,5", "18446744073709551616", "12a", "", " ", "+", "-", ".", "e5", "nan", "info", "1e", "--1", "1 2"]
        {
            assert_eq!(number(cell), None, "{cell}");
        }
    }

    #[test]
    fn missing_tokens_are_exact() {
        for cell in ["", "NA", "NaN", "nan", "null", "None", "#N/A N/A", "-1.#IND"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in [" ", "na", "none", "NAN", "?", " ?", "-", "missing"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }
}
