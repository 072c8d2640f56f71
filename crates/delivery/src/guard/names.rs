//! Look-ups of names, so bounded that slow names take nothing from others.
//!
//! * All who ask for a name at a time share one look-up (two queries, one for each family). It ends
//!   with its answer, its time limit, or when nobody waits for it any more.
//! * Over all names, look-ups take turns for a number of places. Names that have answered, names
//!   that nobody has asked for before, and names whose last look-up ran out of time have places of
//!   their own each: however many names hang, those that answer do not wait for them, and new ones
//!   wait for other new ones at most.
//! * Answers are kept as long as they say, within bounds, also that a name does not exist.
//!
//! A name with a dot is looked up as it is; only one without is completed by the search list of the
//! system, so that a customer's host name never means something inside the operator's network.

mod families;
mod flights;
mod standing;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::failure::ConnectFailure;
use flights::Flights;
use standing::{Standing, Standings};

/// Look-ups at a time of names that have answered, are new, or hang. Past it they wait their turn,
/// and the wait is part of their time. Each takes two sockets.
const PLACES: Places<usize> = Places {
    answers: 128,
    new: 128,
    hangs: 32,
};
/// Answers kept; past it those used longest ago go.
const KEPT_ANSWERS: u64 = 16_384;
/// How long an answer is kept at most, whatever it says.
const KEPT_AT_MOST: Duration = Duration::from_secs(3_600);
/// How long it is kept that a name does not exist, whatever the answer says.
const ABSENCE_KEPT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// What the look-ups are set to.
#[derive(Clone, Debug)]
pub(crate) struct NamesOptions {
    /// Whom to ask; empty: those of the system's `resolv.conf`.
    pub(crate) nameservers: Vec<SocketAddr>,
    /// Time for a look-up, the wait for its turn included.
    pub(crate) patience: Duration,
}

/// Looks names up; the hosts file comes first.
pub(crate) struct Names {
    shared: Arc<Shared>,
    flights: Flights,
}

struct Shared {
    resolver: TokioResolver,
    places: Places<Semaphore>,
    standings: Standings,
    patience: Duration,
}

/// One for each standing.
struct Places<T> {
    answers: T,
    new: T,
    hangs: T,
}

impl<T> Places<T> {
    fn of(&self, standing: Standing) -> &T {
        match standing {
            Standing::Answers => &self.answers,
            Standing::New => &self.new,
            Standing::Hangs => &self.hangs,
        }
    }
}

type Answer = Result<Arc<[IpAddr]>, ConnectFailure>;

impl Names {
    /// Reads the hosts file, and `resolv.conf` unless name servers are given.
    ///
    /// # Errors
    /// One of the two can't be understood.
    pub(crate) fn new(options: NamesOptions) -> Result<Self, NetError> {
        let mut builder = if options.nameservers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = options.nameservers.iter().map(name_server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        set(builder.options_mut(), options.patience);
        Ok(Self {
            shared: Arc::new(Shared {
                resolver: builder.build()?,
                places: Places {
                    answers: Semaphore::new(PLACES.answers),
                    new: Semaphore::new(PLACES.new),
                    hangs: Semaphore::new(PLACES.hangs),
                },
                standings: Standings::default(),
                patience: options.patience,
            }),
            flights: Flights::default(),
        })
    }

    /// The addresses of a name in lower case without a final dot; at least one.
    ///
    /// # Errors
    /// `name_not_found`, or `name_lookup`.
    pub(crate) async fn look_up(&self, name: &Arc<str>) -> Answer {
        let shared = &self.shared;
        self.flights
            .join(name, |name| shared.clone().look_up(name))
            .await
    }
}

impl Shared {
    async fn look_up(self: Arc<Self>, name: Arc<str>) -> Answer {
        let before = self.standings.of(&name);
        let places = self.places.of(before);
        let looked_up = timeout(self.patience, async {
            // Never closed, so it is always a place.
            let _place = places.acquire().await;
            self.ask(&name).await
        });
        match looked_up.await {
            Ok(answer) => {
                if before != Standing::Answers {
                    self.standings.set(&name, Standing::Answers);
                }
                answer
            }
            Err(_) => {
                self.standings.set(&name, Standing::Hangs);
                Err(no_answer(&name, self.patience))
            }
        }
    }

    async fn ask(&self, name: &str) -> Answer {
        let Ok(mut query) = Name::from_ascii(name) else {
            return Err(not_found(name));
        };
        query.set_fqdn(name.contains('.'));
        match families::addresses(&self.resolver, query).await {
            Ok(addresses) if addresses.is_empty() => Err(not_found(name)),
            Ok(addresses) => Ok(addresses.into()),
            Err(NetError::Timeout) => Err(no_answer(name, self.patience)),
            Err(_) => Err(ConnectFailure::new(
                ErrorKind::NameLookup,
                format!("the name servers could not say where {name} is"),
            )),
        }
    }
}

fn not_found(name: &str) -> ConnectFailure {
    let detail = format!("{name} does not exist or has no address");
    ConnectFailure::new(ErrorKind::NameNotFound, detail)
}

fn no_answer(name: &str, patience: Duration) -> ConnectFailure {
    let detail = format!("no name server said within {patience:?} where {name} is");
    ConnectFailure::new(ErrorKind::NameLookup, detail)
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![
        at_port(ConnectionConfig::udp()),
        at_port(ConnectionConfig::tcp()),
    ];
    NameServerConfig::new(address.ip(), true, connections)
}

fn set(options: &mut ResolverOpts, patience: Duration) {
    options.use_hosts_file = ResolveHosts::Always;
    options.cache_size = KEPT_ANSWERS;
    options.positive_max_ttl = Some(KEPT_AT_MOST);
    options.negative_min_ttl = Some(ABSENCE_KEPT.0);
    options.negative_max_ttl = Some(ABSENCE_KEPT.1);
    // Once more after a lost packet, within the time of the look-up.
    options.timeout = patience / 2;
    options.attempts = 1;
    // Of one connection to a name server by TCP: all that can be under way, so none is refused.
    options.max_active_requests = 2 * (PLACES.answers + PLACES.new + PLACES.hangs);
}
