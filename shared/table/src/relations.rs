//! The target against each feature alone, from a sample of a table's rows: how much groups of the feature's values tell of the target, and
//! what the target is in some groups for a reader to see.
//!
//! Numbers are cut where that tells most of the target (`cuts`), texts are grouped by value. The groups are made in some
//! rows and judged in others (`score`). A numeric target may also follow a number in proportion or in order: Pearson's and Spearman's
//! correlations count as well.

mod cuts;
mod score;

use std::{cmp::Reverse, collections::HashMap, path::Path};

use domain::{ColumnKind, ColumnProfile, ProblemType, Profile, TargetGroup, TargetRelation, TargetRelations, date};
use rayon::prelude::*;

use crate::{
    Column, Frame, TableError, Values,
    parquet_file::{picked, read_parquet, read_sample, write_sample},
};
use cuts::cuts;
use score::{Errors, correlation, parts, ranks};

/// Rows that are looked at, and their cells, at most.
const ROWS: usize = 20_000;
const CELLS: usize = 8_000_000;
/// Groups that are shown.
const SHOWN_GROUPS: usize = 10;
/// Classes whose shares are shown.
const SHOWN_CLASSES: usize = 8;
/// Classes beyond which all others are one.
const MOST_CLASSES: usize = 50;
/// Rows below which nothing is called a copy: it may be chance.
const COPY_ROWS: usize = 200;
/// The correlation from which a number is another one in proportion, or in order, and the share of rows in which it must be known.
const PROPORTIONAL: f64 = 0.999_999;
const KNOWN_SHARE: f64 = 0.99;

/// The relations of a table that [`crate::ingest`] wrote.
pub fn relations(parquet: &Path, profile: &Profile, target: &str, problem_type: ProblemType) -> Result<TargetRelations, TableError> {
    Ok(of_frame(&read_sample(parquet, sampled_rows(profile))?, profile, target, problem_type))
}

/// Writes the rows of a table that [`relations`] looks at to `sample`, so that [`relations_of_sample`] finds the same in them. False, and
/// nothing is written, where those are all rows.
pub fn sample_for_relations(parquet: &Path, profile: &Profile, sample: &Path) -> Result<bool, TableError> {
    let is_part = is_sampled_for_relations(profile);
    if is_part {
        write_sample(parquet, sampled_rows(profile), sample)?;
    }
    Ok(is_part)
}

/// Whether [`relations`] looks at a part of the table's rows only.
pub fn is_sampled_for_relations(profile: &Profile) -> bool {
    usize::try_from(profile.rows).is_ok_and(|rows| picked(rows, sampled_rows(profile)).is_some())
}

/// The relations of the table that `sample` was taken from.
pub fn relations_of_sample(
    sample: &Path,
    profile: &Profile,
    target: &str,
    problem_type: ProblemType,
) -> Result<TargetRelations, TableError> {
    Ok(of_frame(&read_parquet(sample)?, profile, target, problem_type))
}

/// Rows that relations of a table are looked for in, at most.
fn sampled_rows(profile: &Profile) -> usize {
    ROWS.min(CELLS / profile.columns.len().max(1))
}

/// What is learned from in the sample.
enum Target {
    Classes { codes: Vec<u32>, count: usize },
    Numbers(Vec<f64>),
}

fn of_frame(frame: &Frame, profile: &Profile, target: &str, problem_type: ProblemType) -> TargetRelations {
    let Some(column) = frame.column(target) else { return TargetRelations::default() };
    let (rows, classes, values) = match (problem_type, &column.values) {
        (ProblemType::Regression, Values::Numbers(values)) => {
            let (rows, values) = values.iter().enumerate().filter(|(_, value)| value.is_finite()).map(|(row, value)| (row, *value)).unzip();
            (rows, Vec::new(), Target::Numbers(values))
        }
        _ => classes_of(column),
    };
    let features: Vec<(&Column, &ColumnProfile)> = frame
        .columns
        .iter()
        .filter(|column| column.name != target)
        .filter_map(|column| Some((column, profile.column(&column.name)?)))
        .collect();
    let mut features: Vec<TargetRelation> =
        features.par_iter().map(|(column, known)| relation(column, known, &rows, &values, classes.len())).collect();
    features.sort_by(|a, b| b.score.total_cmp(&a.score));
    TargetRelations { rows: rows.len() as u64, classes, features }
}

