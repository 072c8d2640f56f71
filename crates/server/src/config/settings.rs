//! The settings as the program uses them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fanfare_app::Limits;
use fanfare_app::filter::FilterThreadsOptions;
use fanfare_app::recovery::JobLimits;
use fanfare_app::retention::Retention;
use fanfare_domain::address::AddressPolicy;
use fanfare_domain::id::MAX_TARGETS;
use fanfare_domain::policy::{DeliveryPolicy, PolicyPatch};
use fanfare_domain::rate::{Per, RateLimit};
use fanfare_store_postgres::Addresses;
use ipnet::IpNet;

use super::dialects::{self, ServedDialect};
use super::reader::Reader;
use super::test_purposes::TestPurposes;
use super::value;

/// All settings, each within its bounds.
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_key: Option<String>,
    pub(crate) clients: Clients,
    pub(crate) store: StoreSettings,
    pub(crate) node: NodeSettings,
    /// Threads of the runtime; none: as many as there are processors.
    pub(crate) worker_threads: Option<usize>,
    pub(crate) shutdown_limit: Duration,
    pub(crate) log: LogSettings,
    pub(crate) limits: Limits,
    /// The policy of endpoints that say nothing of their own.
    pub(crate) policy: DeliveryPolicy,
    pub(crate) outbound: Outbound,
    pub(crate) lanes: Lanes,
    pub(crate) retention: Retention,
    pub(crate) dialects: Vec<ServedDialect>,
    pub(crate) test_purposes: TestPurposes,
}

// By hand, since it holds the administrator's key.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Bounds on those who call the API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clients {
    pub(crate) max_connections: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
}

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreSettings {
    /// The embedded store in this file.
    Sqlite(PathBuf),
    /// A database in PostgreSQL.
    Postgres(Box<Addresses>),
}

/// This node among those that share a store.
#[derive(Clone, Debug)]
pub(crate) struct NodeSettings {
    /// Its name in logs.
    pub(crate) name: String,
    pub(crate) roles: Roles,
    /// How long others wait before they take a silent node for gone.
    pub(crate) detection: Duration,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roles {
    All,
    /// It serves the API, and leaves what it accepts to others.
    Api,
    /// It sends, and serves the routes for operators only.
    Delivery,
}

impl Roles {
    /// Whether it sends deliveries.
    pub(crate) const fn deliver(self) -> bool {
        !matches!(self, Self::Api)
    }

    /// Whether it serves the API.
    pub(crate) const fn serve(self) -> bool {
        !matches!(self, Self::Delivery)
    }
}

/// How logs are written.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    /// In the words of `tracing_subscriber::EnvFilter`.
    pub(crate) level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// How deliveries reach out.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) addresses: AddressPolicy,
    pub(crate) extra_ca_file: Option<PathBuf>,
    /// Empty: the system's.
    pub(crate) nameservers: Vec<SocketAddr>,
    pub(crate) connect_timeout: Duration,
}

/// Bounds on what the engine keeps in memory and does at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes {
    pub(crate) deliveries: usize,
    pub(crate) requests: usize,
    pub(crate) requests_in_all: usize,
    pub(crate) requests_reserved: usize,
    pub(crate) event_memory: usize,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Ten years: longer is as good as for ever, and a sign of a wrong unit.
const LONGEST: Duration = Duration::from_secs(3_650 * 24 * 3_600);

/// A shorter administrator's key can be guessed.
const STRONG_KEY: usize = 24;

