//! The store as one side of a move, see [`fanfare_app::transfer`].
//!
//! # A source
//!
//! Nobody may write it meanwhile. Nodes that are there refuse the move; one that only left its row behind
//! is seen by its silence, and declared gone, so that it can't come back. Then the table of nodes is
//! locked, so that none joins, and so is the configuration, which commands change beside the nodes.
//!
//! # A target
//!
//! A table of its own, `moving`, says how far each part is; while it is there, nothing else opens the store.
//! What is written is nobody's (node 0), and is taken over by the first node that starts.

use std::time::Duration;

use async_trait::async_trait;
use fanfare_app::port::StoreError;
use fanfare_app::transfer::{
    Bounds, Chunk, Cursor, OpenError, Part, Reached, Refusal, Source, State, Target,
};

use crate::address::Address;
use crate::failure::Failure;
use crate::migration;
use crate::options::Options;
use crate::partition::Partitions;
use crate::session::Session;

mod columns;
mod others;
mod read;
mod state;
mod write;

/// Moving is no work that others wait for.
const STATEMENT_TIME: Duration = Duration::from_secs(3_600);

/// A store that takes part in a move; nobody else can use it meanwhile.
pub struct PostgresTransfer {
    session: Session,
    partitions: Partitions,
    /// Holds what must not change.
    _guard: Option<Session>,
}

impl PostgresTransfer {
    /// Opens a store that is to be copied, by its server's own address and not a pooler's. A node that is
    /// silent for `detection` is taken for gone.
    ///
    /// # Errors
    /// When there is none, when it is in use or unfinished, or has another schema version than this
    /// release.
    pub async fn source(address: &Address, detection: Duration) -> Result<Self, OpenError> {
        let failed = cannot(address);
        let transfer = Self::connect(address).await?;
        let session = &transfer.session;
        match migration::found(session).await.map_err(&failed)? {
            None => return Err(failed(crate::OpenError::NoStore)),
            Some(found) => the_same_version(address, found)?,
        }
        if migration::unfinished(session).await.map_err(&failed)? {
            let place = address.to_string();
            return Err(Refusal::Unfinished { place }.into());
        }
        others::must_be_gone(session, address, detection).await?;
        let guard = others::keep_out(address, &options()).await?;
        Ok(Self {
            _guard: Some(guard),
            ..transfer
        })
    }

    /// Opens, or makes, a store that is to be filled from `origin`, or goes on with one.
    ///
    /// # Errors
    /// When it is in use, not empty, the unfinished target of a move from elsewhere, or has another
    /// schema version than this release.
    pub async fn target(
        address: &Address,
        origin: &str,
        detection: Duration,
    ) -> Result<Self, OpenError> {
        let failed = cannot(address);
        let transfer = Self::connect(address).await?;
        let session = &transfer.session;
        others::be_the_only_move(session, address).await?;
        match migration::found(session).await.map_err(&failed)? {
            None => {
                migration::run(session).await.map_err(&failed)?;
            }
            Some(found) => the_same_version(address, found)?,
        }
        if migration::unfinished(session).await.map_err(&failed)? {
            state::must_be_from(session, address, origin).await?;
            return Ok(transfer);
        }
        others::must_be_gone(session, address, detection).await?;
        if let Err(error) = state::begin(session, address, origin).await {
            session.roll_back().await;
            return Err(error);
        }
        Ok(transfer)
    }

    async fn connect(address: &Address) -> Result<Self, OpenError> {
        let failed = cannot(address);
        let connected = Session::connect(address, &options()).await;
        let session = connected.map_err(|failure| failed(failure.into()))?;
        migration::must_be_new_enough(&session)
            .await
            .map_err(&failed)?;
        // Few rows at a time are looked up in tables of any size, about which nothing may be known yet.
        let look_up = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; \
            SET jit = off";
        let settings = session.batch(look_up).await;
        settings.map_err(|failure| failed(failure.into()))?;
        Ok(Self {
            session,
            partitions: Partitions::new(address.clone(), options()),
            _guard: None,
        })
    }
}

fn options() -> Options {
    Options {
        statement_time: STATEMENT_TIME,
        ..Options::default()
    }
}

fn cannot(address: &Address) -> impl Fn(crate::OpenError) -> OpenError {
    let place = format!("the store at {address}");
    move |error| OpenError::failed(&place, error)
}

fn the_same_version(address: &Address, found: u32) -> Result<(), OpenError> {
    if found == migration::SCHEMA_VERSION {
        return Ok(());
    }
    let refusal = Refusal::Version {
        place: address.to_string(),
        found,
        wanted: migration::SCHEMA_VERSION,
    };
    Err(refusal.into())
}

/// In the port's words, without what the server tells of a row, which may be a secret.
fn told(failure: Failure) -> StoreError {
    if let Failure::Sql(error) = &failure
        && let Some(error) = error.as_db_error()
    {
        let (code, message) = (error.code().code(), error.message());
        return StoreError::unavailable(format!("PostgreSQL says {code}: {message}"));
    }
    failure.into()
}

#[async_trait]
impl Source for PostgresTransfer {
    async fn state(&self) -> Result<State, StoreError> {
        state::read(&self.session).await.map_err(told)
    }

    async fn read(
        &self,
        part: Part,
        after: Option<&Cursor>,
        bounds: Bounds,
    ) -> Result<Chunk, StoreError> {
        let chunk = read::chunk(&self.session, part, after, bounds).await;
        chunk.map_err(told)
    }
}

#[async_trait]
impl Target for PostgresTransfer {
    async fn reached(&self, part: Part) -> Result<Reached, StoreError> {
        state::reached(&self.session, part).await.map_err(told)
    }

    async fn write(&self, part: Part, chunk: &Chunk) -> Result<(), StoreError> {
        let days = write::days(part, &chunk.rows);
        self.partitions.ensure(days).await.map_err(told)?;
        let written = self
            .session
            .transaction(|| Box::pin(write::chunk(&self.session, part, chunk)))
            .await;
        written.map_err(told)
    }

    async fn set_state(&self, state: State) -> Result<(), StoreError> {
        let written = self
            .session
            .transaction(|| Box::pin(state::write(&self.session, state)))
            .await;
        written.map_err(told)
    }

    async fn finish(&self) -> Result<(), StoreError> {
        state::finish(&self.session).await.map_err(told)
    }
}
