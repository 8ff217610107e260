//! Distinct values of a column and how often each occurs: exact up to a cap, then estimated. How many there are is then told by HyperLogLog
//! (Flajolet et al., 2007, with linear counting for small cardinalities). Which are the most frequent ones, and how often they occur, is then
//! told by lossy counting (Manku and Motwani, "Approximate Frequency Counts over Data Streams", 2002): where there is no room for a new value,
//! the rarest known ones make place. Where most values are new, only a part of them is looked at.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher as _, Hash},
};

use domain::TopValue;
use foldhash::fast::FixedState;

/// Registers of the sketch: 2¹⁴, a standard error of 0.8 %.
const PRECISION: u32 = 14;
/// The most values that a profile lists.
pub(crate) const TOP_VALUES: usize = 20;
/// How many values pass between two looks at whether most are known.
const WINDOW: u32 = 1 << 14;
/// Values that are looked at, where most are new, before fewer are: every other one after so many, every third one after twice as many.
const PATIENCE: u64 = 128;

/// What stands for a text where values are hashed.
pub(crate) fn hash_of_text(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

/// The same for a number's or a moment's bits (the finalizer of `MurmurHash3`, Appleby, 2011).
pub(crate) fn hash_of_bits(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let bits = (bits ^ (bits >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    bits ^ (bits >> 33)
}

/// Counts of distinct values.
#[derive(Debug)]
pub(crate) struct Distinct<K> {
    counts: HashMap<K, u64, FixedState>,
    cap: usize,
    hash: fn(&K) -> u64,
    sketch: Option<Vec<u8>>,
    /// Whether most of the last values were known ones: then all are looked at.
    mostly_known: bool,
    seen: u32,
    known: u32,
    /// One of so many values is looked at, where most are new, and counts for all.
    stride: u64,
    /// Values looked at with that stride.
    strides: u64,
    /// Values to pass before the next one that is looked at.
    pass: u64,
    random: u64,
}

impl<K: Hash + Eq> Distinct<K> {
    /// Counts up to `cap` values exactly; `hash` is the one that values come with.
    pub(crate) fn new(cap: usize, hash: fn(&K) -> u64) -> Self {
        Self {
            counts: HashMap::default(),
            cap: cap.max(TOP_VALUES),
            hash,
            sketch: None,
            mostly_known: true,
            seen: 0,
            known: 0,
            stride: 1,
            strides: 0,
            pass: 0,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// Counts a value that occurs `times`.
    #[inline]
    pub(crate) fn add<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&mut self, value: &Q, hash: u64, times: u64)
    where
        K: Borrow<Q>,
    {
        if let Some(sketch) = &mut self.sketch {
            register(sketch, hash);
            if self.pass > 0 && times < self.stride {
                self.pass -= 1;
            } else {
                let weight = if self.mostly_known || times >= self.stride { 1 } else { self.stride };
                self.count_lossily(value, times * weight);
            }
        } else if let Some(count) = self.counts.get_mut(value) {
            *count += times;
        } else if self.counts.len() < self.cap {
            self.counts.insert(value.to_owned(), times);
        } else {
            let mut sketch = vec![0; 1 << PRECISION];
            self.counts.keys().for_each(|known| register(&mut sketch, (self.hash)(known)));
            register(&mut sketch, hash);
            self.sketch = Some(sketch);
            self.count_lossily(value, times);
        }
    }

    fn count_lossily<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&mut self, value: &Q, times: u64)
    where
        K: Borrow<Q>,
    {
        self.seen += 1;
        if let Some(count) = self.counts.get_mut(value) {
            *count += times;
            self.known += 1;
        } else {
            if self.counts.len() >= self.cap {
                self.make_room();
            }
            self.counts.insert(value.to_owned(), times);
        }
        if self.seen == WINDOW {
            self.mostly_known = self.known > WINDOW / 2;
            (self.seen, self.known) = (0, 0);
        }
        if !self.mostly_known {
            // Not at regular distances: values may come in turn.
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.pass = (self.random >> 33) % (2 * self.stride - 1);
            self.strides += 1;
            if self.strides == PATIENCE {
                (self.stride, self.strides) = (self.stride + 1, 0);
            }
        }
    }

    /// Forgets the rarest quarter of the known values, and those that are as rare.
    fn make_room(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let (_, &mut rare, _) = counts.select_nth_unstable(self.cap / 4);
        self.counts.retain(|_, count| *count > rare);
    }

    /// How many distinct values there are, and whether that is exact.
    pub(crate) fn count(&self) -> (u64, bool) {
        let known = self.counts.len() as u64;
        match &self.sketch {
            None => (known, true),
            Some(sketch) => (estimate(sketch).max(self.cap as u64 + 1), false),
        }
    }

    /// All values, where they were counted exactly.
    pub(crate) fn all(&self) -> Option<impl Iterator<Item = &K>> {
        self.sketch.is_none().then(|| self.counts.keys())
    }

    /// The most frequent values, most frequent first, ties by text.
    pub(crate) fn top(&self, text: impl Fn(&K) -> String) -> Vec<TopValue> {
        top(self.counts.iter().map(|(value, count)| (value, *count)).collect(), |value| text(value))
    }
}

/// Counts of whole numbers: those near the first one, which most are near to, by their place in a list, the others as any values.
#[derive(Debug)]
pub(crate) struct WholeCounts {
    first: Option<i64>,
    /// How far a number may be from the first one to be counted in the list.
    reach: i64,
    /// Counts of `first - reach`, `first - reach + 1`, ….
    near: Vec<u64>,
    others: Distinct<i64>,
}

/// The farthest that the list reaches; less far where many columns share the memory.
const MOST_REACH: usize = 1 << 14;

impl WholeCounts {
    /// Counts up to `cap` values that are not near the first one exactly.
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            first: None,
            reach: cap.min(MOST_REACH) as i64,
            near: Vec::new(),
            others: Distinct::new(cap, |value| hash_of_bits(value.cast_unsigned())),
        }
    }

    pub(crate) fn add(&mut self, values: impl Iterator<Item = i64>) {
        for value in values {
            let first = *self.first.get_or_insert_with(|| {
                self.near = vec![0; 2 * self.reach as usize];
                value
            });
            let place = value.wrapping_sub(first).wrapping_add(self.reach);
            match usize::try_from(place).ok().and_then(|place| self.near.get_mut(place)) {
                Some(count) => *count += 1,
                None => self.others.add(&value, hash_of_bits(value.cast_unsigned()), 1),
            }
        }
    }

    /// As [`Distinct::count`].
    pub(crate) fn count(&self) -> (u64, bool) {
        let (others, exact) = self.others.count();
        (others + self.counted_near().count() as u64, exact)
    }

    /// As [`Distinct::all`].
    pub(crate) fn all(&self) -> Option<impl Iterator<Item = i64>> {
        Some(self.others.all()?.copied().chain(self.counted_near().map(|(value, _)| value)))
    }

    /// As [`Distinct::top`].
    pub(crate) fn top(&self, text: impl Fn(&i64) -> String) -> Vec<TopValue> {
        top(self.others.counts.iter().map(|(value, count)| (*value, *count)).chain(self.counted_near()).collect(), text)
    }

    fn counted_near(&self) -> impl Iterator<Item = (i64, u64)> {
        let begin = self.first.unwrap_or(0).wrapping_sub(self.reach);
        let counted = self.near.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(move |(place, count)| (begin.wrapping_add(place as i64), *count))
    }
}

/// Counts of floats by their bits. Values that came shortly before are counted apart first, as long as many come again.
#[derive(Debug)]
pub(crate) struct FloatCounts {
    /// A value and how often it came, by its hash.
    recent: Vec<(u64, u64)>,
    /// Hits among the last values, and how many those are.
    hits: u32,
    seen: u32,
    all: Distinct<u64>,
}

/// The most values that are counted apart; fewer where many columns share the memory.
const MOST_RECENT: usize = 1 << 12;

impl FloatCounts {
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            recent: vec![(0, 0); (cap / 4).clamp(64, MOST_RECENT)],
            hits: 0,
            seen: 0,
            all: Distinct::new(cap, |bits| hash_of_bits(*bits)),
        }
    }

    pub(crate) fn add(&mut self, values: impl Iterator<Item = f64>) {
        for value in values {
            // Adding 0 makes −0 the same as 0.
            let bits = (value + 0.0).to_bits();
            let hash = hash_of_bits(bits);
            let place = ((u128::from(hash) * self.recent.len() as u128) >> 64) as usize;
            let Some(slot) = self.recent.get_mut(place) else {
                self.all.add(&bits, hash, 1);
                continue;
            };
            self.seen += 1;
            if slot.0 == bits {
                slot.1 += 1;
                self.hits += 1;
                continue;
            }
            let (known, count) = std::mem::replace(slot, (bits, 1));
            if count > 0 {
                self.all.add(&known, hash_of_bits(known), count);
            }
            if self.seen >= WINDOW {
                if self.hits < WINDOW / 4 {
                    self.flush();
                }
                (self.seen, self.hits) = (0, 0);
            }
        }
    }

    /// Ends counting apart, and gives the counts of all.
    pub(crate) fn flush(&mut self) -> &Distinct<u64> {
        for (bits, count) in std::mem::take(&mut self.recent) {
            if count > 0 {
                self.all.add(&bits, hash_of_bits(bits), count);
            }
        }
        &self.all
    }
}