impl Settings {
    /// None after a fault. Reads everything before it gives up, so that all faults are told.
    pub(super) fn read(
        reader: &mut Reader,
        test_purposes: TestPurposes,
        warnings: &mut Vec<String>,
    ) -> Option<Self> {
        let listen = reader.one("listen", value::address);
        let admin_key = reader.secret("admin_key", value::key_text);
        let clients = Clients::read(reader);
        let store = read_store(reader);
        let node = read_node(reader, store.as_ref());
        let worker_threads = reader.one("worker_threads", value::count(0..=1_024));
        let shutdown_limit = reader.one("shutdown_limit", value::duration(SECOND..=HOUR));
        let log_format = reader.one("log_format", value::log_format);
        let log_level = reader.one("log_level", value::log_level);
        let networks = reader.list("allow_networks", value::network);
        let limits = read_limits(reader, networks.clone());
        let policy = read_policy(reader);
        let outbound = Outbound::read(reader, networks);
        let lanes = Lanes::read(reader);
        let retention = read_retention(reader);
        let dialects = dialects::read(reader);
        if let Some(Some(key)) = &admin_key
            && key.len() < STRONG_KEY
        {
            warnings.push(format!(
                "admin_key is shorter than {STRONG_KEY} characters, so it may be guessed; \
                 `openssl rand -hex 32` makes a good one"
            ));
        }
        Some(Self {
            listen: listen?,
            admin_key: admin_key?,
            clients: clients?,
            store: store?,
            node: node?,
            worker_threads: worker_threads.map(|count| (count > 0).then_some(count))?,
            shutdown_limit: shutdown_limit?,
            log: LogSettings {
                format: log_format?,
                level: log_level?,
            },
            limits: limits?,
            policy: policy?,
            outbound: outbound?,
            lanes: lanes?,
            retention: retention?,
            dialects: dialects?,
            test_purposes,
        })
    }
}

fn read_store(reader: &mut Reader) -> Option<StoreSettings> {
    let store = reader.one("store", value::store);
    let direct = reader.maybe("store_direct", value::postgres);
    match (store?, direct?) {
        (StoreSettings::Postgres(addresses), Some(direct)) => {
            Some(StoreSettings::Postgres(Box::new(Addresses {
                direct,
                ..*addresses
            })))
        }
        (StoreSettings::Sqlite(_), Some(_)) => {
            reader.unfit("store_direct", "is for a store in PostgreSQL only");
            None
        }
        (store, None) => Some(store),
    }
}

fn read_node(reader: &mut Reader, store: Option<&StoreSettings>) -> Option<NodeSettings> {
    let name = reader.one("node_name", |text| Ok(text.to_owned()));
    let roles = reader.one("roles", value::roles);
    let detection = reader.one("node_detection", value::duration(SECOND..=5 * MINUTE));
    if let (Some(StoreSettings::Sqlite(_)), Some(Roles::Api | Roles::Delivery)) = (store, roles) {
        reader.unfit(
            "roles",
            "must be \"all\" where the store is the embedded one",
        );
        return None;
    }
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(NodeSettings {
        name: name.map(|name| match name.as_str() {
            "" => host().trim().to_owned(),
            _ => name,
        })?,
        roles: roles?,
        detection: detection?,
    })
}

impl Clients {
    fn read(reader: &mut Reader) -> Option<Self> {
        let max_connections = reader.one("max_connections", value::count(1..=1_000_000));
        let head_timeout = reader.one("client_head_timeout", value::duration(SECOND..=HOUR));
        let body_timeout = reader.one("client_body_timeout", value::duration(SECOND..=HOUR));
        Some(Self {
            max_connections: max_connections?,
            head_timeout: head_timeout?,
            body_timeout: body_timeout?,
        })
    }
}

impl Outbound {
    fn read(reader: &mut Reader, networks: Option<Vec<IpNet>>) -> Option<Self> {
        let extra_ca_file = reader.maybe("extra_ca_file", value::file);
        let nameservers = reader.list("nameservers", value::address);
        let connect = Duration::from_millis(100)..=MINUTE;
        let connect_timeout = reader.one("connect_timeout", value::duration(connect));
        Some(Self {
            addresses: AddressPolicy::allowing(networks?),
            extra_ca_file: extra_ca_file?,
            nameservers: nameservers?,
            connect_timeout: connect_timeout?,
        })
    }
}

impl Lanes {
    fn read(reader: &mut Reader) -> Option<Self> {
        let deliveries = reader.one("lane_deliveries", value::count(1..=100_000));
        let requests = reader.one("lane_requests", value::count(1..=10_000));
        let in_all = reader.one("requests_in_all", value::count(1..=100_000));
        let reserved = reader.one("requests_reserved", value::count(0..=99_999));
        if let (Some(in_all), Some(reserved)) = (in_all, reserved)
            && reserved >= in_all
        {
            reader.unfit("requests_reserved", "must be less than requests_in_all");
            return None;
        }
        let memory = reader.one("event_memory", value::size(1 << 20..=1 << 40));
        Some(Self {
            deliveries: deliveries?,
            requests: requests?,
            requests_in_all: in_all?,
            requests_reserved: reserved?,
            event_memory: memory?,
        })
    }
}

