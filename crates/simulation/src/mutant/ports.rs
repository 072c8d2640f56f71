//! Ports with a fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fanfare_app::directory::Target;
use fanfare_app::port::dispatch::Withheld;
use fanfare_app::port::log::{Event, Position};
use fanfare_app::port::sender::{Exchange, OutboundRequest};
use fanfare_app::port::{Clock, Dispatch, Sender};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::time::Timestamp;
use parking_lot::Mutex;

/// A fault shows at every so many calls.
const EVERY: usize = 5;

#[derive(Default)]
struct Now(AtomicUsize);

impl Now {
    fn is_it(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1
    }
}

/// A clock that is two seconds fast.
pub(super) struct FastClock(pub(super) Arc<dyn Clock>);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.0.now().after(Duration::from_secs(2))
    }
}

/// Sends some requests twice at once.
pub(super) struct Twice {
    sender: Arc<dyn Sender>,
    now: Now,
}

impl Twice {
    pub(super) fn around(sender: Arc<dyn Sender>) -> Self {
        let now = Now::default();
        Self { sender, now }
    }
}

#[async_trait]
impl Sender for Twice {
    async fn send(&self, request: OutboundRequest) -> Exchange {
        if self.now.is_it() {
            let (sender, again) = (Arc::clone(&self.sender), request.clone());
            tokio::spawn(async move { sender.send(again).await });
        }
        self.sender.send(request).await
    }
}

/// Gives some requests the answer of the one before.
pub(super) struct OtherAnswer {
    sender: Arc<dyn Sender>,
    now: Now,
    last: Mutex<Option<Exchange>>,
}

impl OtherAnswer {
    pub(super) fn around(sender: Arc<dyn Sender>) -> Self {
        let (now, last) = (Now::default(), Mutex::default());
        Self { sender, now, last }
    }
}

#[async_trait]
impl Sender for OtherAnswer {
    async fn send(&self, request: OutboundRequest) -> Exchange {
        let exchange = self.sender.send(request).await;
        let other = self.last.lock().replace(exchange.clone());
        other.filter(|_| self.now.is_it()).unwrap_or(exchange)
    }
}

/// Does not tell the engine of some events.
pub(super) struct HandingOn {
    dispatch: Arc<dyn Dispatch>,
    now: Now,
}

impl HandingOn {
    pub(super) fn around(dispatch: Arc<dyn Dispatch>) -> Self {
        let now = Now::default();
        Self { dispatch, now }
    }
}

impl Dispatch for HandingOn {
    fn hand_on(&self, event: Arc<Event>, position: Position, targets: Vec<Option<Arc<Target>>>) {
        if !self.now.is_it() {
            self.dispatch.hand_on(event, position, targets);
        }
    }

    fn due(&self, endpoint: EndpointId, at: Timestamp) {
        self.dispatch.due(endpoint, at);
    }

    fn extra(&self, delivery: Delivery) {
        self.dispatch.extra(delivery);
    }

    fn withhold(&self, deliveries: &[Delivery]) -> Box<dyn Withheld> {
        self.dispatch.withhold(deliveries)
    }

    fn changed(&self, endpoint: EndpointId) {
        self.dispatch.changed(endpoint);
    }
}
