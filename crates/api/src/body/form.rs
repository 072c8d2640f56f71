//! The schema of a type, compiled to check bodies with.

use fanfare_domain::fault::Fault;
use fanfare_domain::time::Timestamp;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::sentence::told;

/// Faults told at once; more add nothing.
const MAX_FAULTS: usize = 100;

/// The schema of a type, as the OpenAPI document has it.
#[derive(Debug)]
pub(crate) struct Form {
    schema: Value,
    validator: jsonschema::Validator,
}

impl Form {
    /// Compiles the schema of a type.
    pub(crate) fn of<T: ToSchema>() -> Self {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        let mut schema = serde_json::to_value(T::schema()).unwrap_or_default();
        let parts: serde_json::Map<_, _> = parts
            .into_iter()
            .map(|(name, part)| (name, serde_json::to_value(part).unwrap_or_default()))
            .collect();
        if let Some(members) = schema.as_object_mut() {
            members.insert("components".to_owned(), json!({"schemas": parts}));
        }
        let built = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .should_validate_formats(true)
            .with_format("date-time", |text: &str| Timestamp::parse(text).is_ok())
            .build(&schema);
        #[expect(
            clippy::expect_used,
            reason = "the schemas are the program's own, and tested"
        )]
        let validator = built.expect("a type's own schema can be compiled");
        Self { schema, validator }
    }

    /// What is wrong with a body.
    pub(crate) fn check(&self, value: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        for error in self.validator.iter_errors(value) {
            told(&self.schema, &error, &mut faults);
            if faults.len() >= MAX_FAULTS {
                faults.truncate(MAX_FAULTS);
                break;
            }
        }
        faults
    }
}

/// Makes types [`super::Input`]s; each one's schema is compiled once. `Type => faults` names what finds
/// faults beside the schema's, see [`super::Input::beside`].
macro_rules! input {
    ($($type:ty $(=> $beside:path)?),+ $(,)?) => {$(
        impl $crate::body::Input for $type {
            fn form() -> &'static $crate::body::Form {
                static FORM: std::sync::LazyLock<$crate::body::Form> =
                    std::sync::LazyLock::new($crate::body::Form::of::<$type>);
                &FORM
            }
            $(
                fn beside(body: &serde_json::Value) -> Vec<fanfare_domain::fault::Fault> {
                    $beside(body)
                }
            )?
        }
    )+};
}

pub(crate) use input;
