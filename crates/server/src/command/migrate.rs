//! `fanfare migrate`: the store's schema.

use anyhow::Context;

use super::{print, small_runtime};
use crate::config::{Settings, StoreSettings};

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let (place, from, to) = match &settings.store {
        StoreSettings::Sqlite(path) => {
            let migrated = fanfare_store_sqlite::migrate(path)?;
            (path.display().to_string(), migrated.from, migrated.to)
        }
        StoreSettings::Postgres(addresses) => {
            let direct = &addresses.direct;
            let migrated = small_runtime()?
                .block_on(fanfare_store_postgres::migrate(direct))
                .with_context(|| format!("the store at {direct}"))?;
            (direct.to_string(), migrated.from, migrated.to)
        }
    };
    match (from, to) {
        (0, to) => print(format_args!("{place} was made, with schema version {to}")),
        (from, to) if from == to => print(format_args!("{place} has schema version {to} already")),
        (from, to) => print(format_args!(
            "{place} was brought from schema version {from} to {to}"
        )),
    }
}
