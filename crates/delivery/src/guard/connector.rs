//! The connector: resolve, decide, connect to that very address, shake hands.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::address::AddressPolicy;
use fanfare_domain::attempt::ErrorKind;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::dial::{Dial, Progress, Stage};
use super::failure::ConnectFailure;
use super::names::Names;
use super::open::OpenConnections;
use super::stream::Stream;
use super::target::{Host, Target};
use super::{tcp, tls};
use crate::sender::Permit;

/// Of a name with more addresses that pass, the others are not tried.
const MOST_ADDRESSES: usize = 6;

/// Makes the connections of deliveries.
pub(crate) struct Connector {
    names: Names,
    policy: AddressPolicy,
    tls: TlsConnector,
    /// For TCP and TLS together.
    patience: Duration,
    open: OpenConnections,
    /// Asked before each connection, and by it before each write.
    permit: Permit,
}

impl Connector {
    /// Connects where `policy` allows it; `patience` is for TCP and TLS together.
    pub(crate) fn new(
        names: Names,
        policy: AddressPolicy,
        tls: rustls::ClientConfig,
        patience: Duration,
        permit: Permit,
    ) -> Self {
        Self {
            names,
            policy,
            tls: TlsConnector::from(Arc::new(tls)),
            patience,
            open: OpenConnections::default(),
            permit,
        }
    }

    pub(crate) fn open(&self) -> &OpenConnections {
        &self.open
    }
}

/// A connection to an address that was decided on.
pub(crate) struct Connected {
    pub(crate) stream: TokioIo<Stream>,
    pub(crate) address: SocketAddr,
    /// Whether both sides agreed on HTTP/2.
    pub(crate) http2: bool,
}

impl Connector {
    /// Connects to a URL's origin; `dial` learns how far that is.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(crate) async fn connect(
        &self,
        uri: &Uri,
        dial: &Dial,
    ) -> Result<Connected, ConnectFailure> {
        dial.update(|progress| *progress = Progress::default());
        let target = Target::of(uri)?;
        let addresses = self.addresses(&target, dial).await?;
        if let Err(refused) = self.permit.check() {
            return Err(ConnectFailure::new(ErrorKind::Connect, refused.to_string()));
        }
        let deadline = Instant::now() + self.patience;
        let (stream, address) = self.tcp(&target, &addresses, dial, deadline).await?;
        let stream = match target.server {
            None => Stream::plain(stream, self.open.enter(), self.permit.clone()),
            Some(server) => {
                let started = Instant::now();
                let shaken = timeout_at(deadline, self.tls.connect(server, stream)).await;
                let stream = match shaken {
                    Ok(Ok(stream)) => stream,
                    Ok(Err(error)) => {
                        let detail = tls::describe_tls(&error, &target.host);
                        return Err(ConnectFailure::new(ErrorKind::Tls, detail));
                    }
                    Err(_) => {
                        return Err(ConnectFailure::new(
                            ErrorKind::ConnectTimeout,
                            format!(
                                "{} took the connection, but did not finish the TLS handshake within {:?}",
                                target.host, self.patience
                            ),
                        ));
                    }
                };
                dial.update(|progress| progress.tls = Some(started.elapsed()));
                Stream::tls(stream, self.open.enter(), self.permit.clone())
            }
        };
        dial.update(|progress| progress.stage = Stage::Connected);
        Ok(Connected {
            http2: stream.is_http2(),
            stream: TokioIo::new(stream),
            address,
        })
    }

    /// The addresses that may be connected to; at least one.
    async fn addresses(
        &self,
        target: &Target,
        dial: &Dial,
    ) -> Result<Vec<SocketAddr>, ConnectFailure> {
        let literal: [IpAddr; 1];
        let found: Arc<[IpAddr]>;
        let candidates: &[IpAddr] = match &target.host {
            Host::Address(address) => {
                literal = [*address];
                &literal
            }
            Host::Name(name) => {
                let started = Instant::now();
                let answer = self.names.look_up(name).await;
                dial.update(|progress| progress.lookup = Some(started.elapsed()));
                found = answer?;
                &found
            }
        };
        let allowed: Vec<SocketAddr> = candidates
            .iter()
            .filter(|address| self.policy.allows(**address))
            .take(MOST_ADDRESSES)
            .map(|address| SocketAddr::new(*address, target.port))
            .collect();
        if allowed.is_empty() {
            // The addresses stay untold: they may be of a network that the reader can't see into.
            let detail = match &target.host {
                Host::Address(address) => format!("deliveries may not reach {address}"),
                Host::Name(name) => {
                    format!("every address of {name} is one that deliveries may not reach")
                }
            };
            return Err(ConnectFailure::new(ErrorKind::AddressRefused, detail));
        }
        Ok(allowed)
    }

    async fn tcp(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        dial: &Dial,
        deadline: Instant,
    ) -> Result<(TcpStream, SocketAddr), ConnectFailure> {
        dial.update(|progress| {
            progress.stage = Stage::Connect;
            progress.address = addresses.first().copied();
        });
        let started = Instant::now();
        match timeout_at(deadline, tcp::connect(addresses)).await {
            Ok(Ok((stream, address))) => {
                dial.update(|progress| {
                    progress.stage = Stage::Tls;
                    progress.address = Some(address);
                    progress.connect = Some(started.elapsed());
                });
                Ok((stream, address))
            }
            Ok(Err((address, error))) => {
                dial.update(|progress| progress.address = address);
                Err(describe_tcp(&error, target))
            }
            Err(_) => Err(ConnectFailure::new(
                ErrorKind::ConnectTimeout,
                format!(
                    "{} did not take the connection within {:?}",
                    target.host, self.patience
                ),
            )),
        }
    }
}

fn describe_tcp(error: &std::io::Error, target: &Target) -> ConnectFailure {
    use std::io::ErrorKind as Io;
    let Target { host, port, .. } = target;
    let (kind, detail) = match error.kind() {
        Io::ConnectionRefused => (
            ErrorKind::ConnectionRefused,
            format!("{host} refused the connection on port {port}"),
        ),
        Io::TimedOut => (
            ErrorKind::ConnectTimeout,
            format!("{host} did not take the connection in the system's time"),
        ),
        Io::NetworkUnreachable | Io::HostUnreachable => (
            ErrorKind::Connect,
            format!("there is no way to {host} from here"),
        ),
        // The system's own words: no file descriptors, no free port.
        _ => (
            ErrorKind::Connect,
            format!("no connection to {host}: {error}"),
        ),
    };
    ConnectFailure::new(kind, detail)
}
