//! One source of settings, as texts that still have to be understood.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Origin};
use super::test_purposes::TestPurposes;
use super::{DEFAULT_FILE, Environment, FILE_VARIABLE, PREFIX};

/// A value as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) texts: Texts,
    pub(super) origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    One(String),
    Many(Vec<String>),
}

/// Values by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer(BTreeMap<String, Given>);

impl Layer {
    pub(super) fn get(&self, key: &str) -> Option<&Given> {
        self.0.get(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The defaults, which name every key that there is.
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the binary, and every test reads it"
    )]
    pub(super) fn defaults() -> Self {
        let mut faults = Vec::new();
        let table = DeTable::parse(DEFAULT_FILE).expect("the default file is TOML");
        let layer = Self::of_table(table.get_ref(), |_| Origin::Default, &mut faults);
        debug_assert_eq!(
            faults,
            [],
            "the default file holds texts, numbers and lists"
        );
        layer
    }

    /// The user's file.
    pub(super) fn file(path: &Path, defaults: &Self, faults: &mut Vec<Fault>) -> Self {
        let mut fault = |line: usize, detail: String| {
            faults.push(Fault {
                origin: Origin::File(path.to_owned(), line),
                detail,
            });
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) => {
                fault(1, format!("can't be read: {cause}"));
                return Self::default();
            }
        };
        let line_at = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let (table, broken) = DeTable::parse_recoverable(&text);
        for cause in &broken {
            let line = cause.span().map_or(1, |span| line_at(span.start));
            fault(line, format!("is not TOML: {}", cause.message()));
        }
        let mut layer = Self::of_table(
            table.get_ref(),
            |offset| Origin::File(path.to_owned(), line_at(offset)),
            faults,
        );
        layer.0.retain(|key, given| {
            let known = defaults.get(key).is_some();
            if !known {
                faults.push(Fault {
                    origin: given.origin.clone(),
                    detail: format!("{key} is no setting{}", hint(key, defaults)),
                });
            }
            known
        });
        layer
    }

    /// The environment. A variable that is no setting is only warned of: Kubernetes, for one, sets
    /// FANFARE_PORT and the like in every pod beside a service called "fanfare".
    pub(super) fn environment(
        environment: &Environment,
        defaults: &Self,
        warnings: &mut Vec<String>,
    ) -> Self {
        let mut layer = Self::default();
        for (name, text) in environment {
            let Some(key) = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else {
                continue;
            };
            if name == FILE_VARIABLE || TestPurposes::is_one(name) {
                continue;
            }
            if defaults.get(&key).is_none() {
                let hint = hint(&key, defaults);
                warnings.push(format!("environment variable {name} is no setting{hint}"));
                continue;
            }
            let given = Given {
                texts: Texts::One(text.clone()),
                origin: Origin::Variable(name.clone()),
            };
            layer.0.insert(key, given);
        }
        layer
    }

    fn of_table(
        table: &DeTable<'_>,
        origin: impl Fn(usize) -> Origin,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let mut layer = Self::default();
        for (key, value) in table {
            let origin = origin(key.span().start);
            let key = key.get_ref();
            match texts(value.get_ref()) {
                Some(texts) => {
                    layer.0.insert(key.to_string(), Given { texts, origin });
                }
                None => faults.push(Fault {
                    origin,
                    detail: format!(
                        "{key} must be a text, a number, true or false, or a list of texts"
                    ),
                }),
            }
        }
        layer
    }
}

fn texts(value: &DeValue<'_>) -> Option<Texts> {
    if let DeValue::Array(list) = value {
        let each = list.iter().map(|item| scalar(item.get_ref()));
        return Some(Texts::Many(each.collect::<Option<_>>()?));
    }
    scalar(value).map(Texts::One)
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Names the setting that was probably meant: one that begins and ends much alike.
fn hint(key: &str, defaults: &Layer) -> String {
    let same = |one: &mut dyn Iterator<Item = (u8, u8)>| one.take_while(|(a, b)| a == b).count();
    let alike = |known: &str| {
        let start = same(&mut key.bytes().zip(known.bytes()));
        let end = same(&mut key.bytes().rev().zip(known.bytes().rev()));
        (start + end).min(known.len())
    };
    match defaults.keys().max_by_key(|known| alike(known)) {
        Some(known) if alike(known) * 2 > key.len() => format!("; did you mean {known}?"),
        _ => "; `fanfare config default` lists all".to_owned(),
    }
}
