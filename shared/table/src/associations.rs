//! How strongly pairs of columns go together, from a sample of the rows: Pearson's and Spearman's correlation of numbers, Cramér's V of
//! categories with Bergsma's correction ("A bias-correction for Cramér's V and Tschuprow's T", 2013), the correlation ratio of a number in
//! the groups of a category (Fisher), and the correlation of which cells are missing. Ranks are those among all values of a column, also
//! where the other one is missing.

use std::collections::HashMap;

use domain::{Association, ColumnProfile, Measure, Role};
use rayon::prelude::*;

use crate::sample::Kept;

/// Rows that are looked at, at most.
const ROWS: usize = 20_000;
/// Rows times pairs of columns.
const WORK: usize = 1_000_000_000;
/// Categories beyond which a text column is not compared.
const CATEGORIES: usize = 50;
/// The most pairs that are kept, and the weakest where there are more.
const PAIRS: usize = 2_000;
/// Rows that both columns must have.
const LEAST_ROWS: usize = 5;

/// A column made ready to be compared.
enum Ready {
    /// Values and ranks with mean 0 and length 1, 0 where missing; which are there, unless all are.
    Numbers { values: Vec<f64>, ranks: Vec<f64>, present: Option<Vec<bool>> },
    /// Codes from 0, `None` where missing.
    Categories { codes: Vec<Option<u32>>, count: usize },
}

/// The pairs of columns, the strongest first.
pub(crate) fn associations(columns: &[ColumnProfile], kept: &[Kept]) -> Vec<Association> {
    let rows = kept.first().map_or(0, length);
    let step = rows.div_ceil(ROWS).max(1);
    let used = rows / step;
    if used < LEAST_ROWS {
        return Vec::new();
    }
    let most = ((2 * WORK / used) as f64).sqrt() as usize;
    let compared: Vec<(usize, Ready)> = columns
        .par_iter()
        .zip(kept)
        .enumerate()
        .filter_map(|(at, (column, kept))| Some((at, ready(column, kept, step)?)))
        .collect::<Vec<_>>()
        .into_iter()
        .take(most)
        .collect();
    let mut pairs: Vec<Association> = (0..compared.len())
        .into_par_iter()
        .flat_map_iter(|first| {
            let compared = &compared;
            (first + 1..compared.len()).filter_map(move |second| {
                let ((one, x), (other, y)) = (compared.get(first)?, compared.get(second)?);
                let (measure, value, spearman) = compare(x, y)?;
                let name = |at: usize| columns.get(at).map(|column| column.name.clone());
                Some(Association { one: name(*one)?, other: name(*other)?, measure, value, spearman })
            })
        })
        .collect();
    pairs.extend(missing_together(columns, kept, step));
    pairs.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    pairs.truncate(PAIRS);
    pairs
}

fn strength(pair: &Association) -> f64 {
    pair.value.abs().max(pair.spearman.unwrap_or(0.0).abs())
}

fn length(kept: &Kept) -> usize {
    match kept {
        Kept::Numbers(values) => values.len(),
        Kept::Texts(values) => values.len(),
    }
}

fn ready(column: &ColumnProfile, kept: &Kept, step: usize) -> Option<Ready> {
    if matches!(column.role, Role::Constant | Role::Identifier | Role::FreeText) {
        return None;
    }
    match kept {
        Kept::Texts(hashes) => {
            let mut codes = HashMap::new();
            let code = |hash: Option<u64>| {
                let next = codes.len() as u32;
                hash.map(|hash| *codes.entry(hash).or_insert(next))
            };
            let coded: Vec<Option<u32>> = hashes.iter().copied().step_by(step).map(code).collect();
            (2..=CATEGORIES).contains(&codes.len()).then_some(Ready::Categories { codes: coded, count: codes.len() })
        }
        Kept::Numbers(values) if column.role == Role::Boolean => {
            let code = |value: f64| if value.is_nan() { None } else { Some(u32::from(value != 0.0)) };
            Some(Ready::Categories { codes: values.iter().copied().step_by(step).map(code).collect(), count: 2 })
        }
        Kept::Numbers(values) => {
            let values: Vec<f64> =
                values.iter().copied().step_by(step).map(|value| if value.is_finite() { value } else { f64::NAN }).collect();
            let present: Vec<bool> = values.iter().map(|value| !value.is_nan()).collect();
            let ranks = standardised(ranks(&values))?;
            let values = standardised(values)?;
            Some(Ready::Numbers { values, ranks, present: present.contains(&false).then_some(present) })
        }
    }
}

/// The values less their mean, by their length; `None` without spread.
fn standardised(mut values: Vec<f64>) -> Option<Vec<f64>> {
    let present = || values.iter().filter(|value| !value.is_nan());
    let count = present().count() as f64;
    let mean = present().map(|value| value / count).sum::<f64>();
    let largest = present().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    let length = present().map(|value| ((value - mean) / largest).powi(2)).sum::<f64>().sqrt() * largest;
    if !(length.is_finite() && length > 0.0) {
        return None;
    }
    values.iter_mut().for_each(|value| *value = if value.is_nan() { 0.0 } else { (*value - mean) / length });
    Some(values)
}

