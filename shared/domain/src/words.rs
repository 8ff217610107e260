//! The words of a text: runs of letters and digits in small letters, by a rule that any language can repeat exactly.
//!
//! In Python it is [`PATTERN`] on the lower-cased text:
//!
//! ```python
//! re.findall(PATTERN, text.lower())
//! ```
//!
//! Which characters are letters is told by ranges, because languages disagree on it: Python's `\w` has no vowel signs of Hindi or Thai,
//! Rust's `is_alphanumeric` has. The ranges hold the letters and marks of the living scripts, and of signs and punctuation only the few that
//! stand among these letters.

use std::borrow::Cow;

/// What a word is, as a regular expression.
pub const PATTERN: &str = r"[0-9a-z\u00c0-\u1fff\u3040-\ud7ff\uf900-\ufdff\uff10-\uff19\uff41-\uff5a\uff66-\uffdc\U00020000-\U0003ffff]+";

/// A word that tells rows apart is in at least so many of them, and missing from as many …
const LEAST_ROWS: usize = 5;
/// … and in one of so many.
const ROWS_OF_ONE: usize = 200;

fn is_part_of_word(character: char) -> bool {
    matches!(
        character,
        '0'..='9'
            | 'a'..='z'
            | '\u{c0}'..='\u{1fff}'
            | '\u{3040}'..='\u{d7ff}'
            | '\u{f900}'..='\u{fdff}'
            | '\u{ff10}'..='\u{ff19}'
            | '\u{ff41}'..='\u{ff5a}'
            | '\u{ff66}'..='\u{ffdc}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// Calls `each` with every word of a text, in order.
pub fn each_word(text: &str, each: impl FnMut(&str)) {
    let is_low = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let lowered = if is_low { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) };
    lowered.split(|character| !is_part_of_word(character)).filter(|word| !word.is_empty()).for_each(each);
}

/// Whether a word that is in `with` of `rows` texts tells them apart: it is in five and one in 200 at least, and missing from as many.
pub fn is_common(with: usize, rows: usize) -> bool {
    let least = rows.div_ceil(ROWS_OF_ONE).max(LEAST_ROWS);
    with >= least && with + least <= rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        each_word(text, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_small_letters() {
        assert_eq!(words("Braund, Mr. Owen Harris"), ["braund", "mr", "owen", "harris"]);
        assert_eq!(words("SOTON/O.Q. 3101305"), ["soton", "o", "q", "3101305"]);
        assert_eq!(words("o'Neil-Smith_x (\"Éa\")"), ["o", "neil", "smith", "x", "éa"]);
        assert_eq!(words("Straße 12b — Żółw, ΟΔΟΣ, Юг"), ["straße", "12b", "żółw", "οδος", "юг"]);
        assert_eq!(words("東京、大阪 हिन्दी ภาษาไทย 🙂 ¾ €5"), ["東京", "大阪", "हिन्दी", "ภาษาไทย", "5"]);
        assert_eq!(words("e\u{301}t\u{e9}"), ["e\u{301}t\u{e9}"], "an accent of its own is part of its word");
        assert!(words(" – … ").is_empty() && words("").is_empty());
    }

    #[test]
    fn the_pattern_says_the_same() {
        let ranges: Vec<(u32, u32)> = {
            let mut rest = PATTERN.strip_prefix('[').unwrap().strip_suffix("]+").unwrap();
            let mut bounds = Vec::new();
            while let Some(first) = rest.chars().next() {
                let (width, digits) = match rest.get(..2) {
                    Some("\\u") => (6, rest.get(2..6)),
                    Some("\\U") => (10, rest.get(2..10)),
                    _ => (1, None),
                };
                bounds.push(digits.map_or(u32::from(first), |digits| u32::from_str_radix(digits, 16).unwrap()));
                rest = rest.get(width..).unwrap();
                rest = rest.strip_prefix('-').unwrap_or(rest);
            }
            bounds.chunks(2).map(|pair| (pair[0], pair[1])).collect()
        };
        for character in '\0'..=char::MAX {
            let code = u32::from(character);
            assert_eq!(ranges.iter().any(|&(first, last)| (first..=last).contains(&code)), is_part_of_word(character), "{code:x}");
        }
    }

    #[test]
    fn callers_are_told_this_pattern() {
        assert!(include_str!("../../../docs/training.md").contains(PATTERN));
        assert!(include_str!("../../../tests/onnx_runtime.py").contains(PATTERN));
    }

    #[test]
    fn a_common_word_is_in_some_rows_and_missing_from_some() {
        let common = |rows: usize| (0..=rows).filter(|&with| is_common(with, rows)).collect::<Vec<_>>();
        assert_eq!(common(11), [5, 6]);
        assert!(common(9).is_empty());
        assert_eq!((common(10_000).first(), common(10_000).last()), (Some(&50), Some(&9_950)));
    }
}
