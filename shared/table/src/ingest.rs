//! A file of any known kind → its typed table as Parquet and its profile.
//!
//! Text is read in pieces of whole rows. What its columns are is guessed from the first piece; each piece is then cut and converted, the
//! pieces of a round side by side, and profiled and encoded, the columns side by side. A column that turns out to be something else makes
//! the reading begin again with what is known by then, so that types are decided over the whole table. Memory does not grow with the rows.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufWriter, Read},
    path::Path,
};

use domain::{BadCell, ColumnKind, Profile, ReadAs, limits::MAX_COLUMNS};
use encoding_rs::{Encoding, UTF_8};
use rayon::prelude::*;
use tempfile::NamedTempFile;

use crate::{
    Frame, Input, TableError,
    cells::{BadRow, Cells, Problem, each_row, split},
    convert::{Converted, convert, tally},
    dialect::Dialect,
    header::unique_names,
    json_lines,
    opened::{Content, SINGLE_BYTE, Text, content_of},
    parquet_file::{Writer, read_parquet},
    parquet_input,
    pieces::{Piece, Pieces},
    profiler::{Profiler, SummedPiece},
    scan::Found,
    tally::{CellType, Tally},
    value::is_missing,
};

/// How often a reading may begin again for what columns are; then those that still do not fit are text.
const MAX_READINGS: usize = 3;
/// Rows of the first piece by which it is seen whether values repeat.
const LOOKED_AT_ROWS: usize = 2_000;
/// Rows that a profile shows, the bytes that they may have together, and those of a cell.
const SHOWN_ROWS: usize = 100;
const SHOWN_BYTES: usize = 400_000;
const SHOWN_CELL_BYTES: usize = 200;
/// Bytes of a cell that an error shows.
const SHOWN_BEGINNING: usize = 40;
/// Text that is worked on at a time, while as much more is read.
const ROUND_BYTES: usize = 8 << 20;
/// Rows of the first piece that types are guessed from, evenly spread.
const GUESSED_ROWS: usize = 4_000;

/// Reads the file `path` and writes its typed table to `parquet`, which appears complete or not at all.
pub fn ingest(path: &Path, parquet: &Path) -> Result<Profile, TableError> {
    ingest_with(&Input::whole(path)?, parquet, &mut |_| {})
}

/// The same of a file that may still be arriving; `on_bytes` is told how many bytes of text have been read.
pub fn ingest_with(input: &Input, parquet: &Path, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, TableError> {
    match content_of(input)? {
        Content::Parquet => parquet_input::ingest(input, parquet),
        Content::Text => match json_lines::as_csv(input)? {
            None => ingest_text(input, parquet, on_bytes),
            Some(lines) => {
                let profile = ingest_text(&Input::whole(lines.csv.path())?, parquet, on_bytes)?;
                Ok(Profile { bytes: lines.bytes, fingerprint: lines.fingerprint, read_as: lines.read_as, ..profile })
            }
        },
    }
}

/// Reads a file into memory, typed as [`ingest`] types it.
pub fn read_table(path: &Path) -> Result<Frame, TableError> {
    let typed = NamedTempFile::new().map_err(|source| TableError::File { path: std::env::temp_dir(), source })?;
    ingest(path, typed.path())?;
    read_parquet(typed.path())
}

/// A file beside its place.
pub(crate) fn beside(parquet: &Path) -> Result<NamedTempFile, TableError> {
    let folder = parquet.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder).map_err(|source| TableError::File { path: parquet.to_owned(), source })
}

/// What a Parquet file is written to; it is put in its place when it is complete.
pub(crate) fn output(file: &NamedTempFile) -> Result<BufWriter<File>, TableError> {
    let out = file.as_file().try_clone().map_err(|source| TableError::File { path: file.path().to_owned(), source })?;
    Ok(BufWriter::new(out))
}

/// Puts a complete file in its place.
pub(crate) fn put(file: NamedTempFile, out: BufWriter<File>, parquet: &Path) -> Result<(), TableError> {
    let in_file = |source| TableError::File { path: parquet.to_owned(), source };
    out.into_inner().map_err(|error| in_file(error.into_error()))?;
    file.persist(parquet).map_err(|error| in_file(error.error))?;
    Ok(())
}

/// Why a reading ended before the end of the file.
enum Stop {
    /// Columns are other than was thought.
    Retype(Vec<CellType>),
    /// The text is not UTF-8.
    Reencode,
    Failed(TableError),
}

impl From<TableError> for Stop {
    fn from(error: TableError) -> Self {
        Self::Failed(error)
    }
}

