//! What was counted and what was estimated.

use domain::Profile;
use maud::html;

use super::chapter::Chapter;
use crate::format::count;

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
                @if sampled { "from a uniform sample of " (count(profile.sampled_rows)) " rows, marked ≈." } @else { "exact." }
            }
            li { "Correlations and associations: from at most 20,000 of these rows. Features against the target: from at most 20,000 rows, taken from all over the table." }
            li { "Duplicate rows: " @if profile.duplicate_rows_exact { "counted." } @else { "estimated from a part of all rows' hashes." } }
        }
    };
    Some(Chapter::new("How This Was Computed", content))
}
