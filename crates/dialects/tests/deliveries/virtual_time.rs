//! A world in virtual time: the engine over a store in memory and a scripted network. Its tests run
//! with the runtime's time paused.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::Fanfare;
use fanfare_app::directory::Directory;
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::port::{Clock, Deliveries};
use fanfare_delivery::{Engine, EngineOptions, EngineParts};
use fanfare_dialects::DialectSettings;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch};
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::{Ground, acme};
use fanfare_testkit::scripted_sender::Sent;
use fanfare_testkit::seeded::Seeded;

use crate::call::{Api, dialect};

/// Such a world.
pub(crate) struct Virtual {
    pub(crate) api: Api,
    pub(crate) ground: Ground,
    pub(crate) fanfare: Arc<Fanfare>,
    engine: Arc<Engine>,
}

/// Settings under which waits are exactly those of the schedule.
pub(crate) fn without_jitter() -> DialectSettings {
    DialectSettings {
        policy: PolicyPatch {
            jitter: Some(0.0),
            ..PolicyPatch::default()
        },
        ..DialectSettings::default()
    }
}

impl Virtual {
    pub(crate) async fn new(name: &str) -> Self {
        Self::with(name, &without_jitter(), None).await
    }

    pub(crate) async fn with(name: &str, settings: &DialectSettings, rate: Option<u32>) -> Self {
        let dialect = dialect(name, settings);
        let native = Arc::new(NativeFormat::new(DeliveryPolicy::native()));
        let formats = Formats::new(native, vec![dialect.format()]);
        let ground = Ground {
            directory: Arc::new(Directory::new(formats)),
            ..Ground::new(1)
        };
        let engine = Arc::new(Engine::new(EngineParts {
            directory: Arc::clone(&ground.directory),
            log: Arc::new(ground.store.clone()),
            deliveries: Arc::new(ground.store.clone()),
            coordination: Arc::new(fanfare_app::port::coordination::OneNode),
            sender: Arc::new(ground.sender.clone()),
            clock: Arc::new(ground.clock),
            random: Arc::<Seeded>::clone(&ground.random),
            // For days of virtual time.
            options: EngineOptions {
                scan_every: Duration::from_secs(600),
                linger: Duration::from_secs(60),
                ..EngineOptions::default()
            },
        }));
        let fanfare = ground.fanfare(Arc::<Engine>::clone(&engine));
        fanfare.refresh().await.unwrap();
        engine.start(&fanfare).await.unwrap();
        let api = Api::furnish(&fanfare, dialect.as_ref(), rate).await;
        Self {
            api,
            ground,
            fanfare,
            engine,
        }
    }

    /// It is now.
    pub(crate) fn now(&self) -> Timestamp {
        self.ground.clock.now()
    }

    /// The requests to a URL by `POST`, in order.
    pub(crate) fn posted(&self, url: &str) -> Vec<Sent> {
        let mut sent = self.ground.sender.sent_to(url);
        sent.retain(|sent| sent.method == http::Method::POST);
        sent
    }

    /// Every delivery, newest first.
    pub(crate) async fn deliveries(&self) -> Vec<Delivery> {
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

    /// The tenant's only endpoint.
    pub(crate) async fn endpoint(&self) -> Endpoint {
        let page = fanfare_app::repository::PageOf {
            cursor: None,
            limit: 2,
        };
        let mut all = self.fanfare.endpoints(&acme(), page).await.unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0).noun
    }

    /// Ends the engine, so that nothing is under way any more.
    pub(crate) async fn end(self) {
        self.engine.shutdown(Duration::from_secs(60)).await;
    }
}

/// Lets virtual time go on.
pub(crate) async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

/// So many minutes.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The times between requests, each from the one before.
pub(crate) fn waits(sent: &[Sent]) -> Vec<Duration> {
    sent.windows(2)
        .map(|two| two[1].at.since(two[0].at))
        .collect()
}
