//! What is wrong with an input, and where.

use serde::{Deserialize, Serialize};

/// One thing that is wrong with an input: the place, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The place, as a JSON pointer in its URI fragment form (RFC 6901 section 6): `#/url`.
    pub pointer: String,
    /// What is wrong and what would be right, a sentence without its full stop.
    pub detail: String,
}

impl Fault {
    /// A fault at a member of the body's top level.
    #[must_use]
    pub fn at(member: &str, detail: impl Into<String>) -> Self {
        Self {
            pointer: format!("#/{member}"),
            detail: detail.into(),
        }
    }

    /// The same fault, with the place put below `parent` (`#/events/3`).
    #[must_use]
    pub fn below(mut self, parent: &str) -> Self {
        self.pointer = format!("{parent}{}", self.pointer.trim_start_matches('#'));
        self
    }
}
