//! Delimited text: its names from the first row, its cells by the dialect.

use std::path::Path;

use domain::{Profile, ReadAs, limits::MAX_COLUMNS};
use encoding_rs::Encoding;

use crate::{
    TableError,
    cells::{BadRow, Cells, Problem, each_row, split},
    dialect::Dialect,
    error::beginning,
    header::unique_names,
    ingest::{Known, beside, output, put},
    opened::Text,
    pieces::{Piece, Pieces},
    reading::{Cut, Held, Ready, Stop, TextRounds, read},
};

/// One reading, with what earlier ones have found.
pub(crate) fn read_delimited(text: Text, parquet: &Path, known: &Known, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<Profile, Stop> {
    let Text { source, beginning, storage, fingerprint } = text;
    let dialect = Dialect::of(&beginning);
    let mut rounds = TextRounds { pieces: Pieces::new(source, dialect, beginning), fingerprint };
    let Some(mut first) = rounds.pieces.next()? else { return Err(TableError::Empty.into()) };
    let names = take_names(&mut first, dialect)?;
    let table = Table { names: &names, dialect };
    let plan = known.plan(&names, &table.cut(&first)?);
    let file = beside(parquet)?;
    let ready = |piece: &Piece| Ok(Ready::of(&table.cut(piece)?, &plan, piece.is_first));
    let (profile, out) = read(&plan, vec![first], &mut rounds, ready, output(&file)?, on_bytes)?;
    put(file, out, parquet)?;
    let mut notes = known.notes(storage.encoding);
    if !dialect.header {
        notes.push("The first row holds values, not names: the columns are called column_1, column_2, ….".to_owned());
    }
    let (bytes, fingerprint) = rounds.fingerprint.take();
    let read_as = ReadAs {
        format: "csv".to_owned(),
        compression: storage.compression.map(str::to_owned),
        encoding: Some(storage.encoding.name().to_owned()),
        delimiter: Some(char::from(dialect.delimiter)),
        header: dialect.header,
        notes,
    };
    Ok(Profile { bytes, fingerprint, read_as, ..profile })
}

/// The columns' names, which are taken from the first piece where they are there.
fn take_names(first: &mut Piece, dialect: Dialect) -> Result<Vec<String>, Stop> {
    check_text(first, |at| cell_at(first, at, dialect, &names_in(first, dialect)))?;
    if dialect.skipped > 0 {
        first.skip(dialect.skipped);
    }
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
        (None, Err(bad), _) => return Err(bad_row(first, bad, &[]).into()),
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
    first.skip(begin);
    Ok(unique_names(&header))
}

/// What the first row of a piece holds, where that may be names.
fn names_in(piece: &Piece, dialect: Dialect) -> Vec<String> {
    let mut names = Vec::new();
    // A row that cannot be cut has no names.
    let _ = each_row(&piece.bytes, dialect, |row| {
        names = row.iter().map(|cell| beginning(&cell.text(&piece.bytes))).collect();
        false
    });
    names.truncate(if dialect.header { MAX_COLUMNS } else { 0 });
    names
}

/// Where the row begins whose first cell's text begins at `at`: a quote may stand before it.
fn row_begin(bytes: &[u8], at: usize, dialect: Dialect) -> usize {
    let follows_an_end = at == 0 || bytes.get(at - 1) == Some(&dialect.end);
    if follows_an_end { at } else { at - 1 }
}

/// Whether a piece is text. Bytes that are not UTF-8 are another encoding's, unless there are control characters among them; `cell_at`
/// gives the column of a byte, and where its cell begins.
pub(crate) fn check_text(piece: &Piece, cell_at: impl Fn(usize) -> Option<(String, usize)>) -> Result<(), Stop> {
    let binary = |at: usize| {
        let (column, begin) = cell_at(at).map_or((None, at), |(column, begin)| (Some(column), begin));
        Stop::from(TableError::Binary { place: piece.place(begin, column) })
    };
    if !piece.is_plain
        && let Some(at) = memchr::memchr(0, &piece.bytes)
    {
        return Err(binary(at));
    }
    if Encoding::utf8_valid_up_to(&piece.bytes) == piece.bytes.len() {
        return Ok(());
    }
    let control = piece.bytes.iter().position(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
    Err(control.map_or(Stop::Reencode, binary))
}

/// The column of the cell with the byte `at`, and where that cell begins.
fn cell_at(piece: &Piece, at: usize, dialect: Dialect, names: &[String]) -> Option<(String, usize)> {
    let mut found = None;
    // A row that cannot be cut ends the search.
    let _ = each_row(&piece.bytes, dialect, |row| {
        let before = row.iter().enumerate().take_while(|(_, cell)| cell.start() <= at);
        found = before.last().map(|(column, cell)| (column, cell.start())).or(found);
        row.last().is_some_and(|last| last.start() + last.length() < at)
    });
    found.map(|(column, begin)| (name_of(column, names), begin))
}

fn name_of(column: usize, names: &[String]) -> String {
    names.get(column).cloned().unwrap_or_else(|| (column + 1).to_string())
}

fn bad_row(piece: &Piece, BadRow { at, problem }: BadRow, names: &[String]) -> TableError {
    match problem {
        Problem::TooManyCells { at: cell, got } => TableError::TooManyFields {
            line: piece.line_at(at),
            expected: names.len(),
            got,
            begins: beginning(piece.bytes.get(cell..).unwrap_or_default().split(|byte| *byte == piece.line_end).next().unwrap_or_default()),
        },
        Problem::LongCell { column, at, length } => {
            TableError::CellTooLong { place: piece.place(at, Some(name_of(column, names))), got: length }
        }
        Problem::OpenQuote { column, at } => TableError::UnclosedQuote { place: piece.place(at, Some(name_of(column, names))) },
    }
}

/// How a table's pieces are cut.
struct Table<'a> {
    names: &'a [String],
    dialect: Dialect,
}

struct DelimitedCut<'a> {
    piece: &'a Piece,
    cells: Cells,
}

impl Table<'_> {
    fn cut<'a>(&self, piece: &'a Piece) -> Result<DelimitedCut<'a>, Stop> {
        check_text(piece, |at| cell_at(piece, at, self.dialect, self.names))?;
        let cells = split(piece, self.dialect, self.names.len()).map_err(|bad| bad_row(piece, bad, self.names))?;
        Ok(DelimitedCut { piece, cells })
    }
}

impl Cut for DelimitedCut<'_> {
    fn rows(&self) -> usize {
        self.cells.rows
    }

    fn columns(&self) -> usize {
        self.cells.columns
    }

    fn column(&self, column: usize) -> Held<'_> {
        Held::Cells(&self.piece.bytes, self.cells.column(column))
    }

    fn line(&self, column: usize, row: usize) -> u64 {
        let begin = self.cells.column(column).get(row).map_or(0, |cell| cell.start());
        self.piece.line_at(begin)
    }
}
