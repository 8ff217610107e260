//! Where cells are missing, and which columns miss them together.

use domain::{ColumnProfile, Measure, Profile};
use maud::{Markup, html};

use super::chapter::Chapter;
use crate::{
    chart::stripes,
    format::{count, label, percent, share},
    page::{first_of, table},
};

/// The most columns that are drawn, and pairs that are listed.
const MAX_COLUMNS: usize = 40;
const MAX_PAIRS: usize = 10;

/// The card about them; nothing where no cell is missing.
pub(crate) fn missing(profile: &Profile) -> Option<Chapter> {
    let mut incomplete: Vec<&ColumnProfile> = profile.columns.iter().filter(|column| column.missing > 0).collect();
    incomplete.sort_by_key(|column| std::cmp::Reverse(column.missing));
    let rows = html! {
        @for column in incomplete.iter().take(MAX_COLUMNS) {
            tr {
                th scope="row" { bdi { (label(&column.name)) } }
                td.n { (count(column.missing)) }
                td.n { (percent(share(column.missing, profile.rows))) }
                td.wide { (drawn(column, profile)) }
            }
        }
    };
    let head = html! { th { "Column" } th.n { "Missing" } th.n { "" } th.wide { "From the first row to the last" } };
    let some_known = |name: &str| profile.column(name).is_some_and(|column| column.unique > 0);
    let pairs = profile.associations.iter().filter(|pair| pair.measure == Measure::Missing);
    let together: Vec<_> = pairs.filter(|pair| some_known(&pair.one) && some_known(&pair.other)).take(MAX_PAIRS).collect();
    let content = html! {
        (table("missing", &head, &rows))
        (first_of(MAX_COLUMNS, incomplete.len(), "incomplete columns"))
        @if !together.is_empty() {
            h3 { "Missing together" }
            ul {
                @for pair in together {
                    li {
                        bdi { (label(&pair.one)) } " and " bdi { (label(&pair.other)) } " – "
                        @if pair.value > 0.0 { "where one is missing, the other tends to be too" } @else { "where one is missing, the other tends not to be" }
                        " (r = " (format!("{:.2}", pair.value)) ")"
                    }
                }
            }
        }
    };
    (!incomplete.is_empty()).then(|| Chapter::new("Missing Values", content))
}

fn drawn(column: &ColumnProfile, profile: &Profile) -> Markup {
    let rows_in = |stripe: usize| profile.stripe_rows.min(profile.rows.saturating_sub(stripe as u64 * profile.stripe_rows));
    let shares: Vec<f64> = column.missing_by_stripe.iter().enumerate().map(|(stripe, missing)| share(*missing, rows_in(stripe))).collect();
    stripes(&shares)
}
