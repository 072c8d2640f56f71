//! Sentences for what a schema finds wrong.

use fanfare_domain::event::InvalidEventId;
use fanfare_domain::fault::Fault;
use fanfare_domain::name::{EnvironmentId, EventTypeName, InvalidName, TenantId};
use fanfare_domain::policy::InvalidDuration;
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Wrong};
use serde_json::Value;

/// Unknown members told one by one; more add nothing.
const MAX_UNKNOWN: usize = 20;
/// Characters of a caller's text that are quoted.
const SHOWN: usize = 100;

/// Adds what an error says, as faults with places of the body.
pub(super) fn told(schema: &Value, error: &ValidationError<'_>, faults: &mut Vec<Fault>) {
    let at = format!("#{}", error.instance_path());
    let mut add = |pointer: String, detail: String| faults.push(Fault { pointer, detail });
    match error.kind() {
        Wrong::Required { property } => {
            add(
                below(&at, property.as_str().unwrap_or_default()),
                "is required".to_owned(),
            );
        }
        Wrong::AdditionalProperties { unexpected } => {
            let known = known_members(schema, error.schema_path().as_str());
            for name in unexpected.iter().take(MAX_UNKNOWN) {
                add(
                    below(&at, &cut(name)),
                    format!("is not a known field{known}"),
                );
            }
        }
        Wrong::OneOfNotValid { context } | Wrong::AnyOf { context } => {
            either(schema, &at, context, faults);
        }
        other => {
            let detail = simple(other).unwrap_or_else(|| cut(&error.masked().to_string()));
            add(at, detail);
        }
    }
}

/// One of several forms was possible: tells of the one that was meant, if it can be seen which.
fn either(
    schema: &Value,
    at: &str,
    context: &[Vec<ValidationError<'static>>],
    faults: &mut Vec<Fault>,
) {
    let of_other_type = |branch: &&Vec<ValidationError<'static>>| {
        let own = |error: &ValidationError<'_>| format!("#{}", error.instance_path()) == at;
        branch
            .iter()
            .any(|error| own(error) && matches!(error.kind(), Wrong::Type { .. }))
    };
    let mut meant = context.iter().filter(|branch| !of_other_type(branch));
    if let (Some(branch), None) = (meant.next(), meant.next()) {
        for error in branch {
            told(schema, error, faults);
        }
        return;
    }
    let mut types: Vec<String> = context
        .iter()
        .flatten()
        .filter_map(|error| match error.kind() {
            Wrong::Type { kind } => Some(type_names(kind)),
            _ => None,
        })
        .flatten()
        .collect();
    types.dedup();
    faults.push(Fault {
        pointer: at.to_owned(),
        detail: if types.is_empty() {
            "has none of the possible forms".to_owned()
        } else {
            format!("must be {}", listed(&types))
        },
    });
}

fn simple(kind: &Wrong) -> Option<String> {
    Some(match kind {
        Wrong::Type { kind } => format!("must be {}", listed(&type_names(kind))),
        Wrong::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default()
                .iter()
                .filter(|option| !option.is_null())
                .map(ToString::to_string)
                .collect();
            format!("must be {}", listed(&options))
        }
        Wrong::Constant { expected_value } => format!("must be {expected_value}"),
        Wrong::Format { format } if format == "date-time" => {
            "must be an RFC 3339 time such as \"2026-01-31T12:00:00Z\"".to_owned()
        }
        Wrong::Pattern { pattern } => pattern_told(pattern),
        Wrong::Minimum { limit } => format!("must be at least {limit}"),
        Wrong::Maximum { limit } => format!("must be at most {limit}"),
        Wrong::MinLength { limit } => format!("must have at least {limit} characters"),
        Wrong::MaxLength { limit } => format!("must have at most {limit} characters"),
        Wrong::MinItems { limit } => format!("must have at least {limit} entries"),
        Wrong::MaxItems { limit } => format!("must have at most {limit} entries"),
        Wrong::MaxProperties { limit } => format!("must have at most {limit} members"),
        _ => return None,
    })
}

/// What a pattern asks for, in the words of those who own the rule.
fn pattern_told(pattern: &str) -> String {
    let name = |max| InvalidName { max }.to_string();
    match pattern {
        crate::span::PATTERN => InvalidDuration.to_string(),
        "^[A-Za-z0-9._-]{1,64}$" => name(EnvironmentId::MAX),
        "^[A-Za-z0-9._-]{1,128}$" => name(TenantId::MAX),
        "^[A-Za-z0-9._-]{1,256}$" => name(EventTypeName::MAX),
        "^[A-Za-z0-9_:-]{1,128}$" => InvalidEventId::Form.to_string(),
        other => format!("must match the pattern {other}"),
    }
}

fn type_names(kind: &TypeKind) -> Vec<String> {
    let name = |json: &str| {
        match json {
            "string" => "a text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "an object",
            other => other,
        }
        .to_owned()
    };
    match kind {
        TypeKind::Single(single) => vec![name(&single.to_string())],
        // Null stands for absent, which needs no mention.
        TypeKind::Multiple(several) => several
            .iter()
            .map(|each| each.to_string())
            .filter(|each| each != "null")
            .map(|each| name(&each))
            .collect(),
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "something else".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn known_members(schema: &Value, path: &str) -> String {
    let parent = path
        .strip_suffix("/additionalProperties")
        .unwrap_or_default();
    let Some(Value::Object(known)) = resolve(schema, parent).map(|found| &found["properties"])
    else {
        return String::new();
    };
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    format!("; known are {}", names.join(", "))
}

/// Follows a path of schema keywords, references included.
fn resolve<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    let mut now = schema;
    for step in path.split('/').skip(1) {
        now = match now {
            Value::Array(entries) => entries.get(step.parse::<usize>().ok()?)?,
            _ => now.get(step.replace("~1", "/").replace("~0", "~"))?,
        };
        if step == "$ref" {
            now = schema.pointer(now.as_str()?.strip_prefix('#')?)?;
        }
    }
    Some(now)
}

fn below(at: &str, member: &str) -> String {
    format!("{at}/{}", member.replace('~', "~0").replace('/', "~1"))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        text.chars().take(SHOWN).chain("…".chars()).collect()
    }
}
