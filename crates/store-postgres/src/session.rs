//! One connection.
//!
//! Statements are unnamed and carry the types of their parameters, so each is one message and one
//! answer, in whatever server connection a pooler gives. Several that are polled at the same time go
//! out together, in the order in which they are polled first; the server works through them in that
//! order. So a whole transaction can be one way there and back: when a statement of it fails, the
//! server refuses those behind it, and its COMMIT takes everything back.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fanfare_app::port::StoreError;
use futures_util::future::try_join_all;
use postgres_types::{ToSql, Type};
use tokio::task::AbortHandle;
use tokio_postgres::{CancelToken, Client, NoTls, Row};

use crate::address::Address;
use crate::failure::Failure;
use crate::options::Options;
use crate::tls::{Handshake, Tls};

/// Begins a transaction of several steps: should this node stop between two of them, the server ends it
/// soon, so that it holds up nobody. Transactions of a node's own work do the same, see
/// [`crate::member::Places::be_present`].
pub(crate) const BEGIN: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'";

/// A statement's parameters with their types.
pub(crate) type Params<'a> = &'a [Param<'a>];

/// One of them, with its type.
pub(crate) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// A statement on its way.
pub(crate) type Sent<'a, T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// A connection; dropped, it ends at once.
pub(crate) struct Session {
    client: Client,
    driver: AbortHandle,
    tls: Tls,
    time: Duration,
    spoilt: AtomicBool,
}

impl Session {
    /// Connects to the first host that takes writes.
    pub(crate) async fn connect(address: &Address, options: &Options) -> Result<Self, Failure> {
        let (config, tls) = address
            .config(options.connect_time)
            .map_err(StoreError::unavailable)?;
        let time = options.connect_time.saturating_mul(2);
        let connecting = async {
            match &tls {
                Tls::Never => {
                    let (client, connection) = config.connect(NoTls).await?;
                    Ok::<_, Failure>((client, tokio::spawn(connection).abort_handle()))
                }
                Tls::Always(settings) => {
                    let handshake = Handshake(Arc::clone(settings));
                    let (client, connection) = config.connect(handshake).await?;
                    Ok((client, tokio::spawn(connection).abort_handle()))
                }
            }
        };
        let (client, driver) = tokio::time::timeout(time, connecting)
            .await
            .unwrap_or(Err(Failure::Late(time)))?;
        Ok(Self {
            client,
            driver,
            tls,
            time: options.statement_time,
            spoilt: AtomicBool::new(false),
        })
    }

    /// Whether it can be used again.
    pub(crate) fn usable(&self) -> bool {
        !self.spoilt.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// Lets it not be used again.
    pub(crate) fn spoil(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
    }

    /// The rows of a statement.
    pub(crate) async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let params: Vec<(&(dyn ToSql + Sync), Type)> = params.to_vec();
        self.in_time(self.client.query_typed(sql, &params)).await
    }

    /// The one row of a statement that gives at most one.
    pub(crate) async fn row(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>, Failure> {
        Ok(self.rows(sql, params).await?.pop())
    }

    /// Runs a statement; answers how many rows it changed.
    pub(crate) async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64, Failure> {
        self.in_time(self.client.execute_typed(sql, params)).await
    }

    /// Runs statements without parameters.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.in_time(self.client.batch_execute(sql)).await
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let outcome = match tokio::time::timeout(self.time, asked).await {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => {
                cancel(self.client.cancel_token(), self.tls.clone());
                Err(Failure::Late(self.time))
            }
        };
        if let Err(failure) = &outcome
            && failure.spoils_the_session()
        {
            self.spoil();
        }
        outcome
    }

    /// Ends a transaction that failed, as well as that goes.
    pub(crate) async fn roll_back(&self) {
        if self.usable() && self.batch("ROLLBACK").await.is_err() {
            self.spoil();
        }
    }

    /// Runs a transaction, again where another one was quicker. Statements go out as `work` sends
    /// them; it begins and commits by itself, so that both can go together with others.
    pub(crate) async fn transaction<'s, T>(
        &'s self,
        work: impl Fn() -> Sent<'s, T>,
    ) -> Result<T, Failure> {
        let unfinished = Unfinished(self);
        let mut tries = crate::failure::TRIES;
        let outcome = loop {
            let outcome = work().await;
            let Err(failure) = &outcome else {
                break outcome;
            };
            self.roll_back().await;
            tries -= 1;
            if tries == 0 || !failure.overtaken() || !self.usable() {
                break outcome;
            }
        };
        std::mem::forget(unfinished);
        outcome
    }
}

/// Spoils a session whose transaction was given up half way.
struct Unfinished<'s>(&'s Session);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.spoil();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Asks the server to stop what it does for a session, so that it holds no locks for nobody. It may
/// not hear of it; nothing depends on it.
fn cancel(token: CancelToken, tls: Tls) {
    const TIME: Duration = Duration::from_secs(2);
    tokio::spawn(async move {
        let asked = async {
            match tls {
                Tls::Never => token.cancel_query(NoTls).await,
                Tls::Always(settings) => token.cancel_query(Handshake(settings)).await,
            }
        };
        if !matches!(tokio::time::timeout(TIME, asked).await, Ok(Ok(()))) {
            tracing::debug!("a statement that took too long could not be cancelled");
        }
    });
}

/// Sends statements together, in this order, and waits for all answers.
pub(crate) async fn together(sent: Vec<Sent<'_, ()>>) -> Result<(), Failure> {
    // Past some number of futures, they would be polled in another way, and still in order.
    try_join_all(sent).await.map(drop)
}
