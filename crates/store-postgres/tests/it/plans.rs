//! How the server goes about every hot query in a store with several days of deliveries: no sequential scan
//! of what is not small, and no statement that reads more than 10,000 rows.
//!
//! `WRITE_PLANS=yes`, as `make postgresql-plans` sets it, writes them to `docs/postgresql-plans.md`.

use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::configuration::{DocumentKey, DocumentQuery, IdQuery, Kind};
use fanfare_app::port::deliveries::{DeliveryQuery, Settlement};
use fanfare_app::port::jobs::Walk;
use fanfare_app::port::log::{Append, EventQuery, EventRef, EventWalk, Idempotency};
use fanfare_app::stored::attempt::rest_to_text;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason, StateName};
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::job::Filter;
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::order::{Ordering, Strand};
use fanfare_domain::time::Timestamp;
use fanfare_store_postgres::{JoinOptions, Member, Options, PostgresStore, migrate};
use fanfare_testkit::postgres::Cluster;

use crate::databases::at;
use crate::made;

mod explained;

use explained::Explained;

/// Events; two deliveries of each.
const EVENTS: i64 = 200_000;

/// The most rows that one statement may read.
const MOST_ROWS: u64 = 10_000;

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
        self.take(what, true);
        answer
    }

    /// The same where everything that waits is counted.
    async fn of_a_count<T>(&mut self, what: &str, call: impl Future<Output = T>) -> T {
        self.seen = self.cluster.log().len();
        let answer = call.await;
        self.take(what, false);
        answer
    }

    fn take(&mut self, what: &str, bounded: bool) {
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
            if !bounded {
                continue;
            }
            for scan in one.sequential() {
                let _ = writeln!(self.wrong, "{what}: {}", scan.trim());
            }
            if rows > MOST_ROWS {
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

fn all_of(scope: &Scope) -> DeliveryQuery {
    DeliveryQuery {
        scope: scope.clone(),
        event: None,
        endpoint: None,
        state: None,
        event_type: None,
        last_error: None,
        last_status: None,
        since: None,
        until: None,
        before: None,
        limit: 101,
    }
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
    let (member, renewing) = Member::join(&addresses.direct, options).await.unwrap();
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
    let store = PostgresStore::open_as(&addresses, &Options::default(), Some(member)).await;
    let store = store.unwrap();
    let mut plans = Plans {
        cluster,
        seen: 0,
        text: String::new(),
        wrong: String::new(),
    };
    log(&mut plans, &store).await;
    lists(&mut plans, &store).await;
    rare_things(&store).await;
    deliveries(&mut plans, &store).await;
    configuration(&mut plans, &store).await;
    plans
        .of("Work of nodes that are gone", store.take_over())
        .await
        .unwrap();
    renewing.abort();
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

/// An event in the middle of the last day but one, as the fill made it.
async fn some_events(store: &PostgresStore) -> Vec<EventId> {
    let query = EventQuery {
        scope: tenant(1),
        event_type: None,
        since: None,
        until: Some(Timestamp::from_seconds((today() - 1) * 86_400 + 40_000)),
        before: None,
        limit: 64,
    };
    let found = store.log().events(&query).await.unwrap();
    found.iter().map(|event| event.id).collect()
}

async fn log(plans: &mut Plans, store: &PostgresStore) {
    let (log, acme) = (store.log(), tenant(1));
    let ids = some_events(store).await;
    let end = log.end().await.unwrap();
    let now = Timestamp::from_seconds(today() * 86_400 + 60);
    let appends = (0..64).map(|number| {
        let plain = made::event(now, number);
        let unique = number % 2 == 0;
        Append {
            idempotency: unique.then(|| Idempotency {
                digest: [u8::try_from(number).unwrap(); 32],
                content: [1; 16],
                expires_at: now.after(Duration::from_secs(3_600)),
            }),
            ..if unique {
                made::with_uid(now, number, &format!("caller-{number}"))
            } else {
                made::append(plain)
            }
        }
    });
    plans
        .of("Publishing, 64 events", log.append(appends.collect()))
        .await
        .unwrap();
    plans
        .of("The log after a position", log.read_after(end - 300, 256))
        .await
        .unwrap();
    plans
        .of("Positions after one", log.positions_after(end - 300, 256))
        .await
        .unwrap();
    let by_id = EventRef::Id(ids[0]);
    plans
        .of("An event by its id", log.event(&acme, &by_id))
        .await
        .unwrap();
    let by_uid = EventRef::Uid("uid-150000".to_owned());
    plans
        .of("An event by the caller's id", log.event(&acme, &by_uid))
        .await
        .unwrap();
    plans
        .of("Events by their ids", log.events_by_id(&acme, &ids))
        .await
        .unwrap();
    plans
        .of("Positions of events", log.positions(&acme, &ids))
        .await
        .unwrap();
    plans
        .of("Which payloads are kept", log.with_payload(&acme, &ids))
        .await
        .unwrap();
    let walk = EventWalk {
        scope: acme,
        since: Timestamp::from_seconds((today() - 3) * 86_400),
        until: now,
        after: Some(ids[0]),
        limit: 100,
    };
    plans
        .of("Events from a time on", log.events_from(&walk))
        .await
        .unwrap();
    plans
        .of("Payloads past their own time", log.data_past(now, 500))
        .await
        .unwrap();
    plans
        .of(
            "Idempotency keys past their time",
            log.drop_expired_keys(now, 500),
        )
        .await
        .unwrap();
}

/// All pages of a search, one after the other; answers what they held, and how many there were.
async fn pages(store: &PostgresStore, query: &DeliveryQuery) -> (Vec<DeliveryId>, usize) {
    let (mut query, mut all, mut pages) = (query.clone(), Vec::new(), 0);
    loop {
        let page = store.deliveries().search(&query).await.unwrap();
        pages += 1;
        all.extend(page.found.iter().map(|row| row.id));
        let full = page.found.len() == query.limit;
        query.before = page.stopped_at.or(page.found.last().map(|row| row.id));
        if !full && page.stopped_at.is_none() {
            return (all, pages);
        }
    }
}

/// What is rare is found all the same, once each, on pages that may be empty.
async fn rare_things(store: &PostgresStore) {
    let all = all_of(&tenant(1));
    let rare = EventTypeName::parse("invoice.rare").unwrap();
    let of_rare = DeliveryQuery {
        event_type: Some(rare),
        ..all.clone()
    };
    let failed = DeliveryQuery {
        state: Some(StateName::Failed),
        ..all.clone()
    };
    let none = DeliveryQuery {
        last_status: Some(418),
        endpoint: Some(endpoint(12)),
        ..all
    };
    // Of 4 events: two deliveries each, and a replay that waits, one of which holds its line.
    for (query, rows, least) in [(of_rare, 12, 50), (failed, 4_040, 41), (none, 0, 10)] {
        let (found, pages) = pages(store, &query).await;
        assert_eq!(found.len(), rows, "{query:?}");
        assert!(pages >= least, "{pages}");
        assert!(found.is_sorted_by(|one, next| one > next), "{query:?}");
    }
}

async fn lists(plans: &mut Plans, store: &PostgresStore) {
    let (log, part, acme) = (store.log(), store.deliveries(), tenant(1));
    let first = part.search(&all_of(&acme)).await.unwrap().found[0].clone();
    let time = |days: i64| Some(Timestamp::from_seconds((today() - days) * 86_400 + 100));
    let rare = EventTypeName::parse("invoice.rare").unwrap();
    let events = EventQuery {
        scope: acme.clone(),
        event_type: None,
        since: None,
        until: None,
        before: None,
        limit: 101,
    };
    plans
        .of("A page of events", log.search(&events))
        .await
        .unwrap();
    let query = EventQuery {
        event_type: Some(rare.clone()),
        ..events.clone()
    };
    let stopped = plans
        .of("A page of events of a rare type", log.search(&query))
        .await;
    assert!(stopped.unwrap().stopped_at.is_some());
    let query = EventQuery {
        since: time(3),
        until: time(2),
        ..events
    };
    plans
        .of("A page of events of a day", log.search(&query))
        .await
        .unwrap();

    let all = all_of(&acme);
    let of = Some(endpoint(13));
    let queries = [
        ("", all.clone()),
        (
            ", further on",
            DeliveryQuery {
                before: Some(first.id),
                ..all.clone()
            },
        ),
        (
            " of a day",
            DeliveryQuery {
                since: time(3),
                until: time(2),
                ..all.clone()
            },
        ),
        (
            " to an endpoint",
            DeliveryQuery {
                endpoint: of,
                ..all.clone()
            },
        ),
        (
            " that wait",
            DeliveryQuery {
                state: Some(StateName::Waiting),
                ..all.clone()
            },
        ),
        (
            " that failed",
            DeliveryQuery {
                state: Some(StateName::Failed),
                ..all.clone()
            },
        ),
        (
            " that failed at an endpoint",
            DeliveryQuery {
                state: Some(StateName::Failed),
                endpoint: of,
                ..all.clone()
            },
        ),
        (
            " that arrived",
            DeliveryQuery {
                state: Some(StateName::Delivered),
                ..all.clone()
            },
        ),
        (
            " of a rare type",
            DeliveryQuery {
                event_type: Some(rare.clone()),
                ..all.clone()
            },
        ),
        (
            " of a rare type to an endpoint",
            DeliveryQuery {
                event_type: Some(rare.clone()),
                endpoint: of,
                ..all.clone()
            },
        ),
        (
            " of a rare type that failed on a day",
            DeliveryQuery {
                event_type: Some(rare),
                state: Some(StateName::Failed),
                since: time(3),
                until: time(2),
                ..all.clone()
            },
        ),
        (
            " with a status that none has",
            DeliveryQuery {
                last_status: Some(418),
                ..all.clone()
            },
        ),
        (
            " of an event",
            DeliveryQuery {
                event: Some(first.event),
                ..all.clone()
            },
        ),
        (
            " of an event that failed",
            DeliveryQuery {
                event: Some(first.event),
                state: Some(StateName::Failed),
                ..all.clone()
            },
        ),
    ];
    for (which, query) in queries {
        let what = format!("A page of deliveries{which}");
        plans.of(&what, part.search(&query)).await.unwrap();
    }
    let walk = |filter: Filter, of: Option<Scope>| Walk {
        environment: EnvironmentId::default_environment(),
        tenant: of.map(|scope| scope.tenant),
        filter,
        made_before: Timestamp::from_seconds(today() * 86_400 + 80_000),
        after: None,
        limit: 200,
    };
    let failed = Filter {
        states: vec![StateName::Failed],
        ..Filter::default()
    };
    let of_tenant = walk(failed.clone(), Some(acme));
    plans
        .of("A step of a job of a tenant", part.walk(&of_tenant))
        .await
        .unwrap();
    let rare = Filter {
        last_status: Some(418),
        ..Filter::default()
    };
    plans
        .of(
            "A step of a job of an environment",
            part.walk(&walk(failed, None)),
        )
        .await
        .unwrap();
    let what = "A step of a job that finds nothing";
    plans.of(what, part.walk(&walk(rare, None))).await.unwrap();
}

async fn deliveries(plans: &mut Plans, store: &PostgresStore) {
    let (part, acme) = (store.deliveries(), tenant(1));
    let events = some_events(store).await;
    let now = Timestamp::from_seconds(today() * 86_400 + 60);
    let ids: Vec<_> = events.iter().map(|event| event.delivery(0)).collect();
    let settled: Vec<Settlement> = (0..64)
        .map(|number| {
            let made = made::delivery(&made::event(now, number));
            made::attempted(made, DeliveryState::Delivered { at: now }, now)
        })
        .collect();
    let settle = part.settle(Arc::new(settled), Some(1));
    plans
        .of("Recording 64 that arrived at once", settle)
        .await
        .unwrap();
    let waiting = part.due(endpoint(12), now, 64).await.unwrap().deliveries;
    assert!(!waiting.is_empty());
    let again: Vec<Settlement> = waiting
        .iter()
        .map(|row| made::attempted(row.clone(), DeliveryState::Waiting { due_at: now }, now))
        .collect();
    let settle = part.settle(Arc::new(again), Some(2));
    plans
        .of("Recording 64 that wait for their next attempt", settle)
        .await
        .unwrap();
    let ended: Vec<Settlement> = waiting
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row.attempts += 1;
            made::attempted(row, DeliveryState::Delivered { at: now }, now)
        })
        .collect();
    let settle = part.settle(Arc::new(ended), Some(3));
    plans
        .of("Recording 64 that arrived in the end", settle)
        .await
        .unwrap();
    plans
        .of(
            "What is due for an endpoint",
            part.due(endpoint(12), now, 64),
        )
        .await
        .unwrap();
    plans
        .of("Endpoints for which something waits", part.lanes(None, 256))
        .await
        .unwrap();
    plans
        .of("What expires", part.expired(now, 64))
        .await
        .unwrap();
    let line = Strand::WHOLE;
    let turn = part.in_turn(endpoint(10), line, 0, 64);
    plans.of("The next of a line", turn).await.unwrap();
    plans
        .of("An endpoint's lines", part.strands(endpoint(10), None, 64))
        .await
        .unwrap();
    let wrong = part.out_of_turn(endpoint(10), Ordering::ByKey, 64);
    plans
        .of("What stands in a wrong order", wrong)
        .await
        .unwrap();
    let endpoints = [endpoint(10), endpoint(12)];
    let holding = part.holding(&endpoints, 10);
    plans
        .of("What holds the lines of endpoints", holding)
        .await
        .unwrap();
    plans
        .of("Which have rows", part.existing(&acme, &ids))
        .await
        .unwrap();
    plans
        .of("A delivery", part.delivery(&acme, ids[0]))
        .await
        .unwrap();
    plans
        .of("The attempts of a delivery", part.attempts(&acme, ids[0]))
        .await
        .unwrap();
    let pairs: Vec<_> = events.iter().map(|event| (*event, endpoint(10))).collect();
    plans
        .of("The newest repetitions", part.repeats(&acme, &pairs))
        .await
        .unwrap();
    plans
        .of("Several deliveries", part.some_deliveries(&acme, &ids))
        .await
        .unwrap();
    let day = |days: i64| Timestamp::from_seconds((today() - days) * 86_400);
    let sums = part.tallies(endpoint(13), day(2), day(1));
    plans
        .of("What happened at an endpoint on a day", sums)
        .await
        .unwrap();
    let discard = part.discard(endpoint(14), DiscardedReason::EndpointDeleted, now, 500);
    plans
        .of("Discarding what waits for an endpoint", discard)
        .await
        .unwrap();
    plans
        .of(
            "Of which events something waits",
            part.waiting_events(&events),
        )
        .await
        .unwrap();
    plans
        .of_a_count("How much waits", part.backlog())
        .await
        .unwrap();
    let by_tenant = part.waiting_by_tenant();
    plans
        .of_a_count("How much waits for each tenant", by_tenant)
        .await
        .unwrap();
}

async fn configuration(plans: &mut Plans, store: &PostgresStore) {
    let part = store.configuration();
    let key = DocumentKey {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: "tenant-8".to_owned(),
        id: "ep-7".to_owned(),
    };
    plans.of("A document", part.get(&key)).await.unwrap();
    let query = DocumentQuery {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: Some("tenant-8".to_owned()),
        before: Some(15_000),
        limit: 101,
    };
    plans
        .of("A page of documents", part.list(&query))
        .await
        .unwrap();
    let query = IdQuery {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: "tenant-8".to_owned(),
        after: None,
        descending: false,
        limit: 101,
    };
    plans
        .of("A page of documents by id", part.list_by_id(&query))
        .await
        .unwrap();
    plans
        .of("What was changed", part.changes_after(19_900, 256))
        .await
        .unwrap();
}