/// Ranks from 0, those of equal values being their mean; NaN where there is no value.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().filter(|(_, value)| !value.is_nan()).collect();
    order.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    let mut ranks = vec![f64::NAN; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| a.1 == b.1) {
        let rank = before as f64 + (equal.len() - 1) as f64 / 2.0;
        for (row, _) in equal {
            if let Some(place) = ranks.get_mut(*row) {
                *place = rank;
            }
        }
        before += equal.len();
    }
    ranks
}

fn compare(x: &Ready, y: &Ready) -> Option<(Measure, f64, Option<f64>)> {
    match (x, y) {
        (
            Ready::Numbers { values: x, ranks: x_ranks, present: x_there },
            Ready::Numbers { values: y, ranks: y_ranks, present: y_there },
        ) => {
            let there: Option<Vec<bool>> = match (x_there, y_there) {
                (None, None) => None,
                (Some(there), None) | (None, Some(there)) => Some(there.clone()),
                (Some(one), Some(two)) => Some(one.iter().zip(two).map(|(one, two)| *one && *two).collect()),
            };
            let pearson = correlation(x, y, there.as_deref())?;
            Some((Measure::Pearson, pearson, correlation(x_ranks, y_ranks, there.as_deref())))
        }
        (Ready::Categories { codes: x, count: rows }, Ready::Categories { codes: y, count: columns }) => {
            Some((Measure::CramersV, cramers_v(x, *rows, y, *columns)?, None))
        }
        (Ready::Numbers { values, present, .. }, Ready::Categories { codes, count })
        | (Ready::Categories { codes, count }, Ready::Numbers { values, present, .. }) => {
            Some((Measure::CorrelationRatio, correlation_ratio(values, present.as_deref(), codes, *count)?, None))
        }
    }
}

/// Of values that are standardised as a whole.
fn correlation(x: &[f64], y: &[f64], there: Option<&[bool]>) -> Option<f64> {
    let Some(there) = there else {
        return Some(x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>().clamp(-1.0, 1.0));
    };
    let pairs = || x.iter().zip(y).zip(there).filter(|(_, there)| **there).map(|(pair, _)| pair);
    let n = pairs().count();
    if n < LEAST_ROWS {
        return None;
    }
    let (x_mean, y_mean) = pairs().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n as f64, b + y / n as f64));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs() {
        let (dx, dy) = (x - x_mean, y - y_mean);
        (xx, yy, xy) = (xx + dx * dx, yy + dy * dy, xy + dx * dy);
    }
    let value = xy / (xx * yy).sqrt();
    value.is_finite().then(|| value.clamp(-1.0, 1.0))
}

fn cramers_v(x: &[Option<u32>], rows: usize, y: &[Option<u32>], columns: usize) -> Option<f64> {
    let mut counts = vec![0.0_f64; rows * columns];
    let mut n = 0.0;
    for (one, two) in x.iter().zip(y).filter_map(|(one, two)| Some(((*one)? as usize, (*two)? as usize))) {
        if let Some(count) = counts.get_mut(one * columns + two) {
            *count += 1.0;
            n += 1.0;
        }
    }
    let row_sums: Vec<f64> = counts.chunks(columns).map(|row| row.iter().sum()).collect();
    let column_sums: Vec<f64> = (0..columns).map(|column| counts.iter().skip(column).step_by(columns).sum()).collect();
    let mut chi_square = 0.0;
    for (row, row_sum) in counts.chunks(columns).zip(&row_sums) {
        for (count, column_sum) in row.iter().zip(&column_sums) {
            let expected = row_sum * column_sum / n;
            if expected > 0.0 {
                chi_square += (count - expected).powi(2) / expected;
            }
        }
    }
    let filled = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count() as f64;
    let (r, k) = (filled(&row_sums), filled(&column_sums));
    if n < LEAST_ROWS as f64 || r < 2.0 || k < 2.0 {
        return None;
    }
    let corrected = (chi_square / n - (r - 1.0) * (k - 1.0) / (n - 1.0)).max(0.0);
    let (r, k) = (r - (r - 1.0).powi(2) / (n - 1.0), k - (k - 1.0).powi(2) / (n - 1.0));
    let value = (corrected / (r.min(k) - 1.0)).sqrt();
    value.is_finite().then(|| value.clamp(0.0, 1.0))
}

