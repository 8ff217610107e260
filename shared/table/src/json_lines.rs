//! JSON Lines: one object a line, its fields by name. A line's values are written as texts side by side and then read as the cells of
//! delimited text are, so that both kinds of files are typed by the same rules. Source: jsonlines.org.

use std::{borrow::Cow, collections::HashMap, fmt, io::Write as _, path::Path};

use domain::{
    Profile, ReadAs,
    limits::{MAX_CELL_BYTES, MAX_COLUMNS},
};
use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;

use crate::{
    TableError,
    cells::{Cell, Cells},
    delimited::check_text,
    error::{Place, Position, beginning},
    header::unique_names,
    ingest::{Known, beside, output, put},
    opened::Text,
    pieces::{Piece, Pieces},
    reading::{Cut, Held, Ready, Stop, TextRounds, read},
};

/// Whether a text that begins so is JSON Lines; JSON of another form is refused by name.
pub(crate) fn is_json_lines(start: &[u8]) -> Result<bool, TableError> {
    let filled = |line: &&[u8]| !line.iter().all(u8::is_ascii_whitespace);
    let line = start.split_inclusive(|byte| *byte == b'\n').find(filled).unwrap_or_default();
    let is_whole = line.ends_with(b"\n") || line.len() < start.len();
    // Bytes of another encoding stand within texts.
    let line = String::from_utf8_lossy(line);
    let mut significant = start.iter().filter(|byte| !byte.is_ascii_whitespace());
    match (significant.next(), significant.next()) {
        (Some(b'['), Some(b'{')) => Err(TableError::Unsupported("a JSON array")),
        (Some(b'{'), _) if serde_json::from_str::<IgnoredAny>(&line).is_ok() => Ok(true),
        (Some(b'{'), Some(b'"')) if is_whole && line.trim_end().ends_with(['{', ',']) => {
            Err(TableError::Unsupported("JSON with objects of several lines"))
        }
        (Some(b'{'), Some(b'"')) => Ok(!is_whole || line.trim_end().ends_with('}') || begins_with_a_field(&line)),
        _ => Ok(false),
    }
}

/// Whether a line begins with `{"name":`, as no delimited text does; what is wrong with its end is told when it is read.
fn begins_with_a_field(line: &str) -> bool {
    let name = line.trim_start().strip_prefix('{').and_then(|rest| rest.trim_start().strip_prefix('"'));
    name.and_then(|rest| rest.split_once('"')).is_some_and(|(_, rest)| rest.trim_start().starts_with(':'))
}

/// One reading, with what earlier ones have found.
pub(crate) fn read_json_lines(text: Text, parquet: &Path, known: &Known, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, Stop> {
    let Text { source, beginning, storage, fingerprint } = text;
    let mut rounds = TextRounds { pieces: Pieces::of_lines(source, beginning), fingerprint };
    let Some(first) = rounds.pieces.next()? else { return Err(TableError::Empty.into()) };
    let names = match &known.names {
        Some(names) => names.clone(),
        None => Fields::new(&[]).cut(&first)?.unknown,
    };
    if names.is_empty() {
        return Err(TableError::Empty.into());
    }
    if names.len() > MAX_COLUMNS {
        return Err(TableError::TooManyColumns { got: names.len() }.into());
    }
    let fields = Fields::new(&names);
    let plan = known.plan(&unique_names(&names), &fields.cut(&first)?);
    let file = beside(parquet)?;
    let ready = |piece: &Piece| {
        let cut = fields.cut(piece)?;
        let mut ready = Ready::of(&cut, &plan, piece.is_first);
        ready.unknown = cut.unknown;
        Ok(ready)
    };
    let read = read(&plan, vec![first], &mut rounds, ready, output(&file)?, on_bytes);
    let (profile, out) = read.map_err(|stop| match stop {
        Stop::Rename(more) => Stop::Rename(names.iter().cloned().chain(more).collect()),
        other => other,
    })?;
    put(file, out, parquet)?;
    let read_as = ReadAs {
        format: "jsonl".to_owned(),
        compression: storage.compression.map(str::to_owned),
        encoding: Some(storage.encoding.name().to_owned()),
        delimiter: None,
        header: true,
        notes: known.notes(storage.encoding),
    };
    let (bytes, fingerprint) = rounds.fingerprint.take();
    Ok(Profile { bytes, fingerprint, read_as, ..profile })
}

/// The columns of a table by their names.
struct Fields<'a> {
    names: &'a [String],
    places: HashMap<&'a str, usize>,
}

