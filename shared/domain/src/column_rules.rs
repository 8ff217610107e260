//! Which columns a model leaves out, and why: empty ones, constants, duplicates, identifiers and text that is nearly all distinct and has
//! no words to learn from.

use std::{collections::HashSet, fmt};

use crate::{ColumnKind, ColumnProfile, Profile, TargetRelations, TextStats};

/// A constant column's share of one value, in all rows.
const QUASI_CONSTANT_SHARE: f64 = 0.98;
/// Text with more distinct values than this share of the rows is no list of categories: only its words and length tell a model something.
const HIGH_CARDINALITY_SHARE: f64 = 0.5;
/// Texts of so many words on average differ in length in a way that tells something, even where no word is common.
const WORDS_OF_PROSE: f64 = 3.0;
/// Text is a code when more than this share is distinct …
const CODE_UNIQUE_SHARE: f64 = 0.95;
/// … and more than this share of its first values looks like one.
const CODE_LIKE_SHARE: f64 = 0.9;
/// A column with an identifier's name is one when at least this share of its values is distinct.
const NAMED_UNIQUE_SHARE: f64 = 0.5;
/// An estimated number of distinct values above this share of the rows may well be all of them.
const ESTIMATED_AS_ALL: f64 = 0.95;

/// Why a column is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// No value in any row.
    Empty,
    /// One value in at least 98 % of the rows.
    Constant,
    /// The same values as an earlier column.
    Duplicate {
        /// The earlier column.
        of: String,
    },
    /// The target in other words.
    Leak,
    /// Names the row instead of describing it.
    Identifier,
    /// Text, more than half of it distinct, without words to learn from.
    HighCardinality,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("without any value"),
            Self::Constant => f.write_str("constant or nearly so"),
            Self::Duplicate { of } => write!(f, "duplicate of '{of}'"),
            Self::Leak => f.write_str("the target in other words"),
            Self::Identifier => f.write_str("identifier"),
            Self::HighCardinality => f.write_str("text with mostly distinct values"),
        }
    }
}

/// The columns that a model of `target` leaves out, in the order of the table, each with the first reason that applies. The target is never
/// left out. When every feature is empty or nearly constant, none is left out for that, and when nothing else remained, neither is the
/// target in other words.
pub fn exclusions(profile: &Profile, target: &str, relations: &TargetRelations) -> Vec<(String, Exclusion)> {
    left_out(profile, Some(target), relations)
}

/// The same of a table of which nobody has said yet what is to be predicted: what any model would leave out.
pub(crate) fn left_out(profile: &Profile, target: Option<&str>, relations: &TargetRelations) -> Vec<(String, Exclusion)> {
    let features = || profile.columns.iter().filter(|column| Some(column.name.as_str()) != target);
    let tells_nothing = |column: &ColumnProfile| column.unique == 0 || is_quasi_constant(column, profile.rows);
    let all_constant = features().all(tells_nothing);
    let target_repeats = target.and_then(|target| profile.column(target)?.duplicate_of.as_deref());
    let repeats_target = |column: &ColumnProfile| {
        let repeats = column.duplicate_of.as_deref();
        target.is_some_and(|target| repeats == Some(target))
            || target_repeats.is_some_and(|repeated| repeated == column.name || repeats == Some(repeated))
    };
    let copies: HashSet<&str> =
        relations.features.iter().filter(|relation| relation.is_copy).map(|relation| relation.column.as_str()).collect();
    let reason = |column: &ColumnProfile| {
        if !all_constant && tells_nothing(column) {
            return Some(if column.unique == 0 { Exclusion::Empty } else { Exclusion::Constant });
        }
        if repeats_target(column) || copies.contains(column.name.as_str()) {
            return Some(Exclusion::Leak);
        }
        if let Some(of) = &column.duplicate_of {
            return Some(Exclusion::Duplicate { of: of.clone() });
        }
        if is_identifier(column, profile.rows) {
            return Some(Exclusion::Identifier);
        }
        let is_distinct = is_high_cardinality(column, profile.rows, HIGH_CARDINALITY_SHARE);
        (is_distinct && !is_read_as_text(column, profile.rows)).then_some(Exclusion::HighCardinality)
    };
    let mut left_out: Vec<(String, Exclusion)> = features().filter_map(|column| Some((column.name.clone(), reason(column)?))).collect();
    if left_out.len() == features().count() {
        left_out.retain(|(_, reason)| *reason != Exclusion::Leak);
    }
    left_out
}

