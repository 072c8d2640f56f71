//! Filling a store in PostgreSQL inside of it: publishing some ten million events would take hours.

use anyhow::Result;

use crate::server::Postgres;

/// How many days the copies are spread over, today's part included.
const DAYS: i64 = 5;

/// While it is filled, nothing has to be durable.
const QUICKLY: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    ("autovacuum", "off"),
    ("max_wal_size", "1GB"),
    ("maintenance_work_mem", "256MB"),
    ("work_mem", "64MB"),
];

/// Copies what is there until there are about so many events. No node works meanwhile.
pub(super) fn fill(postgres: &Postgres, events: u64) -> Result<()> {
    let database = &postgres.database;
    let each = i64::try_from(events)? / DAYS;
    let today = database.number("SELECT floor(extract(epoch FROM now()) / 86400)::bigint");
    let first = database.number("SELECT last_value FROM fanfare.positions");
    postgres.set(QUICKLY);
    let with = |sql: &str| {
        sql.replace("$TODAY", &today.to_string())
            .replace("$DAYS", &DAYS.to_string())
            .replace("$EACH", &each.to_string())
    };
    database.run(&with(include_str!("fill.sql")));
    for (day, nth) in (today - DAYS + 1..=today).zip(0..) {
        let sql = with(include_str!("fill_day.sql"))
            .replace("$DAY", &day.to_string())
            .replace("$FIRST", &(first + nth * each).to_string());
        // One by one, as a statement's log is let go with it.
        for statement in sql.split(";\n\n") {
            database.run(statement);
        }
        eprintln!("  {} of {DAYS} days are filled", nth + 1);
    }
    // The nodes that are gone have nothing left to do.
    let last = first + DAYS * each;
    database.run(&format!(
        "SELECT setval('fanfare.positions', {last});
        UPDATE fanfare.counters SET value = {last} WHERE name = 'materialised';
        DROP SCHEMA fill CASCADE"
    ));
    // By itself it would be done while the rate is measured.
    database.run("VACUUM (ANALYZE)");
    postgres.reset();
    database.run("CHECKPOINT");
    Ok(())
}
