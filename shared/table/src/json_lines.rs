//! JSON Lines as delimited text: one object per line, its fields by name. Source: jsonlines.org.

use std::{
    collections::HashMap,
    fmt,
    io::{BufRead, BufReader, BufWriter, Cursor, Read as _, Write},
};

use domain::{
    ReadAs,
    limits::{MAX_COLUMNS, MAX_ROW_BYTES},
};
use serde::{
    Deserialize,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::{Input, TableError, opened::Text};

/// A file of JSON lines, written anew as CSV.
pub(crate) struct JsonLines {
    pub(crate) csv: NamedTempFile,
    /// Bytes of the file itself.
    pub(crate) bytes: u64,
    /// Its SHA-256, in hex.
    pub(crate) fingerprint: String,
    pub(crate) read_as: ReadAs,
}

/// An object's fields in their order.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// The file as CSV; `None` when it does not begin as JSON lines do.
pub(crate) fn as_csv(input: &Input) -> Result<Option<JsonLines>, TableError> {
    let text = Text::open(input, None)?;
    let first = text.beginning.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') if is_object(&text.beginning) => {}
        Some(b'[') if text.beginning.iter().filter(|byte| !byte.is_ascii_whitespace()).nth(1) == Some(&b'{') => {
            return Err(TableError::Unsupported("a JSON array; upload JSON Lines, one object per line"));
        }
        _ => return Ok(None),
    }
    let columns = columns(input)?;
    let in_temp = |source| TableError::File { path: std::env::temp_dir(), source };
    let csv = NamedTempFile::new().map_err(in_temp)?;
    let mut out = BufWriter::new(csv.as_file().try_clone().map_err(in_temp)?);
    let mut names: Vec<(&String, usize)> = columns.iter().map(|(name, at)| (name, *at)).collect();
    names.sort_by_key(|(_, at)| *at);
    write_row(&mut out, names.iter().map(|(name, _)| Some(name.as_str()))).map_err(in_temp)?;
    let mut row: Vec<Option<String>> = vec![None; columns.len()];
    let mut read_as = ReadAs { format: "jsonl".to_owned(), header: true, ..ReadAs::default() };
    let (bytes, fingerprint) = each_line(input, &mut read_as, |_, Fields(fields)| {
        row.fill(None);
        for (name, value) in fields {
            if let Some(cell) = columns.get(&name).and_then(|at| row.get_mut(*at)) {
                *cell = text_of(value);
            }
        }
        write_row(&mut out, row.iter().map(Option::as_deref)).map_err(in_temp)
    })?;
    out.into_inner().map_err(|error| in_temp(error.into_error()))?;
    Ok(Some(JsonLines { csv, bytes, fingerprint, read_as }))
}

/// Whether the first line is an object; one that goes on beyond the beginning is taken for one.
fn is_object(beginning: &[u8]) -> bool {
    let mut lines = beginning.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    lines.next().is_some_and(|line| {
        let is_whole = line.ends_with(b"\n") || line.len() < beginning.len();
        serde_json::from_slice::<Fields>(line).is_ok() || (!is_whole && line.starts_with(b"{\""))
    })
}

/// Each field's position, in the order in which they first appear.
fn columns(input: &Input) -> Result<HashMap<String, usize>, TableError> {
    let mut columns = HashMap::new();
    each_line(input, &mut ReadAs::default(), |_, Fields(fields)| {
        for (name, _) in fields {
            let next = columns.len();
            columns.entry(name).or_insert(next);
        }
        if columns.len() > MAX_COLUMNS { Err(TableError::TooManyColumns { got: columns.len() }) } else { Ok(()) }
    })?;
    Ok(columns)
}

/// Visits each object with its line's number; bytes and SHA-256 of the file.
fn each_line(
    input: &Input,
    read_as: &mut ReadAs,
    mut visit: impl FnMut(u64, Fields) -> Result<(), TableError>,
) -> Result<(u64, String), TableError> {
    let text = Text::open(input, None)?;
    read_as.compression = text.storage.compression.map(str::to_owned);
    read_as.encoding = Some(text.storage.encoding.name().to_owned());
    let fingerprint = text.fingerprint;
    let mut lines = BufReader::new(Cursor::new(text.beginning).chain(text.source));
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut lines).take(MAX_ROW_BYTES as u64).read_until(b'\n', &mut line).map_err(TableError::Source)?;
        if read == 0 {
            break;
        }
        if read == MAX_ROW_BYTES && line.last() != Some(&b'\n') {
            return Err(TableError::RowTooLong { line: number });
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let fields = serde_json::from_slice(&line).map_err(|error| TableError::Json { line: number, reason: error.to_string() })?;
        visit(number, fields)?;
    }
    Ok(fingerprint.take())
}

/// A value as a cell; lists and objects stay JSON.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Bool(flag) => Some(if flag { "True" } else { "False" }.to_owned()),
        other => Some(other.to_string()),
    }
}

fn write_row<'a>(out: &mut impl Write, cells: impl Iterator<Item = Option<&'a str>>) -> std::io::Result<()> {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        // A row that is one empty cell would be a blank line.
        write!(out, "\"{}\"", cell.unwrap_or_default().replace('"', "\"\""))?;
    }
    out.write_all(b"\n")
}
