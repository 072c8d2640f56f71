//! Hints between nodes: that the configuration changed, that there is work, how breakers stand. They are sent beside the
//! commits, a few a second: inside, `NOTIFY` would let all commits wait for one another. A hint that is
//! lost costs latency only, since everything is looked for as well.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fanfare_app::port::StoreError;
use fanfare_app::port::coordination::BreakerNews;
use fanfare_domain::id::EndpointId;
use fanfare_domain::order::Strand;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Connection, NoTls};

use crate::address::Address;
use crate::failure::Failure;
use crate::options::Options;
use crate::pool::Pool;
use crate::tls::{Handshake, Tls};

const CHANNEL: &str = "fanfare";
const CONFIGURATION: &str = "configuration";
const WORK: &str = "work";
const DUE: &str = "due ";
const BREAKER: &str = "breaker ";

/// The least time between two rounds of hints.
const ROUND: Duration = Duration::from_millis(200);
/// How long to wait before connecting again.
const AGAIN: Duration = Duration::from_millis(500);
/// The most endpoints of a round; more are found by looking.
const ENDPOINTS: usize = 64;

/// An endpoint for which something is left, and in which strand, where that is known.
pub(crate) type Left = (EndpointId, Option<Strand>);

/// The last that is to be told, or was heard, of each breaker.
type Breakers = BTreeMap<EndpointId, BreakerNews>;

/// What is to be told, and what was heard.
#[derive(Default)]
pub(crate) struct Hints {
    /// Whose these are; 0: of no node.
    node: i64,
    configuration: AtomicBool,
    work: AtomicBool,
    due: Mutex<BTreeSet<Left>>,
    breakers: Mutex<Breakers>,
    something: Notify,
    /// Told when another node changed the configuration.
    pub(crate) heard_configuration: Notify,
    /// Told when another node left work.
    pub(crate) heard_work: Notify,
    heard_due: Mutex<BTreeSet<Left>>,
    heard_breakers: Mutex<Breakers>,
}

impl Hints {
    /// Those of a node.
    pub(crate) fn of(node: i64) -> Self {
        Self {
            node,
            ..Self::default()
        }
    }

    /// The configuration changed.
    pub(crate) fn configuration_changed(&self) {
        self.configuration.store(true, Ordering::Relaxed);
        self.something.notify_one();
    }

    /// There is work that nobody does.
    pub(crate) fn work_is_left(&self) {
        self.work.store(true, Ordering::Relaxed);
        self.something.notify_one();
    }

    /// Another node has something to do for this endpoint.
    pub(crate) fn is_due(&self, endpoint: EndpointId, strand: Option<Strand>) {
        let mut due = self.due.lock();
        if due.len() < ENDPOINTS {
            due.insert((endpoint, strand));
        } else if due.len() < 2 * ENDPOINTS {
            // Somewhere, then.
            due.insert((endpoint, None));
        }
        drop(due);
        self.something.notify_one();
    }

    /// A breaker of this node changed. Past the bound of a round, nobody hears of it.
    pub(crate) fn breaker_changed(&self, endpoint: EndpointId, news: BreakerNews) {
        note(&mut self.breakers.lock(), endpoint, news, ENDPOINTS);
        self.something.notify_one();
    }

    /// The breakers that were heard of since the last time.
    pub(crate) fn take_breakers(&self) -> Breakers {
        std::mem::take(&mut *self.heard_breakers.lock())
    }

    /// The endpoints that were heard of since the last time.
    pub(crate) fn take_due(&self) -> BTreeSet<Left> {
        std::mem::take(&mut *self.heard_due.lock())
    }

    fn round(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (flag, text) in [(&self.configuration, CONFIGURATION), (&self.work, WORK)] {
            if flag.swap(false, Ordering::Relaxed) {
                told.push(text.to_owned());
            }
        }
        let due = std::mem::take(&mut *self.due.lock());
        told.extend(due.into_iter().map(|(endpoint, strand)| match strand {
            Some(strand) => format!("{DUE}{endpoint} {}", strand.number()),
            None => format!("{DUE}{endpoint}"),
        }));
        let breakers = std::mem::take(&mut *self.breakers.lock());
        told.extend(breakers.into_iter().map(|(endpoint, news)| {
            let news = match news {
                BreakerNews::Opened => "opened",
                BreakerNews::Closed => "closed",
            };
            format!("{BREAKER}{} {news} {endpoint}", self.node)
        }));
        told
    }

