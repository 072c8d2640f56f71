//! Reading query strings.

use fanfare_domain::time::Timestamp;
use url::form_urlencoded;

use super::failure::{ALL, Failure};
use super::rules::is_plain;

/// A query's parameters, in their order.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// A parameter's text; of several the last one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(each, _)| each == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn truth(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Failure::query(name, "true or false")),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let read = |text: &str| {
            text.parse()
                .map_err(|_| Failure::query(name, "a whole number"))
        };
        self.text(name).map(read).transpose()
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Failure> {
        let expected = "an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z";
        let read = |text: &str| {
            // What stands for a blank in a query was a plus sign before somebody forgot to escape it.
            let text = text.replace(' ', "+");
            Timestamp::parse(&text).map_err(|_| Failure::query(name, expected))
        };
        self.text(name).map(read).transpose()
    }

    /// One of some texts.
    pub(super) fn one_of<T: Copy>(
        &self,
        name: &str,
        known: &[(&str, T)],
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let found = known.iter().find(|(each, _)| *each == text);
        let texts = || known.iter().map(|(each, _)| *each).collect::<Vec<_>>();
        match found {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(Failure::query(
                name,
                &format!("one of {}", texts().join(", ")),
            )),
        }
    }

    /// Event types: comma-joined, repeated, or bracketed.
    pub(super) fn event_types(&self) -> Result<Vec<String>, Failure> {
        let named = |name: &str| {
            name.strip_prefix("event_types").is_some_and(|rest| {
                rest.is_empty() || (rest.starts_with('[') && rest.ends_with(']'))
            })
        };
        let mut types: Vec<String> = Vec::new();
        for (_, value) in self.0.iter().filter(|(name, _)| named(name)) {
            let parts = value.split(',').filter(|part| !part.is_empty());
            types.extend(parts.map(str::to_owned));
        }
        if types.iter().all(|each| is_plain(each)) {
            Ok(types)
        } else {
            Err(Failure::rule(
                &["query", ALL],
                "event_types must be names of event types",
            ))
        }
    }
}
