//! What was found in the table, why it matters and what training does about it.

use std::collections::HashMap;

use domain::{Finding, Profile, Severity};
use maud::{Markup, html};

use super::{chapter::Chapter, columns::anchor};
use crate::{
    format::{count, cut, label},
    page::table,
};

/// The most findings that are listed.
const MAX_FINDINGS: usize = 100;
const MAX_REASON_CHARS: usize = 240;

/// The card about the findings; nothing where there is none.
pub(crate) fn notes(found: &[Finding], profile: &Profile) -> Option<Chapter> {
    let places: HashMap<&str, usize> = profile.columns.iter().zip(0..).map(|(column, at)| (column.name.as_str(), at)).collect();
    let place = |column: &str| places.get(column).copied().unwrap_or(0);
    let rows = html! {
        @for finding in found.iter().take(MAX_FINDINGS) {
            tr {
                td { (severity(finding.severity)) }
                th scope="row" {
                    (finding.kind.title())
                    @if let Some(column) = &finding.column { br; a href={ "#" (anchor(place(column))) } { bdi { (label(column)) } } }
                }
                td.text { bdi { (cut(&finding.reason, MAX_REASON_CHARS)) } br; span.soft { "→ " (cut(&finding.action, MAX_REASON_CHARS)) } }
            }
        }
    };
    let head = html! { th { "" } th { "Finding" } th { "Why, and what is done" } };
    let content = html! {
        (table("notes", &head, &rows))
        @if found.len() > MAX_FINDINGS { p.soft { "... and " (count((found.len() - MAX_FINDINGS) as u64)) " more findings" } }
    };
    (!found.is_empty()).then(|| Chapter::new("Preprocessing Notes", content))
}

/// A finding's severity as a coloured mark.
pub(crate) fn severity(severity: Severity) -> Markup {
    let (class, text) = match severity {
        Severity::Serious => ("mark bad", "SERIOUS"),
        Severity::Warning => ("mark fair", "WARNING"),
        Severity::Note => ("mark kept", "NOTE"),
    };
    html! { span class=(class) { (text) } }
}
