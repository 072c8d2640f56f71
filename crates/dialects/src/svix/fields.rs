//! Reading bodies: absent, null and given are different things, and so is a value of the wrong type.

use fanfare_domain::time::Timestamp;
use serde_json::{Map, Value};

use super::failure::{Entry, Failure};

/// A member of a body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given<T> {
    /// It is not there.
    Absent,
    /// It is null.
    Null,
    /// It is this.
    Value(T),
}

impl<T> Given<T> {
    /// The value, where there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// What a member that may be cleared is changed to; none: it stays.
    pub(super) fn change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

/// A body's members, and what was found wrong with their values.
#[derive(Debug, Default)]
pub(super) struct Fields {
    members: Map<String, Value>,
    pub(super) faults: Vec<Entry>,
}

fn unreadable(message: impl Into<String>) -> Failure {
    Failure::decode(&["body", "", ""], message)
}

impl Fields {
    /// Reads a body that must be an object.
    pub(super) fn read(body: &[u8]) -> Result<Self, Failure> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self::of(members)),
            Ok(_) => Err(unreadable("the body must be a JSON object")),
            Err(cause) => Err(unreadable(format!("the body must be JSON: {cause}"))),
        }
    }

    pub(super) fn of(members: Map<String, Value>) -> Self {
        Self {
            members,
            faults: Vec::new(),
        }
    }

    /// What is wrong with values, all at once.
    pub(super) fn finish(self) -> Result<(), Failure> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Failure::Invalid(self.faults))
        }
    }

    /// Adds what is wrong with a value.
    pub(super) fn fault(&mut self, loc: &[&str], message: impl Into<String>) {
        let whole: Vec<&str> = ["body"].into_iter().chain(loc.iter().copied()).collect();
        self.faults.push(Entry::rule(&whole, message));
    }

    /// Takes a member as it is.
    pub(super) fn raw(&mut self, name: &str) -> Given<Value> {
        match self.members.remove(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => Given::Value(value),
        }
    }

    /// Takes a member that must be of a type.
    pub(super) fn typed<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Given<T>, Failure> {
        Ok(match self.raw(name) {
            Given::Absent => Given::Absent,
            Given::Null => Given::Null,
            Given::Value(value) => {
                Given::Value(read(&value).ok_or_else(|| {
                    Failure::decode(&["body", name], format!("must be {expected}"))
                })?)
            }
        })
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Given<String>, Failure> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn truth(&mut self, name: &str) -> Result<Given<bool>, Failure> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// A whole number from 0 to a most.
    pub(super) fn number(&mut self, name: &str, most: u64) -> Result<Given<u64>, Failure> {
        let read = |value: &Value| value.as_u64().filter(|number| *number <= most);
        self.typed(name, &format!("a whole number from 0 to {most}"), read)
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Given<Vec<String>>, Failure> {
        let read = |value: &Value| {
            let list = value.as_array()?.iter();
            list.map(|each| each.as_str().map(str::to_owned)).collect()
        };
        self.typed(name, "an array of strings", read)
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Given<Map<String, Value>>, Failure> {
        self.typed(name, "an object", |value| value.as_object().cloned())
    }

    pub(super) fn time(&mut self, name: &str) -> Result<Given<Timestamp>, Failure> {
        let read = |value: &Value| Timestamp::parse(value.as_str()?).ok();
        self.typed(name, "an RFC 3339 time with a zone", read)
    }
}

/// Refuses null where the original does.
pub(super) fn not_null<T>(name: &str, given: Given<T>) -> Result<Option<T>, Failure> {
    match given {
        Given::Absent => Ok(None),
        Given::Null => Err(Failure::decode(&["body", name], "must not be null")),
        Given::Value(value) => Ok(Some(value)),
    }
}

/// Refuses a body without this member.
pub(super) fn required<T>(name: &str, given: Given<T>) -> Result<T, Failure> {
    match given {
        Given::Absent => Err(unreadable(format!("{name} is required"))),
        given => not_null(name, given)?.ok_or_else(|| unreadable(format!("{name} is required"))),
    }
}
