//! A running engine with a tenant and an event type, and short ways to use it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_app::Fanfare;
use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::port::log::Event;
use fanfare_app::port::{Deliveries, Dispatch};
use fanfare_app::publish::EventDraft;
use fanfare_delivery::{Engine, EngineOptions, EngineParts};
use fanfare_domain::attempt::Attempt;
use fanfare_domain::delivery::{Delivery, DeliveryState, StateName};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::EndpointId;
use fanfare_testkit::builders::{Ground, acme, endpoint, event, settle_in};

/// A running engine over its ground.
pub(crate) struct World {
    pub(crate) ground: Ground,
    pub(crate) engine: Arc<Engine>,
    pub(crate) fanfare: Arc<Fanfare>,
    pub(crate) options: EngineOptions,
}

/// Where most tests send to.
pub(crate) const URL: &str = "https://receiver.example/hook";

impl World {
    /// One with a tenant and an event type.
    pub(crate) async fn new() -> Self {
        Self::with(EngineOptions::default()).await
    }

    /// One for days of virtual time: it scans the store less often.
    pub(crate) async fn quiet() -> Self {
        Self::with(EngineOptions {
            scan_every: seconds(600),
            ..EngineOptions::default()
        })
        .await
    }

    /// The same with other options.
    pub(crate) async fn with(options: EngineOptions) -> Self {
        let ground = Ground::new(1);
        let world = Self::on(ground, options).await;
        settle_in(&world.fanfare).await;
        world
    }

    /// Starts an engine on this ground.
    pub(crate) async fn on(ground: Ground, options: EngineOptions) -> Self {
        let engine = Arc::new(Engine::new(EngineParts {
            directory: Arc::clone(&ground.directory),
            log: Arc::new(ground.store.clone()),
            deliveries: Arc::new(ground.store.clone()),
            coordination: Arc::new(fanfare_app::port::coordination::OneNode),
            sender: Arc::new(ground.sender.clone()),
            clock: Arc::new(ground.clock),
            random: Arc::<fanfare_testkit::seeded::Seeded>::clone(&ground.random),
            options: options.clone(),
        }));
        let fanfare = ground.fanfare(Arc::<Engine>::clone(&engine));
        fanfare.refresh().await.unwrap();
        fanfare.begin_to_tell().await.unwrap();
        fanfare.count_waiting(None).await.unwrap();
        engine.start(&fanfare).await.unwrap();
        let telling = Arc::clone(&fanfare);
        tokio::spawn(async move { telling.announce().await });
        let jobs = Arc::clone(&fanfare);
        tokio::spawn(async move { jobs.run_jobs().await });
        Self {
            ground,
            engine,
            fanfare,
            options,
        }
    }

    /// Kills this one and starts another from what was committed.
    pub(crate) async fn crash(self) -> Self {
        Self::on(self.ground.crash(), self.options.clone()).await
    }

    /// An endpoint that takes everything, without jitter.
    pub(crate) async fn endpoint(&self, url: &str) -> Endpoint {
        self.endpoint_with(endpoint(url)).await
    }

    pub(crate) async fn endpoint_with(&self, draft: EndpointDraft) -> Endpoint {
        self.fanfare
            .create_endpoint(&acme(), draft, Vec::new())
            .await
            .unwrap()
    }

    /// Changes an endpoint that [`endpoint`] made.
    pub(crate) async fn change(&self, id: EndpointId, draft: EndpointDraft) -> Endpoint {
        self.fanfare
            .replace_endpoint(&acme(), &id.to_string(), draft, Vec::new())
            .await
            .unwrap()
    }

    /// An endpoint as it is stored.
    pub(crate) async fn stored(&self, endpoint: &Endpoint) -> Endpoint {
        let id = endpoint.id.to_string();
        self.fanfare.endpoint(&acme(), &id).await.unwrap()
    }

    pub(crate) async fn publish(&self) -> Arc<Event> {
        self.publish_draft(event()).await
    }

    pub(crate) async fn publish_draft(&self, draft: EventDraft) -> Arc<Event> {
        let accepted = self.fanfare.publish(acme(), draft, None).await;
        accepted.unwrap().event
    }

    /// Publishes many, one commit each.
    pub(crate) async fn publish_many(&self, count: usize) -> Vec<Arc<Event>> {
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            events.push(self.publish().await);
        }
        events
    }

    /// Publishes events with so many bytes of data.
    pub(crate) async fn publish_large(&self, count: usize, bytes: usize) {
        let data = Bytes::from(format!("\"{}\"", "x".repeat(bytes)));
        for _ in 0..count {
            let draft = EventDraft {
                data: Some(data.clone()),
                ..event()
            };
            self.publish_draft(draft).await;
        }
    }

    /// The row of an event's delivery to its only target.
    pub(crate) async fn delivery(&self, event: &Event) -> Delivery {
        self.row(event, 0).await.expect("a row")
    }

    pub(crate) async fn row(&self, event: &Event, place: u16) -> Option<Delivery> {
        let id = event.id.delivery(place);
        self.ground.store.delivery(&acme(), id).await.unwrap()
    }

    pub(crate) async fn attempts(&self, delivery: &Delivery) -> Vec<Attempt> {
        let store = &self.ground.store;
        let (scope, before) = (acme(), delivery.id.attempt(0));
        store.attempts(&scope, before, usize::MAX).await.unwrap()
    }

    /// Every row, newest first.
    pub(crate) async fn rows(&self) -> Vec<Delivery> {
        let query = DeliveryQuery {
            scope: acme(),
            event: None,
            endpoint: None,
            state: None,
            event_type: None,
            last_error: None,
            last_status: None,
            since: None,
            until: None,
            before: None,
            limit: usize::MAX,
        };
        self.ground.store.deliveries(&query).await.unwrap()
    }

    /// How many rows are in a state.
    pub(crate) async fn count(&self, state: StateName) -> usize {
        let rows = self.rows().await;
        rows.iter().filter(|row| row.state.name() == state).count()
    }

    /// The `webhook-id`s that were sent to a URL, in order.
    pub(crate) fn ids_sent_to(&self, url: &str) -> Vec<String> {
        let sent = self.ground.sender.sent_to(url);
        sent.iter()
            .map(|sent| sent.webhook_id().to_owned())
            .collect()
    }

    /// Asserts that each of these events was sent to a URL exactly once, and nothing else.
    #[track_caller]
    pub(crate) fn assert_each_once(&self, url: &str, events: &[Arc<Event>]) {
        let mut sent = self.ids_sent_to(url);
        let mut wanted: Vec<_> = events.iter().map(|event| event.public_id()).collect();
        sent.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(sent.len(), wanted.len(), "sent to {url}");
        assert_eq!(sent, wanted);
    }

    /// The engine as the use cases see it.
    pub(crate) fn dispatch(&self) -> &dyn Dispatch {
        self.engine.as_ref()
    }
}

/// Lets virtual time go on.
pub(crate) async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[track_caller]
pub(crate) fn due(delivery: &Delivery) -> fanfare_domain::time::Timestamp {
    match delivery.state {
        DeliveryState::Waiting { due_at } => due_at,
        ended => panic!("it has ended: {ended:?}"),
    }
}
