//! What one piece of a column adds to its statistics. Pieces are summed up side by side and merged in their order.

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, StringArray},
    buffer::NullBuffer,
    datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use domain::{ColumnKind, date};

use crate::{distinct::hash_of_text, moments::Moments};

/// What stands for a missing cell where values are hashed.
const MISSING: u64 = 0x9E37_79B9_7F4A_7C15;
const FIRST_PRIME: u64 = 0xFF51_AFD7_ED55_8CCD;
const SECOND_PRIME: u64 = 0xC4CE_B9FE_1A85_EC53;

/// A piece of a column.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Identifies the values in their order.
    pub(crate) digest: u64,
    pub(crate) values: Sums,
}

/// What is known of the values.
#[derive(Debug)]
pub(crate) enum Sums {
    Numbers(NumberSums),
    /// False and true.
    Booleans([u64; 2]),
    Dates {
        /// First and last, in microseconds.
        range: Option<(i64, i64)>,
        has_time: bool,
    },
    Texts(TextSums),
}

/// Numbers, their count among the moments; infinities enter only their own count.
#[derive(Debug, Default, Clone)]
pub(crate) struct NumberSums {
    pub(crate) moments: Moments,
    /// Smallest and largest.
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) infinite: u64,
    pub(crate) zeros: u64,
    pub(crate) negatives: u64,
    /// Whether some value is not whole.
    pub(crate) fractional: bool,
}

/// Texts. Of categories there is one hash and count for each in the dictionary, of other texts one hash for each row.
#[derive(Debug, Default, Clone)]
pub(crate) struct TextSums {
    pub(crate) hashes: Vec<u64>,
    pub(crate) counts: Vec<u64>,
    /// Fewest and most characters.
    pub(crate) range: Option<(u64, u64)>,
    /// All characters.
    pub(crate) characters: u64,
    /// Texts with a blank at an end.
    pub(crate) padded: u64,
}

impl Summary {
    /// Sums up a piece of a column; mixes each row's value into that row's hash.
    pub(crate) fn of(kind: ColumnKind, array: &ArrayRef, rows: &mut [u64]) -> Self {
        let nulls = array.nulls();
        match kind {
            ColumnKind::Integer => {
                let integers: &[i64] = array.as_primitive_opt::<Int64Type>().map_or(&[], |array| array.values());
                let numbers: Vec<f64> = integers.iter().map(|value| *value as f64).collect();
                let digest = mixed(rows, nulls, integers.iter().zip(&numbers).map(|(value, float)| bits_of(*value, *float)));
                Self { digest, values: Sums::Numbers(numbers_in(&numbers, nulls)) }
            }
            ColumnKind::Float => {
                let numbers: &[f64] = array.as_primitive_opt::<Float64Type>().map_or(&[], |array| array.values());
                // Adding 0 makes −0 the same as 0.
                let digest = mixed(rows, nulls, numbers.iter().map(|value| (value + 0.0).to_bits()));
                Self { digest, values: Sums::Numbers(numbers_in(numbers, nulls)) }
            }
            ColumnKind::Boolean => {
                let mut counts = [0; 2];
                let mut digest = 0;
                if let Some(booleans) = array.as_boolean_opt() {
                    counts = [booleans.false_count() as u64, booleans.true_count() as u64];
                    digest = mixed(rows, nulls, booleans.values().iter().map(u64::from));
                }
                Self { digest, values: Sums::Booleans(counts) }
            }
            ColumnKind::Date => {
                let moments: &[i64] = array.as_primitive_opt::<TimestampMicrosecondType>().map_or(&[], |array| array.values());
                let digest = mixed(rows, nulls, moments.iter().map(|value| value.cast_unsigned()));
                let (mut range, mut has_time) = (None::<(i64, i64)>, false);
                for value in present(moments, nulls) {
                    range = Some(range.map_or((value, value), |(first, last)| (first.min(value), last.max(value))));
                    has_time |= date::has_time(value);
                }
                Self { digest, values: Sums::Dates { range, has_time } }
            }
            ColumnKind::Text => {
                let mut sums = TextSums::default();
                let digest = if let Some(categories) = array.as_dictionary_opt::<Int32Type>() {
                    let keys: &[i32] = categories.keys().values();
                    if let Some(texts) = categories.values().as_string_opt::<i32>() {
                        sums = TextSums::of_categories(texts, keys, nulls);
                    }
                    let hash = |key: &i32| sums.hashes.get(*key as usize).copied().unwrap_or(MISSING);
                    mixed(rows, nulls, keys.iter().map(hash))
                } else {
                    if let Some(texts) = array.as_string_opt::<i32>() {
                        let ascii = texts.value_data().is_ascii();
                        sums.hashes.reserve(texts.len());
                        for text in texts {
                            sums.hashes.push(hash_of_text(text.unwrap_or_default()));
                            text.into_iter().for_each(|text| sums.see(text, ascii, 1));
                        }
                    }
                    mixed(rows, nulls, sums.hashes.iter().copied())
                };
                Self { digest, values: Sums::Texts(sums) }
            }
        }
    }
}

/// What stands for a whole number: the bits of the float that equals it, so that both are the same; its own where no float does.
fn bits_of(value: i64, float: f64) -> u64 {
    if float as i64 == value { float.to_bits() } else { value.cast_unsigned() ^ MISSING.rotate_left(32) }
}

