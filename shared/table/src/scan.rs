//! One column's profile, from its values piece by piece.

use std::collections::HashMap;

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, PrimitiveArray},
    datatypes::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use domain::{BadCell, BadCells, ColumnKind, ColumnProfile, DateRange, Mixture, NumericStats, Role, TextStats, date};

use crate::{
    distinct::{Distinct, FloatCounts, TOP_VALUES, WholeCounts, hash_of_text},
    extremes::Extremes,
    numeric,
    sample::{Kept, Pick},
    stripes::Stripes,
    summary::{NumberSums, Summary, Sums, TextSums, combined},
    tally::{CellType, Tally},
    word_counts::WordCounts,
};

/// Values that are shown, and the rows that they are looked for in.
const SAMPLES: usize = 5;
const SAMPLED_ROWS: usize = 10_000;
/// Bad cells that are shown.
const SHOWN_BAD: usize = 20;
/// Values of a text column that are looked at to tell codes from prose.
const CODE_SAMPLE: u32 = 100;
/// Distinct values of the whole table that are held in memory, and cells of its sample, shared by its columns.
const HELD_VALUES: usize = 1_000_000;
const HELD_CELLS: usize = 4_000_000;
/// The fewest and the most values that are held of a column, and cells of it.
const FEWEST_HELD: usize = 1_000;
const MOST_HELD: usize = 50_000;
/// A step between moments that is longer than so many usual ones is a gap.
const GAP_STEPS: u64 = 2;
/// The longest text of which a profile shows more than the beginning, in bytes.
const SHOWN_TEXT: usize = 200;

/// How many distinct values of a column are held in a table with `columns` columns.
fn held_values(columns: usize) -> usize {
    (HELD_VALUES / columns.max(1)).clamp(FEWEST_HELD, MOST_HELD)
}

/// Rows of the sample of a table with `columns` columns. By the Dvoretzky–Kiefer–Wolfowitz inequality, a quantile of 50,000 of them is within
/// 0.6 % of its rank with a confidence of 95 %, one of 4,000 within 2.2 %.
pub(crate) fn sample_rows(columns: usize) -> usize {
    (HELD_CELLS / columns.max(1)).clamp(FEWEST_HELD, MOST_HELD)
}

/// Distinct values with what else is known of them.
enum Values {
    Integers(WholeCounts, Box<NumberSums>),
    /// By the bits of the number, −0 as 0.
    Floats(FloatCounts, Box<NumberSums>),
    /// False and true.
    Booleans([u64; 2]),
    /// Midnights by days, other moments by microseconds.
    Dates {
        days: WholeCounts,
        moments: WholeCounts,
        range: Option<(i64, i64)>,
        has_time: bool,
    },
    Texts(Distinct<String>, TextSums, WordCounts),
}

/// Running statistics of a column.
pub(crate) struct ColumnScan {
    name: String,
    kind: ColumnKind,
    rows: u64,
    missing: u64,
    stripes: Stripes,
    values: Values,
    kept: Kept,
    extremes: Extremes,
    samples: Vec<String>,
    looked_at: u32,
    code_like: u32,
    /// Identifies the values in their order.
    digest: u64,
}

/// A column's profile, with its values in the sampled rows.
pub(crate) struct Scanned {
    pub(crate) profile: ColumnProfile,
    pub(crate) kept: Kept,
    /// Rows of a stripe of missing cells.
    pub(crate) stripe_rows: u64,
}

impl ColumnScan {
    /// A column of a table with `columns` columns.
    pub(crate) fn new(name: &str, kind: ColumnKind, columns: usize) -> Self {
        let cap = held_values(columns);
        let values = match kind {
            ColumnKind::Integer => Values::Integers(WholeCounts::new(cap), Box::default()),
            ColumnKind::Float => Values::Floats(FloatCounts::new(cap), Box::default()),
            ColumnKind::Boolean => Values::Booleans([0; 2]),
            ColumnKind::Date => Values::Dates { days: WholeCounts::new(cap), moments: WholeCounts::new(cap), range: None, has_time: false },
            ColumnKind::Text => {
                Values::Texts(Distinct::new(cap, |text: &String| hash_of_text(text)), TextSums::default(), WordCounts::new(cap))
            }
        };
        let kept = if kind == ColumnKind::Text { Kept::Texts(Vec::new()) } else { Kept::Numbers(Vec::new()) };
        Self {
            name: name.to_owned(),
            kind,
            rows: 0,
            missing: 0,
            stripes: Stripes::new(),
            values,
            kept,
            samples: Vec::new(),
            looked_at: 0,
            code_like: 0,
            digest: 0,
            extremes: Extremes::default(),
        }
    }