/// The rows with a class, the classes that are shown, and each row's.
fn classes_of(column: &Column) -> (Vec<usize>, Vec<String>, Target) {
    let grouped = by_value(column, None, usize::MAX);
    let mut rows = Vec::new();
    let mut codes = Vec::new();
    for (row, code) in grouped.codes.iter().enumerate().filter(|(_, code)| Some(**code) != grouped.missing) {
        rows.push(row);
        codes.push((*code).min(MOST_CLASSES as u32));
    }
    let count = codes.iter().max().map_or(0, |most| *most as usize + 1);
    let shown = if grouped.missing == Some(0) { Vec::new() } else { grouped.labels.into_iter().take(count.min(SHOWN_CLASSES)).collect() };
    (rows, shown, Target::Classes { codes, count })
}

/// A group for each row.
struct Grouped {
    codes: Vec<u32>,
    labels: Vec<String>,
    /// The group of rows without a value.
    missing: Option<u32>,
}

fn relation(column: &Column, known: &ColumnProfile, rows: &[usize], target: &Target, classes: usize) -> TargetRelation {
    let (score, is_copy, shown) = if let Some(numbers) = numbers_of(column, known.kind, rows) {
        let order = ascending(&numbers);
        let score = score_by_cuts(&numbers, &order, target);
        let (score, is_copy) = match target {
            Target::Numbers(values) => {
                let (together, is_copy) = together(&numbers, &order, values);
                (score.max(together), is_copy)
            }
            Target::Classes { .. } => (score, is_recoded(column, known, rows, target)),
        };
        (score, is_copy, by_quantile(&numbers, &order, known.kind))
    } else {
        let grouped = by_value(column, Some(rows), usize::MAX);
        let mut errors = Errors::default();
        parts(rows.len()).all().for_each(|part| errors.add(Errors::of(&grouped, target, parts(rows.len()), part)));
        (errors.score(), is_recoded(column, known, rows, target), by_value(column, Some(rows), SHOWN_GROUPS))
    };
    let groups = shown_groups(&shown, target, classes);
    TargetRelation { column: column.name.clone(), score: score.clamp(0.0, 1.0), is_copy, groups }
}

/// The rows that have a number, in ascending order of it.
fn ascending(numbers: &[f64]) -> Vec<u32> {
    let mut known: Vec<(f64, u32)> = numbers.iter().copied().zip(0..).filter(|(number, _)| !number.is_nan()).collect();
    known.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    known.into_iter().map(|(_, row)| row).collect()
}

/// What groups of numbers tell in each part of the rows, cut in the others.
fn score_by_cuts(numbers: &[f64], order: &[u32], target: &Target) -> f64 {
    let mut errors = Errors::default();
    let parts = parts(numbers.len());
    for part in parts.all() {
        let others: Vec<u32> = order.iter().copied().filter(|row| parts.of(*row as usize) != part).collect();
        let ends = cuts(&others, numbers, target);
        let missing = ends.len() as u32 + 1;
        let code = |number: &f64| if number.is_nan() { missing } else { ends.partition_point(|end| end < number) as u32 };
        let grouped =
            Grouped { codes: numbers.iter().map(code).collect(), labels: vec![String::new(); ends.len() + 2], missing: Some(missing) };
        errors.add(Errors::of(&grouped, target, parts, part));
    }
    errors.score()
}

/// The share of the target's variance, or of that of its ranks, that follows the numbers, and whether all of it does: where the feature is
/// the target in another unit or on another scale.
fn together(numbers: &[f64], order: &[u32], values: &[f64]) -> (f64, bool) {
    let is_known = |row: &u32| numbers.get(*row as usize).is_some_and(|number| !number.is_nan());
    let values_order: Vec<u32> = ascending(values).into_iter().filter(is_known).collect();
    let of_known = |all: &[f64]| order.iter().filter_map(|row| all.get(*row as usize).copied()).collect::<Vec<f64>>();
    let linear = correlation(&of_known(numbers), &of_known(values));
    let ranked = correlation(&of_known(&ranks(order, numbers)), &of_known(&ranks(&values_order, values)));
    let known = order.len() as f64 / values.len().max(1) as f64;
    let strongest = linear.abs().max(ranked.abs());
    (strongest * strongest * known, order.len() >= COPY_ROWS && known >= KNOWN_SHARE && strongest >= PROPORTIONAL)
}

