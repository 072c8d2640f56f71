//! What the operator sets for the sender.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::address::AddressPolicy;
use rustls_pki_types::CertificateDer;

/// What the operator sets for the sender.
#[derive(Clone, Debug)]
pub struct SenderOptions {
    /// Which addresses deliveries may reach.
    pub addresses: AddressPolicy,
    /// Authorities trusted beside the system's.
    pub extra_authorities: Vec<CertificateDer<'static>>,
    /// Name servers; empty: those of the system's `resolv.conf`.
    pub nameservers: Vec<SocketAddr>,
    /// Time for a look-up (5 s).
    pub lookup_timeout: Duration,
    /// Time for TCP and TLS together (10 s).
    pub connect_timeout: Duration,
    /// How long a connection is kept without a request (30 s).
    pub idle_timeout: Duration,
    /// A connection this old takes no further request (5 min), so that a change of address or
    /// certificate is noticed.
    pub max_connection_age: Duration,
    /// How many connections without a request are kept for each origin (256; 0 keeps none); past
    /// it they are closed once a burst is over: after five seconds or ten.
    pub max_idle_per_host: usize,
    /// While more connections than this are open, to all origins together (4,096), those of
    /// HTTP/1.1 are closed after their answer instead of being kept. It bounds what is kept, not
    /// what is in use.
    pub max_kept_connections: usize,
    /// How many bytes of an answer's body are kept (4 KiB).
    pub kept_body: usize,
    /// How many bytes are read past those and thrown away, so that the connection can take the next
    /// request (64 KiB). An answer whose body is longer counts as whole, and over HTTP/1.1 its
    /// connection is closed.
    pub max_drain: usize,
    /// The most bytes of an answer's head (16 KiB; at least 8 KiB, and over HTTP/1.1 at most 100
    /// headers). A larger head is an error of the protocol.
    pub max_response_headers: usize,
    /// Asked before each connection and each write: past a no, no byte goes out.
    pub permit: Permit,
}

/// Whether this process may send now.
#[derive(Clone)]
pub struct Permit(Arc<dyn Fn() -> bool + Send + Sync>);

impl Permit {
    /// One that is asked for each byte that goes out, so it should answer from memory.
    pub fn new(may_send: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(may_send))
    }

    /// Nothing, or an error that says no.
    pub(crate) fn check(&self) -> io::Result<()> {
        if (self.0)() {
            return Ok(());
        }
        let why = "this node may not send: its lease has ended";
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }
}

/// Always.
impl Default for Permit {
    fn default() -> Self {
        Self::new(|| true)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            addresses: AddressPolicy::default(),
            extra_authorities: Vec::new(),
            nameservers: Vec::new(),
            lookup_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            max_connection_age: Duration::from_secs(300),
            max_idle_per_host: 256,
            max_kept_connections: 4_096,
            kept_body: 4_096,
            max_drain: 64 * 1_024,
            max_response_headers: 16 * 1_024,
            permit: Permit::default(),
        }
    }
}