    /// Adds the values of a piece, of the type that the column has, with their sums.
    pub(crate) fn add(&mut self, array: &ArrayRef, summary: Summary, picks: &[Pick]) {
        let Summary { digest, values: sums } = summary;
        self.rows += array.len() as u64;
        self.missing += array.null_count() as u64;
        self.stripes.add(array.len(), array.nulls());
        self.digest = combined(self.digest, digest);
        match (&mut self.values, sums) {
            (Values::Integers(distinct, known), Sums::Numbers(sums)) => {
                known.add(&sums);
                if let Some(array) = array.as_primitive_opt::<Int64Type>() {
                    each_value(array, |values| distinct.add(values));
                    each_value(array, |values| self.extremes.add(sums.range, values.map(|value| value as f64)));
                    self.kept.put_numbers(picks, |row| if array.is_null(row) { f64::NAN } else { array.value(row) as f64 });
                    sample(&mut self.samples, array.iter().flatten().map(|value| value.to_string()));
                }
            }
            (Values::Floats(distinct, known), Sums::Numbers(sums)) => {
                known.add(&sums);
                if let Some(array) = array.as_primitive_opt::<Float64Type>() {
                    each_value(array, |values| distinct.add(values));
                    each_value(array, |values| self.extremes.add(sums.range, values));
                    self.kept.put_numbers(picks, |row| if array.is_null(row) { f64::NAN } else { array.value(row) });
                    sample(&mut self.samples, array.iter().flatten().map(|value| value.to_string()));
                }
            }
            (Values::Booleans(counts), Sums::Booleans(more)) => {
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
                if let Some(array) = array.as_boolean_opt() {
                    self.kept.put_numbers(picks, |row| if array.is_null(row) { f64::NAN } else { f64::from(u8::from(array.value(row))) });
                }
            }
            (Values::Dates { days, moments, range, has_time }, Sums::Dates { range: more, has_time: some }) => {
                *range = match (*range, more) {
                    (Some(one), Some(two)) => Some((one.0.min(two.0), one.1.max(two.1))),
                    (one, two) => one.or(two),
                };
                *has_time |= some;
                if let Some(array) = array.as_primitive_opt::<TimestampMicrosecondType>() {
                    if some {
                        moments.add(array.iter().flatten().filter(|moment| date::has_time(*moment)));
                        days.add(array.iter().flatten().filter(|moment| !date::has_time(*moment)).map(date::day));
                    } else {
                        each_value(array, |moments| days.add(moments.map(date::day)));
                    }
                    self.kept.put_numbers(picks, |row| if array.is_null(row) { f64::NAN } else { array.value(row) as f64 });
                    sample(&mut self.samples, array.iter().flatten().map(date::iso));
                }
            }
            (Values::Texts(..), Sums::Texts(sums)) => self.add_texts(array, &sums, picks),
            _ => {}
        }
    }

    fn add_texts(&mut self, array: &ArrayRef, sums: &TextSums, picks: &[Pick]) {
        let Values::Texts(distinct, known, words) = &mut self.values else { return };
        known.add(sums);
        let mut look = |text: &str| {
            if self.looked_at < CODE_SAMPLE {
                self.looked_at += 1;
                self.code_like += u32::from(is_code_like(text));
            }
        };
        let hash = |place: usize| sums.hashes.get(place).copied();
        if let Some(categories) = array.as_dictionary_opt::<Int32Type>() {
            let Some(texts) = categories.values().as_string_opt::<i32>() else { return };
            let place = |key: i32| usize::try_from(key).ok().filter(|place| *place < texts.len());
            for ((text, count), hash) in texts.iter().zip(&sums.counts).zip(&sums.hashes) {
                if let Some(text) = text.filter(|_| *count > 0) {
                    add_text(distinct, text, *hash, *count);
                }
            }
            self.kept.put_texts(picks, |row| categories.key(row).and_then(hash));
            words.look(picks, |row| categories.key(row).filter(|place| *place < texts.len()).map(|place| texts.value(place)));
            let first = || categories.keys().iter().flatten().filter_map(place);
            first().take(CODE_SAMPLE as usize).for_each(|place| look(texts.value(place)));
            sample(&mut self.samples, first().map(|place| texts.value(place).to_owned()));
        } else if let Some(texts) = array.as_string_opt::<i32>() {
            for (text, hash) in texts.iter().zip(&sums.hashes) {
                if let Some(text) = text {
                    add_text(distinct, text, *hash, 1);
                }
            }
            self.kept.put_texts(picks, |row| if texts.is_null(row) { None } else { hash(row) });
            words.look(picks, |row| (row < texts.len() && !texts.is_null(row)).then(|| texts.value(row)));
            texts.iter().flatten().take(CODE_SAMPLE as usize).for_each(look);
            sample(&mut self.samples, texts.iter().flatten().map(str::to_owned));
        }
    }

