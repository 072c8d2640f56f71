//! What happened at an endpoint, minute by minute.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use fanfare_app::filter::FilterErrors;
use fanfare_app::port::deliveries::Tally;
use fanfare_domain::key::Right;
use fanfare_domain::time::Timestamp;
use http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Acting;
use crate::place::{At, EndpointPath};
use crate::problem::Problem;
use crate::query::{Query, SpanParameters};
use crate::state::Api;
use crate::time::Time;

/// The longest span of one answer: 10,080 minutes.
const MAX_SPAN: Duration = Duration::from_secs(7 * 24 * 3600);
/// The span unless told.
const USUAL_SPAN: Duration = Duration::from_secs(24 * 3600);

/// Counts of what happened at an endpoint.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Attempts that were answered as the delivery policy wants.
    succeeded: u64,
    /// Attempts that were not.
    unsuccessful: u64,
    /// Deliveries that arrived.
    delivered: u64,
    /// Deliveries that failed for good.
    failed: u64,
    /// Deliveries that were discarded.
    discarded: u64,
    /// Milliseconds that all attempts took together.
    duration_ms: u64,
}

/// What happened within a minute.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MinuteCounts {
    /// When the minute began.
    minute: Time,
    /// What happened.
    #[serde(flatten)]
    counts: Counts,
}

/// How often evaluating an endpoint's filter failed, since the server's start or the filter's last change.
/// An event for which it failed did not go to the endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FilterErrors)]
pub(crate) struct FilterErrorsView {
    /// How often.
    count: u64,
    /// When it last failed.
    #[schema(required)]
    last_at: Option<Time>,
    /// Why it last failed. Says nothing of the event's data.
    #[schema(
        required,
        example = "there is no member \"amount\"; has(…) asks whether there is"
    )]
    last_detail: Option<String>,
}

impl From<FilterErrors> for FilterErrorsView {
    fn from(errors: FilterErrors) -> Self {
        let (last_at, last) = errors.last.unzip();
        Self {
            count: errors.count,
            last_at: last_at.map(Time),
            last_detail: last.map(|why| why.to_string()),
        }
    }
}

/// What happened at an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointStats {
    /// The endpoint.
    endpoint_id: String,
    /// From this time on.
    from: Time,
    /// To before this time.
    to: Time,
    /// The sums.
    totals: Counts,
    /// What went wrong with the endpoint's filter, whatever the span; null where it has none.
    #[schema(required)]
    filter_errors: Option<FilterErrorsView>,
    /// The minutes in which anything happened, oldest first.
    minutes: Vec<MinuteCounts>,
}

impl Counts {
    fn add(&mut self, tally: &Tally) {
        self.succeeded += tally.succeeded;
        self.unsuccessful += tally.unsuccessful;
        self.delivered += tally.delivered;
        self.failed += tally.failed;
        self.discarded += tally.discarded;
        self.duration_ms += tally.duration_ms;
    }
}

impl From<Tally> for MinuteCounts {
    fn from(tally: Tally) -> Self {
        let mut counts = Counts::default();
        counts.add(&tally);
        Self {
            minute: Timestamp::from_seconds(tally.minute.saturating_mul(60)).into(),
            counts,
        }
    }
}

/// Get the statistics of an endpoint
///
/// Attempts and ends of deliveries, minute by minute with their sums.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/stats",
    operation_id = "get_endpoint_stats", tag = "Endpoints",
    params(EndpointPath, SpanParameters),
    responses((status = 200, description = "The statistics.", body = EndpointStats)),
)]
pub(crate) async fn get_endpoint_stats(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    uri: Uri,
) -> Result<Json<EndpointStats>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    let mut query = Query::of::<SpanParameters>(&uri);
    let (from, to) = (query.time("from"), query.time("to"));
    let to = to.unwrap_or_else(|| api.fanfare.ports().clock.now());
    let from = from.unwrap_or_else(|| to.before(USUAL_SPAN));
    if from > to {
        query.wrong("from", "must not be later than to");
    } else if to.since(from) > MAX_SPAN {
        query.wrong("from", "must be at most 7 days before to");
    }
    query.refuse_if_any()?;
    let tallies = api
        .fanfare
        .endpoint_tallies(&scope, &at.endpoint, from, to)
        .await?;
    let mut totals = Counts::default();
    for tally in &tallies {
        totals.add(tally);
    }
    let filter_errors = api.fanfare.filter_errors(&at.endpoint);
    Ok(Json(EndpointStats {
        endpoint_id: at.endpoint,
        from: from.into(),
        to: to.into(),
        totals,
        filter_errors: filter_errors.map(Into::into),
        minutes: tallies.into_iter().map(MinuteCounts::from).collect(),
    }))
}