fn ingest_text(input: &Input, parquet: &Path, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, TableError> {
    let (mut types, mut encoding): (Option<Vec<CellType>>, _) = (None, None);
    for reading in 1.. {
        match read_text(input, parquet, encoding, types.as_deref(), on_bytes) {
            Ok(profile) => return Ok(profile),
            Err(Stop::Reencode) => encoding = Some(SINGLE_BYTE),
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Retype(found)) => {
                let before = types.take().unwrap_or_default();
                let settle = |(at, kind)| if reading >= MAX_READINGS && before.get(at) != Some(&kind) { CellType::Text } else { kind };
                types = Some(found.into_iter().enumerate().map(settle).collect());
            }
        }
        if reading > 2 * MAX_READINGS {
            break;
        }
    }
    Err(TableError::Changed)
}

/// One reading, with the types that an earlier one has found.
fn read_text(
    input: &Input,
    parquet: &Path,
    encoding: Option<&'static Encoding>,
    known: Option<&[CellType]>,
    on_bytes: &mut (dyn FnMut(u64) + Send),
) -> Result<Profile, Stop> {
    let text = Text::open(input, encoding)?;
    let (passed, storage) = (text.fingerprint, text.storage);
    let dialect = Dialect::of(&text.beginning);
    let mut pieces = Pieces::new(text.source, dialect, text.beginning);
    let Some(mut first) = pieces.next()? else { return Err(TableError::Empty.into()) };
    let names = take_names(&mut first, dialect)?;
    let mut table = Table { names: &names, dialect, types: known.unwrap_or_default().to_vec() };
    if known.is_none() {
        table.types = table.guess(&first)?;
    }
    let file = beside(parquet)?;
    let (profile, out) = table.read(first, &mut pieces, output(&file)?, on_bytes)?;
    put(file, out, parquet)?;
    let (bytes, fingerprint) = passed.take();
    let read_as = ReadAs {
        format: "csv".to_owned(),
        compression: storage.compression.map(str::to_owned),
        encoding: Some(storage.encoding.name().to_owned()),
        delimiter: Some(char::from(dialect.delimiter)),
        header: dialect.header,
        notes: notes(storage.encoding, dialect),
    };
    Ok(Profile { bytes, fingerprint, read_as, ..profile })
}

fn notes(encoding: &'static Encoding, dialect: Dialect) -> Vec<String> {
    let mut notes = Vec::new();
    if encoding != UTF_8 {
        notes.push(format!("The text is {}; it was converted to UTF-8.", encoding.name()));
    }
    if !dialect.header {
        notes.push("The first row holds values, not names: the columns are called column_1, column_2, ….".to_owned());
    }
    notes
}

/// The columns' names, which are taken from the first piece where they are there.
fn take_names(first: &mut Piece, dialect: Dialect) -> Result<Vec<String>, Stop> {
    check_text(first)?;
    let (mut header, mut second) = (None, None);
    let cut = each_row(&first.bytes, dialect, |row| {
        if header.is_none() {
            header = Some(row.iter().map(|cell| String::from_utf8_lossy(&cell.text(&first.bytes)).into_owned()).collect::<Vec<_>>());
            return true;
        }
        second = row.first().map(|cell| row_begin(&first.bytes, cell.start(), dialect));
        false
    });
    let (header, begin) = match (header, cut, second) {
        (None, Err(bad), _) => return Err(bad_row(first, bad, 0, &[]).into()),
        (None, Ok(()), _) => return Err(TableError::Empty.into()),
        (Some(header), Err(bad), _) => (header, bad.at),
        (Some(header), Ok(()), second) => (header, second.unwrap_or(first.bytes.len())),
    };
    if header.len() > MAX_COLUMNS {
        return Err(TableError::TooManyColumns { got: header.len() }.into());
    }
    if !dialect.header {
        return Ok((1..=header.len()).map(|position| format!("column_{position}")).collect());
    }
    first.line = first.line_at(begin);
    first.bytes.drain(..begin);
    Ok(unique_names(&header))
}

/// Where the row begins whose first cell's text begins at `at`: a quote may stand before it.
fn row_begin(bytes: &[u8], at: usize, dialect: Dialect) -> usize {
    let follows_an_end = at == 0 || bytes.get(at - 1) == Some(&dialect.end);
    if follows_an_end { at } else { at - 1 }
}