/// Whether each value stands for one class and each class for one value.
fn is_recoded(column: &Column, known: &ColumnProfile, rows: &[usize], target: &Target) -> bool {
    match target {
        Target::Classes { codes, count } if codes.len() >= COPY_ROWS && known.unique <= *count as u64 => {
            is_one_to_one(&by_value(column, Some(rows), usize::MAX), codes, *count)
        }
        _ => false,
    }
}

/// Numbers and moments as numbers, NaN where there is none; `None` of categories.
fn numbers_of(column: &Column, kind: ColumnKind, rows: &[usize]) -> Option<Vec<f64>> {
    match &column.values {
        Values::Numbers(values) => {
            Some(rows.iter().map(|row| values.get(*row).copied().filter(|value| value.is_finite()).unwrap_or(f64::NAN)).collect())
        }
        Values::Texts(texts) if kind == ColumnKind::Date => {
            let iso = date::Order::all().next()?;
            let moments: Vec<f64> =
                texts.dictionary.iter().map(|text| iso.parse(text.as_bytes()).map_or(f64::NAN, |moment| moment as f64)).collect();
            let moment = |row: &usize| texts.codes.get(*row).and_then(|code| moments.get(*code as usize)).copied().unwrap_or(f64::NAN);
            Some(rows.iter().map(moment).collect())
        }
        _ => None,
    }
}

/// Groups of about as many rows, in the order of the numbers.
fn by_quantile(numbers: &[f64], order: &[u32], kind: ColumnKind) -> Grouped {
    let sorted: Vec<f64> = order.iter().filter_map(|row| numbers.get(*row as usize).copied()).collect();
    let mut distinct = sorted.clone();
    distinct.dedup();
    // The last number of each group.
    let ends: Vec<f64> = if distinct.len() <= SHOWN_GROUPS {
        distinct
    } else {
        let end = |group: usize| sorted.get((group * sorted.len() / SHOWN_GROUPS).max(1) - 1).copied();
        let mut ends: Vec<f64> = (1..=SHOWN_GROUPS).filter_map(end).collect();
        ends.dedup();
        ends
    };
    let first_of = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| ends.get(before));
        before.map_or(sorted.first(), |before| sorted.get(sorted.partition_point(|number| number <= before))).copied().unwrap_or(f64::NAN)
    };
    let text = |number: f64| if kind == ColumnKind::Date { date::iso(number as i64) } else { short(number) };
    let label = |(at, end): (usize, &f64)| {
        let first = first_of(at);
        if first == *end { text(first) } else { format!("{} – {}", text(first), text(*end)) }
    };
    let mut labels: Vec<String> = ends.iter().enumerate().map(label).collect();
    let missing = (sorted.len() < numbers.len()).then(|| {
        labels.push("missing".to_owned());
        labels.len() as u32 - 1
    });
    let code = |number: &f64| if number.is_nan() { missing.unwrap_or(0) } else { ends.partition_point(|end| end < number) as u32 };
    Grouped { codes: numbers.iter().map(code).collect(), labels, missing }
}

/// A number in as few digits as tell it.
fn short(number: f64) -> String {
    let rounded = format!("{number:.3e}").parse::<f64>().unwrap_or(number);
    if number.fract() == 0.0 && number.abs() < 1e9 { number.to_string() } else { rounded.to_string() }
}

