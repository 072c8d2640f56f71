//! `fanfare move`: everything of a stopped store into another, between the embedded store and PostgreSQL.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use fanfare_app::transfer::{self, Bounds, Part, Source, Target};
use fanfare_store_postgres::{Address, PostgresTransfer};
use fanfare_store_sqlite::SqliteTransfer;

use super::{print, small_runtime};
use crate::cli::MoveArgs;
use crate::config::{self, Settings, StoreSettings};

mod progress;

use progress::Lines;

pub(super) fn run(settings: &Settings, args: &MoveArgs) -> anyhow::Result<()> {
    let side = |name: &str, text: &str| {
        config::store(text).map_err(|expected| anyhow::anyhow!("{name} {expected}"))
    };
    let (from, to) = (side("--from", args.from())?, side("--to", args.to())?);
    small_runtime()?.block_on(between(&from, &to, settings.node.detection))
}

async fn between(
    from: &StoreSettings,
    to: &StoreSettings,
    detection: Duration,
) -> anyhow::Result<()> {
    match (from, to) {
        (StoreSettings::Sqlite(from), StoreSettings::Postgres(to)) => {
            out_of_a_file(from, &to.direct, detection).await
        }
        (StoreSettings::Postgres(from), StoreSettings::Sqlite(to)) => {
            into_a_file(&from.direct, to, detection).await
        }
        (StoreSettings::Sqlite(_), StoreSettings::Sqlite(_)) => bail!(
            "--from and --to are both embedded stores; `fanfare backup` copies one, and a move goes \
             between the embedded store and PostgreSQL"
        ),
        (StoreSettings::Postgres(_), StoreSettings::Postgres(_)) => bail!(
            "--from and --to are both in PostgreSQL; pg_dump and pg_restore copy one, and a move goes \
             between the embedded store and PostgreSQL"
        ),
    }
}

async fn out_of_a_file(from: &Path, to: &Address, detection: Duration) -> anyhow::Result<()> {
    let path = from.to_owned();
    let (source, origin) = tokio::task::spawn_blocking(move || {
        let source = SqliteTransfer::source(&path)?;
        Ok::<_, transfer::OpenError>((source, SqliteTransfer::place(&path)?))
    })
    .await??;
    let origin = format!("sqlite:{}", origin.display());
    let target = PostgresTransfer::target(to, &origin, detection).await?;
    all(&source, &target, &origin, &to.to_string()).await
}

async fn into_a_file(from: &Address, to: &Path, detection: Duration) -> anyhow::Result<()> {
    let source = PostgresTransfer::source(from, detection).await?;
    let origin = from.to_string();
    let (path, begun) = (to.to_owned(), origin.clone());
    let opening = move || SqliteTransfer::target(&path, &begun);
    let target = tokio::task::spawn_blocking(opening).await??;
    let place = format!("sqlite:{}", to.display());
    all(&source, &target, &origin, &place).await
}

async fn all(source: &dyn Source, target: &dyn Target, from: &str, to: &str) -> anyhow::Result<()> {
    let mut lines = Lines::new();
    let mut tell = |progress| lines.tell(progress);
    let moved = transfer::run(source, target, Bounds::default(), &mut tell).await;
    let counts = moved.with_context(|| format!("from {from} to {to}"))?;
    let count = |(part, rows): &(Part, u64)| format!("{rows} {}", part.name());
    let counts: Vec<String> = counts.iter().map(count).collect();
    print(format_args!(
        "{from} was moved to {to}, and is the same there: {}\n\
         Set `store` to the new place, and start no server on the old one again: it would send what waits \
         a second time.",
        counts.join(", ")
    ))
}
