//! Where in a filter's text something is.

use cel::common::ast::SourceInfo;

use super::FilterRefused;

/// The places of an expression's parts.
pub(super) struct Places<'a> {
    pub(super) text: &'a str,
    pub(super) source: SourceInfo,
}

impl Places<'_> {
    /// What is wrong with the part of this id.
    pub(super) fn refuse(&self, id: u64, detail: impl Into<String>) -> FilterRefused {
        let (start, _) = self.source.offset_for(id).unwrap_or_default();
        refuse_at(self.text, start as usize, detail)
    }
}

/// What is wrong at this byte, counted from 0.
pub(super) fn refuse_at(text: &str, place: usize, detail: impl Into<String>) -> FilterRefused {
    let (mut line, mut column) = (1, 1);
    let before = text.char_indices().take_while(|(at, _)| *at < place);
    for (_, character) in before {
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    FilterRefused::At {
        line,
        column,
        detail: detail.into(),
    }
}
