//! Delivery formats: how an event becomes a request.
//!
//! The native format is here; a dialect brings its own, with its own preset of the delivery policy.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use fanfare_domain::id::BatchId;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_domain::secret::{SECRET_BYTES, SecretKind};
use fanfare_domain::time::Timestamp;
use http::HeaderMap;

use crate::directory::Target;
use crate::notices::Announcer;
use crate::port::log::Event;

mod native;

pub use native::NativeFormat;

/// An event on its way, shared by its deliveries, with what they have in common made once.
#[derive(Debug)]
pub struct Parcel {
    /// The event.
    pub event: Arc<Event>,
    public_id: String,
    native_body: OnceLock<Bytes>,
}

impl Parcel {
    /// Wraps an event.
    #[must_use]
    pub fn new(event: Arc<Event>) -> Self {
        Self {
            public_id: event.public_id(),
            event,
            native_body: OnceLock::new(),
        }
    }

    /// The id that receivers see.
    #[must_use]
    pub fn public_id(&self) -> &str {
        &self.public_id
    }

    /// The body of the native format, which is the same for all endpoints.
    #[must_use]
    pub fn native_body(&self) -> Bytes {
        self.native_body
            .get_or_init(|| native::body(&self.event))
            .clone()
    }
}

/// What an attempt sends.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// All headers but those of the connection and the body's length.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// How an event becomes a request to an endpoint.
pub trait Format: Send + Sync + 'static {
    /// The name that endpoints carry as their dialect; none for the native format.
    fn dialect(&self) -> Option<&'static str>;

    /// The delivery policy of endpoints that say nothing of their own.
    fn preset(&self) -> &DeliveryPolicy;

    /// Makes the text of a secret from 32 bytes of chance.
    fn new_secret(&self, kind: SecretKind, chance: &[u8; SECRET_BYTES]) -> String {
        kind.generate(chance)
    }

    /// Checks the text of a secret that somebody gave; the error says what would be right, without it.
    ///
    /// # Errors
    /// When the format can't sign with it.
    fn check_secret(&self, text: &str) -> Result<(), String> {
        SecretKind::read(text)
            .map(drop)
            .map_err(|cause| cause.to_string())
    }

    /// How long old secrets sign beside a new one, where the format fixes it; none: as the caller says.
    fn rotation_overlap(&self) -> Option<Duration> {
        None
    }

    /// How the dialect tells of its endpoints; none: it does not.
    fn announcer(&self) -> Option<&dyn Announcer> {
        None
    }

    /// Makes the request of an attempt at `now`; it is signed anew each time.
    fn prepare(&self, parcel: &Parcel, target: &Target, now: Timestamp) -> Prepared;

    /// How several events become one request; none: each goes by itself.
    fn batches(&self) -> Option<&dyn BatchFormat> {
        None
    }
}

/// How several events become one request to an endpoint.
pub trait BatchFormat: Send + Sync {
    /// Makes the request of an attempt at `now` of a batch with this id; it is signed anew each time, as one
    /// message.
    fn prepare_batch(
        &self,
        id: BatchId,
        parcels: &[&Parcel],
        target: &Target,
        now: Timestamp,
    ) -> Prepared;
}

/// The formats that there are.
#[derive(Clone)]
pub struct Formats {
    native: Arc<dyn Format>,
    dialects: Vec<Arc<dyn Format>>,
}

impl Formats {
    /// The native format, and those of the dialects.
    #[must_use]
    pub fn new(native: Arc<dyn Format>, dialects: Vec<Arc<dyn Format>>) -> Self {
        Self { native, dialects }
    }

    /// The format of endpoints with such a dialect. One that is not served any more gets the native.
    #[must_use]
    pub fn of(&self, dialect: Option<&str>) -> &Arc<dyn Format> {
        self.dialects
            .iter()
            .find(|format| format.dialect() == dialect)
            .unwrap_or(&self.native)
    }
}

impl std::fmt::Debug for Formats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.dialects.iter().map(|format| format.dialect()))
            .finish()
    }
}