fn correlation_ratio(values: &[f64], present: Option<&[bool]>, codes: &[Option<u32>], count: usize) -> Option<f64> {
    let mut groups = vec![(0.0_f64, 0.0_f64); count];
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (row, (value, code)) in values.iter().zip(codes).enumerate() {
        let there = present.is_none_or(|present| present.get(row) == Some(&true));
        if let Some(group) = code.filter(|_| there).and_then(|code| groups.get_mut(code as usize)) {
            *group = (group.0 + 1.0, group.1 + value);
            (n, sum, squares) = (n + 1.0, sum + value, squares + value * value);
        }
    }
    let total = squares - sum * sum / n;
    if n < LEAST_ROWS as f64 || total.is_nan() || total <= 0.0 {
        return None;
    }
    let between: f64 = groups.iter().filter(|(n, _)| *n > 0.0).map(|(n, sum)| sum * sum / n).sum::<f64>() - sum * sum / n;
    Some((between.max(0.0) / total).sqrt().clamp(0.0, 1.0))
}

/// Columns whose missing cells come together, as far as it is not chance.
fn missing_together(columns: &[ColumnProfile], kept: &[Kept], step: usize) -> Vec<Association> {
    const COLUMNS: usize = 100;
    const STRONG: f64 = 0.3;

    let missing = |kept: &Kept| -> Vec<f64> {
        let flags = |missing: bool| f64::from(u8::from(missing));
        match kept {
            Kept::Numbers(values) => values.iter().step_by(step).map(|value| flags(value.is_nan())).collect(),
            Kept::Texts(values) => values.iter().step_by(step).map(|value| flags(value.is_none())).collect(),
        }
    };
    let incomplete: Vec<(&ColumnProfile, Vec<f64>)> = columns
        .iter()
        .zip(kept)
        .filter(|(column, _)| column.missing > 0)
        .take(COLUMNS)
        .filter_map(|(column, kept)| Some((column, standardised(missing(kept))?)))
        .collect();
    let mut pairs = Vec::new();
    for (at, (one, x)) in incomplete.iter().enumerate() {
        for (other, y) in incomplete.iter().skip(at + 1) {
            if let Some(value) = correlation(x, y, None).filter(|value| value.abs() >= STRONG) {
                let (one, other) = (one.name.clone(), other.name.clone());
                pairs.push(Association { one, other, measure: Measure::Missing, value, spearman: None });
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, role: Role) -> ColumnProfile {
        ColumnProfile { name: name.to_owned(), role, ..ColumnProfile::default() }
    }

    fn pair(x: (Role, Kept), y: (Role, Kept)) -> Option<Association> {
        associations(&[column("x", x.0), column("y", y.0)], &[x.1, y.1]).pop()
    }

    fn numbers(values: &[f64]) -> (Role, Kept) {
        (Role::Numeric, Kept::Numbers(values.to_vec()))
    }

    fn categories(codes: &str) -> (Role, Kept) {
        (Role::Categorical, Kept::Texts(codes.bytes().map(|byte| (byte != b'-').then_some(u64::from(byte))).collect()))
    }

    #[test]
    fn numbers_correlate_as_pandas_says() {
        let found = pair(numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), numbers(&[1.0, 4.0, 9.0, 16.0, 25.0, 30.0])).unwrap();
        assert_eq!(found.measure, Measure::Pearson);
        assert!((found.value - 0.989_216_101_374_860_4).abs() < 1e-12, "{}", found.value);
        assert!((found.spearman.unwrap() - 1.0).abs() < 1e-12);
        let nan = f64::NAN;
        let found = pair(numbers(&[1.0, nan, 3.0, 4.0, 5.0, 9.0, 7.0]), numbers(&[2.0, 5.0, nan, 1.0, 3.0, 8.0, 4.0])).unwrap();
        assert!((found.value - 0.835_863_243_314_788_5).abs() < 1e-12, "{}", found.value);
    }

    #[test]
    fn categories_and_groups_are_compared() {
        let same = pair(categories("aabbccaabbcc"), categories("xxyyzzxxyyzz")).unwrap();
        assert_eq!((same.measure, (same.value - 1.0).abs() < 1e-9), (Measure::CramersV, true), "{}", same.value);
        let none = pair(categories("aabbaabbaabb"), categories("xyxyxyxyxyxy")).unwrap();
        assert!(none.value < 1e-9);
        let groups = pair(numbers(&[1.0, 1.0, 5.0, 5.0, 9.0, 9.0]), categories("aabbcc")).unwrap();
        assert_eq!((groups.measure, (groups.value - 1.0).abs() < 1e-9), (Measure::CorrelationRatio, true));
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        assert_eq!(pair(numbers(&[1.0; 6]), numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])), None, "no spread");
        assert_eq!(pair((Role::Identifier, numbers(&[1.0, 2.0, 3.0, 4.0, 5.0]).1), numbers(&[1.0, 2.0, 3.0, 4.0, 5.0])), None);
        assert_eq!(pair(numbers(&[1.0, 2.0]), numbers(&[1.0, 2.0])), None, "too few rows");
    }
}
