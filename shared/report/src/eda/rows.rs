//! The table's first rows as they are.

use domain::Profile;
use maud::html;

use super::chapter::Chapter;
use crate::{
    format::cut,
    page::{first_of, table},
};

const MAX_ROWS: usize = 10;
const MAX_COLUMNS: usize = 50;
const MAX_NAME_CHARS: usize = 30;
const MAX_CELL_CHARS: usize = 40;

/// The card that shows them; nothing when there is none.
pub(crate) fn first_rows(profile: &Profile) -> Option<Chapter> {
    let head = html! { @for column in profile.columns.iter().take(MAX_COLUMNS) { th { bdi { (cut(&column.name, MAX_NAME_CHARS)) } } } };
    let rows = html! {
        @for row in profile.first_rows.iter().take(MAX_ROWS) {
            tr {
                @for cell in row.iter().take(MAX_COLUMNS) {
                    td { @if let Some(cell) = cell { bdi { (cut(cell, MAX_CELL_CHARS)) } } @else { span.soft { "–" } } }
                }
            }
        }
    };
    let content = html! { (table("rows", &head, &rows)) (first_of(MAX_COLUMNS, profile.columns.len(), "columns")) };
    (!profile.first_rows.is_empty()).then(|| Chapter::new("Sample Rows", content))
}
