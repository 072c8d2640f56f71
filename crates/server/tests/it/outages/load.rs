//! A load that goes on through every outage: what was refused is published again under the same id.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fanfare_testkit::receiver::{Arrival, Receiver};
use http::StatusCode;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::{Api, PATIENCE, Reply, Server, World};

const PUBLISHERS: usize = 8;

/// Publishers, and what arrives of their events.
pub(super) struct Load {
    pub(super) world: World,
    shared: Arc<Shared>,
    publishers: JoinSet<()>,
    _receiver: Receiver,
}

#[derive(Default)]
struct Shared {
    /// How often each event arrived.
    arrived: Mutex<HashMap<String, usize>>,
    acknowledged: Mutex<Vec<String>>,
    counts: watch::Sender<Counts>,
    next: AtomicU64,
    stop: AtomicBool,
}

/// What publishers were answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) acknowledged: usize,
    pub(super) refused: usize,
    slowest: Duration,
}

impl Load {
    /// Begins, with one endpoint that takes everything.
    pub(super) async fn begin(server: &Server) -> Self {
        let shared = Arc::<Shared>::default();
        let seen = Arc::clone(&shared);
        let take = move |arrival: Arrival| {
            let event = arrival.header("webhook-id").unwrap_or_default().to_owned();
            *seen.arrived.lock().unwrap().entry(event).or_default() += 1;
        };
        let receiver = Receiver::builder().observe(Arc::new(take)).start().await;
        let world = World::make(server.api()).await;
        world.endpoint(&receiver.url("/hook"), json!({})).await;
        let mut publishers = JoinSet::new();
        for _ in 0..PUBLISHERS {
            publishers.spawn(publish(server.api(), Arc::clone(&shared)));
        }
        Self {
            world,
            shared,
            publishers,
            _receiver: receiver,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits for answers from now on: so many events acknowledged, so many refused.
    pub(super) async fn goes_on(&self, acknowledged: usize, refused: usize) {
        let now = self.counts();
        let mut counts = self.shared.counts.subscribe();
        let waiting = counts.wait_for(|counts| {
            counts.acknowledged >= now.acknowledged + acknowledged
                && counts.refused >= now.refused + refused
        });
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{now:?} became {:?}", self.counts());
    }

    /// Waits until `/health/ready` says so.
    pub(super) async fn ready(&self, ready: bool) {
        let status = if ready { 200 } else { 503 };
        let wanted = |answer: &Reply| answer.status == status;
        self.world.api.until("/health/ready", wanted).await;
    }

    /// Ends, and shows that everything acknowledged was delivered. Answers how often something arrived
    /// again.
    pub(super) async fn end(self) -> usize {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.publishers.join_all().await;
        let acknowledged = std::mem::take(&mut *self.shared.acknowledged.lock().unwrap());
        for event in &acknowledged {
            self.world.delivery(event, "delivered").await;
        }
        let arrived = self.shared.arrived.lock().unwrap();
        for event in &acknowledged {
            assert!(arrived.contains_key(event), "{event} never arrived");
        }
        let again = arrived.values().map(|times| times - 1).sum();
        let counts = *self.shared.counts.borrow();
        println!("{counts:?}; {again} arrived again");
        again
    }
}

/// Publishes one event after the other, each until it is acknowledged.
async fn publish(api: Api, shared: Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("own-{number}");
        loop {
            let event = json!({"id": id, "type": "invoice.paid", "data": {"number": number}});
            let began = Instant::now();
            let answer = api.post("/v1/tenants/acme/events", event).await;
            let took = began.elapsed();
            let acknowledged = answer.status == StatusCode::ACCEPTED;
            if acknowledged {
                shared.acknowledged.lock().unwrap().push(id.clone());
            } else {
                let told = answer.text();
                assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
                assert_eq!(answer.headers["retry-after"], "1");
            }
            shared.counts.send_modify(|counts| {
                counts.acknowledged += usize::from(acknowledged);
                counts.refused += usize::from(!acknowledged);
                counts.slowest = counts.slowest.max(took);
            });
            // Not as a client should, who waits for a second: so that the first moment is met.
            tokio::time::sleep(Duration::from_millis(10)).await;
            if acknowledged {
                break;
            }
        }
    }
}