/// A group for each value, the most frequent first; those beyond `groups` are one.
fn by_value(column: &Column, rows: Option<&[usize]>, groups: usize) -> Grouped {
    const MISSING: u64 = u64::MAX;
    let all: Vec<usize> = if rows.is_none() { (0..length(column)).collect() } else { Vec::new() };
    let rows = rows.unwrap_or(&all);
    let value = |row: &usize| match &column.values {
        Values::Numbers(values) => values.get(*row).filter(|value| value.is_finite()).map_or(MISSING, |value| (value + 0.0).to_bits()),
        Values::Booleans(values) => values.get(*row).copied().flatten().map_or(MISSING, u64::from),
        Values::Texts(texts) => {
            texts.codes.get(*row).filter(|code| (**code as usize) < texts.dictionary.len()).map_or(MISSING, |code| u64::from(*code))
        }
    };
    let text = |value: u64| match &column.values {
        _ if value == MISSING => "missing".to_owned(),
        Values::Numbers(_) => f64::from_bits(value).to_string(),
        Values::Booleans(_) => if value == 1 { "True" } else { "False" }.to_owned(),
        Values::Texts(texts) => usize::try_from(value).ok().and_then(|code| texts.dictionary.get(code)).cloned().unwrap_or_default(),
    };
    let mut counts: HashMap<u64, u64> = HashMap::new();
    rows.iter().for_each(|row| *counts.entry(value(row)).or_insert(0) += 1);
    let mut values: Vec<(u64, u64)> = counts.into_iter().collect();
    values.sort_unstable_by_key(|(value, count)| (*value == MISSING, Reverse(*count), *value));
    let listed = if values.len() > groups { groups.saturating_sub(1) } else { values.len() };
    let mut labels: Vec<String> = values.iter().take(listed).map(|(value, _)| text(*value)).collect();
    if listed < values.len() {
        labels.push(format!("{} others", values.len() - listed));
    }
    let codes: HashMap<u64, u32> = values.iter().zip(0..).map(|((value, _), at)| (*value, at.min(listed as u32))).collect();
    let missing = codes.get(&MISSING).copied();
    Grouped { codes: rows.iter().map(|row| codes.get(&value(row)).copied().unwrap_or(0)).collect(), labels, missing }
}

fn length(column: &Column) -> usize {
    match &column.values {
        Values::Numbers(values) => values.len(),
        Values::Booleans(values) => values.len(),
        Values::Texts(texts) => texts.codes.len(),
    }
}

/// Whether each group is one class and each class one group.
fn is_one_to_one(grouped: &Grouped, classes: &[u32], count: usize) -> bool {
    if grouped.missing.is_some() || grouped.labels.len() != count || count < 2 {
        return false;
    }
    let mut class_of = vec![None; count];
    grouped.codes.iter().zip(classes).all(|(group, class)| match class_of.get_mut(*group as usize) {
        Some(known) => *known.get_or_insert(*class) == *class,
        None => false,
    })
}

fn shown_groups(grouped: &Grouped, target: &Target, classes: usize) -> Vec<TargetGroup> {
    let mut groups: Vec<TargetGroup> = grouped
        .labels
        .iter()
        .map(|label| TargetGroup { label: label.chars().take(60).collect(), shares: vec![0.0; classes], ..TargetGroup::default() })
        .collect();
    for (row, code) in grouped.codes.iter().enumerate() {
        let Some(group) = groups.get_mut(*code as usize) else { continue };
        group.rows += 1;
        match target {
            Target::Classes { codes, .. } => {
                if let Some(share) = codes.get(row).and_then(|class| group.shares.get_mut(*class as usize)) {
                    *share += 1.0;
                }
            }
            Target::Numbers(values) => *group.mean.get_or_insert(0.0) += values.get(row).copied().unwrap_or(0.0),
        }
    }
    groups.retain(|group| group.rows > 0);
    for group in &mut groups {
        let rows = group.rows as f64;
        group.shares.iter_mut().for_each(|share| *share /= rows);
        group.mean = group.mean.map(|sum| sum / rows);
    }
    groups
}

#[cfg(test)]
mod tests {
    use domain::ColumnProfile;

    use super::*;
    use crate::TextColumn;

    const ROWS: usize = 300;

    fn numbers(name: &str, value: impl Fn(usize) -> f64) -> Column {
        Column { name: name.to_owned(), values: Values::Numbers((0..ROWS).map(value).collect()) }
    }

