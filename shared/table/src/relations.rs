//! The target against each feature alone, from a sample of a table's rows: how much groups of the feature's values tell of the target, in
//! the half of the rows in which they were not made, and what the target is in some groups for a reader to see.
//!
//! Numbers are grouped by quantiles, texts by value. Of classes the score is one less the ratio of the log loss that the groups' shares
//! reach to that of the shares in all rows (the uncertainty coefficient, measured out of sample); of numbers it is R².

use std::{cmp::Reverse, collections::HashMap, path::Path};

use domain::{ColumnKind, ColumnProfile, ProblemType, Profile, TargetGroup, TargetRelation, TargetRelations, date};
use rayon::prelude::*;

use crate::{Column, Frame, TableError, Values, parquet_file::read_sample};

/// Rows that are looked at, and their cells, at most.
const ROWS: usize = 20_000;
const CELLS: usize = 8_000_000;
/// Groups of numbers that a score is measured with, at most, and the rows of one, at least; groups that are shown.
const SCORED_GROUPS: usize = 32;
const SCORED_GROUP_ROWS: usize = 60;
const SHOWN_GROUPS: usize = 10;
/// Classes whose shares are shown.
const SHOWN_CLASSES: usize = 8;
/// Classes beyond which all others are one.
const MOST_CLASSES: usize = 50;
/// Rows below which nothing is called a copy: it may be chance.
const COPY_ROWS: usize = 200;
/// The correlation from which a number is another one in proportion.
const PROPORTIONAL: f64 = 0.999_999;

/// The relations of a table that [`crate::ingest`] wrote.
pub fn relations(parquet: &Path, profile: &Profile, target: &str, problem_type: ProblemType) -> Result<TargetRelations, TableError> {
    let rows = ROWS.min(CELLS / profile.columns.len().max(1));
    Ok(of_frame(&read_sample(parquet, rows)?, profile, target, problem_type))
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
    let numbers = numbers_of(column, known.kind, rows);
    let grouped = |groups: usize| match &numbers {
        Some(numbers) => by_quantile(numbers, known.kind, groups),
        None => by_value(column, Some(rows), groups),
    };
    let scored = grouped(if numbers.is_some() { (rows.len() / SCORED_GROUP_ROWS).clamp(4, SCORED_GROUPS) } else { usize::MAX });
    let score = match target {
        Target::Classes { codes, count } => score_of_classes(&scored, codes, *count),
        Target::Numbers(values) => score_of_numbers(&scored, values),
    };
    let (score, is_copy) = match (target, &numbers) {
        (Target::Numbers(values), Some(numbers)) => {
            let linear = correlation(numbers, values);
            (score.max(linear * linear), values.len() >= COPY_ROWS && linear.abs() >= PROPORTIONAL)
        }
        (Target::Classes { codes, count }, _) => {
            let may_be = codes.len() >= COPY_ROWS && known.unique <= *count as u64;
            (score, may_be && is_one_to_one(&by_value(column, Some(rows), usize::MAX), codes, *count))
        }
        _ => (score, false),
    };
    let groups = shown_groups(&grouped(SHOWN_GROUPS), target, classes);
    TargetRelation { column: column.name.clone(), score: score.clamp(0.0, 1.0), is_copy, groups }
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
fn by_quantile(numbers: &[f64], kind: ColumnKind, groups: usize) -> Grouped {
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    // The last number of each group.
    let ends: Vec<f64> = if distinct.len() <= groups {
        distinct
    } else {
        let mut ends: Vec<f64> = (1..=groups).filter_map(|group| sorted.get((group * sorted.len() / groups).max(1) - 1).copied()).collect();
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

/// Whether groups are fitted on the row: about every second one is, in no pattern that a table might have too.
fn is_fitted(row: usize) -> bool {
    (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 0
}

fn score_of_classes(grouped: &Grouped, classes: &[u32], count: usize) -> f64 {
    let mut all = vec![1.0; count];
    let mut groups = vec![0.0; grouped.labels.len() * count];
    let pairs = || grouped.codes.iter().zip(classes).map(|(group, class)| (*group as usize, *class as usize));
    for (_, (group, class)) in pairs().enumerate().filter(|(row, _)| is_fitted(*row)) {
        if let (Some(count), Some(in_group)) = (all.get_mut(class), groups.get_mut(group * count + class)) {
            *count += 1.0;
            *in_group += 1.0;
        }
    }
    let rows: f64 = all.iter().sum();
    let sizes: Vec<f64> = groups.chunks(count.max(1)).map(|group| group.iter().sum()).collect();
    let (mut alone, mut grouped_loss) = (0.0, 0.0);
    for (_, (group, class)) in pairs().enumerate().filter(|(row, _)| !is_fitted(*row)) {
        let (Some(in_all), Some(in_group), Some(size)) = (all.get(class), groups.get(group * count + class), sizes.get(group)) else {
            continue;
        };
        let prior: f64 = in_all / rows;
        alone -= prior.ln();
        // One row of the whole table is added to each group.
        grouped_loss -= ((in_group + prior) / (size + 1.0)).ln();
    }
    if alone > 0.0 { 1.0 - grouped_loss / alone } else { 0.0 }
}

fn score_of_numbers(grouped: &Grouped, values: &[f64]) -> f64 {
    let pairs = || grouped.codes.iter().zip(values).map(|(group, value)| (*group as usize, *value));
    let (mut n, mut sum) = (0.0, 0.0);
    let mut groups = vec![(0.0, 0.0); grouped.labels.len()];
    for (_, (group, value)) in pairs().enumerate().filter(|(row, _)| is_fitted(*row)) {
        (n, sum) = (n + 1.0, sum + value);
        if let Some(group) = groups.get_mut(group) {
            *group = (group.0 + 1.0, group.1 + value);
        }
    }
    let mean = sum / n;
    let (mut alone, mut explained) = (0.0, 0.0);
    for (_, (group, value)) in pairs().enumerate().filter(|(row, _)| !is_fitted(*row)) {
        let (size, sum) = groups.get(group).copied().unwrap_or_default();
        let of_group = (sum + mean) / (size + 1.0);
        alone += (value - mean).powi(2);
        explained += (value - of_group).powi(2);
    }
    if alone > 0.0 { 1.0 - explained / alone } else { 0.0 }
}

/// Pearson's, over the rows in which both are known; 0 where one is missing in some.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (x_mean, y_mean) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - x_mean, y - y_mean);
        (xx, yy, xy) = (xx + dx * dx, yy + dy * dy, xy + dx * dy);
    }
    let value = xy / (xx * yy).sqrt();
    if value.is_finite() { value } else { 0.0 }
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

    const ROWS: usize = 400;

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
                numbers("square", |row| (value(row) - 500.0).powi(2)),
                numbers("gaps", |row| if row % 3 == 0 { f64::NAN } else { value(row) }),
                texts("low", &["low", "high"], |row| u32::from(value(row) > 500.0)),
            ],
            ProblemType::Regression,
        );
        let of = |name| relations.of(name).unwrap();
        assert!(of("feet").is_copy && of("feet").score > 0.999);
        assert!(!of("square").is_copy && of("square").score < 0.2);
        assert!(!of("gaps").is_copy && of("gaps").groups.iter().any(|group| group.label == "missing" && group.rows == 134));
        assert!((0.6..0.9).contains(&of("low").score), "{}", of("low").score);
        assert!(of("low").groups.iter().all(|group| group.mean.is_some()));
    }
}
