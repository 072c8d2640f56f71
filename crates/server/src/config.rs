//! Settings: from the defaults, a file, and the environment, each over the one before.
//!
//! The defaults are the commented file that `fanfare config default` prints; there is no other place
//! with a default. Everything that is wrong is told at once, see [`Fault`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

mod dialects;
mod fault;
mod layer;
mod reader;
mod settings;
mod test_purposes;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use dialects::ServedDialect;
pub(crate) use fault::Fault;
pub(crate) use settings::{Clients, LogFormat, LogSettings, NodeSettings, Settings, StoreSettings};
pub(crate) use test_purposes::TestPurposes;

use layer::Layer;
use reader::Reader;

/// The commented file that is the defaults.
pub(crate) const DEFAULT_FILE: &str = include_str!("config.default.toml");

/// What the environment variables of settings begin with.
const PREFIX: &str = "FANFARE_";

/// Names the user's file, as `--config` does; the one variable that is no setting.
const FILE_VARIABLE: &str = "FANFARE_CONFIG";

/// Environment variables by name. An argument, so that tests need not change the process.
pub(crate) type Environment = BTreeMap<String, String>;

/// The process's environment variables that are meant for Fanfare; those that are not text are left
/// out, since no setting can be read from them.
pub(crate) fn process_environment() -> Environment {
    let own = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok()?;
        Some((
            name.starts_with(PREFIX).then_some(name)?,
            value.into_string().ok()?,
        ))
    };
    std::env::vars_os().filter_map(own).collect()
}

/// Settings that hold, and what may be a mistake in them.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// Told in the log; none of them keeps the server from starting.
    pub(crate) warnings: Vec<String>,
}

/// Everything that is wrong with the settings.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Vec<Fault>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings can't be used:")?;
        for fault in &self.0 {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// Reads where a store is, as the setting `store` says it.
///
/// # Errors
/// With what it should be; the message does not quote the text, which may hold a password.
pub(crate) fn store(text: &str) -> Result<StoreSettings, String> {
    value::store(text)
}

/// Reads the settings.
///
/// # Errors
/// With everything that is wrong, not only the first.
pub(crate) fn load(file: Option<&Path>, environment: &Environment) -> Result<Loaded, Refused> {
    let mut faults = Vec::new();
    let defaults = Layer::defaults();
    let named = environment.get(FILE_VARIABLE).map(Path::new);
    let from_file = match file.or(named) {
        Some(path) => Layer::file(path, &defaults, &mut faults),
        None => Layer::default(),
    };
    let mut warnings = Vec::new();
    let from_environment = Layer::environment(environment, &defaults, &mut warnings);
    let test_purposes = TestPurposes::read(environment, &mut warnings, &mut faults);
    let mut reader = Reader::new([defaults, from_file, from_environment], faults);
    let settings = Settings::read(&mut reader, test_purposes, &mut warnings);
    match (settings, reader.into_faults()) {
        (Some(settings), faults) if faults.is_empty() => Ok(Loaded { settings, warnings }),
        (_, faults) => Err(Refused(faults)),
    }
}