    /// Equal for columns that are equal in every row, a whole number and the same float included.
    fn content(&self) -> (u8, u64) {
        let class = match self.kind {
            ColumnKind::Integer | ColumnKind::Float => 0,
            ColumnKind::Boolean => 1,
            ColumnKind::Text => 2,
            ColumnKind::Date => 3,
        };
        (class, self.digest)
    }

    fn scanned(mut self, duplicate_of: Option<String>, found: Found, all_kept: bool) -> Scanned {
        let present = self.rows - self.missing;
        let (mut dates, mut text, mut numeric) = (None, None, None);
        let stats = |sums: &NumberSums| match &self.kept {
            Kept::Numbers(kept) => {
                let stats = numeric::stats(sums, kept, all_kept, present - sums.infinite.min(present))?;
                Some(NumericStats { smallest: self.extremes.smallest(), largest: self.extremes.largest(), ..stats })
            }
            Kept::Texts(_) => None,
        };
        let ((unique, unique_exact), top_values) = match &mut self.values {
            Values::Integers(distinct, sums) => {
                numeric = stats(sums);
                (distinct.count(), distinct.top(ToString::to_string))
            }
            Values::Floats(distinct, sums) => {
                numeric = stats(sums);
                let distinct = distinct.flush();
                (distinct.count(), distinct.top(|bits| f64::from_bits(*bits).to_string()))
            }
            Values::Booleans([no, yes]) => {
                let mut distinct = Distinct::new(2, |value: &bool| u64::from(*value));
                for (value, count) in [(false, *no), (true, *yes)] {
                    if count > 0 {
                        distinct.add(&value, u64::from(value), count);
                    }
                }
                (distinct.count(), distinct.top(|value| if *value { "True" } else { "False" }.to_owned()))
            }
            Values::Dates { days, moments, range, has_time } => {
                dates = range.map(|range| dates_of(range, *has_time, (days, moments), &self.kept, present));
                let ((days_count, days_exact), (moments_count, moments_exact)) = (days.count(), moments.count());
                let mut top = days.top(|day| date::iso(date::midnight(*day)));
                top.extend(moments.top(|moment| date::iso(*moment)));
                top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
                top.truncate(TOP_VALUES);
                ((days_count + moments_count, days_exact && moments_exact), top)
            }
            Values::Texts(distinct, sums, words) => {
                text = sums.range.map(|(min_characters, max_characters)| TextStats {
                    min_characters,
                    max_characters,
                    mean_characters: sums.characters as f64 / present.max(1) as f64,
                    mean_words: words.mean(),
                    common_words: words.common(),
                    padded: sums.padded,
                    mixture: found.mixture,
                });
                (distinct.count(), distinct.top(|text| shown(held_beginning(text)).to_owned()))
            }
        };
        let samples = match (&self.kind, top_values.as_slice()) {
            (ColumnKind::Boolean, tops) => tops.iter().map(|top| top.value.clone()).collect(),
            _ => self.samples.iter().map(|sample| shown(sample).to_owned()).collect(),
        };
        let stripe_rows = self.stripes.width();
        let mut profile = ColumnProfile {
            name: self.name,
            kind: self.kind,
            role: Role::Numeric,
            missing: self.missing,
            missing_by_stripe: self.stripes.missing(),
            unique,
            unique_exact,
            top_values,
            top_values_exact: unique_exact,
            samples,
            code_like_share: if self.looked_at == 0 { 0.0 } else { f64::from(self.code_like) / f64::from(self.looked_at) },
            duplicate_of,
            numeric,
            text,
            written_as: found.written_as,
            digits_only: found.digits_only,
            bad: found.bad,
            dates,
        };
        profile.role = Role::of(&profile, self.rows);
        Scanned { profile, kept: self.kept, stripe_rows }
    }
}

