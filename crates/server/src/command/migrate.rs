//! `fanfare migrate`: the store's schema.

use super::print;
use crate::config::{Settings, StoreSettings};

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let StoreSettings::Sqlite(path) = &settings.store;
    let migrated = fanfare_store_sqlite::migrate(path)?;
    let path = path.display();
    match (migrated.from, migrated.to) {
        (0, to) => print(format_args!("{path} was made, with schema version {to}")),
        (from, to) if from == to => print(format_args!("{path} has schema version {to} already")),
        (from, to) => print(format_args!(
            "{path} was brought from schema version {from} to {to}"
        )),
    }
}
