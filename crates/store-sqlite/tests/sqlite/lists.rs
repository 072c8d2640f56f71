//! Lists that are written later than their rows: whole at every moment, and in step in the end.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fanfare_app::port::deliveries::{DeliveryQuery, Expired, Settlement};
use fanfare_app::port::log::{Append, Event, EventQuery};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, EndpointId, EventId};
use fanfare_domain::name::{Scope, TenantId};
use fanfare_store_sqlite::{Options, SqliteStore};
use rusqlite::Connection;

use super::made::{delivered, event, folder};

const TENANTS: u64 = 3;
/// Rows of one write.
const BATCH: u64 = 400;

fn scope(tenant: u64) -> Scope {
    Scope {
        tenant: TenantId::parse(&format!("t{tenant}")).unwrap(),
        ..event(0, 0).scope
    }
}

fn endpoint(number: u64) -> EndpointId {
    EndpointId::from_bits(u128::from(1 + number % (2 * TENANTS)))
}

/// Of a tenant, to one of its two endpoints.
fn event_of(number: u64) -> Event {
    Event {
        scope: scope(number % TENANTS),
        targets: vec![endpoint(number)],
        ..event(number, 10)
    }
}

fn settlement(number: u64) -> Settlement {
    let settlement = delivered(number);
    Settlement {
        delivery: Delivery {
            scope: scope(number % TENANTS),
            endpoint: endpoint(number),
            ..settlement.delivery
        },
        ..settlement
    }
}

/// A store, and the numbers of the rows in it.
struct Fed {
    store: SqliteStore,
    path: PathBuf,
    there: Range<u64>,
}

impl Fed {
    fn open(path: PathBuf) -> Self {
        Self::with(path, 0..0)
    }

    fn with(path: PathBuf, there: Range<u64>) -> Self {
        let store = SqliteStore::open(&path, &Options::default()).unwrap();
        Self { store, path, there }
    }

    async fn feed(&mut self) {
        let numbers = self.there.end..self.there.end + BATCH;
        let append = |number| Append {
            event: Arc::new(event_of(number)),
            idempotency: None,
            content: None,
            in_turn: Vec::new(),
        };
        let events = numbers.clone().map(append).collect();
        self.store.log().append(events).await.unwrap();
        let settlements = Arc::new(numbers.map(settlement).collect());
        let deliveries = self.store.deliveries();
        deliveries.settle(settlements, None).await.unwrap();
        self.there.end += BATCH;
    }

    /// Feeds until something is so.
    async fn until(&mut self, done: impl Fn(&Counts) -> bool) {
        for _ in 0..200 {
            if done(&Counts::of(&self.path)) {
                return;
            }
            self.feed().await;
        }
        panic!("not after {} rows", self.there.end);
    }

    /// Forgets the oldest.
    async fn forget(&mut self, count: u64) {
        let numbers = self.there.start..self.there.start + count;
        let positions = numbers.clone().map(|number| number as i64 + 1).collect();
        self.store.log().drop_events(positions).await.unwrap();
        let expired = Expired::Deliveries(event_of(numbers.end).created_at);
        let deliveries = self.store.deliveries();
        let mut left = count as usize;
        while left > 0 {
            let taken = deliveries.drop_expired(expired, 1_000).await.unwrap();
            assert!(taken > 0, "{left} left");
            left -= taken;
        }
        self.there.start += count;
    }

    /// Every list has what it should, newest first.
    async fn check(&self) {
        for tenant in 0..TENANTS {
            let numbers = self.there.clone().rev();
            let expected: Vec<_> = numbers
                .filter(|number| number % TENANTS == tenant)
                .collect();
            let ids: Vec<EventId> = expected.iter().map(|&number| event_of(number).id).collect();
            assert!(self.events(tenant).await == ids, "events of {tenant}");
            let ids: Vec<_> = ids.iter().map(|id| id.delivery(0)).collect();
            assert!(
                self.deliveries(tenant, None).await == ids,
                "deliveries of {tenant}"
            );
            let one = endpoint(tenant);
            let to_one = expected.iter().filter(|&&number| endpoint(number) == one);
            let ids: Vec<_> = to_one
                .map(|&number| event_of(number).id.delivery(0))
                .collect();
            assert!(
                self.deliveries(tenant, Some(one)).await == ids,
                "to {one:?}"
            );
            let others = self.deliveries((tenant + 1) % TENANTS, Some(one)).await;
            assert!(others.is_empty(), "another tenant's");
        }
    }

    async fn events(&self, tenant: u64) -> Vec<EventId> {
        let mut listed: Vec<EventId> = Vec::new();
        loop {
            let query = EventQuery {
                scope: scope(tenant),
                event_type: None,
                since: None,
                until: None,
                before: listed.last().copied(),
                limit: 1_000,
            };
            let page = self.store.log().events(&query).await.unwrap();
            if page.is_empty() {
                return listed;
            }
            listed.extend(page.iter().map(|event| event.id));
        }
    }

    async fn deliveries(&self, tenant: u64, endpoint: Option<EndpointId>) -> Vec<DeliveryId> {
        let mut listed: Vec<DeliveryId> = Vec::new();
        loop {
            let query = DeliveryQuery {
                scope: scope(tenant),
                event: None,
                endpoint,
                state: None,
                event_type: None,
                last_error: None,
                last_status: None,
                since: None,
                until: None,
                before: listed.last().copied(),
                limit: 1_000,
            };
            let page = self.store.deliveries().deliveries(&query).await.unwrap();
            if page.is_empty() {
                return listed;
            }
            listed.extend(page.iter().map(|delivery| delivery.id));
        }
    }
}

