//! A server on a real socket: one dialect in front of the native API, with tenants and keys.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::ServiceExt;
use axum::extract::Request;
use fanfare_api::ApiOptions;
use fanfare_app::directory::{Directory, Target};
use fanfare_app::environments::EnvironmentDraft;
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::keys::KeyDraft;
use fanfare_app::port::log::{Event, Position};
use fanfare_app::port::{Clock, Dispatch};
use fanfare_app::tenants::TenantDraft;
use fanfare_app::{Fanfare, Limits, Ports};
use fanfare_dialects::{Binding, Dialect, DialectSettings, Door, Doors};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::key::Role;
use fanfare_domain::name::EnvironmentId;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::clock::VirtualClock;
use fanfare_testkit::scripted_sender::{Answer, ScriptedSender};
use fanfare_testkit::seeded::Seeded;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::pattern::Values;
use crate::scenario::Scenario;
use crate::stores::{Open, Opened};

/// The most bytes of a body.
const BODY_BYTES: usize = 256 * 1024;

/// Nothing is delivered here: work waits in the store.
struct NoEngine;

impl Dispatch for NoEngine {
    fn hand_on(&self, _: Arc<Event>, _: Position, _: Vec<Option<Arc<Target>>>) {}
    fn due(&self, _: EndpointId, _: Timestamp) {}
    fn extra(&self, _: Delivery) {}
    fn changed(&self, _: EndpointId) {}
}

/// A millisecond passes with each look at it.
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        let passed = self.0.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_millis(1_790_000_000_000 + passed as i64)
    }
}

/// A running server; it ends when this is dropped.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) dialect: Box<dyn Dialect>,
    /// Keys by name: `root` the administrator's; `manager`, `reader` and `publisher` of the tenant
    /// `acme`; `other` manages the tenant `other`, `any` all tenants of the environment; `foreign`
    /// manages `acme` in another environment.
    pub(crate) keys: Values,
    task: AbortHandle,
    _keep: Box<dyn std::any::Any + Send + Sync>,
    _folder: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    /// Starts one as a scenario says.
    pub(crate) async fn start(dialect: &str, scenario: &Scenario, open: Open) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let given = &scenario.settings;
        let settings = DialectSettings {
            events: given.events.clone(),
            https_only: given.https_only,
            own: given.own.clone(),
            ..DialectSettings::default()
        };
        let dialect = fanfare_dialects::make(dialect, &settings).unwrap().unwrap();
        let sender = network(scenario);
        let fanfare = use_cases(&store, dialect.as_ref(), sender);
        let keys = furnish(&fanfare, dialect.as_ref()).await;
        let door = Door::new(
            Arc::clone(&fanfare),
            EnvironmentId::default_environment(),
            given.rate,
            dialect.body_bytes().unwrap_or(BODY_BYTES),
        );
        let binding = Binding {
            prefixes: dialect.prefixes(),
            routes: dialect.routes(door),
            host: None,
            below: None,
        };
        let native = fanfare_api::router(fanfare, ApiOptions::default());
        let (address, task) = serve(Doors::new(vec![binding], native)).await;
        Self {
            address,
            dialect,
            keys,
            task,
            _keep: store.keep,
            _folder: folder,
        }
    }
}

async fn serve(doors: Doors) -> (SocketAddr, AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = ServiceExt::<Request>::into_make_service(doors);
    let task = tokio::spawn(async move { axum::serve(listener, served).await });
    (address, task.abort_handle())
}

fn network(scenario: &Scenario) -> ScriptedSender {
    let sender = ScriptedSender::new(VirtualClock::default());
    for (url, answer) in &scenario.network {
        let answer = match answer.as_str() {
            "hang" => Answer::hang(),
            status => Answer::status(status.parse().unwrap()),
        };
        sender.always(url, answer);
    }
    sender
}

fn use_cases(store: &Opened, dialect: &dyn Dialect, sender: ScriptedSender) -> Arc<Fanfare> {
    let ports = Ports {
        configuration: Arc::clone(&store.configuration),
        log: Arc::clone(&store.log),
        deliveries: Arc::clone(&store.deliveries),
        dispatch: Arc::new(NoEngine),
        sender: Arc::new(sender),
        clock: Arc::new(Counting(AtomicU64::new(0))),
        random: Arc::new(Seeded::new(1)),
    };
    let native = Arc::new(NativeFormat::new(DeliveryPolicy::native()));
    let directory = Directory::new(Formats::new(native, vec![dialect.format()]));
    Arc::new(Fanfare::new(
        ports,
        Arc::new(directory),
        Limits::default(),
        Some("root-key-of-the-scenarios"),
    ))
}

/// Makes the catalogue, tenants and keys.
async fn furnish(fanfare: &Fanfare, dialect: &dyn Dialect) -> Values {
    fanfare.refresh().await.unwrap();
    fanfare.ensure_default_environment().await.unwrap();
    let home = EnvironmentId::default_environment();
    let away = EnvironmentDraft {
        id: Some("away".to_owned()),
        name: None,
    };
    let away = fanfare.create_environment(away, Vec::new()).await.unwrap();
    let catalogue = dialect.catalogue();
    fanfare.ensure_event_types(&home, catalogue).await.unwrap();
    for (environment, tenant) in [(&home, "acme"), (&home, "other"), (&away.id, "acme")] {
        let draft = TenantDraft {
            id: Some(tenant.to_owned()),
            name: Some(tenant.to_owned()),
            ..TenantDraft::default()
        };
        fanfare
            .create_tenant(environment, draft, Vec::new())
            .await
            .unwrap();
    }
    let mut keys = Values::new();
    keys.insert("root".to_owned(), "root-key-of-the-scenarios".to_owned());
    for (name, environment, role, tenant) in [
        ("manager", &home, Role::Manager, Some("acme")),
        ("reader", &home, Role::Reader, Some("acme")),
        ("publisher", &home, Role::Publisher, Some("acme")),
        ("other", &home, Role::Manager, Some("other")),
        ("any", &home, Role::Manager, None),
        ("foreign", &away.id, Role::Manager, Some("acme")),
    ] {
        let draft = KeyDraft {
            feature_flags: Vec::new(),
            publish_rate: None,
            name: Some(name.to_owned()),
            role: Some(role),
            tenant: tenant.map(str::to_owned),
            expires_at: None,
        };
        let made = fanfare.create_key(environment, draft, Vec::new()).await;
        keys.insert(name.to_owned(), made.unwrap().text);
    }
    keys
}
