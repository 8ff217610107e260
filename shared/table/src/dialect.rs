//! How a delimited file is cut into rows and cells, found from its beginning: what separates cells, what ends rows, and whether the first
//! row holds names.

use domain::date;

use crate::{
    cells::each_row,
    value::{self, number},
};

/// What may separate cells, the likelier first. The colon stands in times and ratios too: it must be clearer than the others.
const DELIMITERS: [u8; 5] = [b',', b';', b'\t', b'|', b':'];
/// Rows that are looked at.
const SAMPLE_ROWS: usize = 1_000;
/// A delimiter's share of rows with the same number of cells.
const CONSISTENT: f64 = 0.8;
const CONSISTENT_COLON: f64 = 0.999;

/// Numbers in a row that by chance would not all grow.
const LONG_RUN: usize = 5;

/// How a file is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// What separates cells.
    pub delimiter: u8,
    /// What ends rows: a line feed, or a carriage return where there is no line feed.
    pub end: u8,
    /// Whether the first row holds the names.
    pub header: bool,
    /// Bytes before the first row: a line `sep=;`, which Excel writes and reads.
    pub skipped: usize,
}

impl Dialect {
    /// The dialect of a file that begins with `sample`, which may end within a row.
    pub(crate) fn of(sample: &[u8]) -> Self {
        let end = if !sample.contains(&b'\n') && sample.contains(&b'\r') { b'\r' } else { b'\n' };
        let whole = sample.iter().rposition(|byte| *byte == end).map_or(sample, |last| sample.get(..=last).unwrap_or(sample));
        let (said, skipped) = said_delimiter(whole, end).map_or((None, 0), |(delimiter, length)| (Some(delimiter), length));
        let whole = whole.get(skipped..).unwrap_or_default();
        let dialect = |delimiter: u8| Self { delimiter, end, header: true, skipped };
        let mut dialect = dialect(said.unwrap_or_else(|| likely_delimiter(|delimiter| consistency(whole, dialect(delimiter)))));
        dialect.header = has_header(&split_sample(whole, dialect));
        dialect
    }
}

/// The delimiter that the first line names, and that line's length.
fn said_delimiter(sample: &[u8], end: u8) -> Option<(u8, usize)> {
    let length = sample.iter().position(|byte| *byte == end)? + 1;
    let line = sample.get(..length - 1)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.split_at_checked(4)? {
        (name, [delimiter]) if name.eq_ignore_ascii_case(b"sep=") && !delimiter.is_ascii_alphanumeric() => Some((*delimiter, length)),
        _ => None,
    }
}

/// The delimiter that cuts best, where `fit` says in which share of the rows there are how many cells.
fn likely_delimiter(fit: impl Fn(u8) -> (f64, usize)) -> u8 {
    let fits = DELIMITERS.map(|delimiter| (delimiter, fit(delimiter)));
    let good = fits.iter().filter(|(delimiter, (share, cells))| {
        let least = if *delimiter == b':' { CONSISTENT_COLON } else { CONSISTENT };
        *cells > 1 && *share >= least
    });
    // Cells are what a delimiter is for; where two make as many, the likelier one counts.
    let best = good.rev().max_by_key(|(delimiter, (share, cells))| ((*share * 20.0) as u32, *cells, *delimiter != b':'));
    best.map_or(b',', |(delimiter, _)| *delimiter)
}

/// The first rows as texts.
fn split_sample(sample: &[u8], dialect: Dialect) -> Vec<Vec<Vec<u8>>> {
    let mut rows = Vec::new();
    // A row that cannot be cut ends the sample; the reading will tell of it.
    let _ = each_row(sample, dialect, |row| {
        rows.push(row.iter().map(|cell| cell.text(sample).into_owned()).collect::<Vec<_>>());
        rows.len() < SAMPLE_ROWS
    });
    rows
}

/// The share of rows with the most frequent number of cells, and that number.
fn consistency(sample: &[u8], dialect: Dialect) -> (f64, usize) {
    let (mut rows, mut counts) = (0_usize, std::collections::BTreeMap::new());
    // A row that cannot be cut ends the sample; the reading will tell of it.
    let _ = each_row(sample, dialect, |row| {
        rows += 1;
        *counts.entry(row.len()).or_insert(0_usize) += 1;
        rows < SAMPLE_ROWS
    });
    let best = counts.into_iter().max_by_key(|(cells, count)| (*count, *cells));
    best.map_or((0.0, 0), |(cells, count)| (count as f64 / rows as f64, cells))
}

/// What a cell of the first row may be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Like {
    Nothing,
    Number,
    Date,
    Text,
}

