//! Connections for reading and for rare writes.

use std::ops::Deref;
use std::sync::Arc;

use fanfare_app::port::StoreError;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::address::Address;
use crate::failure::Failure;
use crate::options::Options;
use crate::session::Session;

/// A bounded number of connections, made when they are first needed. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    options: Options,
    places: Arc<Semaphore>,
    free: Mutex<Vec<Session>>,
}

/// A connection, given back when it is dropped.
pub(crate) struct Lease {
    session: Option<Session>,
    shared: Arc<Shared>,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(address: Address, options: Options) -> Self {
        let places = Arc::new(Semaphore::new(options.connections.max(1)));
        Self {
            shared: Arc::new(Shared {
                address,
                options,
                places,
                free: Mutex::default(),
            }),
        }
    }

    /// A connection that is free, or a new one.
    pub(crate) async fn lease(&self) -> Result<Lease, Failure> {
        let shared = &self.shared;
        let place = Arc::clone(&shared.places).acquire_owned();
        let place = match tokio::time::timeout(shared.options.queue_time, place).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(StoreError::Closed.into()),
            Err(_) => return Err(StoreError::Busy.into()),
        };
        let free = loop {
            let free = shared.free.lock().pop();
            match free {
                Some(session) if !session.usable() => {}
                free => break free,
            }
        };
        let session = match free {
            Some(session) => session,
            None => Session::connect(&shared.address, &shared.options).await?,
        };
        Ok(Lease {
            session: Some(session),
            shared: Arc::clone(shared),
            _place: place,
        })
    }

    /// Refuses further work, waits for what is under way, and closes the connections.
    pub(crate) async fn close(&self) {
        let places = &self.shared.places;
        let count = u32::try_from(self.shared.options.connections.max(1)).unwrap_or(u32::MAX);
        let all = places.acquire_many(count).await;
        places.close();
        drop(all);
        self.shared.free.lock().clear();
    }
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        // Taken out only when it is dropped.
        match &self.session {
            Some(session) => session,
            None => unreachable!("a lease holds its session until it is dropped"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && session.usable()
            && !self.shared.places.is_closed()
        {
            self.shared.free.lock().push(session);
        }
    }
}
