//! Going through the deliveries of an endpoint, in both directions.

use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::port::jobs::Walk;
use fanfare_domain::delivery::Delivery;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::id::DeliveryId;
use fanfare_domain::job::Filter;
use fanfare_domain::time::Timestamp;

use crate::svix::call::Call;
use crate::svix::failure::Failure;

/// Deliveries that are read at a time.
const STEP: usize = 100;
/// Deliveries that are looked at for one page. Past it, the page ends early and says that there is more.
const MOST: usize = 20_000;

/// A walk on its way.
pub(super) struct Deliveries<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// Only those made before this time.
    pub(super) until: Option<Timestamp>,
    pub(super) ascending: bool,
    /// The last one that was looked at.
    pub(super) place: Option<DeliveryId>,
    pub(super) looked_at: usize,
    pub(super) ended: bool,
}

impl Deliveries<'_> {
    /// Whether as many were looked at as may be for one page.
    pub(super) fn is_long(&self) -> bool {
        self.looked_at >= MOST
    }

    /// The next ones; none at the end.
    pub(super) async fn next(&mut self, call: &Call) -> Result<Vec<Delivery>, Failure> {
        let scope = &self.endpoint.scope;
        let deliveries = &call.fanfare().ports().deliveries;
        let found = if self.ascending {
            let walk = Walk {
                environment: scope.environment.clone(),
                tenant: Some(scope.tenant.clone()),
                filter: Filter {
                    endpoint: Some(self.endpoint.id),
                    until: self.until,
                    ..Filter::default()
                },
                made_before: Timestamp::from_micros(i64::MAX),
                after: self.place,
                limit: STEP,
            };
            let walked = deliveries.walk(&walk).await?;
            self.ended = walked.next.is_none();
            // A walk may find nothing for a while and still go on.
            self.looked_at += STEP.saturating_sub(walked.deliveries.len());
            self.place = walked.next;
            walked.deliveries
        } else {
            let query = DeliveryQuery {
                scope: scope.clone(),
                event: None,
                endpoint: Some(self.endpoint.id),
                state: None,
                event_type: None,
                last_error: None,
                last_status: None,
                since: None,
                until: self.until,
                before: self.place,
                limit: STEP,
            };
            let found = deliveries.deliveries(&query).await?;
            self.ended = found.len() < STEP;
            self.place = found.last().map(|last| last.id);
            found
        };
        self.looked_at += found.len();
        Ok(found)
    }
}