fn read_limits(reader: &mut Reader, networks: Option<Vec<IpNet>>) -> Option<Limits> {
    let https_only = reader.one("https_only", value::truth);
    let event_bytes = reader.one("event_size", value::size(1 << 10..=16 << 20));
    let endpoints = reader.one("endpoints_per_tenant", value::count(1..=MAX_TARGETS));
    let waiting = reader.one("waiting_per_tenant", value::count(0..=1_000_000_000));
    let rate = read_publish_rate(reader);
    let idempotency = reader.one("idempotency", value::duration(MINUTE..=30 * DAY));
    let jobs = read_jobs(reader);
    let overlap = reader.one(
        "rotation_overlap",
        value::duration(Duration::ZERO..=30 * DAY),
    );
    Some(Limits {
        addresses: AddressPolicy::allowing(networks?),
        https_only: https_only?,
        event_bytes: event_bytes?,
        endpoints_per_tenant: endpoints?,
        waiting_per_tenant: waiting.map(|count| (count > 0).then_some(count as u64))?,
        publishes_per_key: rate?,
        idempotency: idempotency?,
        rotation_overlap: overlap?,
        filters: FilterThreadsOptions::with_threads(
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        ),
        jobs: jobs?,
    })
}

fn read_jobs(reader: &mut Reader) -> Option<JobLimits> {
    let rates = 1..=100_000;
    let most = reader.one("job_rate_most", value::count(rates.clone()));
    let rate = reader.one("job_rate", value::count(rates));
    let of_tenant = reader.one("jobs_per_tenant", value::count(1..=1_000));
    let in_all = reader.one("jobs", value::count(1..=1_000));
    let (rate, most) = (rate?, most?);
    if rate > most {
        reader.unfit("job_rate", "must be at most job_rate_most");
        return None;
    }
    let number = |rate| u32::try_from(rate).unwrap_or(u32::MAX);
    Some(JobLimits {
        rate: number(rate),
        rate_most: number(most),
        of_tenant: of_tenant?,
        in_all: in_all?,
    })
}

/// The rate of keys that have none of their own; none of it where there is no such.
fn read_publish_rate(reader: &mut Reader) -> Option<Option<RateLimit>> {
    let most = RateLimit::MAX_PER_SECOND as usize;
    let events = reader.one("publishes_per_key", value::count(0..=most));
    let most = RateLimit::MAX_BURST as usize;
    let burst = reader.one("publishes_per_key_burst", value::count(0..=most));
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    let (requests, burst) = (number(events?), number(burst?));
    Some((requests > 0).then_some(RateLimit {
        requests,
        per: Per::Second,
        burst: if burst > 0 { burst } else { requests },
    }))
}

/// The native policy with the operator's changes, held to the same bounds as an endpoint's own.
fn read_policy(reader: &mut Reader) -> Option<DeliveryPolicy> {
    let timeout = Duration::from_millis(100)..=PolicyPatch::MAX_TIMEOUT;
    let timeout = reader.one("delivery_timeout", value::duration(timeout));
    let wait = Duration::ZERO..=PolicyPatch::MAX_WAIT;
    let waits = reader.list("delivery_waits", value::duration(wait));
    let jitter = reader.one("delivery_jitter", value::share);
    let never = Duration::ZERO;
    let disable_after = reader.one("disable_after", value::duration(never..=30 * DAY));
    let patch = PolicyPatch {
        timeout: Some(timeout?),
        waits: Some(waits?),
        jitter: Some(jitter?),
        disable_after: Some(disable_after?),
        ..PolicyPatch::default()
    };
    let faults = patch.faults();
    for fault in &faults {
        let key = match fault.member {
            "disable_after" => "disable_after".to_owned(),
            member => format!("delivery_{member}"),
        };
        reader.unfit(&key, fault.detail);
    }
    faults
        .is_empty()
        .then(|| DeliveryPolicy::native().with(&patch))
}

fn read_retention(reader: &mut Reader) -> Option<Retention> {
    let mut keep = |key| reader.one(key, value::duration(HOUR..=LONGEST));
    let payloads = keep("keep_payloads");
    let attempts = keep("keep_attempts");
    let events = keep("keep_events");
    let events = events?;
    // Payloads and attempts go with their events at the latest.
    Some(Retention {
        payloads: payloads?.min(events),
        attempts: attempts?.min(events),
        events,
    })
}
