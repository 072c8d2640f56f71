//! How many schemas one place of the data can meet.
//!
//! `$ref`, `allOf` and their like apply further schemas to the same place. A circle of them never
//! ends, and a ladder of pairs doubles at each rung; a text of a few hundred bytes can ask for both.
//! So the expansion is counted before a schema is taken. Keywords that go deeper into the data
//! (`properties`, `items`) end a count: the data's own size bounds them.

use std::collections::HashMap;

use serde_json::Value;

use super::SchemaRefused;

/// The most schemas that may apply to one place.
const MOST: u64 = 10_000;

const ONE: [&str; 4] = ["not", "if", "then", "else"];
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const MAPS: [&str; 1] = ["dependentSchemas"];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Checks every schema within a document.
pub(super) fn check(document: &Value) -> Result<(), SchemaRefused> {
    let mut count = Count {
        document,
        known: HashMap::new(),
    };
    count.walk(document)
}

struct Count<'a> {
    document: &'a Value,
    /// By address: the expansion of a schema, none while it is being counted.
    known: HashMap<*const Value, Option<u64>>,
}

impl<'a> Count<'a> {
    /// Every value may be a schema; counting one that is none costs nothing.
    fn walk(&mut self, value: &'a Value) -> Result<(), SchemaRefused> {
        self.expansion(value)?;
        match value {
            Value::Object(members) => members.values().try_for_each(|each| self.walk(each)),
            Value::Array(items) => items.iter().try_for_each(|each| self.walk(each)),
            _ => Ok(()),
        }
    }

    fn expansion(&mut self, schema: &'a Value) -> Result<u64, SchemaRefused> {
        let Value::Object(members) = schema else {
            return Ok(1);
        };
        match self.known.get(&std::ptr::from_ref(schema)) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(SchemaRefused::TooComplex),
            None => {}
        }
        self.known.insert(schema, None);
        let mut parts: Vec<&'a Value> = ONE.iter().filter_map(|name| members.get(*name)).collect();
        for name in LISTS {
            parts.extend(
                members
                    .get(name)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten(),
            );
        }
        for name in MAPS {
            parts.extend(
                members
                    .get(name)
                    .and_then(Value::as_object)
                    .into_iter()
                    .flat_map(|map| map.values()),
            );
        }
        for name in REFERENCES {
            if let Some(reference) = members.get(name).and_then(Value::as_str) {
                parts.extend(self.referred(reference)?);
            }
        }
        let mut sum: u64 = 1;
        for part in parts {
            sum = sum.saturating_add(self.expansion(part)?);
        }
        if sum > MOST {
            return Err(SchemaRefused::TooComplex);
        }
        self.known.insert(schema, Some(sum));
        Ok(sum)
    }

    /// What a reference names. Anchors are left to the compiler, which refuses unknown ones; a
    /// document with an `$id` of its own may not use it to reach outside.
    fn referred(&self, reference: &str) -> Result<Option<&'a Value>, SchemaRefused> {
        let Some(fragment) = reference.strip_prefix('#') else {
            return Err(SchemaRefused::Outside(
                reference.chars().take(100).collect(),
            ));
        };
        if fragment.is_empty() {
            return Ok(Some(self.document));
        }
        if fragment.starts_with('/') {
            return Ok(self.document.pointer(&fragment.replace("%25", "%")));
        }
        Ok(self.anchored(self.document, fragment))
    }

    fn anchored(&self, value: &'a Value, anchor: &str) -> Option<&'a Value> {
        match value {
            Value::Object(members) => {
                let named = ["$anchor", "$dynamicAnchor"]
                    .iter()
                    .any(|name| members.get(*name).and_then(Value::as_str) == Some(anchor));
                if named {
                    Some(value)
                } else {
                    members
                        .values()
                        .find_map(|each| self.anchored(each, anchor))
                }
            }
            Value::Array(items) => items.iter().find_map(|each| self.anchored(each, anchor)),
            _ => None,
        }
    }
}
