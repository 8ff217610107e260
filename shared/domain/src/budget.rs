//! The time budget of a training job in seconds.

use std::ops::RangeInclusive;

/// What a caller may ask for.
pub const TIME_BUDGET_SECONDS: RangeInclusive<u32> = 60..=3_600;

/// The budget when the caller names none, by the number of rows.
pub fn default_time_budget(rows: u64) -> u32 {
    match rows {
        0..1_000 => 120,
        1_000..10_000 => 300,
        10_000..50_000 => 600,
        _ => 1_200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_grows_at_the_stated_numbers_of_rows() {
        let expected =
            [(0, 120), (500, 120), (999, 120), (1_000, 300), (9_999, 300), (10_000, 600), (49_999, 600), (50_000, 1_200), (100_000, 1_200)];
        for (rows, budget) in expected {
            assert_eq!(default_time_budget(rows), budget, "{rows} rows");
        }
    }

    #[test]
    fn a_caller_may_ask_for_a_minute_to_an_hour() {
        for (seconds, allowed) in [(10, false), (30, false), (59, false), (60, true), (3_600, true), (3_601, false), (7_200, false)] {
            assert_eq!(TIME_BUDGET_SECONDS.contains(&seconds), allowed, "{seconds} s");
        }
    }
}
