//! The data report: what a table holds, how its columns go together and with the target, and what training will do about its weaknesses.
//! It is made from the table's profile alone.

mod cards;
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

use domain::{Exclusion, ProblemGuess, Profile, TargetRelations, findings};
use maud::html;

use crate::{
    format::{counted, cut, label},
    page::page,
};

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

/// The data report as an HTML document, about one column where that is to be predicted.
pub fn eda_report(profile: &Profile, target: Option<&EdaTarget<'_>>) -> String {
    let title = target.map_or_else(|| "Data Report".to_owned(), |target| format!("EDA Report - {}", label(target.name)));
    let lead = html! {
        p {
            (counted(profile.rows, "row", "rows")) " and " (counted(profile.columns.len() as u64, "column", "columns"))
            @if target.is_some() { ", examined before training" }
        }
    };
    let none = TargetRelations::default();
    let relations = target.map_or(&none, |target| target.relations);
    let found = findings(profile, target.map(|target| (target.name, target.problem.problem_type)), relations);
    let sections = html! {
        (overview::overview(profile, target, &found))
        (notes::notes(&found))
        @if let Some((target, column)) = target.and_then(|target| Some((target, profile.column(target.name)?))) {
            (target::analysis(column, profile.rows, &target.problem))
            (relations::features(relations))
        }
        (correlations::correlations(profile, target.map(|target| target.name)))
        (missing::missing(profile))
        (columns::details(profile, target, &found))
        (cards::numeric(profile))
        (cards::categorical(profile))
        (cards::dates(profile))
        (rows::first_rows(profile))
        (reading::reading(profile))
        (method::method(profile))
    };
    let footer = html! {
        p { "Data fingerprint: " (cut(&profile.fingerprint, 80)) }
    };
    page(&title, &lead, &sections, &footer)
}
