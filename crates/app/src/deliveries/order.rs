//! Deliveries that stand in an order: which is first, and letting a line go on that one holds up.

use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use fanfare_domain::order::Ordering;

use crate::directory::Target;
use crate::error::{Conflict, UseCaseError};
use crate::fanfare::Fanfare;
use crate::fault::{Fault, planted};
use crate::port::log::Event;

/// The most deliveries that are shown as holding an endpoint's order up.
const MOST_HELD: usize = 10;

fn state(text: String) -> UseCaseError {
    UseCaseError::from(Conflict::State(text))
}

impl Fanfare {
    /// Whether a delivery that waits may be attempted now without passing another: it stands in no order,
    /// or is the first in it.
    pub(super) async fn is_first_in_order(
        &self,
        delivery: &Delivery,
        target: &Target,
        event: Option<&Event>,
    ) -> Result<(), UseCaseError> {
        let ordering = target.endpoint.ordering;
        let Some(turn) = delivery.turn else {
            let own = delivery.id.place().is_some() && delivery.replay_of.is_none();
            let in_order = event.and_then(|event| event.turn(0, ordering)?.strand);
            if ordering != Ordering::Unordered && own && in_order.is_some() {
                return Err(state(
                    "the delivery is just taking its place in its endpoint's order; it is attempted in its turn"
                        .to_owned(),
                ));
            }
            return Ok(());
        };
        let Some(strand) = turn.strand else {
            return Ok(());
        };
        let store = &self.ports.deliveries;
        let line = store.first_in_turn(delivery.endpoint, strand).await?;
        if let Some(holder) = line.held_by {
            return Err(state(format!(
                "the endpoint's order is held up by the delivery {holder}, which failed; skip or replay that first"
            )));
        }
        match line.deliveries.first() {
            Some(first) if first.id != delivery.id => Err(state(format!(
                "the delivery is not the first in its endpoint's order; {} goes before it",
                first.id
            ))),
            _ => Ok(()),
        }
    }

    /// Lets the order that a failed delivery holds up go on without it.
    ///
    /// # Errors
    /// When the tenant has no such delivery, or it holds nothing up.
    pub async fn skip(&self, scope: &Scope, id: &str) -> Result<Delivery, UseCaseError> {
        let mut delivery = self.delivery(scope, id).await?;
        let nothing = || state("the delivery does not hold its endpoint's order up".to_owned());
        let strand = match &mut delivery.turn {
            Some(turn) if turn.holds => {
                turn.holds = false;
                turn.strand
            }
            _ => return Err(nothing()),
        };
        if planted(Fault::ForgetLifting) {
            return Ok(delivery);
        }
        let lifted = self.ports.deliveries.lift_hold(scope, delivery.id).await?;
        if !lifted {
            return Err(nothing());
        }
        if let Some(strand) = strand {
            self.ports.dispatch.moves_on(delivery.endpoint, strand);
        }
        Ok(delivery)
    }

    /// The failed deliveries that hold up the orders of these endpoints: of each, the first ten.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holding(&self, endpoints: &[EndpointId]) -> Result<Vec<Delivery>, UseCaseError> {
        let holds = |id: &&EndpointId| {
            let target = self.directory.target(**id);
            target.is_some_and(|target| target.holds_on_failure())
        };
        let endpoints: Vec<_> = endpoints.iter().filter(holds).copied().collect();
        if endpoints.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.ports.deliveries.holding(&endpoints, MOST_HELD).await?)
    }
}
