//! Distinct values of a column and how often each occurs: exact up to a cap, then estimated by HyperLogLog (Flajolet et al., 2007,
//! with linear counting for small cardinalities). The counts of the values known until then go on as long as most values are among them.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher as _, Hash},
};

use domain::TopValue;
use foldhash::quality::FixedState;

/// Registers of the sketch: 2¹⁴, a standard error of 0.8 %.
const PRECISION: u32 = 14;
const TOP_VALUES: usize = 20;
/// How many values pass between two looks at whether most are known.
const WINDOW: u32 = 1 << 14;

/// Counts of distinct values.
#[derive(Debug)]
pub(crate) struct Distinct<K> {
    counts: HashMap<K, u64, FixedState>,
    cap: usize,
    sketch: Option<Vec<u8>>,
    /// Whether the known values are still counted.
    counting: bool,
    seen: u32,
    known: u32,
}

impl<K: Hash + Eq> Distinct<K> {
    pub(crate) fn new(cap: usize) -> Self {
        Self { counts: HashMap::default(), cap, sketch: None, counting: true, seen: 0, known: 0 }
    }

    /// Counts a value that occurs `times`.
    pub(crate) fn add<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&mut self, value: &Q, times: u64)
    where
        K: Borrow<Q>,
    {
        if let Some(sketch) = &mut self.sketch {
            register(sketch, self.counts.hasher().hash_one(value));
            if self.counting {
                self.count_known(value, times);
            }
        } else if let Some(count) = self.counts.get_mut(value) {
            *count += times;
        } else if self.counts.len() < self.cap {
            self.counts.insert(value.to_owned(), times);
        } else {
            let hasher = self.counts.hasher();
            let mut sketch = vec![0; 1 << PRECISION];
            self.counts.keys().for_each(|known| register(&mut sketch, hasher.hash_one(known.borrow())));
            register(&mut sketch, hasher.hash_one(value));
            self.sketch = Some(sketch);
        }
    }

    fn count_known<Q: Hash + Eq + ?Sized>(&mut self, value: &Q, times: u64)
    where
        K: Borrow<Q>,
    {
        self.seen += 1;
        if let Some(count) = self.counts.get_mut(value) {
            *count += times;
            self.known += 1;
        }
        if self.seen == WINDOW {
            self.counting = self.known > WINDOW / 10;
            (self.seen, self.known) = (0, 0);
        }
    }

    /// How many distinct values there are, and whether that is exact.
    pub(crate) fn count(&self) -> (u64, bool) {
        let known = self.counts.len() as u64;
        match &self.sketch {
            None => (known, true),
            Some(sketch) => (estimate(sketch).max(known + 1), false),
        }
    }

    /// The most frequent values, most frequent first, ties by text.
    pub(crate) fn top(&self, text: impl Fn(&K) -> String) -> Vec<TopValue> {
        let mut all: Vec<(&K, u64)> = self.counts.iter().map(|(value, &count)| (value, count)).collect();
        if all.len() > TOP_VALUES {
            // Everything that occurs as often as the last one listed stays, so that ties are settled by text.
            let (_, &mut (_, least), _) = all.select_nth_unstable_by_key(TOP_VALUES - 1, |(_, count)| std::cmp::Reverse(*count));
            all.retain(|(_, count)| *count >= least);
        }
        let mut top: Vec<TopValue> = all.into_iter().map(|(value, count)| TopValue { value: text(value), count }).collect();
        top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        top.truncate(TOP_VALUES);
        top
    }
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
            let mut distinct = Distinct::new(cap);
            (0..values).chain(0..values / 2).for_each(|value| distinct.add(&value, 1));
            let (count, exact) = distinct.count();
            assert_eq!(exact, values <= cap as u64);
            assert!(count.abs_diff(values) as f64 <= if exact { 0.0 } else { 0.04 * values as f64 }, "{count} of {values}");
        }
    }

    #[test]
    fn the_top_values_come_by_count_then_text() {
        let mut distinct: Distinct<String> = Distinct::new(100);
        for value in ["b", "a", "c", "c"] {
            distinct.add(value, 1);
        }
        let top: Vec<(String, u64)> = distinct.top(ToString::to_string).into_iter().map(|top| (top.value, top.count)).collect();
        assert_eq!(top, [("c".to_owned(), 2), ("a".to_owned(), 1), ("b".to_owned(), 1)]);
    }
}
