//! `fanfare config check` and `fanfare config default`.

use super::{Loaded, print};
use crate::cli::ConfigCommand;
use crate::config::{DEFAULT_FILE, Refused};

pub(super) fn run(
    command: &ConfigCommand,
    load: impl FnOnce() -> Result<Loaded, Refused>,
) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Default => print(DEFAULT_FILE.trim_end()),
        ConfigCommand::Check => {
            let Loaded { settings, warnings } = load()?;
            for warning in warnings {
                print(format_args!("warning: {warning}"))?;
            }
            print(format_args!(
                "the settings are right; `fanfare serve` would listen on {}",
                settings.listen
            ))
        }
    }
}