/// The most frequent of counted values, most frequent first, ties by text.
fn top<K>(mut all: Vec<(K, u64)>, text: impl Fn(&K) -> String) -> Vec<TopValue> {
    if all.len() > TOP_VALUES {
        // Everything that occurs as often as the last one listed stays, so that ties are settled by text.
        let (_, &mut (_, least), _) = all.select_nth_unstable_by_key(TOP_VALUES - 1, |(_, count)| std::cmp::Reverse(*count));
        all.retain(|(_, count)| *count >= least);
    }
    let mut top: Vec<TopValue> = all.into_iter().map(|(value, count)| TopValue { value: text(&value), count }).collect();
    top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    top.truncate(TOP_VALUES);
    top
}

fn register(sketch: &mut [u8], hash: u64) {
    let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
    if let Some(place) = sketch.get_mut((hash >> (64 - PRECISION)) as usize) {
        *place = rank.max(*place);
    }
}

fn estimate(sketch: &[u8]) -> u64 {
    let registers = sketch.len() as f64;
    let sum: f64 = sketch.iter().map(|&rank| (-f64::from(rank)).exp2()).sum();
    let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
    let empty = sketch.iter().filter(|&&rank| rank == 0).count() as f64;
    let estimate = if raw <= 2.5 * registers && empty > 0.0 { registers * (registers / empty).ln() } else { raw };
    estimate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_up_to_the_cap_and_near_beyond() {
        for (values, cap) in [(500_u64, 1_000), (1_000, 1_000), (20_000, 1_000), (400_000, 1_000)] {
            let mut distinct = Distinct::new(cap, |value| hash_of_bits(*value));
            (0..values).chain(0..values / 2).for_each(|value| distinct.add(&value, hash_of_bits(value), 1));
            let (count, exact) = distinct.count();
            assert_eq!(exact, values <= cap as u64);
            assert!(count.abs_diff(values) as f64 <= if exact { 0.0 } else { 0.04 * values as f64 }, "{count} of {values}");
        }
    }

    #[test]
    fn whole_numbers_and_floats_count_alike() {
        let values: Vec<i64> = (0..100_000).map(|row: i64| (row * row) % 977 - 400).chain([i64::MIN, i64::MAX, 1 << 40]).collect();
        let (mut whole, mut floats, mut plain) = (WholeCounts::new(10_000), FloatCounts::new(10_000), HashMap::new());
        whole.add(values.iter().copied());
        floats.add(values.iter().map(|value| *value as f64));
        values.iter().for_each(|value| *plain.entry(*value).or_insert(0_u64) += 1);
        assert_eq!(whole.count(), (plain.len() as u64, true));
        assert_eq!(floats.flush().count(), (plain.len() as u64, true));
        let of_whole = whole.top(|value| (*value as f64).to_string());
        assert_eq!(of_whole, floats.flush().top(|bits| f64::from_bits(*bits).to_string()));
        assert!(of_whole.iter().all(|top| plain.get(&top.value.parse().unwrap()) == Some(&top.count)));
    }

    #[test]
    fn a_frequent_value_that_comes_late_is_found() {
        for rows in [70_000_u64, 2_000_000] {
            let mut distinct: Distinct<u64> = Distinct::new(50_000, |value| hash_of_bits(*value));
            let mut add = |value: u64| distinct.add(&value, hash_of_bits(value), 1);
            (0..50_000).for_each(&mut add);
            (0..rows).for_each(|row| add(if row % 4 == 0 { u64::MAX } else { 1_000_000 + row }));
            let top = distinct.top(ToString::to_string);
            assert_eq!(top[0].value, u64::MAX.to_string());
            assert!(top[0].count.abs_diff(rows / 4) < rows / 40, "{} of {}", top[0].count, rows / 4);
            assert!(top[1].count <= distinct.stride, "{top:?}");
        }
    }

    #[test]
    fn the_top_values_come_by_count_then_text() {
        let mut distinct: Distinct<String> = Distinct::new(100, |text| hash_of_text(text));
        for value in ["b", "a", "c", "c"] {
            distinct.add(value, hash_of_text(value), 1);
        }
        let top: Vec<(String, u64)> = distinct.top(ToString::to_string).into_iter().map(|top| (top.value, top.count)).collect();
        assert_eq!(top, [("c".to_owned(), 2), ("a".to_owned(), 1), ("b".to_owned(), 1)]);
    }
}
