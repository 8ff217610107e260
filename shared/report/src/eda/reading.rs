//! How the file was read, and what in it does not fit.

use domain::{BadCells, ColumnProfile, Profile, ReadAs};
use maud::{Markup, html};

use super::chapter::Chapter;
use crate::{
    format::{counted, cut, label},
    page::{Tone, note},
};

/// The most columns that are named one by one, and the most bad cells of one.
const MAX_COLUMNS: usize = 50;
const MAX_BAD: usize = 5;

/// The card about the reading; nothing where the profile says nothing of it.
pub(crate) fn reading(profile: &Profile) -> Option<Chapter> {
    let bad: Vec<&ColumnProfile> = profile.columns.iter().filter(|column| column.bad.count > 0).collect();
    let written: Vec<(&str, &String)> =
        profile.columns.iter().filter_map(|column| Some((column.name.as_str(), column.written_as.as_ref()?))).collect();
    let dates: Vec<&ColumnProfile> = profile.columns.iter().filter(|column| column.dates.is_some()).collect();
    if profile.read_as.format.is_empty() && bad.is_empty() && written.is_empty() && dates.is_empty() {
        return None;
    }
    let content = html! {
        p { (sentence(&profile.read_as)) }
        @for text in &profile.read_as.notes { (note(Tone::Fair, &html! { (text) })) }
        @if !written.is_empty() {
            h3 { "Understood from the way it is written" }
            ul {
                @for (name, text) in written.iter().take(MAX_COLUMNS) { li { strong { bdi { (label(name)) } } " – " (text) } }
            }
        }
        @if !dates.is_empty() {
            h3 { "Dates" }
            ul {
                @for column in dates.iter().take(MAX_COLUMNS) {
                    @if let Some(range) = &column.dates {
                        li { strong { bdi { (label(&column.name)) } } " – from " (range.min) " to " (range.max) }
                    }
                }
            }
        }
        @if !bad.is_empty() {
            h3 { "Cells that do not fit their column and count as missing" }
            ul {
                @for column in bad.iter().take(MAX_COLUMNS) { li { strong { bdi { (label(&column.name)) } } " – " (bad_cells(&column.bad)) } }
            }
        }
    };
    Some(Chapter::new("How It Was Read", content))
}

fn sentence(read_as: &ReadAs) -> String {
    let mut text = match read_as.format.as_str() {
        "parquet" => "A Parquet file".to_owned(),
        "jsonl" => "JSON lines".to_owned(),
        _ => match read_as.delimiter {
            Some('\t') => "Text, cells separated by tabs".to_owned(),
            Some(delimiter) => format!("Text, cells separated by '{delimiter}'"),
            None => "Text".to_owned(),
        },
    };
    for (before, part) in [(", encoded as ", &read_as.encoding), (", compressed with ", &read_as.compression)] {
        if let Some(part) = part {
            text.push_str(before);
            text.push_str(part);
        }
    }
    text.push('.');
    text
}

/// How many, and the first ones with their lines.
pub(crate) fn bad_cells(bad: &BadCells) -> Markup {
    html! {
        (counted(bad.count, "cell", "cells"))
        @for (at, cell) in bad.examples.iter().take(MAX_BAD).enumerate() {
            (if at == 0 { ": " } else { ", " }) bdi { "'" (cut(&cell.text, 40)) "'" } " in line " (cell.line)
        }
    }
}
