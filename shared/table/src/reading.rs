//! One reading of a table, piece by piece: each piece is cut and converted, the pieces of a round side by side, and then profiled and
//! encoded, the columns side by side. Where the pieces come from and how they are cut is the format's own matter.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs::File,
    io::{BufWriter, Read},
};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _},
    datatypes::{Float64Type, Int64Type, TimestampMicrosecondType},
};
use domain::{BadCell, ColumnKind, Profile, date};
use rayon::prelude::*;

use crate::{
    TableError,
    cells::Cell,
    convert::{Converted, convert, tally},
    opened::Fingerprint,
    parquet_file::Writer,
    pieces::{Piece, Pieces},
    profiler::{Profiler, SummedPiece},
    scan::Found,
    tally::{CellType, Tally},
    value::is_missing,
};

/// Rows of the first piece that types are guessed from, evenly spread.
const GUESSED_ROWS: usize = 4_000;
/// Rows of the first piece by which it is seen whether values repeat.
const LOOKED_AT_ROWS: usize = 2_000;
/// Rows that a profile shows, the bytes that they may have together, and those of a cell.
const SHOWN_ROWS: usize = 100;
const SHOWN_BYTES: usize = 400_000;
const SHOWN_CELL_BYTES: usize = 200;
/// Text that is worked on at a time, while as much more is read.
pub(crate) const ROUND_BYTES: usize = 8 << 20;

/// Why a reading ended before the end of the file.
pub(crate) enum Stop {
    /// Columns are other than was thought.
    Retype(Vec<CellType>),
    /// There are these columns too.
    Rename(Vec<String>),
    /// The text is not UTF-8.
    Reencode,
    Failed(TableError),
}

impl From<TableError> for Stop {
    fn from(error: TableError) -> Self {
        Self::Failed(error)
    }
}

/// A column of a piece.
pub(crate) enum Held<'a> {
    /// Cells, of which each says where in the bytes it is.
    Cells(&'a [u8], &'a [Cell]),
    /// Values whose type the file says.
    Values(ColumnKind, &'a ArrayRef),
}

/// A piece that was cut into columns of as many cells as it has rows.
pub(crate) trait Cut: Sync {
    fn rows(&self) -> usize;
    fn columns(&self) -> usize;
    fn column(&self, column: usize) -> Held<'_>;
    /// The line of a cell in the file, from 1.
    fn line(&self, column: usize, row: usize) -> u64;
}

/// Where pieces come from.
pub(crate) trait Rounds: Send {
    type Piece: Send + Sync;
    /// Enough pieces for all threads; none at the end.
    fn next_round(&mut self) -> Result<Vec<Self::Piece>, TableError>;
    /// Takes back pieces that are done with, for their memory.
    fn take_back(&mut self, pieces: Vec<Self::Piece>);
    /// How many of the file's bytes have been read.
    fn passed(&self) -> u64;
}

/// The pieces of a text.
pub(crate) struct TextRounds {
    pub(crate) pieces: Pieces<Box<dyn Read + Send>>,
    pub(crate) fingerprint: Fingerprint,
}

impl Rounds for TextRounds {
    type Piece = Piece;

    fn next_round(&mut self) -> Result<Vec<Piece>, TableError> {
        let mut round = Vec::new();
        while round.len() < self.pieces.in_bytes(ROUND_BYTES).max(rayon::current_num_threads()) {
            match self.pieces.next()? {
                Some(piece) => round.push(piece),
                None => break,
            }
        }
        Ok(round)
    }

    fn take_back(&mut self, pieces: Vec<Piece>) {
        pieces.into_iter().for_each(|piece| self.pieces.take_back(piece));
    }

    fn passed(&self) -> u64 {
        self.fingerprint.bytes()
    }
}

/// What a reading takes the columns for.
pub(crate) struct Plan {
    pub(crate) columns: Vec<(String, ColumnKind)>,
    types: Vec<CellType>,
    /// Whether the values of each column seem to repeat.
    repeats: Vec<bool>,
    /// Whether the writing ends where columns seem to be something else, although the rest may show that they are not.
    may_stop: bool,
}

