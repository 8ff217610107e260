//! Which words the texts of a column have in common, counted in some of its rows.

use std::collections::HashMap;

use domain::words::{each_word, is_common};
use foldhash::fast::FixedState;

use crate::{distinct::hash_of_text, sample::Pick};

/// Places of the sample whose rows are looked at: a row that gives way to a later one stays counted, so there are some more rows than that.
const PLACES: usize = 2_000;
/// How much of a text is looked at, in bytes.
const BEGINNING: usize = 2_000;

/// Counts of words, by their hashes.
#[derive(Debug)]
pub(crate) struct WordCounts {
    cap: usize,
    texts: usize,
    words: u64,
    counts: HashMap<u64, u32, FixedState>,
}

impl WordCounts {
    /// Holds at most `cap` words; rare ones are forgotten when there are more.
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, texts: 0, words: 0, counts: HashMap::default() }
    }

    /// Looks at the texts of the rows that are kept.
    pub(crate) fn look<'a>(&mut self, picks: &[Pick], text: impl Fn(usize) -> Option<&'a str>) {
        let mut found = Vec::new();
        for text in picks.iter().filter(|pick| pick.place < PLACES).filter_map(|pick| text(pick.row)) {
            found.clear();
            let end = (0..=BEGINNING.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
            each_word(text.get(..end).unwrap_or_default(), |word| found.push(hash_of_text(word)));
            self.texts += 1;
            self.words += found.len() as u64;
            found.sort_unstable();
            found.dedup();
            self.add(&found);
        }
    }

    fn add(&mut self, words: &[u64]) {
        if self.counts.len() + words.len() > self.cap {
            self.counts.retain(|_, count| *count > 1);
        }
        for word in words {
            if let Some(count) = self.counts.get_mut(word) {
                *count += 1;
            } else if self.counts.len() < self.cap {
                self.counts.insert(*word, 1);
            }
        }
    }

    /// Words of a text on average.
    pub(crate) fn mean(&self) -> f64 {
        self.words as f64 / self.texts.max(1) as f64
    }

    /// Words that tell texts apart.
    pub(crate) fn common(&self) -> u64 {
        self.counts.values().filter(|&&count| is_common(count as usize, self.texts)).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(cap: usize, texts: &[String]) -> WordCounts {
        let mut words = WordCounts::new(cap);
        let picks: Vec<Pick> = (0..texts.len()).map(|row| Pick { row, place: row }).collect();
        words.look(&picks, |row| texts.get(row).map(String::as_str));
        words
    }

    #[test]
    fn words_that_many_texts_have_are_found_among_many_others() {
        let texts: Vec<String> = (0..1_000).map(|row| format!("No {row}: {} {row}", if row % 10 == 0 { "Mrs Mrs" } else { "x" })).collect();
        let words = counted(100_000, &texts);
        assert_eq!((words.common(), words.mean()), (2, 4.1), "'mrs' and 'x', but not 'no'");
        assert_eq!(counted(100, &texts).common(), 2, "rare ones are forgotten");
    }

    #[test]
    fn codes_have_nothing_in_common() {
        let texts: Vec<String> = (0..1_000).map(|row| format!("AB-{row:05}")).collect();
        assert_eq!(counted(10_000, &texts).common(), 0);
    }

    #[test]
    fn of_a_long_text_the_beginning_counts() {
        let texts: Vec<String> = (0..20).map(|row| "é".repeat(BEGINNING) + if row % 2 == 0 { " end" } else { "" }).collect();
        let words = counted(100, &texts);
        assert_eq!((words.common(), words.mean()), (0, 1.0));
    }
}
