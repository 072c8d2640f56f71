//! How the server goes about every hot query in a store with several days of deliveries: no sequential scan
//! of what is not small, and no statement that reads more than 10,000 rows.
//!
//! `WRITE_PLANS=yes`, as `make postgresql-plans` sets it, writes them to `docs/postgresql-plans.md`.

use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use fanfare_app::stored::attempt::rest_to_text;
use fanfare_domain::delivery::DeliveryState;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_domain::time::Timestamp;
use fanfare_store_postgres::{JoinOptions, Member, Options, PostgresStore, migrate};
use fanfare_testkit::postgres::Cluster;

use crate::databases::at;
use crate::made;

mod calls;
mod explained;
mod lists;
mod wishes;

use explained::Explained;

/// Events; two deliveries of each.
const EVENTS: i64 = 200_000;

/// The most rows that one statement may read.
const MOST_ROWS: u64 = 10_000;

/// What may be read besides where ten thousand rows are counted: one that shows that there are more, names, and
/// what is held among what waits.
const BESIDE_A_COUNT: u64 = 20;

/// Statements of the store's upkeep, which come in between.
const BESIDES: [&str; 4] = [
    "SET beat",
    "id, beat, delivers",
    "pg_notify",
    "forget_nodes",
];

struct Plans {
    cluster: &'static Cluster,
    seen: usize,
    text: String,
    wrong: String,
}

impl Plans {
    /// Runs a call of the store, and looks at the plans of its statements.
    async fn of<T>(&mut self, what: &str, call: impl Future<Output = T>) -> T {
        self.seen = self.cluster.log().len();
        let answer = call.await;
        self.take(what, MOST_ROWS);
        answer
    }

    /// The same where what waits is counted, up to ten thousand.
    async fn of_a_count<T>(&mut self, what: &str, call: impl Future<Output = T>) -> T {
        self.seen = self.cluster.log().len();
        let answer = call.await;
        self.take(what, MOST_ROWS + BESIDE_A_COUNT);
        answer
    }

    fn take(&mut self, what: &str, most: u64) {
        let log = self.cluster.log();
        let statements = explained::read(&log[self.seen..]);
        let of_it = |one: &&Explained| !BESIDES.iter().any(|other| one.sql.contains(other));
        let statements: Vec<_> = statements.iter().filter(of_it).collect();
        if statements.is_empty() {
            let _ = writeln!(self.wrong, "{what}: no statement was logged");
        }
        let _ = write!(self.text, "\n## {what}\n");
        for one in statements {
            let rows = one.rows();
            let _ = write!(
                self.text,
                "\nRows read: {rows}.\n\n```sql\n{}\n```\n\n```\n{}```\n",
                one.sql.trim_end(),
                one.shown()
            );
            for scan in one.sequential() {
                let _ = writeln!(self.wrong, "{what}: {}", scan.trim());
            }
            if rows > most {
                let _ = writeln!(self.wrong, "{what}: {rows} rows are read by {}", one.sql);
            }
        }
    }
}

fn tenant(number: u64) -> Scope {
    Scope {
        environment: EnvironmentId::default_environment(),
        tenant: TenantId::parse(&format!("tenant-{number}")).unwrap(),
    }
}

fn endpoint(number: u64) -> EndpointId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&1_700_000_000_000_u64.to_be_bytes()[2..]);
    bytes[6..12].copy_from_slice(&number.to_be_bytes()[2..]);
    EndpointId::from_bytes(bytes)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a store makes the partitions of the server's days"
)]
fn today() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_secs()).unwrap() / 86_400
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hot_query_scans_a_large_table_or_reads_ten_thousand_rows() {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(&[
        "fsync=off",
        "full_page_writes=off",
        "shared_buffers=256MB",
        "max_wal_size=4GB",
        // Plans as they are when nothing is to be had in parallel by chance.
        "max_parallel_workers_per_gather=0",
    ])));
    let database = cluster.database(None);
    let addresses = at(&database.address());
    migrate(&addresses.direct).await.unwrap();
    let options = JoinOptions {
        name: "one".to_owned(),
        delivers: true,
        detection: Duration::from_secs(60),
    };
    let (member, renewing) = Member::join(&addresses.direct, options.clone())
        .await
        .unwrap();
    let (another, its_renewing) = Member::join(&addresses.direct, options).await.unwrap();
    let now = Timestamp::from_seconds(today() * 86_400);
    let made = made::delivery(&made::event(now, 0));
    let attempted = made::attempted(made, DeliveryState::Delivered { at: now }, now);
    let rest = rest_to_text(&attempted.attempt.unwrap()).unwrap();
    let sql = include_str!("plans/fill.sql")
        .replace("$REST", &rest)
        .replace("$DAY", &today().to_string())
        .replace("$NODE", &member.id().to_string())
        .replace("$EVENTS", &EVENTS.to_string());
    for statement in sql.split(";\n\n").flat_map(|group| group.split(";\n")) {
        database.run(statement);
    }
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_buffers = on",
        "auto_explain.log_nested_statements = on",
    ] {
        cluster.run(&format!("ALTER DATABASE {} SET {setting}", database.name()));
    }
    let of = async |member| {
        let options = Options::default();
        let store = PostgresStore::open_as(&addresses, &options, Some(member)).await;
        store.unwrap()
    };
    let (store, another) = (of(member).await, of(another).await);
    let mut plans = Plans {
        cluster,
        seen: 0,
        text: String::new(),
        wrong: String::new(),
    };
    calls::log(&mut plans, &store).await;
    lists::all(&mut plans, &store).await;
    lists::rare_things(&store).await;
    wishes::all(&mut plans, &store, &another).await;
    calls::deliveries(&mut plans, &store).await;
    calls::configuration(&mut plans, &store).await;
    plans
        .of("Work of nodes that are gone", store.take_over())
        .await
        .unwrap();
    renewing.abort();
    its_renewing.abort();
    if std::env::var("WRITE_PLANS").is_ok() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/postgresql-plans.md"
        );
        let head = include_str!("plans/head.md").replace("$EVENTS", &EVENTS.to_string());
        std::fs::write(path, head + &plans.text).unwrap();
    }
    assert!(plans.wrong.is_empty(), "{}", plans.wrong);
}
