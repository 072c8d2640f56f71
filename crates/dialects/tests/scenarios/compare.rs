//! Comparing an answer with what a step expects.

use std::collections::BTreeMap;

use crate::pattern::{Values, compact, matches};
use crate::scenario::{Scenario, Step};
use crate::wire::Answer;

/// What is different; keeps what the answer's patterns caught.
pub(crate) fn difference(
    scenario: &Scenario,
    step: &Step,
    answer: &Answer,
    values: &mut Values,
) -> Option<String> {
    if answer.status != step.status {
        return Some(format!("expected the status {}", step.status));
    }
    let mut headers: BTreeMap<String, &str> = BTreeMap::new();
    for (name, expected) in scenario.answer_headers.iter().chain(&step.answer_headers) {
        headers.insert(name.to_ascii_lowercase(), expected);
    }
    for (name, expected) in headers {
        let right = match answer.header(&name) {
            None => expected.is_empty(),
            Some(_) if expected.is_empty() => false,
            Some(actual) => matches(expected, actual, &scenario.patterns, values),
        };
        if !right {
            let actual = answer.header(&name);
            return Some(format!(
                "expected the header {name}: {expected:?}, not {actual:?}"
            ));
        }
    }
    let expected = match (&step.answer, &step.answer_spread) {
        (Some(exact), None) => exact.clone(),
        (None, Some(spread)) => compact(spread),
        (None, None) => return None,
        (Some(_), Some(_)) => return Some("has two expected answers".to_owned()),
    };
    if matches(&expected, &answer.text(), &scenario.patterns, values) {
        return None;
    }
    Some(format!("expected the body\n            {expected}"))
}
