//! The owner's names for the classes of a numeric target.

use std::collections::BTreeMap;

/// Puts the names of `names`, by value, in the place of the labels. Values are compared as numbers: `1`, `1.0` and `01` are one.
pub(crate) fn rename(labels: &mut BTreeMap<String, String>, names: &BTreeMap<String, String>) {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    for (value, label) in labels {
        if let Some(name) = names.iter().find(|(named, _)| number(named).is_some() && number(named) == number(value)) {
            label.clone_from(name.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_get_the_names_of_their_values() {
        let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        let mut labels = texts(&[("0", "0"), ("1.5", "1.5"), ("2", "2")]);
        rename(&mut labels, &texts(&[("0.0", "stays"), ("1.50", "leaves")]));
        assert_eq!(labels, texts(&[("0", "stays"), ("1.5", "leaves"), ("2", "2")]));
    }
}
