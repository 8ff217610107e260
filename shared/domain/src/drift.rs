//! How far a sample is from an earlier one, by how often its values fall into the same bins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Indices from here on are worth a look, and from here on an alarm, by the rule of thumb of Siddiqi, Credit Risk Scorecards (2006).
const MODERATE: f64 = 0.1;
const MAJOR: f64 = 0.25;
/// What is added to each bin, so that an empty one has a logarithm.
const SMOOTHING: f64 = 0.5;
/// The standard normal quantile of 0.99.
const QUANTILE: f64 = 2.326;

/// How far a sample is from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Drift {
    /// The population stability index: 0 where the shares of all bins are the same.
    pub psi: f64,
    /// What it is below of by chance in 99 of 100 samples of as many rows where nothing has changed.
    pub by_chance: f64,
    /// What that means.
    pub level: DriftLevel,
}

/// What an index means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftLevel {
    /// Chance alone could look like a major drift.
    TooFewRows,
    /// No more than chance, or too little to matter.
    Stable,
    /// From 0.1 on.
    Moderate,
    /// From 0.25 on.
    Major,
}

impl Drift {
    /// Of the rows in each bin `then` and `now`.
    ///
    /// psi = Σ (now − then) · ln(now / then), of shares. Without a change it is about (1/rows then + 1/rows now) · χ² with a degree of freedom
    /// less than bins (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020).
    pub fn between(then: &[u64], now: &[u64]) -> Self {
        let used: Vec<(f64, f64)> =
            then.iter().zip(now).filter(|(then, now)| **then + **now > 0).map(|(&then, &now)| (then as f64, now as f64)).collect();
        let bins = used.len() as f64;
        let rows = used.iter().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.0, sum.1 + bin.1));
        let share = |count: f64, rows: f64| (count + SMOOTHING) / (rows + SMOOTHING * bins);
        let term = |&(then, now): &(f64, f64)| {
            let (then, now) = (share(then, rows.0), share(now, rows.1));
            (now - then) * (now / then).ln()
        };
        let psi = used.iter().map(term).sum::<f64>();
        let by_chance = if bins < 2.0 { 0.0 } else { chi_squared(bins - 1.0) * (1.0 / rows.0.max(1.0) + 1.0 / rows.1.max(1.0)) };
        let level = match psi {
            _ if rows.0.min(rows.1) < 1.0 || by_chance > MAJOR => DriftLevel::TooFewRows,
            psi if psi < MODERATE.max(by_chance) => DriftLevel::Stable,
            psi if psi < MAJOR => DriftLevel::Moderate,
            _ => DriftLevel::Major,
        };
        Self { psi, by_chance, level }
    }
}

/// The 0.99 quantile of χ² (Wilson and Hilferty, 1931).
fn chi_squared(freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + QUANTILE * spread.sqrt()).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_that_of_the_formula() {
        let drift = Drift::between(&[5_000, 5_000], &[8_000, 2_000]);
        let expected = 0.3 * (0.8_f64 / 0.5).ln() - 0.3 * (0.2_f64 / 0.5).ln();
        assert!((drift.psi - expected).abs() < 1e-3, "{} {expected}", drift.psi);
        assert_eq!(drift.level, DriftLevel::Major);
        assert!(Drift::between(&[300, 700], &[30, 70]).psi.abs() < 1e-3);
    }

    #[test]
    fn a_few_rows_are_no_drift() {
        let then = [100_000; 10];
        let level = |now: &[u64]| Drift::between(&then, now).level;
        assert_eq!(level(&[0; 10]), DriftLevel::TooFewRows);
        assert_eq!(level(&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0]), DriftLevel::TooFewRows);
        assert_eq!(level(&[12, 8, 9, 13, 7, 10, 11, 10, 8, 12]), DriftLevel::Stable);
        assert_eq!(level(&[250, 130, 90, 90, 90, 80, 70, 70, 70, 60]), DriftLevel::Moderate);
        assert_eq!(level(&[900, 0, 100, 0, 0, 0, 0, 0, 0, 0]), DriftLevel::Major);
    }

    #[test]
    fn chance_is_as_the_tables_of_chi_squared_have_it() {
        for (freedom, quantile) in [(1.0, 6.635), (9.0, 21.666), (20.0, 37.566)] {
            assert!((chi_squared(freedom) / quantile - 1.0).abs() < 0.02, "{freedom}: {}", chi_squared(freedom));
        }
    }

    #[test]
    fn a_value_that_never_was_counts() {
        let drift = Drift::between(&[1_000, 0, 0], &[500, 0, 500]);
        assert_eq!(drift.level, DriftLevel::Major);
        assert!(drift.psi.is_finite());
    }
}
