//! Texts with values and patterns in them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

/// Values by their names.
pub(crate) type Values = BTreeMap<String, String>;

/// The pieces of a text: what stands there, and what is within `{{…}}`.
enum Piece<'a> {
    Literal(&'a str),
    Slot(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        // A pattern may end with a brace of its own.
        let end = after.find("}}").expect("}} after {{");
        let braces = after[end..]
            .bytes()
            .take_while(|byte| *byte == b'}')
            .count();
        let end = end + braces - 2;
        found.push(Piece::Literal(before));
        found.push(Piece::Slot(&after[..end]));
        rest = &after[end + 2..];
    }
    found.push(Piece::Literal(rest));
    found
}

fn value(values: &Values, slot: &str) -> String {
    let (name, form) = slot.split_once('|').unwrap_or((slot, ""));
    let value = values
        .get(name)
        .unwrap_or_else(|| panic!("there is no value {name:?} yet"));
    match form {
        "" => value.clone(),
        "basic" => STANDARD.encode(format!(":{value}")),
        other => panic!("there is no form {other:?}"),
    }
}

/// A text with the values in their places.
pub(crate) fn filled(text: &str, values: &Values) -> String {
    let piece = |piece: Piece<'_>| match piece {
        Piece::Literal(text) => text.to_owned(),
        Piece::Slot(slot) => value(values, slot),
    };
    pieces(text).into_iter().map(piece).collect()
}

/// Compares a text with what was expected, and keeps what the patterns caught.
pub(crate) fn matches(
    expected: &str,
    actual: &str,
    patterns: &BTreeMap<String, String>,
    values: &mut Values,
) -> bool {
    let mut expression = String::from(r"(?s)\A");
    // The name of each group; one that stands a second time must catch the same.
    let mut names: Vec<(&str, String)> = Vec::new();
    for piece in pieces(expected) {
        let slot = match piece {
            Piece::Literal(text) => {
                expression.push_str(&regex::escape(text));
                continue;
            }
            Piece::Slot(slot) => slot,
        };
        let (name, pattern) = match slot.split_once(':') {
            Some((name, pattern)) => {
                let pattern = patterns.get(pattern).map_or(pattern, String::as_str);
                (name, pattern.to_owned())
            }
            None => match names.iter().find(|(name, _)| *name == slot) {
                Some((name, pattern)) => (*name, pattern.clone()),
                None => {
                    expression.push_str(&regex::escape(&value(values, slot)));
                    continue;
                }
            },
        };
        expression.push_str(&format!("(?<g{}>{pattern})", names.len()));
        names.push((name, pattern));
    }
    expression.push_str(r"\z");
    let expression = Regex::new(&expression).unwrap();
    let Some(caught) = expression.captures(actual) else {
        return false;
    };
    let mut fresh = Values::new();
    for (place, (name, _)) in names.iter().enumerate() {
        let text = caught[format!("g{place}").as_str()].to_owned();
        if let Some(before) = fresh.get(*name)
            && *before != text
        {
            return false;
        }
        fresh.insert((*name).to_owned(), text);
    }
    values.append(&mut fresh);
    true
}

/// JSON without the white space between its tokens.
pub(crate) fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for letter in json.chars() {
        if in_string {
            in_string = letter != '"' || escaped;
            escaped = letter == '\\' && !escaped;
        } else if letter.is_ascii_whitespace() {
            continue;
        } else {
            in_string = letter == '"';
        }
        text.push(letter);
    }
    text
}

#[test]
fn what_is_caught_stands_for_itself_later() {
    let mut values = Values::new();
    let none = BTreeMap::new();
    assert!(matches("{{a:[0-9]{2}}}-{{a}}", "12-12", &none, &mut values));
    assert_eq!(values["a"], "12");
    assert!(!matches("{{b:[0-9]+}}-{{b}}", "1-2", &none, &mut values));
    assert!(matches("{{a}}!", "12!", &none, &mut values));
    assert_eq!(filled("{{a|basic}}", &values), "OjEy");
    assert_eq!(compact("{ \"a b\\\"\" : [1, 2] }\n"), "{\"a b\\\"\":[1,2]}");
}
