//! `fanfare backup`: a copy of the store, also while a server uses it.

use std::path::Path;

use super::print;
use crate::config::{Settings, StoreSettings};

pub(super) fn run(settings: &Settings, to: &Path) -> anyhow::Result<()> {
    let StoreSettings::Sqlite(path) = &settings.store;
    fanfare_store_sqlite::backup(path, to)?;
    print(format_args!(
        "{} was copied to {}; it holds everything that was acknowledged before",
        path.display(),
        to.display()
    ))
}
