//! What a scenario file holds.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// A file: a server's settings, and the requests that it gets, one after another.
///
/// Texts may hold `{{name}}`, which stands for a value: a key (see `world.rs`), something that an
/// earlier answer gave, or `fill`, see [`Step::fill`]. `{{name|basic}}` is its form in
/// `Authorization: Basic` with an empty user name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// How the dialect is set.
    #[serde(default)]
    pub(crate) settings: Settings,
    /// Names for patterns that `answer` uses.
    #[serde(default)]
    pub(crate) patterns: BTreeMap<String, String>,
    /// What URLs answer when the server asks them, instead of 200: a status, or `hang`.
    #[serde(default)]
    pub(crate) network: BTreeMap<String, String>,
    /// Headers of each request, unless the step says otherwise.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Headers that each answer must have, unless the step says otherwise.
    #[serde(default)]
    pub(crate) answer_headers: BTreeMap<String, String>,
    /// The requests.
    pub(crate) step: Vec<Step>,
}

/// What an operator sets.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) own: BTreeMap<String, String>,
    pub(crate) events: Option<Vec<(String, String)>>,
    pub(crate) https_only: bool,
    /// Calls in a minute for each key.
    pub(crate) rate: Option<u32>,
}

/// A request, and the answer that it must get.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// What it shows.
    pub(crate) name: String,
    /// `POST /path?query`.
    pub(crate) request: String,
    /// More headers; an empty one is not sent.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The body; none: no bytes.
    pub(crate) body: Option<String>,
    /// How many letters `x` stand for `{{fill}}` in the request.
    #[serde(default)]
    pub(crate) fill: usize,
    /// The status.
    pub(crate) status: u16,
    /// More headers of the answer, as patterns; an empty one must be absent.
    #[serde(default)]
    pub(crate) answer_headers: BTreeMap<String, String>,
    /// The answer's body, byte for byte. `{{name:pattern}}` stands for a text that is kept under the
    /// name; the pattern is one of [`Scenario::patterns`] or a regular expression. A name that has a
    /// value already stands for exactly that.
    pub(crate) answer: Option<String>,
    /// The same, written with spaces and line breaks between the tokens, which do not count.
    pub(crate) answer_spread: Option<String>,
}

/// Reads a file.
pub(crate) fn read(file: &Path) -> Scenario {
    let text = std::fs::read_to_string(file).unwrap();
    toml::from_str(&text).unwrap_or_else(|cause| panic!("{}: {cause}", file.display()))
}
