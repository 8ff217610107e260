//! From what a client calls its file to a name that is safe as the last part of a key, in a header and on a screen.

use domain::limits::{COMPRESSED_EXTENSIONS, MAX_FILENAME_BYTES, UPLOAD_EXTENSIONS};

/// The last part of a path without control and direction characters and outer blanks, shortened in the middle when it is too long; the
/// error says what is wrong. Letters of all scripts stay.
pub(crate) fn clean(path: &str) -> Result<String, String> {
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|&character| !is_invisible(character)).collect();
    let name = visible.trim();
    let plain = COMPRESSED_EXTENSIONS.iter().find_map(|extension| without(name, extension)).unwrap_or(name);
    let Some(stem) = UPLOAD_EXTENSIONS.iter().find_map(|extension| without(plain, extension)) else {
        let (known, compressed) = (UPLOAD_EXTENSIONS.join(", "), COMPRESSED_EXTENSIONS.join(" or "));
        let got = shortened(name, 80);
        return Err(format!("filename must end in one of {known} (and {compressed}), such as data.csv; got '{got}'"));
    };
    let ending = name.get(stem.len()..).unwrap_or_default();
    let stem = stem.trim_end();
    if stem.trim_matches('.').is_empty() {
        return Err(format!("filename must name a file before its {ending}, such as data.csv"));
    }
    Ok(format!("{}{ending}", shortened(stem, MAX_FILENAME_BYTES - ending.len())))
}

/// The name without an extension that it has.
fn without<'a>(name: &'a str, extension: &str) -> Option<&'a str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(extension.len())?)?;
    end.eq_ignore_ascii_case(extension).then_some(stem)
}

/// Control characters, and those that change the direction of what follows: with them a name can look like another.
fn is_invisible(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The first characters that fit.
fn shortened(text: &str, bytes: usize) -> &str {
    let end = text.char_indices().map(|(at, character)| at + character.len_utf8()).take_while(|end| *end <= bytes).last();
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_folder_of_a_file_is_left_out() {
        for path in ["a.csv", "/home/me/a.csv", "C:\\data\\a.csv", "../a.csv", " a.csv ", "a\n.csv", "\u{202e}a.csv"] {
            assert_eq!(clean(path).unwrap(), "a.csv", "{path:?}");
        }
        for name in ["Ümsatz (2).CSV", "東京 2024.csv", "a.b.csv", "a'b&c.csv", "a.tsv", "a.csv.gz", "a.PARQUET", "a.jsonl.zst"] {
            assert_eq!(clean(name).unwrap(), name);
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = clean(&format!("{}.csv", "ä".repeat(300))).unwrap();
        assert_eq!(name, format!("{}.csv", "ä".repeat(125)));
        assert!(name.len() <= MAX_FILENAME_BYTES);
    }

    #[test]
    fn what_cannot_name_a_table_is_refused() {
        for path in ["", " ", "a/", "..", ".csv", "/.csv", "...csv", "a", "a.exe", "a.csv/", "a.csv.zip", "csv", "a.gz", ".csv.gz"] {
            assert!(clean(path).unwrap_err().contains("data.csv"), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_name_is_safe(path in ".*") {
            for path in [path.clone(), format!("{path}.csv")] {
                if let Ok(name) = clean(&path) {
                    prop_assert!(name.len() <= MAX_FILENAME_BYTES && !name.contains(['/', '\\']) && !name.chars().any(char::is_control));
                    prop_assert_eq!(clean(&name).unwrap(), name);
                }
            }
        }
    }
}
