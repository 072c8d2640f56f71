//! `fanfare backup`: a copy of the store, also while a server uses it.

use std::path::Path;

use anyhow::bail;

use super::print;
use crate::config::{Settings, StoreSettings};

pub(super) fn run(settings: &Settings, to: &Path) -> anyhow::Result<()> {
    let path = match &settings.store {
        StoreSettings::Sqlite(path) => path,
        StoreSettings::Postgres(_) => bail!(
            "the store is in PostgreSQL, which has its own ways to be backed up: pg_dump, or a base \
             backup with an archive of the write-ahead log"
        ),
    };
    fanfare_store_sqlite::backup(path, to)?;
    print(format_args!(
        "{} was copied to {}; it holds everything that was acknowledged before",
        path.display(),
        to.display()
    ))
}
