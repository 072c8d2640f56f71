//! Short ways to what tests need: a place with a tenant, endpoints, events.

use std::sync::Arc;

use bytes::Bytes;
use fanfare_app::directory::Directory;
use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::event_types::EventTypeDraft;
use fanfare_app::filter::FilterThreadsOptions;
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::port::Dispatch;
use fanfare_app::publish::EventDraft;
use fanfare_app::tenants::TenantDraft;
use fanfare_app::{Fanfare, Limits, Ports};
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch};

use crate::clock::VirtualClock;
use crate::memory_store::MemoryStore;
use crate::scripted_sender::ScriptedSender;
use crate::seeded::Seeded;

/// The type of the events that [`event`] makes.
pub const EVENT_TYPE: &str = "thing.happened";

/// The tenant `acme` of the environment `default`.
///
/// # Panics
/// Never: the name is a good one.
#[must_use]
#[expect(clippy::expect_used, reason = "a constant")]
pub fn acme() -> Scope {
    Scope {
        environment: EnvironmentId::default_environment(),
        tenant: TenantId::parse("acme").expect("a good name"),
    }
}

/// An event of [`EVENT_TYPE`] with small data.
#[must_use]
pub fn event() -> EventDraft {
    EventDraft {
        event_type: Some(EVENT_TYPE.to_owned()),
        data: Some(Bytes::from_static(b"{\"n\":1}")),
        ..EventDraft::default()
    }
}

/// An endpoint that takes everything, without jitter in its waits.
#[must_use]
pub fn endpoint(url: &str) -> EndpointDraft {
    EndpointDraft {
        url: Some(url.to_owned()),
        policy: Some(PolicyPatch {
            jitter: Some(0.0),
            ..PolicyPatch::default()
        }),
        ..EndpointDraft::default()
    }
}

/// Everything below the engine, in virtual time.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The time.
    pub clock: VirtualClock,
    /// Chance.
    pub random: Arc<Seeded>,
    /// The store.
    pub store: MemoryStore,
    /// The network.
    pub sender: ScriptedSender,
    /// The configuration in memory.
    pub directory: Arc<Directory>,
}

fn directory() -> Arc<Directory> {
    let native = Arc::new(NativeFormat::new(DeliveryPolicy::native()));
    Arc::new(Directory::new(Formats::new(native, Vec::new())))
}

impl Ground {
    /// An empty one. Needs a runtime.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let clock = VirtualClock::default();
        Self {
            clock,
            random: Arc::new(Seeded::new(seed)),
            store: MemoryStore::new(),
            sender: ScriptedSender::new(clock),
            directory: directory(),
        }
    }

    /// What is there after a crash: the store as it was committed, the network's script and record.
    /// What still runs on the old ground gets no answer to anything any more.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.crash_to(self.clock)
    }

    /// The same for a ground that goes on by another clock, in another runtime.
    #[must_use]
    pub fn crash_to(&self, clock: VirtualClock) -> Self {
        self.go_on(clock, self.store.crash())
    }

    /// The same after a power failure: what was not synced is gone.
    #[must_use]
    pub fn fail_power_to(&self, clock: VirtualClock) -> Self {
        self.go_on(clock, self.store.fail_power())
    }

    fn go_on(&self, clock: VirtualClock, store: MemoryStore) -> Self {
        Self {
            clock,
            random: Arc::clone(&self.random),
            store,
            sender: self.sender.crash_to(clock),
            directory: directory(),
        }
    }

    /// The use cases over this ground, with this engine.
    #[must_use]
    pub fn fanfare(&self, dispatch: Arc<dyn Dispatch>) -> Arc<Fanfare> {
        let ports = Ports {
            configuration: Arc::new(self.store.clone()),
            log: Arc::new(self.store.clone()),
            deliveries: Arc::new(self.store.clone()),
            dispatch,
            sender: Arc::new(self.sender.clone()),
            clock: Arc::new(self.clock),
            random: Arc::<Seeded>::clone(&self.random),
        };
        let directory = Arc::clone(&self.directory);
        // Threads would run beside the virtual time.
        let limits = Limits {
            filters: FilterThreadsOptions::at_once(),
            ..Limits::default()
        };
        Arc::new(Fanfare::new(ports, directory, limits, None))
    }
}

/// Makes the environment `default`, the tenant [`acme`] and the type [`EVENT_TYPE`].
///
/// # Panics
/// When the store refuses.
#[expect(clippy::expect_used, reason = "a test's first step")]
pub async fn settle_in(fanfare: &Fanfare) {
    let environment = EnvironmentId::default_environment();
    fanfare
        .ensure_default_environment()
        .await
        .expect("an environment");
    let tenant = TenantDraft {
        id: Some("acme".to_owned()),
        name: Some("Acme".to_owned()),
        ..TenantDraft::default()
    };
    fanfare
        .create_tenant(&environment, tenant, Vec::new())
        .await
        .expect("a tenant");
    let event_type = EventTypeDraft {
        name: Some(EVENT_TYPE.to_owned()),
        ..EventTypeDraft::default()
    };
    fanfare
        .create_event_type(&environment, event_type, Vec::new())
        .await
        .expect("an event type");
}
