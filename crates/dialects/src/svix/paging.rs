//! Pages of lists, in both directions.

use serde_json::{Value, json};

use super::call::Answer;
use super::failure::{ALL, Failure};
use super::query::Query;

const USUAL: u64 = 50;
const MOST: u64 = 250;

/// Which page is asked for.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) limit: usize,
    /// From where it goes on.
    pub(super) iterator: Option<String>,
    /// Whether it goes on towards the list's beginning.
    pub(super) backwards: bool,
}

impl Page {
    /// Reads `limit` and `iterator`, an id that `names` must find well formed.
    pub(super) fn read(query: &Query, names: impl Fn(&str) -> bool) -> Result<Self, Failure> {
        let limit = query.number("limit")?.unwrap_or(USUAL);
        if limit > MOST {
            let message = format!("must be at most {MOST}");
            return Err(Failure::rule(&["query", "limit", "limit"], message));
        }
        let text = query.text("iterator").filter(|text| !text.is_empty());
        let (backwards, iterator) = match text.map(|text| text.strip_prefix('-').ok_or(text)) {
            None => (false, None),
            Some(Ok(id)) => (true, Some(id)),
            Some(Err(id)) => (false, Some(id)),
        };
        if iterator.is_some_and(|id| !names(id)) {
            let message = "must be an iterator that a list gave";
            return Err(Failure::rule(&["query", "iterator", ALL], message));
        }
        Ok(Self {
            limit: usize::try_from(limit).unwrap_or(0),
            iterator: iterator.map(str::to_owned),
            backwards,
        })
    }

    /// How many to look for: one more than are shown, by which it is known whether there are more.
    pub(super) fn wanted(&self) -> usize {
        self.limit + 1
    }

    /// The answer for what was found in the direction of travel, each with its id. Past the limit, there
    /// are more.
    pub(super) fn answer(&self, found: Vec<(String, Value)>) -> Answer {
        let more = found.len() > self.limit;
        self.cut(found, more, self.backwards)
    }

    /// The same where it is known otherwise whether there are more, and whether what was found has to be
    /// turned round.
    pub(super) fn cut(&self, mut found: Vec<(String, Value)>, more: bool, turned: bool) -> Answer {
        found.truncate(self.limit);
        if turned {
            found.reverse();
        }
        // A page of nothing says nothing of what there is.
        let done = !more && self.limit > 0;
        let mut body = json!({
            "iterator": found.last().map(|(id, _)| id),
            "done": done,
        });
        if let Some((first, _)) = found.first() {
            body["prevIterator"] = json!(format!("-{first}"));
        }
        body["data"] = found.into_iter().map(|(_, value)| value).collect();
        Answer::ok(&body)
    }
}
