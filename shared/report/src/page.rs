//! What both reports share: the document around the sections, cards, tiles, badges and notes.

use domain::ProblemType;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::format::{count, label};

const STYLE: &str = include_str!("style.css");
/// No script and no request, whatever a value may contain.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// How a note reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Fair,
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "note good",
            Self::Fair => "note fair",
            Self::Bad => "note bad",
        }
    }
}

/// A whole document.
pub(crate) fn page(title: &str, lead: &Markup, sections: &Markup, footer: &Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { h1 { (title) } (lead) }
                main { (sections) }
                footer { (footer) }
            }
        }
    };
    document.into_string()
}

/// A section with its heading.
pub(crate) fn card(heading: &str, content: &Markup) -> Markup {
    html! { section { h2 { (heading) } (content) } }
}

/// Figures side by side, each under its name.
pub(crate) fn tiles(figures: &[(&str, Markup)]) -> Markup {
    html! { dl.tiles { @for (name, figure) in figures { div { dt { (name) } dd { (figure) } } } } }
}

/// A name from the table or of a model, which on a narrow place breaks after an underscore rather than anywhere.
pub(crate) fn name(text: &str) -> Markup {
    let shown = label(text);
    html! { bdi { @for part in shown.split_inclusive('_') { (part) @if part.ends_with('_') { wbr; } } } }
}

/// A remark that stands out.
pub(crate) fn note(tone: Tone, content: &Markup) -> Markup {
    html! { p class=(tone.class()) { (content) } }
}

/// `CLASSIFICATION` or `REGRESSION`.
pub(crate) fn problem_badge(problem_type: ProblemType) -> Markup {
    let name = match problem_type {
        ProblemType::Classification => "Classification",
        ProblemType::Regression => "Regression",
    };
    html! { span.badge { (name) } }
}

/// Says that a list stops before its end; nothing when it does not.
pub(crate) fn first_of(listed: usize, total: usize, things: &str) -> Markup {
    html! { @if total > listed { p.soft { "The first " (count(listed as u64)) " of " (count(total as u64)) " " (things) " are listed." } } }
}

/// A table that scrolls sideways on its own when the screen is narrow.
pub(crate) fn table(class: &str, head: &Markup, rows: &Markup) -> Markup {
    html! { div.scroll { table class=(class) { thead { tr { (head) } } tbody { (rows) } } } }
}
