//! The numbers that a text becomes.

use std::collections::HashMap;

use domain::words::each_word;
use serde::{Deserialize, Serialize};

/// A count over a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextLength {
    /// Characters, as code points.
    Characters,
    /// Words, as [`domain::words`] has them.
    Words,
    /// The digits 0 to 9.
    Digits,
}

impl TextLength {
    /// Every count.
    pub const ALL: [Self; 3] = [Self::Characters, Self::Words, Self::Digits];
}

/// Reads texts as a feature's numbers.
#[derive(Debug)]
pub struct TextReader<'a> {
    lengths: &'a [TextLength],
    places: HashMap<&'a str, usize>,
}

impl<'a> TextReader<'a> {
    /// `words` are in small letters and distinct.
    pub fn new(lengths: &'a [TextLength], words: &'a [String]) -> Self {
        Self { lengths, places: words.iter().map(String::as_str).zip(lengths.len()..).collect() }
    }

    /// The numbers of a text: its lengths, then for each of the words 1 where the text has it, else 0; all `NaN` when the text is empty,
    /// which stands for missing.
    pub fn numbers(&self, text: &str) -> Vec<f32> {
        let width = self.lengths.len() + self.places.len();
        if text.is_empty() {
            return vec![f32::NAN; width];
        }
        let mut numbers = vec![0.0; width];
        let mut words = 0;
        each_word(text, |word| {
            words += 1;
            if let Some(number) = self.places.get(word).and_then(|&place| numbers.get_mut(place)) {
                *number = 1.0;
            }
        });
        for (length, number) in self.lengths.iter().zip(&mut numbers) {
            let count = match length {
                TextLength::Characters => text.chars().count(),
                TextLength::Words => words,
                TextLength::Digits => text.bytes().filter(u8::is_ascii_digit).count(),
            };
            *number = count as f32;
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_lengths_and_the_words_it_has() {
        let words = ["mr", "mrs", "7"].map(str::to_owned);
        let reader = TextReader::new(&TextLength::ALL, &words);
        assert_eq!(reader.numbers("Möller, Mr. Mr 7/12"), [19.0, 5.0, 3.0, 1.0, 0.0, 1.0]);
        assert_eq!(reader.numbers(" "), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(reader.numbers("").iter().all(|number| number.is_nan()));
        assert_eq!(TextReader::new(&[TextLength::Digits], &[]).numbers("a1"), [1.0]);
    }
}