/// Whether a piece is text. Bytes that are not UTF-8 are another encoding's, unless there are control characters among them.
fn check_text(piece: &Piece) -> Result<(), Stop> {
    if let Some(at) = memchr::memchr(0, &piece.bytes) {
        return Err(TableError::Binary { line: piece.line_at(at) }.into());
    }
    if Encoding::utf8_valid_up_to(&piece.bytes) == piece.bytes.len() {
        return Ok(());
    }
    let control = piece.bytes.iter().position(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
    Err(control.map_or(Stop::Reencode, |at| TableError::Binary { line: piece.line_at(at) }.into()))
}

/// A table that is being read.
struct Table<'a> {
    names: &'a [String],
    dialect: Dialect,
    types: Vec<CellType>,
}

/// A piece that was cut, converted and summed up.
struct Ready {
    rows: usize,
    summed: SummedPiece,
    tallies: Vec<Tally>,
    bad: Vec<BadOfColumn>,
    first_rows: Vec<Vec<Option<String>>>,
}

/// Bad cells of a column in a piece.
struct BadOfColumn {
    column: usize,
    count: u64,
    examples: Vec<BadCell>,
}

impl Table<'_> {
    /// What the first rows' cells suggest.
    fn guess(&self, piece: &Piece) -> Result<Vec<CellType>, Stop> {
        let cells = self.cut(piece)?;
        let guess = |column| {
            let cells = cells.column(column);
            tally(cells.iter().step_by(cells.len().div_ceil(GUESSED_ROWS).max(1)), &piece.bytes).decide()
        };
        Ok((0..cells.columns).into_par_iter().map(guess).collect())
    }

    /// Whether the values of each column seem to repeat, by its first cells.
    fn repeats(&self, piece: &Piece) -> Result<Vec<bool>, Stop> {
        let cells = self.cut(piece)?;
        let repeats = |column| {
            let cells = cells.column(column);
            let some = cells.get(..LOOKED_AT_ROWS).unwrap_or(cells);
            let distinct: HashSet<&[u8]> = some.iter().map(|cell| cell.raw(&piece.bytes)).collect();
            distinct.len() * 2 < some.len()
        };
        Ok((0..cells.columns).map(repeats).collect())
    }

    fn cut(&self, piece: &Piece) -> Result<Cells, Stop> {
        check_text(piece)?;
        let cut = split(&piece.bytes, self.dialect, self.names.len());
        cut.map_err(|bad| bad_row(piece, bad, self.names.len(), self.names).into())
    }

    fn ready(&self, piece: &Piece, columns: &[(String, ColumnKind)], repeats: &[bool]) -> Result<Ready, Stop> {
        let cells = self.cut(piece)?;
        let first_rows = if piece.is_first { first_rows(&cells, piece) } else { Vec::new() };
        let (mut arrays, mut tallies, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        for (column, (kind, repeats)) in self.types.iter().zip(repeats).enumerate() {
            let Converted { array, tally, bad: examples, bad_count: count } = convert(*kind, *repeats, cells.column(column), &piece.bytes);
            arrays.push(array);
            tallies.push(tally);
            if count > 0 {
                let examples = examples.into_iter().map(|(at, text)| BadCell { line: piece.line_at(at), text }).collect();
                bad.push(BadOfColumn { column, count, examples });
            }
        }
        Ok(Ready { rows: cells.rows, summed: SummedPiece::of(columns, arrays, cells.rows), tallies, bad, first_rows })
    }

    /// Reads to the end. Once a column is other than was thought, nothing is written any more and the rest only looked at.
    fn read(
        &self,
        first: Piece,
        pieces: &mut Pieces<Box<dyn Read + Send>>,
        out: BufWriter<File>,
        on_bytes: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(Profile, BufWriter<File>), Stop> {
        let columns: Vec<(String, ColumnKind)> = self.names.iter().cloned().zip(self.types.iter().map(|kind| kind.kind())).collect();
        let repeats = self.repeats(&first)?;
        let mut taker = Taker {
            types: &self.types,
            writer: Some(Writer::new(out, &columns, &repeats)?),
            profiler: Profiler::new(&columns),
            found: vec![Found::default(); columns.len()],
            tallies: vec![Tally::default(); columns.len()],
            shown: Vec::new(),
        };
        let mut bytes = 0_u64;
        let ready_all = |round: &[Piece]| round.par_iter().map(|piece| self.ready(piece, &columns, &repeats)).collect::<Vec<_>>();
        let (mut round, mut ready) = (vec![first], Vec::new());
        // Three things go on side by side: a round is written, the next one converted, and the one after it read.
        while !round.is_empty() || !ready.is_empty() {
            bytes += round.iter().map(|piece| piece.bytes.len() as u64).sum::<u64>();
            let (taken, (converted, next)) = rayon::join(|| taker.take(ready), || rayon::join(|| ready_all(&round), || next_round(pieces)));
            taken?;
            on_bytes(bytes);
            round.into_iter().for_each(|piece| pieces.take_back(piece));
            (ready, round) = (converted, next?);
        }
        taker.finish()
    }
}

/// What becomes of pieces, in their order.
struct Taker<'a> {
    types: &'a [CellType],
    /// `None` once a column has turned out to be something else.
    writer: Option<Writer<BufWriter<File>>>,
    profiler: Profiler,
    found: Vec<Found>,
    tallies: Vec<Tally>,
    shown: Vec<Vec<Option<String>>>,
}

