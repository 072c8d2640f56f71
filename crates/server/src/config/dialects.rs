//! Which dialects are served, and where.
//!
//! An entry is a dialect's name and then, between blanks, what differs from the original: `NAME=VALUE`.
//! Names that are not known here are the dialect's own, and it says which there are.

use std::path::Path;

use fanfare_dialects::DialectSettings;
use fanfare_domain::name::EnvironmentId;
use fanfare_domain::policy::PolicyPatch;

use super::reader::{Expected, Reader};
use super::value;

/// A dialect that is served.
#[derive(Clone, Debug)]
pub(crate) struct ServedDialect {
    pub(crate) name: &'static str,
    /// The environment that it is bound to.
    pub(crate) environment: EnvironmentId,
    /// Only on this host name, and there every path.
    pub(crate) host: Option<String>,
    /// The original's paths below this one.
    pub(crate) below: Option<String>,
    /// Calls of a key in a minute; none: as many as the original's limit says.
    pub(crate) rate: Option<u32>,
    pub(crate) settings: DialectSettings,
}

pub(super) fn read(reader: &mut Reader) -> Option<Vec<ServedDialect>> {
    let served = reader.list("dialects", entry)?;
    for (place, each) in served.iter().enumerate() {
        // One format for a name: two entries of it could only differ in where they are served.
        if served[..place].iter().any(|other| other.name == each.name) {
            reader.unfit("dialects", format!("names {} twice", each.name));
            return None;
        }
    }
    Some(served)
}

fn entry(text: &str) -> Result<ServedDialect, Expected> {
    let mut words = text.split_whitespace();
    let given = words.next().unwrap_or_default();
    let all = fanfare_dialects::ALL;
    let Some(name) = all.iter().find(|name| **name == given) else {
        return Err(format!("must begin with one of {}", all.join(", ")));
    };
    let mut served = ServedDialect {
        name,
        environment: EnvironmentId::default_environment(),
        host: None,
        below: None,
        rate: None,
        settings: DialectSettings::default(),
    };
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            return Err(format!(
                "must have NAME=VALUE after the dialect's name, not {word:?}"
            ));
        };
        set(&mut served, key, value)
            .map_err(|expected| format!("has {key}={value}, which {expected}"))?;
    }
    let faults = served.settings.policy.faults();
    if let Some(fault) = faults.first() {
        return Err(format!("has {}, which {}", fault.member, fault.detail));
    }
    match fanfare_dialects::make(name, &served.settings) {
        Some(Err(expected)) => Err(format!("can't be used: {expected}")),
        _ => Ok(served),
    }
}

fn set(served: &mut ServedDialect, key: &str, value: &str) -> Result<(), Expected> {
    let policy = &mut served.settings.policy;
    match key {
        "environment" => {
            served.environment = EnvironmentId::parse(value).map_err(|cause| cause.to_string())?;
        }
        "host" => served.host = Some(value.to_owned()),
        "below" if value.starts_with('/') && !value.ends_with('/') => {
            served.below = Some(value.to_owned());
        }
        "below" => {
            return Err("must be a path such as /konpro, without a slash at its end".to_owned());
        }
        "rate" => served.rate = Some(value::count(1..=1_000_000)(value)? as u32),
        "https_only" => served.settings.https_only = value::truth(value)?,
        "timeout" => {
            policy.timeout = Some(value::duration(
                std::time::Duration::ZERO..=PolicyPatch::MAX_TIMEOUT,
            )(value)?);
        }
        "waits" => {
            let wait = value::duration(std::time::Duration::ZERO..=PolicyPatch::MAX_WAIT);
            policy.waits = Some(value.split(';').map(wait).collect::<Result<_, _>>()?);
        }
        "disable_after" => {
            policy.disable_after = Some(value::duration(
                std::time::Duration::ZERO..=std::time::Duration::from_secs(30 * 24 * 3_600),
            )(value)?);
        }
        "jitter" => policy.jitter = Some(value::share(value)?),
        "events_file" => served.settings.events = Some(events(Path::new(value))?),
        other => {
            served
                .settings
                .own
                .insert(other.to_owned(), value.to_owned());
        }
    }
    Ok(())
}

/// Reads a JSON object of event names with what people call them.
fn events(path: &Path) -> Result<Vec<(String, String)>, Expected> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| format!("must name a file that can be read: {cause}"))?;
    let map: std::collections::BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|cause| format!("must name a file with a JSON object of event names and their display names: {cause}"))?;
    Ok(map.into_iter().collect())
}
