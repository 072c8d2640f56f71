//! What query parameters there are, as the document has them.

use std::marker::PhantomData;

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// The parameters of both.
pub(crate) struct And<A, B>(PhantomData<(A, B)>);

impl<A: IntoParams, B: IntoParams> IntoParams for And<A, B> {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut both = A::into_params(&place);
        both.extend(B::into_params(&place));
        both
    }
}

/// Which events.
pub(crate) type EventParameters = And<EventFilter, PageParameters>;

/// Which deliveries of one endpoint.
pub(crate) type EndpointDeliveryParameters = And<DeliveryFilter, PageParameters>;

/// Which deliveries.
pub(crate) type DeliveryParameters = And<EndpointFilter, EndpointDeliveryParameters>;

/// Which part of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters, which Query reads by name"
)]
pub(crate) struct PageParameters {
    /// How many entries the page has at most.
    #[param(minimum = 1, maximum = 250, default = 50, required = false)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(required = false, min_length = 1)]
    cursor: String,
}

/// Of which type and time events are.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters, which Query reads by name"
)]
pub(crate) struct EventFilter {
    /// Only events of this type.
    #[param(required = false, example = "invoice.paid")]
    r#type: String,
    /// Only events accepted at this time or later.
    #[param(required = false, format = DateTime)]
    since: String,
    /// Only events accepted before this time.
    #[param(required = false, format = DateTime)]
    until: String,
}

/// To which endpoint deliveries go.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters, which Query reads by name"
)]
pub(crate) struct EndpointFilter {
    /// Only deliveries to this endpoint.
    #[param(required = false, example = "ep_01m5d3xq9sabcdefghjkmnpqrs")]
    endpoint: String,
}

/// What deliveries are like.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters, which Query reads by name"
)]
pub(crate) struct DeliveryFilter {
    /// Only deliveries of events of this type.
    #[param(required = false, example = "invoice.paid")]
    event_type: String,
    /// Only deliveries in this state.
    #[param(required = false, inline, value_type = crate::deliveries::view::State)]
    state: String,
    /// Only deliveries whose last attempt had this kind of error, as attempts have it.
    #[param(required = false, example = "timeout")]
    last_error: String,
    /// Only deliveries whose last attempt was answered by this status.
    #[param(required = false, minimum = 100, maximum = 999, example = 503)]
    last_status: u16,
    /// Only deliveries made at this time or later.
    #[param(required = false, format = DateTime)]
    since: String,
    /// Only deliveries made before this time.
    #[param(required = false, format = DateTime)]
    until: String,
}

/// Which minutes.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters, which Query reads by name"
)]
pub(crate) struct SpanParameters {
    /// From this time on; 24 hours before `to` unless told.
    #[param(required = false, format = DateTime)]
    from: String,
    /// To before this time; now unless told. At most 7 days after `from`.
    #[param(required = false, format = DateTime)]
    to: String,
}

/// From when on.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters, which Query reads by name"
)]
pub(crate) struct MissedParameters {
    /// Only of events published at this time or later. For an endpoint that is disabled, unless told, from
    /// when on it missed what it did because of that.
    #[param(required = false, format = DateTime)]
    since: String,
}
