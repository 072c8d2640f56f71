//! Reading JSON strictly: bounded in depth, no member twice.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::{Kind, Problem};

/// The most levels of objects and lists: what the parser takes without risk to the stack.
pub(crate) const MAX_DEPTH: usize = 127;

/// Refuses JSON that is nested too deeply, even in parts that are kept unread.
pub(crate) fn check_depth(bytes: &[u8]) -> Result<(), Problem> {
    // Nearly always decided by this count, which needs no look at what the bytes mean.
    if opening(bytes) <= MAX_DEPTH || depth(bytes) <= MAX_DEPTH {
        return Ok(());
    }
    Err(Problem::new(
        Kind::MalformedBody,
        format!("the body must be nested at most {MAX_DEPTH} levels deep"),
    ))
}

/// How many brackets open, those in texts included.
fn opening(bytes: &[u8]) -> usize {
    // As many as a byte can count at a time: so it is done for many bytes at once.
    let pieces = bytes.chunks(usize::from(u8::MAX));
    let opening = |byte: &u8| u8::from(matches!(byte, b'[' | b'{'));
    let counts = pieces.map(|piece| piece.iter().map(opening).sum::<u8>());
    counts.map(usize::from).sum()
}

fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most) = (0usize, 0usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Reads a body.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        let detail = "the body is empty; send a JSON object";
        return Err(Problem::new(Kind::MalformedBody, detail));
    }
    check_depth(bytes)?;
    match serde_json::from_slice::<Strict>(bytes) {
        Ok(Strict(value)) => Ok(value),
        Err(cause) => Err(Problem::new(
            Kind::MalformedBody,
            format!("the body can't be read as JSON: {cause}"),
        )),
    }
}

/// A value none of whose objects has a member twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(entry)) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            if object.contains_key(&name) {
                let shown: String = name.chars().take(100).collect();
                return Err(de::Error::custom(format!(
                    "the member {shown:?} is given twice"
                )));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn nesting_is_bounded_and_never_overflows_the_stack() {
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        for text in [
            nested(MAX_DEPTH + 1),
            nested(100_000),
            "[".repeat(100_000),
            "{\"a\":".repeat(100_000),
        ] {
            let problem = parse(text.as_bytes()).unwrap_err();
            assert_eq!(problem.status(), 400);
        }
    }

    #[test]
    fn brackets_in_texts_are_no_levels() {
        let text = format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(500), "{".repeat(500));
        assert!(parse(text.as_bytes()).is_ok());
        let wide = format!("[{}]", vec!["[]"; 500].join(","));
        assert!(parse(wide.as_bytes()).is_ok());
    }

    #[test]
    fn a_member_given_twice_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":[{"a":1,"a":2}]}"#] {
            let problem = parse(text.as_bytes()).unwrap_err().view();
            assert_eq!(problem.status, 400);
            assert!(
                problem.detail.contains("\"a\" is given twice"),
                "{}",
                problem.detail
            );
        }
    }

    #[test]
    fn a_body_that_is_no_json_is_told_where() {
        for text in [
            "",
            "{",
            "{\"a\":}",
            "nul",
            "{} x",
            "\u{feff}{}",
            "\"\u{1}\"",
        ] {
            assert_eq!(
                parse(text.as_bytes()).unwrap_err().status(),
                400,
                "{text:?}"
            );
        }
        assert_eq!(parse(b"\"\xff\"").unwrap_err().status(), 400);
        let problem = parse(b"{\n\"a\":}").unwrap_err().view();
        assert!(
            problem.detail.contains("line 2 column 5"),
            "{}",
            problem.detail
        );
    }
}
