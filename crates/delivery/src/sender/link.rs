//! What a request knows of its connection, and what becomes of that connection after it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fanfare_domain::attempt::Timings;
use http::{Extensions, Request};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use crate::guard::{DIAL, Dial, Stage};

/// The connection of a request. Dropped before it is [finished](Link::finish), it ends the
/// connection, where no other request goes over it.
pub(super) struct Link {
    captured: CaptureConnection,
    /// The one that was begun for this request.
    own: Option<Arc<Dial>>,
    /// The one that the request went out on.
    used: Option<Arc<Dial>>,
    finished: bool,
}

impl Link {
    /// Of a request that is about to be handed to the client.
    pub(super) fn of<B>(request: &mut Request<B>) -> Self {
        Self {
            captured: capture_connection(request),
            own: None,
            used: None,
            finished: false,
        }
    }

    /// Looks what connection there is, once the client has answered or had its time.
    pub(super) fn learn(&mut self) {
        self.own = DIAL.with(RefCell::take);
        self.used = used(&self.captured);
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        let known = self.used.as_ref().or(self.own.as_ref());
        known.and_then(|dial| dial.progress().address)
    }

    pub(super) fn age(&self) -> Duration {
        self.used.as_ref().map_or(Duration::ZERO, |dial| dial.age())
    }

    /// How far its connection is, where the request still waits for one.
    pub(super) fn connecting(&self) -> Option<Stage> {
        match (&self.used, &self.own) {
            (None, Some(own)) => Some(own.progress().stage),
            _ => None,
        }
    }

    /// Times of the connection, where it was made for this request.
    pub(super) fn timings(&self) -> Timings {
        let of_this_request = match (&self.own, &self.used) {
            (Some(own), Some(used)) => Arc::ptr_eq(own, used),
            _ => true,
        };
        match &self.own {
            Some(own) if of_this_request => {
                let progress = own.progress();
                Timings {
                    lookup: progress.lookup,
                    connect: progress.connect,
                    tls: progress.tls,
                    ..Timings::default()
                }
            }
            _ => Timings::default(),
        }
    }

    /// Lets the connection take no further request.
    pub(super) fn retire(&self) {
        if let Some(connected) = self.captured.connection_metadata().as_ref() {
            connected.poison();
        }
    }

    /// The whole answer has come: the connection may take the next request, unless this one has
    /// not gone out yet and the receiver does not read it.
    pub(super) fn finish(&mut self) {
        self.finished = !self.used.as_ref().is_some_and(|dial| dial.is_blocked());
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // Dropped before it had learnt of its connection where the request itself was dropped.
        let dial = self.used.take().or_else(|| used(&self.captured));
        if let Some(dial) = dial {
            dial.give_up();
        }
    }
}

fn used(captured: &CaptureConnection) -> Option<Arc<Dial>> {
    let connected = captured.connection_metadata();
    let mut extensions = Extensions::new();
    connected.as_ref()?.get_extras(&mut extensions);
    extensions.remove()
}
