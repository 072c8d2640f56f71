//! Which settlements of a transaction are written in which way.

use std::collections::HashSet;

use fanfare_app::port::deliveries::{Settled, Settlement};
use fanfare_app::port::log::Position;
use fanfare_app::stored::tally::Sums;
use fanfare_domain::id::DeliveryId;
use tokio::try_join;

use super::arrived::{self, Arrived};
use super::{Known, Settling};
use crate::failure::Failure;
use crate::scopes::Numbers;
use crate::session::Session;
use crate::store::Database;

/// The settlements of one transaction, by how they are written.
pub(super) struct Parts<'a> {
    /// Without being looked up.
    pub(super) arrived: Vec<Arrived<'a>>,
    others: Vec<&'a Settlement>,
    /// Of each settlement, whether it is among the first.
    order: Vec<bool>,
    materialised: Option<Position>,
}

pub(super) enum Tried {
    /// The answers.
    Settled(Vec<Settled>),
    /// Nothing was written, as these have rows among what waits.
    Open(HashSet<DeliveryId>),
}

impl<'a> Parts<'a> {
    pub(super) fn of(settling: &'a Settling, open: &HashSet<DeliveryId>) -> Self {
        let mut parts = Self {
            arrived: Vec::new(),
            others: Vec::new(),
            order: Vec::new(),
            materialised: settling.materialised,
        };
        let mut seen = HashSet::new();
        for settlement in settling.each() {
            let id = settlement.delivery.id;
            if !seen.insert(id) {
                // What is settled twice is decided on one after the other.
                return Self::looked_up(settling);
            }
            let arrived = Arrived::of(settlement).filter(|_| !open.contains(&id));
            parts.order.push(arrived.is_some());
            match arrived {
                Some(arrived) => parts.arrived.push(arrived),
                None => parts.others.push(settlement),
            }
        }
        parts
    }

    /// All of them are looked up.
    pub(super) fn looked_up(settling: &'a Settling) -> Self {
        let others: Vec<&Settlement> = settling.each().collect();
        Self {
            arrived: Vec::new(),
            order: vec![false; others.len()],
            others,
            materialised: settling.materialised,
        }
    }

    pub(super) async fn settle(
        &self,
        database: &Database,
        session: &Session,
        numbers: &Numbers,
    ) -> Result<Tried, Failure> {
        let node = database.places.node;
        if self.others.is_empty() && !self.arrived.is_empty() {
            let (mut sums, position) = (self.sums(), self.materialised);
            let arrived = &self.arrived[..];
            // A transaction of its own.
            let open = arrived::record(session, node, arrived, numbers, &mut sums, position);
            let open = open.await?;
            return Ok(if open.is_empty() {
                Tried::Settled(self.answers(Vec::new()))
            } else {
                Tried::Open(open)
            });
        }
        session
            .transaction(|| {
                Box::pin(async move {
                    // With the server's own `synchronous_commit`: should the server crash while this node
                    // goes on, nobody would notice that rows of a parked delivery were lost.
                    let begin = session.batch("BEGIN");
                    let present = database.places.be_present(session);
                    // Counted with the others.
                    let mut nothing = Sums::default();
                    let (arrived, others) = (&self.arrived[..], &self.others[..]);
                    let arrived =
                        arrived::record(session, node, arrived, numbers, &mut nothing, None);
                    let known = Known::read(database, session, others, numbers);
                    let (_, _, open, known) = try_join!(biased; begin, present, arrived, known)?;
                    if !open.is_empty() {
                        session.batch("ROLLBACK").await?;
                        return Ok(Tried::Open(open));
                    }
                    let position = self.materialised;
                    let settled =
                        known.settle(database, session, others, numbers, self.sums(), position);
                    Ok(Tried::Settled(self.answers(settled.await?)))
                })
            })
            .await
    }

    /// What those that arrived add to the tallies.
    fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for arrived in &self.arrived {
            arrived.count(&mut sums);
        }
        sums
    }

    /// The answers to all, with these to the others.
    fn answers(&self, others: Vec<Settled>) -> Vec<Settled> {
        let mut others = others.into_iter();
        let each = self.order.iter().map(|arrived| {
            let other = if *arrived { None } else { others.next() };
            other.unwrap_or(Settled::Recorded)
        });
        each.collect()
    }
}
