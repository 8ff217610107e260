//! Column names from the first record: an empty one becomes `Unnamed: 3` (its position from 0), a repeated one `a.1`, `a.2`, …

use std::collections::{HashMap, HashSet};

/// Names that are unique, in the order of the file.
pub(crate) fn unique_names(header: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut repeats: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::with_capacity(header.len());
    for (position, given) in header.iter().enumerate() {
        let base = if given.is_empty() { format!("Unnamed: {position}") } else { given.clone() };
        let mut name = base.clone();
        while taken.contains(&name) || (name != base && header.contains(&name)) {
            let repeat = repeats.entry(base.clone()).or_insert(0);
            *repeat += 1;
            name = format!("{base}.{repeat}");
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_empty_headers_get_names_of_their_own() {
        let names = |header: &[&str]| unique_names(&header.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(names(&["a", "a", "a"]), ["a", "a.1", "a.2"]);
        assert_eq!(names(&["a", "", ""]), ["a", "Unnamed: 1", "Unnamed: 2"]);
        assert_eq!(names(&["a", "a", "a.1"]), ["a", "a.2", "a.1"]);
        assert_eq!(names(&[" b", "b "]), [" b", "b "], "blanks are kept");
    }
}