impl Plan {
    /// By what is known of the columns' types, or else by the first piece.
    pub(crate) fn new(names: &[String], known: Option<&[CellType]>, may_stop: bool, first: &impl Cut) -> Self {
        let guess = |column| match first.column(column) {
            Held::Values(kind, _) => CellType::Stored(kind),
            Held::Cells(bytes, cells) => tally(cells.iter().step_by(cells.len().div_ceil(GUESSED_ROWS).max(1)), bytes).decide(),
        };
        let types = known.map_or_else(|| (0..first.columns()).into_par_iter().map(guess).collect(), <[CellType]>::to_vec);
        let repeats = (0..first.columns()).map(|column| repeats(&first.column(column))).collect();
        let columns = names.iter().cloned().zip(types.iter().map(|kind| kind.kind())).collect();
        Self { columns, types, repeats, may_stop }
    }
}

/// Whether the values of a column seem to repeat, by its first cells.
fn repeats(column: &Held<'_>) -> bool {
    let (distinct, looked_at) = match column {
        Held::Cells(bytes, cells) => {
            let some = cells.get(..LOOKED_AT_ROWS).unwrap_or(cells);
            (some.iter().map(|cell| cell.raw(bytes)).collect::<HashSet<_>>().len(), some.len())
        }
        Held::Values(_, array) => {
            let Some(floats) = array.as_primitive_opt::<Float64Type>() else { return false };
            let some = || floats.iter().take(LOOKED_AT_ROWS).map(|value| value.map(f64::to_bits));
            (some().collect::<HashSet<_>>().len(), some().count())
        }
    };
    distinct * 2 < looked_at
}

/// A piece that was cut, converted and summed up.
pub(crate) struct Ready {
    rows: usize,
    summed: SummedPiece,
    tallies: Vec<Tally>,
    bad: Vec<BadOfColumn>,
    first_rows: Vec<Vec<Option<String>>>,
    /// Names of columns that the plan does not have.
    pub(crate) unknown: Vec<String>,
}

/// Bad cells of a column in a piece.
struct BadOfColumn {
    column: usize,
    count: u64,
    examples: Vec<BadCell>,
}