/// At most one distinct value.
pub fn is_constant(column: &ColumnProfile) -> bool {
    column.unique <= 1
}

/// One value fills at least 98 % of all rows; a column without any value does not count as one.
pub fn is_quasi_constant(column: &ColumnProfile, rows: u64) -> bool {
    rows > 0 && column.top_count() as f64 >= QUASI_CONSTANT_SHARE * rows as f64
}

/// Text whose distinct values are more than `share` of the rows.
pub fn is_high_cardinality(column: &ColumnProfile, rows: u64, share: f64) -> bool {
    column.kind == ColumnKind::Text && column.unique as f64 > share * rows as f64
}

/// Text that is not learned as categories but by its length and its words: mostly distinct, and either some words are in many rows or the
/// texts have several words each. Digits that keep their zeros are no prose.
pub fn is_read_as_text(column: &ColumnProfile, rows: u64) -> bool {
    let has_words = |text: &TextStats| text.common_words > 0 || text.mean_words >= WORDS_OF_PROSE;
    is_high_cardinality(column, rows, HIGH_CARDINALITY_SHARE) && !column.digits_only && column.text.as_ref().is_some_and(has_words)
}

/// An identifier: its name reads as one and most of its values differ, or it is a column of consecutive whole numbers in any order, or of
/// distinct codes. Of a column without any value, the name decides.
pub fn is_identifier(column: &ColumnProfile, rows: u64) -> bool {
    let present = rows - column.missing.min(rows);
    let mostly_distinct = column.unique as f64 >= NAMED_UNIQUE_SHARE * present as f64;
    match column.kind {
        _ if present == 0 => is_identifier_name(&column.name),
        _ if is_identifier_name(&column.name) && mostly_distinct && !matches!(column.kind, ColumnKind::Boolean | ColumnKind::Date) => true,
        ColumnKind::Integer => is_consecutive(column, rows),
        ColumnKind::Text => column.unique as f64 > CODE_UNIQUE_SHARE * rows as f64 && column.code_like_share > CODE_LIKE_SHARE,
        ColumnKind::Float | ColumnKind::Boolean | ColumnKind::Date => false,
    }
}

fn is_consecutive(column: &ColumnProfile, rows: u64) -> bool {
    let all_distinct = if column.unique_exact { column.unique == rows } else { column.unique as f64 > ESTIMATED_AS_ALL * rows as f64 };
    column.missing == 0
        && all_distinct
        && rows > 1
        && column.numeric.as_ref().is_some_and(|stats| (stats.max - stats.min - (rows - 1) as f64).abs() < 0.5)
}

/// Whether a name reads as an identifier's: one of its words is `id`, or it is a UUID, an index or a row's number. Words end at
/// signs and where a capital letter follows a small one: `user_id`, `Order ID`, `orderId`, but not `paid` or `ordered_width`.
pub fn is_identifier_name(name: &str) -> bool {
    let words = words(name);
    let whole = words.concat();
    let owners = ["order", "customer", "user", "transaction", "product", "session", "record", "row"];
    words.iter().any(|word| word == "id")
        || matches!(whole.as_str(), "uuid" | "guid" | "index")
        || owners.iter().any(|owner| whole.strip_prefix(owner) == Some("id"))
        || whole.starts_with("serial")
        || (whole.starts_with("row") && whole.contains("num"))
}

