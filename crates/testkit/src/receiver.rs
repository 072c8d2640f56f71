//! A scripted receiver of webhooks: a real HTTP server on a free loopback port that records what
//! arrives and answers as a test says, badly where it says so.
//!
//! ```no_run
//! # async fn example() {
//! use fanfare_testkit::receiver::{Answer, Receiver};
//!
//! let receiver = Receiver::start().await;
//! receiver.script("/hook", vec![Answer::status(500), Answer::ok()]);
//! // … let the server under test deliver to receiver.url("/hook") …
//! let arrivals = receiver.wait_for(2).await;
//! assert_eq!(arrivals[0].body, arrivals[1].body);
//! # }
//! ```
//!
//! Beside it: an [`Authority`] for TLS, a [`NameServer`], and addresses that hang before any HTTP
//! ([`ConnectHang`], [`SilentListener`]). All of them end when they are dropped.

#![expect(
    clippy::expect_used,
    reason = "a test's scaffold that cannot stand fails the test"
)]

mod answer;
mod arrivals;
mod authority;
mod body;
mod dns;
mod hang;
mod script;
mod serve;
mod socket;
#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
};

use tokio::{net::TcpListener, task::AbortHandle};
use tokio_rustls::TlsAcceptor;

pub use self::{
    answer::Answer,
    arrivals::{Arrival, Observer},
    authority::{Authority, Identity},
    dns::{NameAnswer, NameServer},
    hang::{ConnectHang, SilentListener},
};
use self::{arrivals::Sink, script::Script, serve::Shared};

/// How many arrivals are kept unless told.
const KEPT: usize = 10_000;

/// A running receiver; dropping it closes its port and every connection.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Receiver {
    /// Plain HTTP/1.1, answering 200 until it is scripted, keeping the first 10,000 arrivals.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// HTTPS on `localhost` and 127.0.0.1 with a certificate of this authority.
    pub async fn start_tls(authority: &Authority) -> Self {
        Self::builder()
            .tls(authority.certify(&["localhost", "127.0.0.1"]))
            .start()
            .await
    }

    /// Choices before the start.
    pub fn builder() -> Builder {
        Builder {
            tls: None,
            sink: Sink::keep(KEPT),
            ip: Ipv4Addr::LOCALHOST,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path (which starts with `/`), by address.
    pub fn url(&self, path: &str) -> String {
        self.url_at(&self.address.ip().to_string(), path)
    }

    /// The URL of a path (which starts with `/`) under this host name.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{host}:{}{path}", self.address.port())
    }

    /// Answers the requests for this path (without query) in this order; the last repeats.
    pub fn script(&self, path: &str, answers: Vec<Answer>) {
        self.shared.script.set(path, answers);
    }

    /// Answers the requests for this path so from now on.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.script(path, vec![answer]);
    }

    /// Answers the requests for every path without a script so from now on.
    pub fn answer_otherwise(&self, answer: Answer) {
        self.shared.script.set_otherwise(answer);
    }

    /// How many requests have arrived.
    pub fn count(&self) -> u64 {
        self.shared.sink.count()
    }

    /// How many connections have been accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// What has arrived so far, in order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.sink.kept()
    }

    /// What has arrived as soon as that is at least this many; fails the test after 30 seconds.
    pub async fn wait_for(&self, count: usize) -> Vec<Arrival> {
        self.shared.sink.wait_for(count).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Choices that a [`Receiver`] starts with.
pub struct Builder {
    tls: Option<TlsAcceptor>,
    sink: Sink,
    ip: Ipv4Addr,
}

impl Builder {
    /// HTTPS with this certificate.
    #[must_use]
    pub fn tls(mut self, identity: Identity<'_>) -> Self {
        self.tls = Some(TlsAcceptor::from(identity.server_config()));
        self
    }

    /// Listens on another loopback address than 127.0.0.1.
    #[must_use]
    pub fn ip(mut self, ip: Ipv4Addr) -> Self {
        self.ip = ip;
        self
    }

    /// Keeps this many arrivals instead of 10,000; later ones are counted and answered only.
    #[must_use]
    pub fn keep(mut self, arrivals: usize) -> Self {
        self.sink = Sink::keep(arrivals);
        self
    }

    /// Hands every arrival to this function instead of keeping it. It is called before the answer
    /// and must not block.
    #[must_use]
    pub fn observe(mut self, observer: Observer) -> Self {
        self.sink = Sink::observe(observer);
        self
    }

    /// Takes requests from now on, in a task on the current runtime.
    pub async fn start(self) -> Receiver {
        let listener = TcpListener::bind((self.ip, 0))
            .await
            .expect("a loopback port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            script: Script::new(),
            sink: self.sink,
            tls: self.tls,
            connections: 0.into(),
        });
        let task = tokio::spawn(serve::serve(listener, shared.clone())).abort_handle();
        Receiver {
            address,
            shared,
            task,
        }
    }
}
