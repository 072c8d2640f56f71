//! The order in which an endpoint gets its deliveries, and what holds it up.

use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::order::{OnFailure, Ordering};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::Api;
use crate::time::Time;

/// In which order an endpoint gets its deliveries: `unordered` (several at a time, in no order), `by_key`
/// (those of events with the same `ordering_key` one at a time and in order; others pass them) or `strict`
/// (one at a time, all in order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Ordering)]
pub(crate) enum OrderingForm {
    /// Several at a time, in no order.
    Unordered,
    /// One at a time of each `ordering_key`.
    ByKey,
    /// One at a time.
    Strict,
}

/// What becomes of an order when its first delivery fails for good: `pass` (the next one goes) or `hold` (it
/// stops, until the failed one is skipped or a replay of it arrives).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OnFailure)]
pub(crate) enum OnFailureForm {
    /// The next one goes.
    Pass,
    /// It stops.
    Hold,
}

impl From<OrderingForm> for Ordering {
    fn from(given: OrderingForm) -> Self {
        match given {
            OrderingForm::Unordered => Self::Unordered,
            OrderingForm::ByKey => Self::ByKey,
            OrderingForm::Strict => Self::Strict,
        }
    }
}

impl From<Ordering> for OrderingForm {
    fn from(ordering: Ordering) -> Self {
        match ordering {
            Ordering::Unordered => Self::Unordered,
            Ordering::ByKey => Self::ByKey,
            Ordering::Strict => Self::Strict,
        }
    }
}

impl From<OnFailureForm> for OnFailure {
    fn from(given: OnFailureForm) -> Self {
        match given {
            OnFailureForm::Pass => Self::Pass,
            OnFailureForm::Hold => Self::Hold,
        }
    }
}

impl From<OnFailure> for OnFailureForm {
    fn from(on_failure: OnFailure) -> Self {
        match on_failure {
            OnFailure::Pass => Self::Pass,
            OnFailure::Hold => Self::Hold,
        }
    }
}

/// A delivery that failed and holds the order up: skip it, or replay it until it arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Held)]
pub(crate) struct HeldView {
    /// The delivery.
    #[schema(example = "dlv_01m5d3xq9sabcdefghjkmnpqrs")]
    delivery: String,
    /// Why it failed: `exhausted` or `gone`. Others may be added.
    #[schema(example = "exhausted")]
    reason: String,
    /// Since when.
    since: Time,
}

impl HeldView {
    fn new(delivery: &Delivery) -> Option<Self> {
        let DeliveryState::Failed { at, reason } = delivery.state else {
            return None;
        };
        Some(Self {
            delivery: delivery.id.to_string(),
            reason: reason.as_str().to_owned(),
            since: at.into(),
        })
    }
}

/// What holds the orders of endpoints up.
pub(crate) struct Holding(Vec<Delivery>);

impl Holding {
    /// Looks it up; nothing is read where no endpoint may be held up.
    pub(crate) async fn of(api: &Api, endpoints: &[&Endpoint]) -> Result<Self, Problem> {
        let ids: Vec<_> = endpoints.iter().map(|endpoint| endpoint.id).collect();
        Ok(Self(api.fanfare.holding(&ids).await?))
    }

    /// What holds this one up.
    pub(crate) fn at(&self, endpoint: &Endpoint) -> Vec<HeldView> {
        let its = self.0.iter();
        its.filter(|delivery| delivery.endpoint == endpoint.id)
            .filter_map(HeldView::new)
            .collect()
    }
}