fn like(cell: &[u8]) -> Like {
    if value::is_padding(cell) {
        Like::Nothing
    } else if number::plain(cell).is_some() {
        Like::Number
    } else if date::orders_of(cell) != 0 {
        Like::Date
    } else {
        Like::Text
    }
}

/// Names are missing only where the first row is clearly one of values: its first cell is filled (above an index there is none), each column
/// of numbers or dates has one of its kind there, unless it is empty, there are at least as many such columns as empty cells, and it is not a
/// run of years or positions.
fn has_header(rows: &[Vec<Vec<u8>>]) -> bool {
    let Some((first, rest)) = rows.split_first().filter(|(_, rest)| rest.len() > 1) else { return true };
    let column = |at: usize| rest.iter().filter_map(move |row| row.get(at)).map(|cell| like(cell)).filter(|like| *like != Like::Nothing);
    let kind_of = |at: usize| match (column(at).next(), column(at).collect::<Vec<_>>()) {
        (Some(first), all) if first != Like::Text && all.iter().all(|like| *like == first) => first,
        _ => Like::Text,
    };
    let (mut valued, mut empty) = (0, 0);
    for (at, cell) in first.iter().enumerate() {
        let (here, below) = (like(cell), kind_of(at));
        if here == Like::Nothing {
            empty += 1;
        } else if below != Like::Text && here != below {
            return true;
        } else {
            valued += usize::from(below != Like::Text);
        }
    }
    valued == 0 || empty > valued || first.first().is_none_or(|cell| like(cell) == Like::Nothing) || is_sequence(first)
}

/// Numbers that name columns: whole ones that grow by one, as years and positions do, or a longer run that only grows, as wavelengths do.
fn is_sequence(row: &[Vec<u8>]) -> bool {
    let numbers: Vec<f64> = row.iter().filter_map(|cell| number::plain(cell)).map(number::Number::as_f64).collect();
    let each = |holds: &dyn Fn(f64, f64) -> bool| numbers.windows(2).all(|pair| matches!(pair, [one, next] if holds(*one, *next)));
    numbers.len() > 1 && (each(&|one, next| next - one == 1.0) || (numbers.len() >= LONG_RUN && each(&|one, next| next > one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(text: &str) -> (char, bool) {
        let dialect = Dialect::of(text.as_bytes());
        (dialect.delimiter as char, dialect.header)
    }

    #[test]
    fn the_delimiter_is_found_from_the_content() {
        for (text, delimiter) in [
            ("a,b\n1,2\n3,4\n", ','),
            ("a;b;c\n1,5;2;x\n3,5;4;y\n", ';'),
            ("a\tb\n1, 2\t3\n", '\t'),
            ("a|b\n1|2\n", '|'),
            ("name:age\nx:1\ny:2\n", ':'),
            ("time,n\n10:30,1\n11:30,2\n", ','),
            ("time\n10:30\n11:3\n", ','),
            ("text\nhello, world\nno comma\nx\n", ','),
            ("a\n1\n", ','),
            ("a,b\n\"x;y;z\",1\n\"x;y;z\",2\n", ','),
            ("", ','),
        ] {
            assert_eq!(dialect(text).0, delimiter, "{text}");
        }
        assert_eq!(Dialect::of(b"a,b\r1,2\r").end, b'\r');
        let said = Dialect::of(b"sep=|\r\na,b|c\r\n1,2|3\r\n");
        assert_eq!((said.delimiter, said.skipped), (b'|', 7), "Excel's own line");
    }

    #[test]
    fn names_are_missing_only_where_the_first_row_is_one_of_values() {
        for (text, header) in [
            ("a,b\n1,2\n3,4\n", true),
            ("1.5,x\n2.5,y\n3.5,x\n", false),
            ("2024-01-01,5\n2024-01-02,6\n2024-01-03,7\n", false),
            ("a,b\nx,y\nz,w\n", true),
            ("2019,2020,2021\n1.5,2.5,3.5\n4,5,6\n", true),
            ("1,,x\n2,3,y\n4,5,z\n", false),
            ("5.1,,a\n4.9,3.5,b\n6.2,2.9,a\n", false),
            (",10,30\nx,3,2\ny,5,1\n", true),
            ("7,,,x\n2,3,5,y\n4,5,6,z\n", true),
            ("name,2020\nx,1\ny,2\n", false),
            ("7\n8\n9\n", false),
            ("7\n8\n", true),
            ("350,350.5,351,351.5,352,kind\n1,2,3,4,5,a\n2,3,4,5,6,b\n", true),
            ("3,1,2,5,4\n1,2,3,4,5\n2,3,4,5,6\n", false),
        ] {
            assert_eq!(dialect(text).1, header, "{text}");
        }
    }
}
