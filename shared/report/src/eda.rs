//! The data report: what a table holds, how its columns go together and with the target, and what training will do about its weaknesses.
//! It is made from the table's profile alone.

mod cards;
mod chapter;
mod columns;
mod correlations;
mod method;
mod missing;
mod notes;
mod overview;
mod reading;
mod relations;
mod rows;
mod target;

use domain::{Exclusion, Finding, ProblemGuess, Profile, TargetRelations};
use maud::html;

use crate::{
    format::{counted, cut, label},
    page::page,
};
use cards::Cards;
use chapter::{Chapter, contents};

/// Bytes that the chapters of a report may have together: with its style sheet it stays below 2 MB.
const MAX_BYTES: usize = 1_960_000;

/// What is to be predicted.
#[derive(Debug, Clone)]
pub struct EdaTarget<'a> {
    /// A column of the table.
    pub name: &'a str,
    /// What will be learned, and why.
    pub problem: ProblemGuess,
    /// How it goes with each feature.
    pub relations: &'a TargetRelations,
    /// The columns that training leaves out.
    pub left_out: &'a [(String, Exclusion)],
}

/// The data report as an HTML document, with what was found, about one column where that is to be predicted.
pub fn eda_report(profile: &Profile, target: Option<&EdaTarget<'_>>, found: &[Finding]) -> String {
    let title = target.map_or_else(|| "Data Report".to_owned(), |target| format!("EDA Report - {}", label(target.name)));
    let mut before = vec![Some(overview::overview(profile, target, found)), notes::notes(found, profile)];
    if let Some((target, column)) = target.and_then(|target| Some((target, profile.column(target.name)?))) {
        before.push(Some(target::analysis(column, profile.rows, &target.problem)));
        before.push(relations::features(target.relations));
    }
    before.push(correlations::correlations(profile, target.map(|target| target.name)));
    before.push(missing::missing(profile));
    before.push(Some(columns::details(profile, target, found)));
    let after = [rows::first_rows(profile), reading::reading(profile), method::method(profile)];
    let taken: usize = before.iter().chain(&after).flatten().map(Chapter::len).sum();
    let cards = Cards::new(profile, target.map(|target| target.name), found).chapters(MAX_BYTES.saturating_sub(taken));
    let chapters: Vec<Chapter> = before.into_iter().flatten().chain(cards).chain(after.into_iter().flatten()).collect();
    let lead = html! {
        p {
            @if !profile.file_name.is_empty() { strong { bdi { (label(&profile.file_name)) } } " – " }
            (counted(profile.rows, "row", "rows")) " and " (counted(profile.columns.len() as u64, "column", "columns"))
            @if target.is_some() { ", examined before training" }
        }
        (contents(&chapters))
    };
    let sections = html! { @for chapter in &chapters { (chapter.section()) } };
    let footer = html! {
        p { "Data fingerprint: " (cut(&profile.fingerprint, 80)) }
    };
    page(&title, &lead, &sections, &footer)
}
