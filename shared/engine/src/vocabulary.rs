//! Which words of a column of texts are worth looking for, chosen without the target.
//!
//! A word counts that some of the rows have and others do not (`domain::words::is_common`); the most frequent ones are taken. Of words that
//! always come together, such as the two of "New York", one is enough.

use std::collections::{HashMap, HashSet};

use domain::{limits, words};
use model::{FeatureKind, TextLength, TextReader};
use table::TextColumn;

/// Rows that words are chosen on; more change them little.
const SAMPLE: usize = 20_000;
/// Words are at most a tenth of the rows.
const ROWS_OF_WORD: usize = 10;
/// The longest word, in bytes.
const LONGEST: usize = 64;

/// How a column of texts is read: `columns` is how many such columns the table has, among which the words that a model may look for are
/// divided.
pub(crate) fn text_kind(texts: &TextColumn, rows: &[usize], columns: usize) -> FeatureKind {
    let sampled: Vec<&str> =
        rows.iter().step_by(rows.len().div_ceil(SAMPLE).max(1)).filter_map(|&row| texts.get(row)).filter(|text| !text.is_empty()).collect();
    let of_all = limits::MAX_WORDS_OF_ALL.min(rows.len() / ROWS_OF_WORD);
    let mut words = common_words(&sampled);
    words.truncate(limits::MAX_WORDS.min(of_all / columns.max(1)));
    FeatureKind::Text { lengths: lengths(&sampled), words }
}

/// The counts that vary; that of characters where none does.
fn lengths(texts: &[&str]) -> Vec<TextLength> {
    let reader = TextReader::new(&TextLength::ALL, &[]);
    let mut rows = texts.iter().map(|text| reader.numbers(text));
    let first = rows.next().unwrap_or_default();
    let mut varies = [false; TextLength::ALL.len()];
    for row in rows {
        varies.iter_mut().zip(row.iter().zip(&first)).for_each(|(varies, (number, first))| *varies |= number.total_cmp(first).is_ne());
    }
    let mut lengths: Vec<TextLength> =
        TextLength::ALL.into_iter().zip(varies).filter(|(_, varies)| *varies).map(|(length, _)| length).collect();
    if lengths.is_empty() {
        lengths.push(TextLength::Characters);
    }
    lengths
}

/// The rows that have a word.
#[derive(Debug, Default)]
struct Presence {
    rows: usize,
    /// The last of them, counted from 1.
    last: usize,
    /// Tells which they are.
    digest: u64,
}

/// The most frequent first, ties by the word.
fn common_words(texts: &[&str]) -> Vec<String> {
    let mut found: HashMap<String, Presence> = HashMap::new();
    for (text, row) in texts.iter().zip(1..) {
        words::each_word(text, |word| {
            if word.len() > LONGEST {
                return;
            }
            match found.get_mut(word) {
                Some(presence) => presence.see(row),
                None => found.entry(word.to_owned()).or_default().see(row),
            }
        });
    }
    found.retain(|_, presence| words::is_common(presence.rows, texts.len()));
    let mut words: Vec<(String, Presence)> = found.into_iter().collect();
    words.sort_unstable_by(|(one, a), (two, b)| b.rows.cmp(&a.rows).then_with(|| one.cmp(two)));
    let mut seen = HashSet::new();
    words.into_iter().filter(|(_, presence)| seen.insert(presence.digest)).map(|(word, _)| word).collect()
}

impl Presence {
    fn see(&mut self, row: usize) {
        if self.last != row {
            self.rows += 1;
            self.last = row;
            // FNV-1a (Fowler, Noll, Vo), a row at a time.
            self.digest = (self.digest ^ row as u64).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: impl Iterator<Item = String>) -> TextColumn {
        let dictionary: Vec<String> = texts.collect();
        TextColumn { codes: (0..).take(dictionary.len()).collect(), dictionary }
    }

    fn read(texts: &TextColumn, columns: usize) -> (Vec<TextLength>, Vec<String>) {
        let rows: Vec<usize> = (0..texts.codes.len()).collect();
        match text_kind(texts, &rows, columns) {
            FeatureKind::Text { lengths, words } => (lengths, words),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frequent_words_are_found_the_most_frequent_first() {
        let title = |row: usize| ["Mr.", "Mrs.", "Miss", "MR", "mr mr"][row % 5];
        let (lengths, words) = read(&column((0..500).map(|row| format!("Person{row}, {} of New York", title(row)))), 1);
        assert_eq!(words, ["mr", "miss", "mrs"], "'of', 'new' and 'york' are everywhere, names only once");
        assert_eq!(lengths, TextLength::ALL);
    }

    #[test]
    fn words_that_always_come_together_count_once() {
        let texts = column((0..200).map(|row| if row % 4 == 0 { format!("{row} new york") } else { format!("{row} rome") }));
        assert_eq!(read(&texts, 1).1, ["rome", "new"]);
    }

    #[test]
    fn columns_and_few_rows_share_the_words() {
        let texts = column((0..400).map(|row| format!("a{} b{} c{} {row}", row % 20, row % 21, row % 22)));
        assert_eq!(read(&texts, 1).1.len(), 40, "a tenth of the rows");
        assert_eq!(read(&texts, 4).1.len(), 10);
        let many = column((0..4_000).map(|row| format!("a{} b{} c{} {row}", row % 20, row % 21, row % 22)));
        assert_eq!((read(&many, 1).1.len(), read(&many, 10).1.len()), (limits::MAX_WORDS, limits::MAX_WORDS_OF_ALL / 10));
    }

    #[test]
    fn what_never_varies_is_no_number() {
        let texts = column((0..50).map(|row| format!("{row:04} x{}", row % 2)));
        assert_eq!(read(&texts, 1).0, [TextLength::Characters]);
        let texts = column((0..50).map(|row| format!("{row} ab")));
        assert_eq!(read(&texts, 1).0, [TextLength::Characters, TextLength::Digits]);
    }

    #[test]
    fn missing_texts_have_no_words() {
        let mut texts = column((0..100).map(|row| format!("{row} {}", ["x", "y"][row % 2])));
        texts.codes.extend([TextColumn::MISSING; 50]);
        assert_eq!(read(&texts, 1).1, ["x", "y"]);
        assert_eq!(read(&column(std::iter::empty()), 1), (vec![TextLength::Characters], vec![]));
    }
}