/// The values of a piece.
struct LinesCut {
    /// Their texts, one after the other.
    text: Vec<u8>,
    cells: Cells,
    /// The line of each row.
    lines: Vec<u64>,
    /// Names that the table does not have, in their order.
    unknown: Vec<String>,
}

impl<'a> Fields<'a> {
    fn new(names: &'a [String]) -> Self {
        Self { names, places: names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect() }
    }

    fn cut(&self, piece: &Piece) -> Result<LinesCut, Stop> {
        check_text(piece, |_| None)?;
        let filled = |line: &[u8]| !line.iter().all(u8::is_ascii_whitespace);
        let numbered = (piece.line..).zip(piece.bytes.split(|byte| *byte == b'\n')).filter(|(_, line)| filled(line));
        let lines: Vec<(u64, &[u8])> = numbered.collect();
        let mut cells = Cells::empty(self.names.len(), lines.len());
        let (mut text, mut unknown) = (Vec::with_capacity(piece.bytes.len()), Unknown::default());
        for (row, (number, line)) in lines.iter().enumerate() {
            let place = |column: Option<&str>, begins: &[u8]| Place {
                at: Position::Line(*number),
                column: column.map(str::to_owned),
                begins: beginning(begins),
            };
            let mut too_long = None;
            let each = |name: &str, value: &[u8], start: usize| match self.places.get(name) {
                Some(_) if value.len() > MAX_CELL_BYTES => {
                    too_long = Some(TableError::CellTooLong { place: place(Some(name), value), got: value.len() });
                }
                Some(column) => cells.put(*column, row, Cell::plain(start, value.len())),
                None => unknown.add(name),
            };
            let mut reader = serde_json::Deserializer::from_slice(line);
            let parsed = ObjectSeed { text: &mut text, each }.deserialize(&mut reader).and_then(|()| reader.end());
            if let Err(error) = parsed {
                return Err(TableError::Json { place: place(None, line), reason: error.to_string() }.into());
            }
            if let Some(error) = too_long {
                return Err(error.into());
            }
        }
        Ok(LinesCut { text, cells, lines: lines.into_iter().map(|(number, _)| number).collect(), unknown: unknown.names })
    }
}

/// Names in the order in which they first come; no more than make clear that there are too many.
#[derive(Default)]
struct Unknown {
    names: Vec<String>,
    seen: std::collections::HashSet<String>,
}

impl Unknown {
    fn add(&mut self, name: &str) {
        if self.names.len() <= MAX_COLUMNS && !self.seen.contains(name) {
            self.seen.insert(name.to_owned());
            self.names.push(name.to_owned());
        }
    }
}

impl Cut for LinesCut {
    fn rows(&self) -> usize {
        self.cells.rows
    }

    fn columns(&self) -> usize {
        self.cells.columns
    }

    fn column(&self, column: usize) -> Held<'_> {
        Held::Cells(&self.text, self.cells.column(column))
    }

    fn line(&self, _: usize, row: usize) -> u64 {
        self.lines.get(row).copied().unwrap_or(0)
    }
}

/// Reads an object: appends each value to a text and tells its name, the value as it stands there, and where that begins.
struct ObjectSeed<'a, F> {
    text: &'a mut Vec<u8>,
    each: F,
}

impl<'de, F: FnMut(&str, &[u8], usize)> DeserializeSeed<'de> for ObjectSeed<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &[u8], usize)> Visitor<'de> for ObjectSeed<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let start = self.text.len();
            map.next_value_seed(CellSeed(self.text))?;
            (self.each)(&name, self.text.get(start..).unwrap_or_default(), start);
        }
        Ok(())
    }
}

/// Appends a value as a cell's text: nothing for null; lists and objects stay JSON.
struct CellSeed<'a>(&'a mut Vec<u8>);

impl CellSeed<'_> {
    fn write<E: Error>(self, value: impl fmt::Display) -> Result<(), E> {
        write!(self.0, "{value}").map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.0.extend_from_slice(if flag { b"True" } else { b"False" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        // As JSON, so that a float remains one: 1.0.
        self.write(Value::from(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        let list: Value = serde::Deserialize::deserialize(SeqAccessDeserializer::new(list))?;
        self.write(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        let object: Value = serde::Deserialize::deserialize(MapAccessDeserializer::new(object))?;
        self.write(object)
    }
}