impl TextSums {
    fn of_categories(texts: &StringArray, keys: &[i32], nulls: Option<&NullBuffer>) -> Self {
        let mut counts = vec![0; texts.len()];
        for key in present(keys, nulls) {
            if let Some(count) = counts.get_mut(key as usize) {
                *count += 1;
            }
        }
        let mut sums = Self::default();
        let ascii = texts.value_data().is_ascii();
        texts.iter().zip(&counts).for_each(|(text, count)| sums.see(text.unwrap_or_default(), ascii, *count));
        let hashes = texts.iter().map(|text| hash_of_text(text.unwrap_or_default())).collect();
        Self { hashes, counts, ..sums }
    }

    /// Adds a text that occurs so many times; `ascii` says whether the whole column's texts are ASCII.
    fn see(&mut self, text: &str, ascii: bool, times: u64) {
        if times == 0 {
            return;
        }
        let characters = if ascii || text.is_ascii() { text.len() } else { text.chars().count() } as u64;
        self.range = Some(self.range.map_or((characters, characters), |(least, most)| (least.min(characters), most.max(characters))));
        self.characters += characters * times;
        let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        if is_blank(text.as_bytes().first()) || is_blank(text.as_bytes().last()) {
            self.padded += times;
        }
    }

    /// Adds what is known of the texts of another piece, hashes and counts aside.
    pub(crate) fn add(&mut self, other: &Self) {
        self.range = match (self.range, other.range) {
            (Some(one), Some(two)) => Some((one.0.min(two.0), one.1.max(two.1))),
            (one, two) => one.or(two),
        };
        self.characters += other.characters;
        self.padded += other.padded;
    }
}

impl NumberSums {
    /// Adds another piece.
    pub(crate) fn add(&mut self, other: &Self) {
        self.moments = self.moments.merged(other.moments);
        self.range = match (self.range, other.range) {
            (Some(one), Some(two)) => Some((one.0.min(two.0), one.1.max(two.1))),
            (one, two) => one.or(two),
        };
        self.infinite += other.infinite;
        self.zeros += other.zeros;
        self.negatives += other.negatives;
        self.fractional |= other.fractional;
    }
}

/// The digest of what was before and one more piece.
pub(crate) fn combined(before: u64, piece: u64) -> u64 {
    (before.rotate_left(5) ^ piece.wrapping_mul(FIRST_PRIME)).wrapping_mul(SECOND_PRIME) ^ (before >> 29)
}

/// Values that are not missing.
fn present<'a, T: Copy>(values: &'a [T], nulls: Option<&'a NullBuffer>) -> impl Iterator<Item = T> + 'a {
    values.iter().enumerate().filter(move |(row, _)| nulls.is_none_or(|nulls| nulls.is_valid(*row))).map(|(_, value)| *value)
}

/// Mixes each value into its row's hash; the digest of all in their order.
fn mixed(rows: &mut [u64], nulls: Option<&NullBuffer>, values: impl Iterator<Item = u64>) -> u64 {
    match nulls {
        None => mix(rows, values),
        Some(nulls) => mix(rows, values.zip(nulls.iter()).map(|(value, valid)| if valid { value } else { MISSING })),
    }
}

fn mix(rows: &mut [u64], values: impl Iterator<Item = u64>) -> u64 {
    let (mut digest, mut position) = (0_u64, 0_u64);
    for (row, value) in rows.iter_mut().zip(values) {
        *row = (*row ^ value).wrapping_mul(FIRST_PRIME).rotate_left(29);
        position = position.wrapping_add(MISSING);
        let product = (value ^ position).wrapping_mul(SECOND_PRIME);
        digest = digest.wrapping_add(product ^ (product >> 32));
    }
    digest
}

fn numbers_in(values: &[f64], nulls: Option<&NullBuffer>) -> NumberSums {
    // A sum of finite values is finite but for overflow, which the slow way takes care of too.
    if nulls.is_none() && values.iter().sum::<f64>().is_finite() {
        return finite_numbers(values, 0);
    }
    let finite: Vec<f64> = present(values, nulls).filter(|value| value.is_finite()).collect();
    let missing = nulls.map_or(0, NullBuffer::null_count);
    finite_numbers(&finite, (values.len() - missing - finite.len()) as u64)
}

fn finite_numbers(values: &[f64], infinite: u64) -> NumberSums {
    let (least, most) = range_of(values);
    NumberSums {
        moments: Moments::of(values),
        range: (!values.is_empty()).then_some((least, most)),
        infinite,
        zeros: values.iter().map(|value| u64::from(*value == 0.0)).sum(),
        negatives: if least < 0.0 { values.iter().map(|value| u64::from(*value < 0.0)).sum() } else { 0 },
        fractional: infinite > 0 || !values.iter().all(|value| is_whole(*value)),
    }
}

/// The smallest and the largest, several side by side.
fn range_of(values: &[f64]) -> (f64, f64) {
    let (chunks, rest) = values.as_chunks::<4>();
    let (mut least, mut most) = ([f64::INFINITY; 4], [f64::NEG_INFINITY; 4]);
    let lower = |one: f64, two: f64| if two < one { two } else { one };
    let higher = |one: f64, two: f64| if two > one { two } else { one };
    for chunk in chunks {
        least.iter_mut().zip(chunk).for_each(|(least, value)| *least = lower(*least, *value));
        most.iter_mut().zip(chunk).for_each(|(most, value)| *most = higher(*most, *value));
    }
    let all = |of: [f64; 4], pick: &dyn Fn(f64, f64) -> f64| of.into_iter().chain(rest.iter().copied()).reduce(pick);
    (all(least, &lower).unwrap_or(f64::INFINITY), all(most, &higher).unwrap_or(f64::NEG_INFINITY))
}

fn is_whole(value: f64) -> bool {
    // Beyond 2⁶³ every float is whole.
    value as i64 as f64 == value || value.abs() >= 9.2e18
}
