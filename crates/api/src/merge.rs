//! Merge patches (RFC 7396).

use fanfare_app::{Conflict, UseCaseError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::body::{Given, Input, understand};
use crate::problem::Problem;

/// How often a patch is put over a noun anew when somebody else was faster.
const TRIES: usize = 5;

/// A merge patch: an object.
#[derive(Debug)]
pub(crate) struct Patch(pub(crate) Value);

impl Patch {
    /// What a noun becomes by it.
    pub(crate) fn over<T: Input>(&self, now: impl Serialize) -> Result<Given<T>, Problem> {
        let now = serde_json::to_value(now).unwrap_or_default();
        understand(merge(now, self.0.clone()))
    }
}

/// Reads, patches and writes, again while somebody else changed it between the two.
pub(crate) async fn until_unchanged<T, F>(change: impl Fn() -> F) -> Result<T, Problem>
where
    F: Future<Output = Result<Result<T, UseCaseError>, Problem>>,
{
    let mut tries = 1;
    loop {
        match change().await? {
            Err(UseCaseError::Conflict(Conflict::Changed(_))) if tries < TRIES => tries += 1,
            outcome => return Ok(outcome?),
        }
    }
}

/// What `target` becomes by `patch`: members of the patch replace, `null` removes, objects go deeper.
pub(crate) fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch;
    };
    let mut merged = match target {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            merged.remove(&name);
        } else {
            let before = merged.remove(&name).unwrap_or_default();
            merged.insert(name, merge(before, value));
        }
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_do_what_the_examples_of_the_standard_say() {
        // RFC 7396, appendix A.
        let cases = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (
                json!({"a":"b","b":"c"}),
                json!({"a":null}),
                json!({"b":"c"}),
            ),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ];
        for (target, patch, wanted) in cases {
            assert_eq!(
                merge(target.clone(), patch.clone()),
                wanted,
                "{target} {patch}"
            );
        }
    }
}
