//! What was counted and what was estimated.

use domain::Profile;
use maud::html;

use super::chapter::Chapter;
use crate::format::count;

/// How far the ranks of a sample's quantiles are from those of all rows, with a confidence of 95 %. Source: Massart, "The Tight Constant in
/// the Dvoretzky–Kiefer–Wolfowitz Inequality" (1990).
fn rank_error(rows: u64) -> f64 {
    ((2.0_f64 / 0.05).ln() / (2.0 * rows as f64)).sqrt()
}

/// The card about the method; nothing where the profile does not say.
pub(crate) fn method(profile: &Profile) -> Option<Chapter> {
    if profile.sampled_rows == 0 {
        return None;
    }
    let estimated = profile.columns.iter().filter(|column| !column.unique_exact).count() as u64;
    let sampled = profile.sampled_rows < profile.rows;
    let content = html! {
        ul {
            li { "Types, counts, missing and bad cells, ranges, means, deviations, skewness, kurtosis: exact, over all rows." }
            li {
                "Distinct values: "
                @if estimated == 0 { "counted." } @else { "counted, but for " (count(estimated)) " columns of very many, marked ≈ (HyperLogLog, standard error 0.8 %)." }
            }
            li {
                "Quantiles, outliers and histograms: "
                @if sampled {
                    "from a uniform sample of " (count(profile.sampled_rows)) " rows, marked ≈: with a confidence of 95 %, every quantile is within "
                    (format!("{:.1}", 100.0 * rank_error(profile.sampled_rows))) " % of its rank."
                } @else { "exact." }
            }
            li { "Correlations and associations: from at most 20,000 of these rows. Features against the target: from at most 20,000 rows, taken from all over the table." }
            li { "Duplicate rows: " @if profile.duplicate_rows_exact { "counted." } @else { "estimated from a part of all rows' hashes." } }
        }
    };
    Some(Chapter::new("How This Was Computed", content))
}