/// A name's words in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NumericStats, TopValue};

    fn column(name: &str, kind: ColumnKind, unique: u64, missing: u64, top: u64) -> ColumnProfile {
        ColumnProfile {
            name: name.to_owned(),
            kind,
            missing,
            unique,
            unique_exact: true,
            top_values: if top == 0 { vec![] } else { vec![TopValue { value: "x".to_owned(), count: top }] },
            code_like_share: 1.0,
            ..ColumnProfile::default()
        }
    }

    fn ranged(min: f64, max: f64) -> NumericStats {
        NumericStats { min, max, is_integer: true, ..NumericStats::default() }
    }

    fn table(rows: u64, columns: Vec<ColumnProfile>) -> Profile {
        Profile { rows, columns, ..Profile::default() }
    }

    #[test]
    fn names_that_read_as_identifiers() {
        let identifiers = [
            "id",
            "ID",
            "Id",
            "customer_id",
            "CUSTOMER_ID",
            "user_id",
            "userId",
            "order_id",
            "orderId",
            "transaction_id",
            "product_id",
            "session_id",
            "uuid",
            "UUID",
            "guid",
            "GUID",
            "index",
            "row_num",
            "rownum",
            "serial",
            "record_id",
            "User ID",
            "_id",
            "id_x",
            "a_id_b",
            "INDEX ",
            "rowcount_number",
            "serialno",
            "serial killer",
        ];
        for name in identifiers {
            assert!(is_identifier_name(name), "{name}");
        }
    }

    #[test]
    fn names_that_do_not() {
        let others = [
            "ordered_width",
            "customer_paid",
            "product_width",
            "transaction_valid",
            "order_void",
            "user_fluid",
            "record_fluid",
            "productidea",
            "age",
            "AGE",
            "income",
            "salary",
            "price",
            "cost",
            "quantity",
            "amount",
            "rating",
            "score",
            "height",
            "weight",
            "category",
            "type",
            "name",
            "description",
            "date",
            "timestamp",
            "is_active",
            "has_value",
            "index2",
            "uuid_col",
            "midi",
            "identity",
            "valid",
            "paid",
        ];
        for name in others {
            assert!(!is_identifier_name(name), "{name}");
        }
    }

    #[test]
    fn consecutive_whole_numbers_are_identifiers() {
        let with_range = |kind, unique, min, max| ColumnProfile { numeric: Some(ranged(min, max)), ..column("n", kind, unique, 0, 1) };
        assert!(is_identifier(&with_range(ColumnKind::Integer, 5, 1.0, 5.0), 5), "3, 1, 2, 5, 4");
        assert!(!is_identifier(&with_range(ColumnKind::Float, 3, 1.0, 3.0), 3), "floats");
        assert!(!is_identifier(&with_range(ColumnKind::Integer, 3, 2.0, 6.0), 3), "2, 4, 6");
        assert!(!is_identifier(&with_range(ColumnKind::Integer, 4, 1.0, 5.0), 5), "repeated");
    }

    #[test]
    fn distinct_codes_are_identifiers() {
        assert!(is_identifier(&column("c", ColumnKind::Text, 100, 0, 1), 100));
        assert!(is_identifier(&column("c", ColumnKind::Text, 96, 0, 2), 100));
        assert!(!is_identifier(&column("c", ColumnKind::Text, 95, 0, 2), 100));
        let with_blanks = ColumnProfile { code_like_share: 0.0, ..column("c", ColumnKind::Text, 100, 0, 1) };
        assert!(!is_identifier(&with_blanks, 100));
        assert!(is_identifier(&column("id", ColumnKind::Float, 0, 0, 0), 0), "by name alone");
    }

    #[test]
    fn constants() {
        assert!(is_constant(&column("c", ColumnKind::Integer, 1, 0, 5)));
        assert!(is_constant(&column("c", ColumnKind::Float, 0, 5, 0)), "nothing but missing");
        assert!(is_constant(&column("c", ColumnKind::Float, 0, 0, 0)), "no rows");
        assert!(!is_constant(&column("c", ColumnKind::Integer, 2, 0, 4)));
    }

    #[test]
    fn near_constants_are_counted_over_all_rows() {
        let of = |top, missing| column("c", ColumnKind::Integer, 2, missing, top);
        assert!(is_quasi_constant(&of(98, 0), 100));
        assert!(is_quasi_constant(&of(99, 0), 100));
        assert!(!is_quasi_constant(&of(97, 0), 100));
        assert!(!is_quasi_constant(&of(60, 40), 100));
        assert!(!is_quasi_constant(&of(0, 100), 100), "nothing but missing");
    }

    #[test]
    fn high_cardinality_is_for_text() {
        assert!(!is_high_cardinality(&column("c", ColumnKind::Text, 5, 0, 1), 10, HIGH_CARDINALITY_SHARE));
        assert!(is_high_cardinality(&column("c", ColumnKind::Text, 6, 0, 1), 10, HIGH_CARDINALITY_SHARE));
        assert!(!is_high_cardinality(&column("c", ColumnKind::Float, 10, 0, 1), 10, HIGH_CARDINALITY_SHARE));
        assert!(!is_high_cardinality(&column("c", ColumnKind::Text, 5, 0, 1), 10, 0.8));
        assert!(is_high_cardinality(&column("c", ColumnKind::Text, 5, 0, 1), 10, 0.3));
    }

    #[test]
    fn distinct_text_is_learned_from_where_it_has_words() {
        let with = |mean_words, common_words| ColumnProfile {
            text: Some(TextStats { mean_words, common_words, ..TextStats::default() }),
            code_like_share: 0.0,
            ..column("t", ColumnKind::Text, 90, 0, 1)
        };
        let left_out = |text: ColumnProfile| {
            let profile = table(100, vec![text, column("a", ColumnKind::Integer, 9, 0, 20), column("y", ColumnKind::Integer, 2, 0, 50)]);
            exclusions(&profile, "y", &TargetRelations::default())
        };
        let distinct = vec![("t".to_owned(), Exclusion::HighCardinality)];
        assert_eq!(left_out(with(1.0, 0)), distinct);
        assert_eq!(left_out(with(2.9, 0)), distinct);
        assert_eq!(left_out(with(3.0, 0)), vec![], "sentences");
        assert_eq!(left_out(with(1.0, 1)), vec![], "a word that many rows have");
        assert_eq!(left_out(ColumnProfile { digits_only: true, ..with(1.0, 1) }), distinct);
        assert_eq!(left_out(ColumnProfile { text: None, ..with(1.0, 1) }), distinct, "profiles of before words were counted");
        let code = ColumnProfile { code_like_share: 1.0, unique: 99, ..with(1.0, 1) };
        assert_eq!(left_out(code), vec![("t".to_owned(), Exclusion::Identifier)]);
        assert!(!is_read_as_text(&ColumnProfile { unique: 50, ..with(5.0, 9) }, 100), "texts that repeat are categories");
    }

    #[test]
    fn nothing_is_left_out_when_every_feature_is_constant() {
        let constant = |name: &str| column(name, ColumnKind::Integer, 1, 0, 100);
        let profile = table(100, vec![constant("a"), constant("b"), column("y", ColumnKind::Integer, 2, 0, 50)]);
        assert_eq!(exclusions(&profile, "y", &TargetRelations::default()), vec![]);
    }

    #[test]
    fn a_column_without_any_value_goes() {
        let empty = ColumnProfile { missing: 100, ..column("e", ColumnKind::Float, 0, 100, 0) };
        let profile = table(100, vec![empty, column("a", ColumnKind::Integer, 9, 0, 20), column("y", ColumnKind::Integer, 2, 0, 50)]);
        assert_eq!(exclusions(&profile, "y", &TargetRelations::default()), vec![("e".to_owned(), Exclusion::Empty)]);
    }

    #[test]
    fn a_copy_of_the_target_goes_and_so_does_a_copy_of_a_feature() {
        let copy =
            |name: &str, of: &str| ColumnProfile { duplicate_of: Some(of.to_owned()), ..column(name, ColumnKind::Integer, 9, 0, 20) };
        let feature = column("a", ColumnKind::Integer, 9, 0, 20);
        let target = column("y", ColumnKind::Integer, 2, 0, 50);
        let profile = table(100, vec![target, feature, copy("b", "a"), copy("leak", "y")]);
        assert_eq!(
            exclusions(&profile, "y", &TargetRelations::default()),
            vec![("b".to_owned(), Exclusion::Duplicate { of: "a".to_owned() }), ("leak".to_owned(), Exclusion::Leak)]
        );
    }
}
