//! The text of one cell, read as a value.

pub(crate) mod number;

/// Whether the cell holds no value: it is empty, or one of the tokens of pandas' `read_csv`.
#[inline]
pub(crate) fn is_missing(cell: &[u8]) -> bool {
    match cell {
        [] => true,
        [b'#' | b'-' | b'1' | b'<' | b'N' | b'n', _, ..] if cell.len() <= LONGEST_TOKEN => is_token(cell),
        _ => false,
    }
}

const LONGEST_TOKEN: usize = 8;

fn is_token(cell: &[u8]) -> bool {
    matches!(
        cell,
        b"#N/A"
            | b"#N/A N/A"
            | b"#NA"
            | b"-1.#IND"
            | b"-1.#QNAN"
            | b"-NaN"
            | b"-nan"
            | b"1.#IND"
            | b"1.#QNAN"
            | b"<NA>"
            | b"N/A"
            | b"NA"
            | b"NULL"
            | b"NaN"
            | b"None"
            | b"n/a"
            | b"nan"
            | b"null"
    )
}

/// Whether the cell holds blanks only, or a token for no value between blanks: no value where the column is not text.
pub(crate) fn is_padding(cell: &[u8]) -> bool {
    is_missing(trimmed(cell))
}

/// The boolean in the cell, with blanks around it or without.
#[inline]
pub(crate) fn boolean(cell: &[u8]) -> Option<bool> {
    match trimmed(cell) {
        b"True" | b"TRUE" | b"true" => Some(true),
        b"False" | b"FALSE" | b"false" => Some(false),
        _ => None,
    }
}

/// The cell without outer blanks.
pub(crate) fn trimmed(mut cell: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = cell {
        cell = rest;
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tokens_are_exact() {
        for cell in ["", "NA", "NaN", "nan", "null", "None", "#N/A", "-1.#IND", "<NA>", "n/a"] {
            assert!(is_missing(cell.as_bytes()), "{cell}");
        }
        for cell in [" ", "na", "none", "NAN", "?", " ?", "-", "missing", "1", "Norway"] {
            assert!(!is_missing(cell.as_bytes()), "{cell}");
        }
    }
}
