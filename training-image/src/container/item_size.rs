//! A job's item holds at most 400 KB. The model itself keeps every category and range; the item lists what a form can show.

use domain::PreprocessingInfo;

/// What the lists of categories may take together, and the numeric ranges, in bytes.
const MAX_CATEGORY_BYTES: usize = 150_000;
const MAX_RANGE_BYTES: usize = 80_000;
/// What an entry takes beside its text: a code and its marks, or the three figures of a range with their names.
const CATEGORY_OVERHEAD: usize = 6;
const RANGE_OVERHEAD: usize = 60;

/// `info` with lists that fit: of a feature with too many categories the first stay, in their order and with their codes.
pub(crate) fn fit(mut info: PreprocessingInfo) -> PreprocessingInfo {
    let mut allowance = MAX_CATEGORY_BYTES;
    while category_bytes(&info, allowance) > MAX_CATEGORY_BYTES {
        allowance /= 2;
    }
    for categories in info.categorical_mappings.values_mut() {
        let kept = kept_within(categories.keys(), allowance);
        if let Some(first_dropped) = categories.keys().nth(kept).cloned() {
            categories.split_off(&first_dropped);
        }
    }
    let mut range_bytes = 0;
    info.numeric_stats.retain(|name, _| {
        range_bytes += name.len() + RANGE_OVERHEAD;
        range_bytes <= MAX_RANGE_BYTES
    });
    info
}

/// The bytes of all lists when each may take `allowance`.
fn category_bytes(info: &PreprocessingInfo, allowance: usize) -> usize {
    let of_list = |list: &std::collections::BTreeMap<String, u32>| {
        list.keys().take(kept_within(list.keys(), allowance)).map(|category| category.len() + CATEGORY_OVERHEAD).sum::<usize>()
    };
    info.categorical_mappings.values().map(of_list).sum()
}

/// How many of the categories, from the first, take at most `allowance` bytes.
fn kept_within<'a>(categories: impl Iterator<Item = &'a String>, allowance: usize) -> usize {
    categories
        .scan(0, |bytes, category| {
            *bytes += category.len() + CATEGORY_OVERHEAD;
            Some(*bytes)
        })
        .take_while(|bytes| *bytes <= allowance)
        .count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::NumericRange;

    use super::*;

    fn with_categories(features: usize, categories: u32, length: usize) -> PreprocessingInfo {
        let list = |_| (0..categories).map(|code| (format!("{}{code:04}", "0".repeat(length - 4)), code)).collect::<BTreeMap<_, _>>();
        let mappings = (0..features).map(|feature| (format!("f{feature}"), list(feature))).collect();
        PreprocessingInfo { categorical_mappings: mappings, ..PreprocessingInfo::default() }
    }

    fn bytes(info: &PreprocessingInfo) -> usize {
        info.categorical_mappings.values().flatten().map(|(category, _)| category.len() + CATEGORY_OVERHEAD).sum()
    }

    #[test]
    fn lists_that_fit_stay_whole() {
        let info = with_categories(10, 100, 20);
        assert_eq!(fit(info.clone()), info);
    }

    #[test]
    fn lists_that_do_not_fit_keep_their_first_categories_and_codes() {
        let fitted = fit(with_categories(50, 1_000, 100));
        assert!(bytes(&fitted) <= MAX_CATEGORY_BYTES, "{} bytes", bytes(&fitted));
        assert!(bytes(&fitted) > MAX_CATEGORY_BYTES / 3, "{} bytes", bytes(&fitted));
        let list = &fitted.categorical_mappings["f7"];
        assert_eq!(list.values().copied().collect::<Vec<_>>(), (0..u32::try_from(list.len()).unwrap()).collect::<Vec<_>>());
    }

    #[test]
    fn a_short_list_stays_whole_beside_a_long_one() {
        let mut info = with_categories(1, 1_000, 1_000);
        info.categorical_mappings.insert("short".to_owned(), BTreeMap::from([("a".to_owned(), 0), ("b".to_owned(), 1)]));
        assert_eq!(fit(info).categorical_mappings["short"].len(), 2);
    }

    #[test]
    fn a_category_larger_than_the_item_is_left_out() {
        let fitted = fit(with_categories(1, 1, 1_000_000));
        assert!(fitted.categorical_mappings["f0"].is_empty());
    }

    #[test]
    fn the_ranges_of_a_very_wide_table_are_cut() {
        let range = NumericRange { min: 0.0, max: 1.0, is_integer: false };
        let numeric_stats = (0..4_096).map(|column| (format!("column {column}"), range.clone())).collect();
        let fitted = fit(PreprocessingInfo { numeric_stats, ..PreprocessingInfo::default() });
        assert!((1_000..1_300).contains(&fitted.numeric_stats.len()), "{}", fitted.numeric_stats.len());
    }
}