fn dates_of(
    (first, last): (i64, i64),
    has_time: bool,
    (days, moments): (&WholeCounts, &WholeCounts),
    kept: &Kept,
    present: u64,
) -> DateRange {
    let steps = days.all().zip(moments.all()).map_or_else(Vec::new, |(days, moments)| {
        let mut all: Vec<i64> = days.map(date::midnight).chain(moments).collect();
        all.sort_unstable();
        let mut steps: Vec<u64> = all.windows(2).filter_map(|pair| Some(pair.get(1)?.abs_diff(*pair.first()?))).collect();
        steps.sort_unstable();
        steps
    });
    let usual_step = steps.get(steps.len() / 2).copied();
    let gaps = usual_step.map(|usual| (steps.len() - steps.partition_point(|step| *step <= GAP_STEPS * usual)) as u64);
    let in_seconds = |step: u64| step as f64 / 1e6;
    let seconds = |moment: f64| moment / 1e6;
    let sample: Vec<f64> = match kept {
        Kept::Numbers(kept) => kept.iter().copied().filter(|moment| moment.is_finite()).map(seconds).collect(),
        Kept::Texts(_) => Vec::new(),
    };
    DateRange {
        min: date::iso(first),
        max: date::iso(last),
        has_time,
        largest_gap_seconds: steps.last().copied().map(in_seconds),
        usual_step_seconds: usual_step.map(in_seconds),
        gaps,
        timeline: numeric::histogram(seconds(first as f64), seconds(last as f64), &sample, present),
    }
}

/// The values that are there, in runs.
fn each_value<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, mut take: impl FnMut(std::iter::Copied<std::slice::Iter<'_, T::Native>>)) {
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => take(array.values().iter().copied()),
        Some(nulls) => {
            nulls.valid_slices().for_each(|(begin, end)| take(array.values().get(begin..end).unwrap_or_default().iter().copied()));
        }
    }
}

/// What the reading of a column found beside its values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    written_as: Option<String>,
    digits_only: bool,
    bad: BadCells,
    mixture: Option<Mixture>,
}

impl Found {
    /// Says how the column's cells are written.
    pub(crate) fn describe(&mut self, kind: CellType, tally: &Tally) {
        self.written_as = tally.written_as(kind);
        self.digits_only = kind == CellType::Digits;
        if kind.kind() == ColumnKind::Text && !self.digits_only {
            let Tally { integers, floats, formatted, dates, others, booleans, .. } = *tally;
            let (_, in_one_order) = date::Order::best_of(&tally.orders);
            let mixture = Mixture { numbers: integers + floats + formatted, dates, others: others + booleans, in_one_order };
            self.mixture = Some(mixture).filter(|mixture| mixture.numbers + mixture.dates > 0);
        }
    }

    /// Adds the bad cells of a piece.
    pub(crate) fn add_bad(&mut self, count: u64, examples: impl Iterator<Item = BadCell>) {
        self.bad.count += count;
        let room = SHOWN_BAD.saturating_sub(self.bad.examples.len());
        self.bad.examples.extend(examples.take(room));
    }
}

/// The profiles of all columns, each told which earlier one it repeats. `all_kept` says whether the sample is all rows.
pub(crate) fn profiles(scans: Vec<(ColumnScan, Found)>, all_kept: bool) -> Vec<Scanned> {
    use rayon::prelude::*;

    let mut first: HashMap<(u8, u64), String> = HashMap::new();
    let mut told = Vec::with_capacity(scans.len());
    for (scan, found) in scans {
        let content = scan.content();
        // Columns without any value have nothing in common.
        let is_empty = scan.missing == scan.rows;
        let duplicate_of = first.get(&content).filter(|_| !is_empty).cloned();
        if duplicate_of.is_none() && !is_empty {
            first.insert(content, scan.name.clone());
        }
        told.push((scan, duplicate_of, found));
    }
    told.into_par_iter().map(|(scan, duplicate_of, found)| scan.scanned(duplicate_of, found, all_kept)).collect()
}

/// The first distinct ones of the first piece that has any.
fn sample(samples: &mut Vec<String>, texts: impl Iterator<Item = String>) {
    if samples.is_empty() {
        for text in texts.take(SAMPLED_ROWS) {
            if !samples.contains(&text) {
                samples.push(text);
            }
            if samples.len() == SAMPLES {
                break;
            }
        }
    }
}

/// A text's beginning.
fn shown(text: &str) -> &str {
    text.get(..text.floor_char_boundary(SHOWN_TEXT)).unwrap_or(text)
}

/// Bytes of a hash in hex.
const MARK_BYTES: usize = 16;

/// Counts a text. Of a long one only the beginning is held, with a hash of all of it.
fn add_text(distinct: &mut Distinct<String>, text: &str, hash: u64, times: u64) {
    if text.len() <= SHOWN_TEXT {
        distinct.add(text, hash, times);
    } else {
        // Longer than a text that is held whole, as its beginning lacks a part of a character at most.
        let held = format!("{}{hash:016x}", shown(text));
        distinct.add(held.as_str(), hash_of_text(&held), times);
    }
}

/// The beginning of a text that was counted.
fn held_beginning(held: &str) -> &str {
    if held.len() > SHOWN_TEXT { held.get(..held.len() - MARK_BYTES).unwrap_or(held) } else { held }
}

fn is_code_like(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
