//! Measures the store alone: event lives (an append, and the settling of one delivery with one
//! attempt) a second, and what each costs the writer's thread: CPU time, frames of the write-ahead log
//! (pages that a commit changed), and bytes written, which include the log's copies into the file.
//! At several sizes of the batch that shares a commit; and then how long a tenant's lists take.
//!
//! ```text
//! cargo run --release -p fanfare-store-sqlite --example lives -- [stored events] [tenants] [folder]
//! ```

#![expect(clippy::print_stdout, reason = "it is a program that prints")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fanfare_app::port::CommitObserver;
use fanfare_app::port::deliveries::{DeliveryQuery, Settlement};
use fanfare_app::port::log::{Append, Event, EventQuery};
use fanfare_domain::attempt::{Attempt, Timings, Trigger};
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::event::Attributes;
use fanfare_domain::id::{EndpointId, EventId};
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::time::Timestamp;
use fanfare_store_sqlite::{Options, SqliteStore};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Default)]
struct Commits(AtomicU64);

impl CommitObserver for Commits {
    fn committed(&self, _jobs: usize, _took: Duration) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct World {
    store: SqliteStore,
    scopes: Vec<Scope>,
    event_type: EventTypeName,
    began: Instant,
    made: u64,
}

impl World {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000).after(self.began.elapsed())
    }

    fn event(&mut self) -> Event {
        self.made += 1;
        let now = self.now();
        // Mixed, so that ids of one millisecond come in no order, as in life.
        let chance = self.made.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
        let tenant = (chance as usize) % self.scopes.len();
        Event {
            id: EventId::new(now, chance),
            scope: self.scopes[tenant].clone(),
            uid: None,
            event_type: self.event_type.clone(),
            subcategory: None,
            attributes: Attributes::default(),
            ordering_key: None,
            created_at: now,
            deliver_at: None,
            expires_at: None,
            data_until: None,
            data: Bytes::from(vec![b'7'; 512]),
            targets: vec![EndpointId::from_bits(1 + tenant as u128)],
        }
    }

    fn settlement(&self, event: &Event) -> Settlement {
        let id = event.id.delivery(0);
        let now = self.now();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Settlement {
            delivery: Delivery {
                id,
                scope: event.scope.clone(),
                event: event.id,
                event_type: event.event_type.clone(),
                endpoint: event.targets[0],
                state: DeliveryState::Delivered { at: now },
                attempts: 1,
                extra_attempts: 0,
                replay_of: None,
                created_at: event.created_at,
                expires_at: None,
                first_attempt_at: Some(now),
                last_status: Some(200),
                last_error: None,
                turn: None,
                batch: None,
            },
            attempt: Some(Box::new(Attempt {
                id: id.attempt(1),
                started_at: now,
                trigger: Trigger::Scheduled,
                url: "https://receiver.example.com/webhooks/fanfare".to_owned(),
                address: "192.0.2.7:443".parse().ok(),
                http_version: Some("HTTP/1.1".to_owned()),
                timings: Timings {
                    first_byte: Some(Duration::from_micros(813)),
                    total: Duration::from_micros(856),
                    ..Timings::default()
                },
                status: Some(200),
                error: None,
                request_headers: [
                    pair("content-type", "application/json"),
                    pair("user-agent", "Fanfare/0.1.0"),
                    pair("webhook-id", &event.id.to_string()),
                    pair("webhook-timestamp", "1790000000"),
                    pair(
                        "webhook-signature",
                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                    ),
                ]
                .into_iter()
                .collect(),
                response_headers: [
                    pair("content-length", "2"),
                    pair("date", "Mon, 21 Sep 2026 13:33:20 GMT"),
                ]
                .into_iter()
                .collect(),
                response_body: b"ok".to_vec(),
                response_truncated: false,
            })),
        }
    }

    /// Lives in batches: the appends of one go on beside the settling of the one before.
    async fn live(&mut self, count: usize, batch: usize) -> Outcome<()> {
        let mut settling = None;
        for _ in 0..count.div_ceil(batch) {
            let events: Vec<Arc<Event>> = (0..batch).map(|_| Arc::new(self.event())).collect();
            let settlements = events.iter().map(|event| self.settlement(event)).collect();
            let appends: Vec<_> = events
                .into_iter()
                .map(|event| {
                    let log = self.store.log();
                    tokio::spawn(async move {
                        log.append(vec![Append {
                            event,
                            idempotency: None,
                            content: None,
                            in_turn: Vec::new(),
                        }])
                        .await
                    })
                })
                .collect();
            for append in appends {
                append.await??;
            }
            let deliveries = self.store.deliveries();
            let next =
                tokio::spawn(async move { deliveries.settle(Arc::new(settlements), None).await });
            if let Some(before) = settling.replace(next) {
                before.await??;
            }
        }
        if let Some(last) = settling {
            last.await??;
        }
        Ok(())
    }

    /// How long a page of a tenant's events takes, and one of its deliveries: the mean of some tenants.
    async fn lists(&self, limit: usize) -> Outcome<(Duration, Duration)> {
        let (mut events, mut deliveries) = (Duration::ZERO, Duration::ZERO);
        let mut tenants = 0;
        for scope in self.scopes.iter().take(50) {
            let of_events = EventQuery {
                scope: scope.clone(),
                event_type: None,
                since: None,
                until: None,
                before: None,
                limit,
            };
            let of_deliveries = DeliveryQuery {
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
                limit,
            };
            let began = Instant::now();
            self.store.log().events(&of_events).await?;
            events += began.elapsed();
            let began = Instant::now();
            self.store.deliveries().deliveries(&of_deliveries).await?;
            deliveries += began.elapsed();
            tenants += 1;
        }
        Ok((events / tenants, deliveries / tenants))
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// CPU time of the process's threads whose name begins so.
fn cpu(thread: &str) -> Outcome<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.starts_with(thread) {
            let spent = std::fs::read_to_string(task.join("schedstat"))?;
            let spent: u64 = spent.split(' ').next().unwrap_or_default().parse()?;
            nanoseconds += spent;
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Bytes of a page, and of the header that stands before it in the write-ahead log.
const PAGE: u64 = 8_192;
const FRAME_HEADER: u64 = 24;

/// What the writer's thread wrote.
#[derive(Clone, Copy)]
struct Written {
    bytes: u64,
    calls: u64,
}

impl Written {
    fn now() -> Outcome<Self> {
        let mut written = Self { bytes: 0, calls: 0 };
        for task in std::fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            if !std::fs::read_to_string(task.join("comm"))?.starts_with("store-w") {
                continue;
            }
            for line in std::fs::read_to_string(task.join("io"))?.lines() {
                match line.split_once(": ") {
                    Some(("wchar", count)) => written.bytes += count.parse::<u64>()?,
                    Some(("syscw", count)) => written.calls += count.parse::<u64>()?,
                    _ => {}
                }
            }
        }
        Ok(written)
    }

    fn since(self, before: Self) -> Self {
        Self {
            bytes: self.bytes - before.bytes,
            calls: self.calls - before.calls,
        }
    }

    /// A frame is written by two calls, its header's and its page's; a copied page by one.
    fn frames(self) -> u64 {
        (self.calls * PAGE).saturating_sub(self.bytes) / (PAGE - FRAME_HEADER)
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let stored: usize = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let tenants: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let folder = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let store = SqliteStore::open(&folder.path().join("fanfare.db"), &Options::default())?;
    let commits = Arc::new(Commits::default());
    store.observe(commits.clone());
    let mut scopes = Vec::new();
    for number in 0..tenants.max(1) {
        scopes.push(Scope {
            environment: EnvironmentId::default_environment(),
            tenant: TenantId::parse(&format!("tenant-{number}"))?,
        });
    }
    let mut world = World {
        store,
        scopes,
        event_type: EventTypeName::parse("invoice.paid")?,
        began: Instant::now(),
        made: 0,
    };
    world.live(stored, 1_000).await?;
    println!("{stored} events stored, {tenants} tenants");
    println!("batch  lives/s  commits  writer µs/life  process µs/life  frames/life  KiB/life");
    for (batch, count) in [(1, 2_000), (64, 60_000), (256, 120_000)] {
        let (before, writer, all) = (commits.0.load(Ordering::Relaxed), cpu("store-w")?, cpu("")?);
        let written = Written::now()?;
        let began = Instant::now();
        world.live(count, batch).await?;
        let took = began.elapsed().as_secs_f64();
        let per_life = |spent: Duration| spent.as_secs_f64() * 1e6 / count as f64;
        let written = Written::now()?.since(written);
        println!(
            "{batch:5} {:8.0} {:8} {:15.1} {:16.1} {:12.2} {:9.1}",
            count as f64 / took,
            commits.0.load(Ordering::Relaxed) - before,
            per_life(cpu("store-w")? - writer),
            per_life(cpu("")?.saturating_sub(all)),
            written.frames() as f64 / count as f64,
            written.bytes as f64 / 1_024.0 / count as f64,
        );
    }
    println!("newest 100 of a tenant: events µs  deliveries µs");
    for _ in 0..3 {
        let (events, deliveries) = world.lists(100).await?;
        println!("{:33.0} {:14.0}", micros(events), micros(deliveries));
    }
    world.store.close().await;
    Ok(())
}