impl Ready {
    /// Converts a piece; of the first one the first rows are kept as texts.
    pub(crate) fn of(cut: &impl Cut, plan: &Plan, is_first: bool) -> Self {
        let first_rows = if is_first { first_rows(cut) } else { Vec::new() };
        let (mut arrays, mut tallies, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        for (column, (kind, repeats)) in plan.types.iter().zip(&plan.repeats).enumerate() {
            match cut.column(column) {
                Held::Values(_, array) => {
                    arrays.push(array.clone());
                    tallies.push(Tally::default());
                }
                Held::Cells(bytes, cells) => {
                    let Converted { array, tally, bad: examples, bad_count: count } = convert(*kind, *repeats, cells, bytes);
                    arrays.push(array);
                    tallies.push(tally);
                    if count > 0 {
                        let examples = examples.into_iter().map(|(row, text)| BadCell { line: cut.line(column, row), text }).collect();
                        bad.push(BadOfColumn { column, count, examples });
                    }
                }
            }
        }
        let rows = cut.rows();
        Self { rows, summed: SummedPiece::of(&plan.columns, arrays, rows), tallies, bad, first_rows, unknown: Vec::new() }
    }
}

/// Reads to the end. Once a column is other than was thought, nothing is written any more and the rest only looked at.
pub(crate) fn read<R: Rounds>(
    plan: &Plan,
    first: Vec<R::Piece>,
    rounds: &mut R,
    ready: impl Fn(&R::Piece) -> Result<Ready, Stop> + Sync,
    out: BufWriter<File>,
    on_bytes: &mut (dyn FnMut(u64) + Send),
) -> Result<(Profile, BufWriter<File>), Stop> {
    let mut taker = Taker {
        plan,
        writer: Some(Writer::new(out, &plan.columns, &plan.repeats)?),
        profiler: Profiler::new(&plan.columns),
        found: vec![Found::default(); plan.columns.len()],
        tallies: vec![Tally::default(); plan.columns.len()],
        shown: Vec::new(),
        unknown: Vec::new(),
    };
    let ready_all = |round: &[R::Piece]| round.par_iter().map(&ready).collect::<Vec<_>>();
    let (mut round, mut converted) = (first, Vec::new());
    // Three things go on side by side: a round is written, the next one converted, and the one after it read.
    while !round.is_empty() || !converted.is_empty() {
        let (taken, (next_converted, next)) =
            rayon::join(|| taker.take(converted), || rayon::join(|| ready_all(&round), || rounds.next_round()));
        taken?;
        on_bytes(rounds.passed());
        rounds.take_back(round);
        (converted, round) = (next_converted, next?);
    }
    taker.finish()
}

/// What becomes of pieces, in their order.
struct Taker<'a> {
    plan: &'a Plan,
    /// `None` once a column has turned out to be something else.
    writer: Option<Writer<BufWriter<File>>>,
    profiler: Profiler,
    found: Vec<Found>,
    tallies: Vec<Tally>,
    shown: Vec<Vec<Option<String>>>,
    unknown: Vec<String>,
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
            for name in ready.unknown {
                if !self.unknown.contains(&name) {
                    self.unknown.push(name);
                }
            }
            rows += ready.rows;
            summed.push(ready.summed);
        }
        if rows == 0 {
            return Ok(());
        }
        let has_changed =
            |(kind, tally): (&CellType, &Tally)| kind.kind() != ColumnKind::Text && !kind.is_final() && tally.decide() != *kind;
        if !self.unknown.is_empty() || (self.plan.may_stop && self.plan.types.iter().zip(&self.tallies).any(has_changed)) {
            self.writer = None;
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let columns = writer.columns(rows)?;
        Ok(self.profiler.take(summed, columns, |writer, array| writer.write(array))?)
    }

    fn finish(mut self) -> Result<(Profile, BufWriter<File>), Stop> {
        if !self.unknown.is_empty() {
            return Err(Stop::Rename(self.unknown));
        }
        let types = &self.plan.types;
        let decide = |(kind, tally): (&CellType, &Tally)| if kind.is_final() { *kind } else { tally.decide() };
        let decided: Vec<CellType> = types.iter().zip(&self.tallies).map(decide).collect();
        let Some(writer) = self.writer.filter(|_| decided == *types) else { return Err(Stop::Retype(decided)) };
        for ((found, kind), tally) in self.found.iter_mut().zip(types).zip(&self.tallies) {
            found.describe(*kind, tally);
        }
        let (profiler, found) = (self.profiler, self.found);
        let (out, profile) = rayon::join(|| writer.finish(), || profiler.finish(found));
        Ok((Profile { first_rows: self.shown, ..profile }, out?))
    }
}

/// The first rows as texts, as many as fit.
fn first_rows(cut: &impl Cut) -> Vec<Vec<Option<String>>> {
    let mut room = SHOWN_BYTES;
    let mut rows = Vec::new();
    for row in 0..cut.rows().min(SHOWN_ROWS) {
        let row: Vec<Option<String>> = (0..cut.columns()).map(|column| shown(&cut.column(column), row)).collect();
        let bytes: usize = row.iter().map(|cell| 8 + cell.as_ref().map_or(0, String::len)).sum();
        if bytes > room {
            break;
        }
        room -= bytes;
        rows.push(row);
    }
    rows
}

/// A cell as text, `None` where it holds no value.
fn shown(column: &Held<'_>, row: usize) -> Option<String> {
    match column {
        Held::Cells(bytes, cells) => {
            let text: Cow<'_, [u8]> = cells.get(row)?.text(bytes);
            (!is_missing(&text)).then(|| String::from_utf8_lossy(text.get(..SHOWN_CELL_BYTES).unwrap_or(&text)).into_owned())
        }
        Held::Values(_, array) if array.is_null(row) => None,
        Held::Values(ColumnKind::Integer, array) => Some(array.as_primitive_opt::<Int64Type>()?.value(row).to_string()),
        Held::Values(ColumnKind::Float, array) => Some(array.as_primitive_opt::<Float64Type>()?.value(row).to_string()),
        Held::Values(ColumnKind::Boolean, array) => Some(if array.as_boolean_opt()?.value(row) { "True" } else { "False" }.to_owned()),
        Held::Values(ColumnKind::Date, array) => Some(date::iso(array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row))),
        Held::Values(ColumnKind::Text, _) => None,
    }
}
