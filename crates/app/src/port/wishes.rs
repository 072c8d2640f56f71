//! Wishes: what a node asks of whichever other one attempts a delivery, where several share a store.
//!
//! They stand in the store, so that they reach that node whoever it is by the time that it looks. Where there
//! is but one node there are none, which is what every method does unless told otherwise.

use std::collections::HashSet;

use async_trait::async_trait;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::{DeliveryId, JobId};

use super::StoreError;

/// What others wish of this node.
#[derive(Clone, Debug, Default)]
pub struct Wished {
    /// An extra attempt of each, unless it had more attempts since: as many as whoever wishes it knew of.
    pub extra: Vec<Delivery>,
    /// That these end, for jobs that cancel. They are wished until they have ended.
    pub to_end: Vec<Delivery>,
}

/// A delivery that another node was asked to end, and that waits no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedElsewhere {
    /// Which.
    pub id: DeliveryId,
    /// Whether it was cancelled; it may have come to another end before.
    pub cancelled: bool,
}

/// Wishes, as a part of the deliveries part.
#[async_trait]
pub trait Wishes: Send + Sync + 'static {
    /// Leaves the wish of an extra attempt to the node that attempts a delivery; false where that is this one,
    /// which can make it at once. Past some thousand wishes that nobody took, it is forgotten.
    async fn wish_extra(&self, _delivery: &Delivery) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Wishes that those of these end, for a job, which another node attempts; answers which those are.
    async fn wish_ended(
        &self,
        _job: JobId,
        _deliveries: &[DeliveryId],
    ) -> Result<HashSet<DeliveryId>, StoreError> {
        Ok(HashSet::new())
    }

    /// What became of a job's wishes: those that it can count, and forget with the step in which it does.
    async fn ended_elsewhere(&self, _job: JobId) -> Result<Vec<EndedElsewhere>, StoreError> {
        Ok(Vec::new())
    }

    /// What others wish of this node. Wishes of extra attempts are answered once.
    async fn wished(&self) -> Result<Wished, StoreError> {
        Ok(Wished::default())
    }
}