impl Taker<'_> {
    /// Profiles and encodes pieces, the columns side by side.
    fn take(&mut self, pieces: Vec<Result<Ready, Stop>>) -> Result<(), Stop> {
        let mut summed = Vec::new();
        let mut rows = 0;
        for ready in pieces {
            let mut ready = ready?;
            self.shown.append(&mut ready.first_rows);
            self.tallies.iter_mut().zip(&ready.tallies).for_each(|(tally, more)| tally.add(more));
            for BadOfColumn { column, count, examples } in ready.bad {
                if let Some(found) = self.found.get_mut(column) {
                    found.add_bad(count, examples.into_iter());
                }
            }
            rows += ready.rows;
            summed.push(ready.summed);
        }
        if rows == 0 {
            return Ok(());
        }
        if self.types.iter().zip(&self.tallies).any(|(kind, tally)| *kind != CellType::Text && tally.decide() != *kind) {
            self.writer = None;
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let columns = writer.columns(rows)?;
        Ok(self.profiler.take(summed, columns, |writer, array| writer.write(array))?)
    }

    fn finish(mut self) -> Result<(Profile, BufWriter<File>), Stop> {
        let decided: Vec<CellType> = self.tallies.iter().map(Tally::decide).collect();
        let as_thought = self.types.iter().zip(&decided).all(|(kind, decided)| kind == decided || *kind == CellType::Text);
        let Some(writer) = self.writer.filter(|_| as_thought) else { return Err(Stop::Retype(decided)) };
        for ((found, kind), tally) in self.found.iter_mut().zip(self.types).zip(&self.tallies) {
            found.describe(*kind, tally);
        }
        let (profiler, found) = (self.profiler, self.found);
        let (out, profile) = rayon::join(|| writer.finish(), || profiler.finish(found));
        Ok((Profile { first_rows: self.shown, ..profile }, out?))
    }
}

/// The first rows as texts, as many as fit.
fn first_rows(cells: &Cells, piece: &Piece) -> Vec<Vec<Option<String>>> {
    let mut room = SHOWN_BYTES;
    let mut rows = Vec::new();
    for row in 0..cells.rows.min(SHOWN_ROWS) {
        let text = |column| {
            let text = cells.column(column).get(row)?.text(&piece.bytes);
            (!is_missing(&text)).then(|| String::from_utf8_lossy(text.get(..SHOWN_CELL_BYTES).unwrap_or(&text)).into_owned())
        };
        let row: Vec<Option<String>> = (0..cells.columns).map(text).collect();
        let bytes: usize = row.iter().map(|cell| 8 + cell.as_ref().map_or(0, String::len)).sum();
        if bytes > room {
            break;
        }
        room -= bytes;
        rows.push(row);
    }
    rows
}

/// Enough pieces for all threads.
fn next_round(pieces: &mut Pieces<Box<dyn Read + Send>>) -> Result<Vec<Piece>, TableError> {
    let mut round = Vec::new();
    while round.len() < pieces.in_bytes(ROUND_BYTES).max(rayon::current_num_threads()) {
        match pieces.next()? {
            Some(piece) => round.push(piece),
            None => break,
        }
    }
    Ok(round)
}

fn bad_row(piece: &Piece, BadRow { at, problem }: BadRow, expected: usize, names: &[String]) -> TableError {
    let line = piece.line_at(at);
    match problem {
        Problem::TooManyCells(got) => TableError::TooManyFields { line, expected, got },
        Problem::LongCell { column, at, length } => {
            let begins = piece.bytes.get(at..(at + SHOWN_BEGINNING).min(piece.bytes.len())).unwrap_or_default();
            TableError::CellTooLong {
                line,
                column: names.get(column).cloned().unwrap_or_else(|| (column + 1).to_string()),
                begins: String::from_utf8_lossy(begins).into_owned(),
                got: length,
            }
        }
        Problem::OpenQuote => TableError::UnclosedQuote { line },
    }
}
