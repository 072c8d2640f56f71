//! Attempts: one HTTP request of a delivery, with its outcome.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::AttemptId;
use crate::time::Timestamp;

mod headers;

pub use headers::Headers;

/// One HTTP request of a delivery, as it is kept for the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Names it, and so its delivery and its number.
    pub id: AttemptId,
    /// When it began.
    pub started_at: Timestamp,
    /// Why it was made.
    pub trigger: Trigger,
    /// The URL that was asked.
    pub url: String,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// The HTTP version of the answer, `HTTP/1.1`.
    pub http_version: Option<String>,
    /// How long each part took.
    pub timings: Timings,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong when there was no whole answer.
    pub error: Option<AttemptError>,
    /// Headers sent, secrets masked.
    pub request_headers: Headers,
    /// Headers of the answer, within the bound.
    pub response_headers: Headers,
    /// The first bytes of the answer's body, within the bound.
    #[serde(with = "body_text")]
    pub response_body: Vec<u8>,
    /// Whether the answer's body went on after what was kept.
    pub response_truncated: bool,
}

/// Bodies are mostly text: kept as text when they are, in base64 behind a mark when not.
mod body_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Text(String),
        Binary { base64: String },
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Kept::Binary {
                base64: STANDARD.encode(bytes),
            }
            .serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        match Kept::deserialize(deserializer)? {
            Kept::Text(text) => Ok(text.into_bytes()),
            Kept::Binary { base64 } => STANDARD.decode(base64).map_err(serde::de::Error::custom),
        }
    }
}

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The delivery's schedule.
    #[default]
    Scheduled,
    /// Somebody asked for it.
    Manual,
}

/// How long the parts of an attempt took; none for a part that was not reached or not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Looking the name up.
    pub lookup: Option<Duration>,
    /// Connecting by TCP.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the start to the answer's head.
    pub first_byte: Option<Duration>,
    /// From the start to the end.
    pub total: Duration,
}

/// What went wrong when there was no whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// The kind, for programs.
    pub kind: ErrorKind,
    /// What people should know; never holds a secret.
    pub detail: String,
}

/// Kinds of failure without a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The name does not exist or has no address.
    NameNotFound,
    /// The name servers gave no usable answer in time.
    NameLookup,
    /// Every address of the name is one that deliveries must not reach.
    AddressRefused,
    /// The other side refused the connection.
    ConnectionRefused,
    /// No connection for another reason: unreachable, reset.
    Connect,
    /// No connection within its time.
    ConnectTimeout,
    /// The TLS handshake failed, the certificate among its causes.
    Tls,
    /// No whole answer within the request's time.
    Timeout,
    /// The connection ended before the whole answer.
    ConnectionClosed,
    /// What came was not HTTP, or its headers were past the bound.
    Protocol,
    /// The request could not be made from what the endpoint says.
    Request,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::NameNotFound,
        Self::NameLookup,
        Self::AddressRefused,
        Self::ConnectionRefused,
        Self::Connect,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Timeout,
        Self::ConnectionClosed,
        Self::Protocol,
        Self::Request,
    ];

    /// The kind with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// All names, for people.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// Its name in the API, the log and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NameNotFound => "name_not_found",
            Self::NameLookup => "name_lookup",
            Self::AddressRefused => "address_refused",
            Self::ConnectionRefused => "connection_refused",
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::ConnectionClosed => "connection_closed",
            Self::Protocol => "protocol",
            Self::Request => "request",
        }
    }
}
