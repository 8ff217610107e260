//! Where to cut the values of a feature so that the groups between the cuts tell most of the target: a regression tree over one feature,
//! grown best first (Breiman et al., "Classification and Regression Trees", 1984).
//!
//! Of classes, the target is the indicator of each, so that a group's sum of squared errors is `n − Σ nₖ²/n`, and of numbers `Σy² − (Σy)²/n`:
//! in both, a cut takes away `Σ left²/n + Σ right²/n − Σ all²/n` over the sums of the target.

use super::Target;

/// Groups at most, and the fewest rows of one.
const GROUPS: usize = 32;
const GROUP_ROWS: usize = 3;
/// A cut must take away so many times the error of a row, or it may be chance: the best of many cuts by chance takes about 2 ln n.
const LEAST_GAIN: f64 = 10.0;

/// The last value of each group but the last, ascending. `order` are rows in ascending order of their `values`.
pub(super) fn cuts(order: &[u32], values: &[f64], target: &Target) -> Vec<f64> {
    let value = |at: usize| order.get(at).and_then(|row| values.get(*row as usize)).copied().unwrap_or(f64::NAN);
    let mut open: Vec<Part> = Part::cut(order, 0, &value, target).into_iter().collect();
    let mut ends = Vec::new();
    while ends.len() + 1 < GROUPS
        && let Some(best) = (0..open.len()).max_by(|one, other| open[*one].gain.total_cmp(&open[*other].gain))
    {
        let Part { begin, middle, end, .. } = open.swap_remove(best);
        ends.push(value(middle - 1) / 2.0 + value(middle) / 2.0);
        for (begin, end) in [(begin, middle), (middle, end)] {
            open.extend(order.get(begin..end).and_then(|rows| Part::cut(rows, begin, &value, target)));
        }
    }
    ends.sort_unstable_by(f64::total_cmp);
    ends
}

/// Rows that follow each other in order, and where they are best cut.
struct Part {
    begin: usize,
    middle: usize,
    end: usize,
    gain: f64,
}

impl Part {
    /// The best cut of some rows, which begin at `begin`; `None` where none is worth it.
    fn cut(rows: &[u32], begin: usize, value: &impl Fn(usize) -> f64, target: &Target) -> Option<Self> {
        let (gain, at, error) = match target {
            Target::Numbers(numbers) => best_of_numbers(rows, begin, value, numbers),
            Target::Classes { codes, count } => best_of_classes(rows, begin, value, codes, *count),
        }?;
        let is_worth = gain > LEAST_GAIN * error / rows.len() as f64;
        is_worth.then_some(Self { begin, middle: begin + at, end: begin + rows.len(), gain })
    }
}

/// Whether a group may end before row `at` of `rows`, which begin at `begin`.
fn may_end(at: usize, rows: usize, begin: usize, value: &impl Fn(usize) -> f64) -> bool {
    at >= GROUP_ROWS && rows - at >= GROUP_ROWS && value(begin + at - 1) < value(begin + at)
}

/// What the best cut takes away, how many rows are before it, and the error without it.
fn best_of_numbers(rows: &[u32], begin: usize, value: &impl Fn(usize) -> f64, numbers: &[f64]) -> Option<(f64, usize, f64)> {
    let n = rows.len() as f64;
    let number = |row: &u32| numbers.get(*row as usize).copied().unwrap_or(0.0);
    let mean = rows.iter().map(number).sum::<f64>() / n;
    let error: f64 = rows.iter().map(|row| (number(row) - mean).powi(2)).sum();
    let mut left = 0.0;
    let mut best: Option<(f64, usize)> = None;
    for (row, at) in rows.iter().zip(1..) {
        // About the mean, so that the sum of the right side is the opposite.
        left += number(row) - mean;
        let gain = left * left / at as f64 + left * left / (n - at as f64);
        if best.is_none_or(|(most, _)| gain > most) && may_end(at, rows.len(), begin, value) {
            best = Some((gain, at));
        }
    }
    best.map(|(gain, at)| (gain, at, error))
}

fn best_of_classes(rows: &[u32], begin: usize, value: &impl Fn(usize) -> f64, codes: &[u32], count: usize) -> Option<(f64, usize, f64)> {
    let class = |row: &u32| codes.get(*row as usize).map_or(0, |class| *class as usize);
    let (mut left, mut right) = (vec![0.0; count], vec![0.0; count]);
    rows.iter().filter_map(|row| right.get_mut(class(row)).map(|count| *count += 1.0)).for_each(drop);
    let n = rows.len() as f64;
    let all: f64 = right.iter().map(|count| count * count).sum();
    let (mut left_squares, mut right_squares) = (0.0, all);
    let mut best: Option<(f64, usize)> = None;
    for (row, at) in rows.iter().zip(1..) {
        let (Some(on_left), Some(on_right)) = (left.get_mut(class(row)), right.get_mut(class(row))) else { continue };
        left_squares += 2.0 * *on_left + 1.0;
        right_squares -= 2.0 * *on_right - 1.0;
        *on_left += 1.0;
        *on_right -= 1.0;
        let gain = left_squares / at as f64 + right_squares / (n - at as f64) - all / n;
        if best.is_none_or(|(most, _)| gain > most) && may_end(at, rows.len(), begin, value) {
            best = Some((gain, at));
        }
    }
    best.map(|(gain, at)| (gain, at, n - all / n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_order(rows: u32) -> (Vec<u32>, Vec<f64>) {
        ((0..rows).collect(), (0..rows).map(f64::from).collect())
    }

    #[test]
    fn classes_are_cut_where_they_change() {
        let (order, values) = in_order(300);
        let codes = (0..300).map(|row| u32::from((100..130).contains(&row))).collect();
        assert_eq!(cuts(&order, &values, &Target::Classes { codes, count: 2 }), [99.5, 129.5]);
    }

    #[test]
    fn numbers_are_cut_where_they_jump() {
        let (order, values) = in_order(300);
        let numbers = (0..300).map(|row| if row < 40 { 7.0 } else { -1e6 }).collect();
        assert_eq!(cuts(&order, &values, &Target::Numbers(numbers)), [39.5]);
    }

    #[test]
    fn noise_is_not_cut() {
        let (order, values) = in_order(2_000);
        let noise = |row: u64| (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let codes = (0..2_000).map(|row| u32::from(noise(row) % 2 == 0)).collect();
        assert_eq!(cuts(&order, &values, &Target::Classes { codes, count: 2 }), [0.0; 0]);
    }

    #[test]
    fn equal_values_stay_together() {
        let codes = (0..300).map(|row| u32::from(row > 150)).collect();
        let values: Vec<f64> = (0..300).map(|row| f64::from(row / 100)).collect();
        let (order, _) = in_order(300);
        assert_eq!(cuts(&order, &values, &Target::Classes { codes, count: 2 }), [0.5, 1.5]);
    }
}
