//! A file of any known kind → its typed table as Parquet and its profile.
//!
//! Text is read in pieces of whole rows. What its columns are is guessed from the first piece; each piece is then cut and converted, the
//! pieces of a round side by side, and profiled and encoded, the columns side by side. A column that turns out to be something else makes
//! the reading begin again with what is known by then, so that types are decided over the whole table. Memory does not grow with the rows.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufWriter, Read, Write},
    path::Path,
};

use domain::{BadCell, ColumnKind, Profile, ReadAs, limits::MAX_COLUMNS};
use encoding_rs::{Encoding, UTF_8};
use rayon::prelude::*;
use tempfile::NamedTempFile;

use crate::{
    Frame, TableError,
    cells::{BadRow, Cell, Cells, Problem, each_row, split},
    column::{CellType, Converted, Tally, convert, tally},
    dialect::Dialect,
    header::unique_names,
    json_lines,
    opened::{Content, SINGLE_BYTE, Text, content_of},
    parquet_file::{Writer, encode, read_parquet},
    parquet_input,
    pieces::{Piece, Pieces},
    scan::{ColumnScan, Found, profiles},
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
/// Rows of the first piece that types are guessed from.
const GUESSED_ROWS: usize = 20_000;

/// Reads the file `path` and writes its typed table to `parquet`, which appears complete or not at all.
pub fn ingest(path: &Path, parquet: &Path) -> Result<Profile, TableError> {
    ingest_with(path, parquet, &mut |_| {})
}

/// The same; `on_bytes` is told how many bytes of text have been read.
pub fn ingest_with(path: &Path, parquet: &Path, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, TableError> {
    match content_of(path)? {
        Content::Parquet => parquet_input::ingest(path, parquet),
        Content::Text => match json_lines::as_csv(path)? {
            None => ingest_text(path, parquet, on_bytes),
            Some(lines) => {
                let profile = ingest_text(lines.csv.path(), parquet, on_bytes)?;
                Ok(Profile { bytes: lines.bytes, sha256: lines.sha256, read_as: lines.read_as, ..profile })
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

fn ingest_text(path: &Path, parquet: &Path, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, TableError> {
    let (mut types, mut encoding): (Option<Vec<CellType>>, _) = (None, None);
    for reading in 1.. {
        match read_text(path, parquet, encoding, types.as_deref(), on_bytes) {
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
    path: &Path,
    parquet: &Path,
    encoding: Option<&'static Encoding>,
    known: Option<&[CellType]>,
    on_bytes: &mut (dyn FnMut(u64) + Send),
) -> Result<Profile, Stop> {
    let text = Text::open(path, encoding)?;
    let (fingerprint, storage) = (text.fingerprint(), text.storage);
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
    let (bytes, sha256) = fingerprint.take();
    let read_as = ReadAs {
        format: "csv".to_owned(),
        compression: storage.compression.map(str::to_owned),
        encoding: Some(storage.encoding.name().to_owned()),
        delimiter: Some(char::from(dialect.delimiter)),
        header: dialect.header,
        notes: notes(storage.encoding, dialect),
    };
    Ok(Profile { bytes, sha256, read_as, ..profile })
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
            return Ok(true);
        }
        second = row.first().map(|cell| row_begin(&first.bytes, cell.start(), dialect));
        Ok(false)
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
    if std::str::from_utf8(&piece.bytes).is_ok() {
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

/// A piece that was cut and converted.
struct Ready {
    rows: usize,
    columns: Vec<Converted>,
    piece: Piece,
    first_rows: Vec<Vec<Option<String>>>,
}

impl Table<'_> {
    /// What the first rows' cells suggest.
    fn guess(&self, piece: &Piece) -> Result<Vec<CellType>, Stop> {
        let cells = self.cut(piece)?;
        let guess = |column: &Vec<Cell>| tally(column.get(..GUESSED_ROWS).unwrap_or(column), &piece.bytes).decide();
        Ok(cells.columns.par_iter().map(guess).collect())
    }

    /// Whether the values of each column seem to repeat, by its first cells.
    fn repeats(&self, piece: &Piece) -> Result<Vec<bool>, Stop> {
        let repeats = |column: &Vec<Cell>| {
            let some = column.get(..LOOKED_AT_ROWS).unwrap_or(column);
            let distinct: HashSet<&[u8]> = some.iter().map(|cell| cell.raw(&piece.bytes)).collect();
            distinct.len() * 2 < some.len()
        };
        Ok(self.cut(piece)?.columns.iter().map(repeats).collect())
    }

    fn cut(&self, piece: &Piece) -> Result<Cells, Stop> {
        check_text(piece)?;
        let cut = split(&piece.bytes, self.dialect, self.names.len());
        cut.map_err(|bad| bad_row(piece, bad, self.names.len(), self.names).into())
    }

    fn ready(&self, piece: Piece) -> Result<Ready, Stop> {
        let cells = self.cut(&piece)?;
        let convert = |(kind, cells): (&CellType, &Vec<Cell>)| convert(*kind, cells, &piece.bytes);
        let columns = self.types.par_iter().zip(&cells.columns).map(convert).collect();
        let first_rows = if piece.is_first { first_rows(&cells, &piece) } else { Vec::new() };
        Ok(Ready { rows: cells.rows, columns, piece, first_rows })
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
        let mut writer = Some(Writer::new(out, &columns, &self.repeats(&first)?)?);
        let mut scans: Vec<ColumnScan> = columns.iter().map(|(name, kind)| ColumnScan::new(name, *kind, columns.len())).collect();
        let mut found = vec![Found::default(); columns.len()];
        let mut tallies = vec![Tally::default(); columns.len()];
        let (mut rows, mut bytes, mut shown) = (0_u64, 0_u64, Vec::new());
        let mut round = vec![first];
        while !round.is_empty() {
            bytes += round.iter().map(|piece| piece.bytes.len() as u64).sum::<u64>();
            // The next pieces are read while these are worked on.
            let (next, ready) =
                rayon::join(|| next_round(pieces), || round.into_par_iter().map(|piece| self.ready(piece)).collect::<Vec<_>>());
            for ready in ready {
                let mut ready = ready?;
                shown.append(&mut ready.first_rows);
                rows += ready.rows as u64;
                tallies.iter_mut().zip(&ready.columns).for_each(|(tally, converted)| tally.add(&converted.tally));
                if self.types.iter().zip(&tallies).any(|(kind, tally)| *kind != CellType::Text && tally.decide() != *kind) {
                    writer = None;
                }
                if let Some(writer) = &mut writer {
                    take(ready, writer, &mut scans, &mut found)?;
                }
            }
            on_bytes(bytes);
            round = next?;
        }
        let decided: Vec<CellType> = tallies.iter().map(Tally::decide).collect();
        let forced = self.types.iter().zip(&decided).all(|(kind, decided)| kind == decided || *kind == CellType::Text);
        let Some(writer) = writer.filter(|_| forced) else { return Err(Stop::Retype(decided)) };
        for ((found, kind), tally) in found.iter_mut().zip(&self.types).zip(&tallies) {
            found.describe(*kind, tally);
        }
        let columns = profiles(scans.into_iter().zip(found).collect());
        Ok((Profile { rows, columns, bytes: 0, sha256: String::new(), read_as: ReadAs::default(), first_rows: shown }, writer.finish()?))
    }
}

/// The first rows as texts, as many as fit.
fn first_rows(cells: &Cells, piece: &Piece) -> Vec<Vec<Option<String>>> {
    let mut room = SHOWN_BYTES;
    let mut rows = Vec::new();
    for row in 0..cells.rows.min(SHOWN_ROWS) {
        let text = |column: &Vec<Cell>| {
            let text = column.get(row)?.text(&piece.bytes);
            (!is_missing(&text)).then(|| String::from_utf8_lossy(text.get(..SHOWN_CELL_BYTES).unwrap_or(&text)).into_owned())
        };
        let row: Vec<Option<String>> = cells.columns.iter().map(text).collect();
        let bytes: usize = row.iter().map(|cell| 8 + cell.as_ref().map_or(0, String::len)).sum();
        if bytes > room {
            break;
        }
        room -= bytes;
        rows.push(row);
    }
    rows
}

/// Profiles and encodes a piece, the columns side by side.
fn take<W: Write + Send>(ready: Ready, writer: &mut Writer<W>, scans: &mut [ColumnScan], found: &mut [Found]) -> Result<(), TableError> {
    let Ready { rows, columns, piece, .. } = ready;
    if rows == 0 {
        return Ok(());
    }
    let writers = writer.columns(rows)?;
    writers.into_par_iter().zip(scans).zip(found).zip(columns).try_for_each(|((((writer, field), scan), found), converted)| {
        scan.add(&converted.array);
        if converted.bad_count > 0 {
            let examples = converted.bad.into_iter().map(|(at, text)| BadCell { line: piece.line_at(at), text });
            found.add_bad(converted.bad_count, examples);
        }
        encode(writer, field, &converted.array)
    })
}

/// As many pieces as there are threads.
fn next_round(pieces: &mut Pieces<Box<dyn Read + Send>>) -> Result<Vec<Piece>, TableError> {
    let mut round = Vec::new();
    while round.len() < rayon::current_num_threads().min(4) {
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
        Problem::LongCell(column, got) => {
            TableError::CellTooLong { line, column: names.get(column).cloned().unwrap_or_else(|| (column + 1).to_string()), got }
        }
        Problem::OpenQuote => TableError::UnclosedQuote { line },
    }
}
