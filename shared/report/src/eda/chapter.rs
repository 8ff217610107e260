//! The report's chapters, and the list of them at its top.

use maud::{Markup, html};

/// A part of the report with a heading of its own.
#[derive(Debug)]
pub(crate) struct Chapter {
    heading: &'static str,
    content: Markup,
}

impl Chapter {
    pub(crate) fn new(heading: &'static str, content: Markup) -> Self {
        Self { heading, content }
    }

    /// Bytes of what is inside.
    pub(crate) fn len(&self) -> usize {
        self.content.0.len()
    }

    /// What a link to it names: `how-it-was-read`.
    fn id(&self) -> String {
        self.heading.to_lowercase().replace(' ', "-")
    }

    pub(crate) fn section(&self) -> Markup {
        html! { section id=(self.id()) { h2 { (self.heading) } (self.content) } }
    }
}

/// Links to all chapters.
pub(crate) fn contents(chapters: &[Chapter]) -> Markup {
    html! { nav aria-label="Contents" { @for chapter in chapters { a href={ "#" (chapter.id()) } { (chapter.heading) } " " } } }
}