/// What stands in the file.
#[derive(Debug)]
struct Counts {
    /// How far the lists of events and of deliveries reach.
    reach: [i64; 2],
    /// Their highest entries: behind the reach while a pass is on.
    highest: [i64; 2],
    /// Entries whose row is gone.
    dangling: i64,
    /// Rows within the reach that a list misses.
    missing: i64,
}

impl Counts {
    fn of(path: &Path) -> Self {
        let file = Connection::open(path).unwrap();
        let number = |sql: &str| -> i64 {
            let sql = format!("SELECT coalesce(({sql}), 0)");
            file.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let reach = ["listed_events", "listed_deliveries"]
            .map(|name| number(&format!("SELECT value FROM counters WHERE name = '{name}'")));
        let lists = [
            ("events_by_tenant", "events", "position", reach[0]),
            ("deliveries_by_tenant", "deliveries", "seq", reach[1]),
            ("deliveries_by_endpoint", "deliveries", "seq", reach[1]),
        ];
        let sum = |sql: &dyn Fn(&str, &str, &str, i64) -> String| -> i64 {
            let each = lists.iter();
            each.map(|(list, rows, place, reach)| number(&sql(list, rows, place, *reach)))
                .sum()
        };
        Self {
            reach,
            highest: ["events_by_tenant", "deliveries_by_endpoint"]
                .map(|list| number(&format!("SELECT max(place) FROM {list}"))),
            dangling: sum(&|list, rows, place, _| {
                format!(
                    "SELECT count(*) FROM {list} WHERE place NOT IN (SELECT {place} FROM {rows})"
                )
            }),
            missing: sum(&|list, rows, place, reach| {
                format!(
                    "SELECT count(*) FROM {rows} WHERE {place} <= {reach}
                    AND {place} NOT IN (SELECT place FROM {list})"
                )
            }),
        }
    }

    fn pass_is_on(&self) -> bool {
        (0..2).all(|part| self.highest[part] > self.reach[part])
    }

    fn reach(&self, place: i64) -> bool {
        self.reach.iter().all(|reach| *reach >= place)
    }

    fn in_step(&self) -> bool {
        self.dangling == 0 && self.missing == 0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_whole_before_during_and_after_a_pass() {
    let (_folder, path) = folder();
    let mut fed = Fed::open(path);
    fed.feed().await;
    fed.check().await;
    fed.until(Counts::pass_is_on).await;
    fed.check().await;
    fed.until(|counts| counts.reach(1)).await;
    fed.check().await;
    fed.until(|counts| counts.reach(20_000)).await;
    fed.check().await;
    let counts = Counts::of(&fed.path);
    assert!(counts.in_step(), "{counts:?}");
    // The passes keep up.
    let tail = fed.there.end as i64 - counts.reach[0].min(counts.reach[1]);
    assert!(tail < 16_384, "{tail} rows without entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_a_crash_cut_short_is_done_again() {
    let (_folder, path) = folder();
    let mut fed = Fed::open(path);
    fed.until(Counts::pass_is_on).await;
    let (_other, copy) = folder();
    for end in ["", "-wal"] {
        let with_end = |path: &Path| format!("{}{end}", path.display());
        fs::copy(with_end(&fed.path), with_end(&copy)).unwrap();
    }
    let mut after = Fed::with(copy, fed.there.clone());
    after.check().await;
    after.until(|counts| counts.reach(1)).await;
    after.check().await;
    let counts = Counts::of(&after.path);
    assert!(counts.in_step(), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_goes_on_after_a_write_that_fails() {
    let (_folder, path) = folder();
    let mut fed = Fed::open(path);
    fed.until(Counts::pass_is_on).await;
    // Its id is taken, which no caller may bring about.
    let again = Append {
        event: Arc::new(event_of(7)),
        idempotency: None,
        content: None,
        in_turn: Vec::new(),
    };
    fed.store.log().append(vec![again]).await.unwrap_err();
    fed.check().await;
    fed.until(|counts| counts.reach(1)).await;
    fed.check().await;
    let counts = Counts::of(&fed.path);
    assert!(counts.in_step(), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_leaves_no_entry_even_during_a_pass() {
    let (_folder, path) = folder();
    let mut fed = Fed::open(path);
    fed.until(Counts::pass_is_on).await;
    fed.forget(2_000).await;
    fed.check().await;
    fed.until(|counts| counts.reach(1)).await;
    fed.forget(3_000).await;
    fed.check().await;
    let counts = Counts::of(&fed.path);
    assert!(counts.in_step(), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_all_its_rows_lists_those_that_come_next() {
    let (_folder, path) = folder();
    let mut fed = Fed::open(path);
    fed.until(|counts| counts.reach(1)).await;
    fed.forget(fed.there.end).await;
    fed.check().await;
    let (path, there) = (fed.path.clone(), fed.there.clone());
    fed.store.close().await;
    let mut fed = Fed::with(path, there);
    fed.feed().await;
    fed.check().await;
    let reach = Counts::of(&fed.path).reach;
    fed.until(|counts| counts.reach(reach[0].max(reach[1]) + 1))
        .await;
    fed.check().await;
    let counts = Counts::of(&fed.path);
    assert!(counts.in_step(), "{counts:?}");
}