    fn hear(&self, text: &str) {
        match text {
            CONFIGURATION => self.heard_configuration.notify_one(),
            WORK => self.heard_work.notify_one(),
            _ => {
                if let Some(left) = text.strip_prefix(DUE).and_then(left) {
                    let mut heard = self.heard_due.lock();
                    if heard.len() < 16 * ENDPOINTS {
                        heard.insert(left);
                    }
                    drop(heard);
                    self.heard_work.notify_one();
                }
                let breaker = text.strip_prefix(BREAKER).and_then(breaker);
                if let Some((by, endpoint, news)) = breaker
                    && by != self.node
                {
                    let mut heard = self.heard_breakers.lock();
                    note(&mut heard, endpoint, news, 16 * ENDPOINTS);
                    drop(heard);
                    self.heard_work.notify_one();
                }
            }
        }
    }
}

fn left(text: &str) -> Option<Left> {
    let (endpoint, strand) = match text.split_once(' ') {
        Some((endpoint, strand)) => (endpoint, Some(strand)),
        None => (text, None),
    };
    let strand = strand.map(|number| number.parse().map(Strand::from_number));
    Some((EndpointId::parse(endpoint).ok()?, strand.transpose().ok()?))
}

fn note(breakers: &mut Breakers, endpoint: EndpointId, news: BreakerNews, most: usize) {
    if breakers.len() < most || breakers.contains_key(&endpoint) {
        breakers.insert(endpoint, news);
    }
}

/// By whom it was told, and what.
fn breaker(text: &str) -> Option<(i64, EndpointId, BreakerNews)> {
    let mut words = text.split(' ');
    let node = words.next()?.parse().ok()?;
    let news = match words.next()? {
        "opened" => BreakerNews::Opened,
        "closed" => BreakerNews::Closed,
        _ => return None,
    };
    Some((node, EndpointId::parse(words.next()?).ok()?, news))
}

/// Tells others what this node has to tell, until it is aborted.
pub(crate) async fn tell(hints: Arc<Hints>, pool: Pool) {
    loop {
        hints.something.notified().await;
        let round = hints.round();
        if !round.is_empty()
            && let Err(failure) = send(&pool, &round).await
        {
            let error = StoreError::from(failure);
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "hints could not be sent to other nodes"
            );
        }
        tokio::time::sleep(ROUND).await;
    }
}

async fn send(pool: &Pool, round: &[String]) -> Result<(), Failure> {
    let session = pool.lease().await?;
    session
        .run(
            "SELECT pg_notify($1, hint) FROM unnest($2::text[]) AS hint",
            &[(&CHANNEL, Type::TEXT), (&round, Type::TEXT_ARRAY)],
        )
        .await
        .map(drop)
}

/// Hears what others tell, over a session of its own, until it is aborted.
pub(crate) async fn listen(hints: Arc<Hints>, address: Address, options: Options) {
    loop {
        if let Err(failure) = listen_once(&hints, &address, &options).await {
            let error = StoreError::from(failure);
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "hints of other nodes can't be heard"
            );
        }
        // What was told meanwhile is lost: looked for instead.
        hints.heard_configuration.notify_one();
        hints.heard_work.notify_one();
        tokio::time::sleep(AGAIN).await;
    }
}

async fn listen_once(hints: &Hints, address: &Address, options: &Options) -> Result<(), Failure> {
    let (config, tls) = address
        .config(options.connect_time)
        .map_err(StoreError::unavailable)?;
    match tls {
        Tls::Never => {
            let (client, connection) = config.connect(NoTls).await?;
            hear(hints, client, connection).await
        }
        Tls::Always(settings) => {
            let (client, connection) = config.connect(Handshake(settings)).await?;
            hear(hints, client, connection).await
        }
    }
}

async fn hear<S, T>(
    hints: &Hints,
    client: tokio_postgres::Client,
    mut connection: Connection<S, T>,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let listen = format!("LISTEN {CHANNEL}");
    let mut listening = std::pin::pin!(client.batch_execute(&listen));
    let mut asked = false;
    loop {
        let message = poll_fn(|context| {
            if !asked && listening.as_mut().poll(context).is_ready() {
                asked = true;
            }
            connection.poll_message(context)
        })
        .await;
        match message {
            Some(Ok(AsyncMessage::Notification(hint))) => hints.hear(hint.payload()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Ok(()),
        }
    }
}
