//! What is written, one after the other.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::{Placed, Settled, Settlement};
use fanfare_app::port::jobs::{JobChanged, JobStep};
use fanfare_app::port::log::Position;
use fanfare_domain::batch::InBatch;
use fanfare_domain::delivery::DiscardedReason;
use fanfare_domain::id::{BatchId, DeliveryId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::order::Strand;
use fanfare_domain::time::Timestamp;

use super::settle::Settling;
use super::{batch, discard, order, settle};
use crate::failure::Failure;
use crate::queue::Work;
use crate::session::Session;
use crate::store::Database;

/// The most rows that one write ends or lifts, so that others need not wait for long.
pub(super) const AT_ONCE: usize = 1_000;

/// About how many bytes a change of a row writes.
pub(super) const ROW: usize = 256;

pub(crate) enum Write {
    Settle {
        settlements: Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    },
    ChangeJob(Box<JobStep>),
    Place(Vec<Placed>),
    Bind {
        scope: Scope,
        batch: BatchId,
        strand: Option<Strand>,
        members: Vec<DeliveryId>,
    },
    LiftHold(Scope, DeliveryId),
    LiftHolds(EndpointId, usize),
    Discard {
        endpoint: EndpointId,
        reason: DiscardedReason,
        now: Timestamp,
        limit: usize,
    },
}

/// What was written.
pub(crate) enum Written {
    Settled(Vec<Settled>),
    Changed(JobChanged),
    Count(usize),
    Bound(Vec<(DeliveryId, InBatch)>),
}

/// An answer to something else: a mistake of this program.
pub(super) fn mixed_up() -> StoreError {
    StoreError::unavailable("the answer belongs to another question")
}

/// Writes what waits.
pub(crate) struct Writing {
    database: Database,
}

impl Writing {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn all(&self, session: &Session, writes: &[Write]) -> Result<Vec<Written>, Failure> {
        match writes {
            [write] if !matches!(write, Write::Settle { .. }) => {
                Ok(vec![self.alone(session, write).await?])
            }
            _ => self.settle(session, writes).await,
        }
    }

    /// All settlements of several calls in one transaction.
    async fn settle(&self, session: &Session, writes: &[Write]) -> Result<Vec<Written>, Failure> {
        let mut settling = Settling::default();
        let mut lengths = Vec::with_capacity(writes.len());
        for write in writes {
            if let Write::Settle {
                settlements,
                materialised,
            } = write
            {
                settling.add(settlements, *materialised);
                lengths.push(settlements.len());
            }
        }
        let settled = settle::all(&self.database, session, &settling).await?;
        let mut settled = settled.into_iter();
        let each = lengths.into_iter();
        Ok(each
            .map(|length| Written::Settled(settled.by_ref().take(length).collect()))
            .collect())
    }

    async fn alone(&self, session: &Session, write: &Write) -> Result<Written, Failure> {
        let database = &self.database;
        Ok(match write {
            Write::Settle { .. } => return Err(mixed_up().into()),
            Write::ChangeJob(step) => {
                Written::Changed(settle::with_job(database, session, step).await?)
            }
            Write::Place(placed) => {
                order::place(database, session, placed).await?;
                Written::Count(placed.len())
            }
            Write::Bind {
                scope,
                batch,
                strand,
                members,
            } => {
                let bound = batch::bind(database, session, scope, (*batch, *strand), members);
                Written::Bound(bound.await?)
            }
            Write::LiftHold(scope, id) => {
                Written::Count(order::lift_hold(database, session, scope, *id).await?)
            }
            Write::LiftHolds(endpoint, limit) => {
                Written::Count(order::lift_holds(database, session, *endpoint, *limit).await?)
            }
            Write::Discard {
                endpoint,
                reason,
                now,
                limit,
            } => Written::Count(
                discard::some(database, session, *endpoint, *reason, *now, *limit).await?,
            ),
        })
    }
}

#[async_trait]
impl Work for Writing {
    type Job = Write;
    type Answer = Written;

    async fn write(&self, session: &Session, writes: &[Write]) -> Result<Vec<Written>, Failure> {
        match self.all(session, writes).await {
            Err(failure) if failure.lacks_a_partition() => {
                self.database.partitions.forget();
                self.all(session, writes).await
            }
            outcome => outcome,
        }
    }

    fn joins(&self, before: &[Write], write: &Write) -> bool {
        let settles = |write: &Write| matches!(write, Write::Settle { .. });
        settles(write) && before.last().is_none_or(settles)
    }
}