    fn texts(name: &str, dictionary: &[&str], code: impl Fn(usize) -> u32) -> Column {
        let dictionary = dictionary.iter().map(ToString::to_string).collect();
        Column { name: name.to_owned(), values: Values::Texts(TextColumn { codes: (0..ROWS).map(code).collect(), dictionary }) }
    }

    fn noise(row: usize) -> usize {
        (row * 7_919 + row * row * 31) % 1_009
    }

    fn found(columns: Vec<Column>, problem_type: ProblemType) -> TargetRelations {
        let kind = |column: &Column| if matches!(column.values, Values::Texts(_)) { ColumnKind::Text } else { ColumnKind::Float };
        let profiles = columns.iter().map(|column| ColumnProfile {
            name: column.name.clone(),
            kind: kind(column),
            unique: 2,
            ..ColumnProfile::default()
        });
        let profile = Profile { columns: profiles.collect(), ..Profile::default() };
        of_frame(&Frame { rows: ROWS, columns }, &profile, "y", problem_type)
    }

    #[test]
    fn features_are_told_by_what_they_say_of_classes() {
        let class = |row: usize| (noise(row) % 2) as u32;
        let relations = found(
            vec![
                texts("y", &["no", "yes"], class),
                texts("copy", &["b", "a"], |row| 1 - class(row)),
                numbers("half", |row| f64::from(class(row)) * 10.0 + (noise(row + 7) % 15) as f64),
                numbers("none", |row| noise(row + 3) as f64 / 3.0),
            ],
            ProblemType::Classification,
        );
        let of = |name| relations.of(name).unwrap();
        assert_eq!(relations.classes.len(), 2);
        assert!(of("copy").is_copy && of("copy").score > 0.95, "{:?}", of("copy"));
        assert!(!of("half").is_copy && of("half").score > 0.3 && of("half").score < 0.9, "{}", of("half").score);
        assert!(of("none").score < 0.1 && !of("none").tells_nearly_all(), "{}", of("none").score);
        assert_eq!(of("copy").groups.iter().map(|group| group.rows).sum::<u64>(), ROWS as u64);
        assert!(of("copy").groups.iter().all(|group| group.shares.contains(&1.0)));
    }

    #[test]
    fn features_are_told_by_what_they_say_of_numbers() {
        let value = |row: usize| noise(row) as f64;
        let relations = found(
            vec![
                numbers("y", value),
                numbers("feet", |row| value(row) * 3.28 + 4.0),
                numbers("power", |row| (value(row) / 30.0).exp()),
                numbers("square", |row| (value(row) - 500.0).powi(2)),
                numbers("gaps", |row| if row % 3 == 0 { f64::NAN } else { value(row) }),
                texts("low", &["low", "high"], |row| u32::from(value(row) > 500.0)),
            ],
            ProblemType::Regression,
        );
        let of = |name| relations.of(name).unwrap();
        assert!(of("feet").is_copy && of("feet").score > 0.999);
        assert!(of("power").is_copy && of("power").score > 0.999, "the same on another scale");
        assert!(!of("square").is_copy && of("square").score < 0.5, "{}", of("square").score);
        assert!(!of("gaps").is_copy && of("gaps").groups.iter().any(|group| group.label == "missing" && group.rows == 100));
        assert!((0.6..0.9).contains(&of("low").score), "{}", of("low").score);
        assert!(of("low").groups.iter().all(|group| group.mean.is_some()));
    }

    #[test]
    fn a_bound_between_the_classes_of_a_small_table_is_found() {
        for bound in [100, 303, 500, 731, 950] {
            let relations = found(
                vec![
                    texts("y", &["no", "yes"], |row| u32::from(noise(row) > bound)),
                    numbers("x", |row| noise(row) as f64),
                    numbers("noisy", |row| (noise(row) + noise(row + 5) / 2) as f64),
                ],
                ProblemType::Classification,
            );
            let of = |name| relations.of(name).unwrap();
            assert!(of("x").tells_nearly_all() && !of("x").is_copy, "{bound}: {}", of("x").score);
            assert!(!of("noisy").tells_nearly_all(), "{bound}: {}", of("noisy").score);
        }
    }
}
