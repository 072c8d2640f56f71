//! Telling whether an event would go to an endpoint.

use axum::Json;
use axum::extract::State;
use fanfare_app::matching::Mismatch;
use fanfare_app::publish::EventDraft;
use fanfare_domain::key::Right;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::auth::Acting;
use crate::body::values::{GivenAttributes, OneOrMany};
use crate::body::{Incoming, input, json};
use crate::events::form::{EventInput, present, read};
use crate::place::{At, EndpointPath};
use crate::problem::Problem;
use crate::state::Api;

/// An event that is not published, and a filter that is not saved.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MatchInput)]
pub(crate) struct MatchInput {
    /// Its type, a name in the catalogue.
    #[schema(required, nullable = false, example = "invoice.paid")]
    r#type: Option<String>,
    /// Its data: any JSON, as where an event is published.
    #[serde(default, deserialize_with = "present")]
    #[schema(required, value_type = serde_json::Value, example = json!({"invoice": "in_42", "amount": 100}))]
    data: Option<Box<RawValue>>,
    /// Its kind within the type, one of the type's subcategories.
    #[schema(example = "eu")]
    subcategory: Option<String>,
    /// What endpoints can ask for besides the type.
    #[schema(value_type = Option<std::collections::BTreeMap<String, OneOrMany>>, example = json!({"region": "eu"}))]
    attributes: Option<GivenAttributes>,
    /// A filter to try in place of the endpoint's own, which stays.
    #[schema(max_length = 4096, example = "data.amount >= 1000")]
    filter: Option<String>,
}

input!(MatchInput);

impl MatchInput {
    /// The filter, and the event without it.
    fn split(self) -> (Option<String>, EventInput) {
        let event = EventInput::new(self.r#type, self.data, self.subcategory, self.attributes);
        (self.filter, event)
    }
}

/// What keeps an event from an endpoint: `disabled`, `event_type`, `attributes`, `filter` (it is false), or
/// `filter_error` (it could not be evaluated).
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MismatchKind)]
pub(crate) enum MismatchKind {
    /// The endpoint is disabled.
    Disabled,
    /// It does not take the type.
    EventType,
    /// It asks for other attributes.
    Attributes,
    /// Its filter is false.
    Filter,
    /// Its filter could not be evaluated.
    FilterError,
}

/// One reason why an event would not go to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mismatch)]
pub(crate) struct MismatchView {
    /// What keeps it away.
    reason: MismatchKind,
    /// The same in words.
    #[schema(example = "the filter is false for this event")]
    detail: String,
}

impl From<Mismatch> for MismatchView {
    fn from(why: Mismatch) -> Self {
        let reason = match why {
            Mismatch::Disabled(_) => MismatchKind::Disabled,
            Mismatch::EventType(_) => MismatchKind::EventType,
            Mismatch::Attributes(_) => MismatchKind::Attributes,
            Mismatch::Filter => MismatchKind::Filter,
            Mismatch::FilterError(_) => MismatchKind::FilterError,
        };
        Self {
            reason,
            detail: why.to_string(),
        }
    }
}

/// Whether an event would go to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MatchResult)]
pub(crate) struct MatchView {
    /// Whether it would.
    matches: bool,
    /// All that keeps it away; empty where it would go.
    reasons: Vec<MismatchView>,
}

/// Tell whether an event would go to an endpoint
///
/// Nothing is stored, sent or counted. The event is checked as where it is published; a `filter` in the
/// body is tried in place of the endpoint's own.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/endpoints/{endpoint}/match",
    operation_id = "match_endpoint", tag = "Endpoints",
    params(EndpointPath),
    request_body = MatchInput,
    responses((status = 200, description = "Whether it would, and why not.", body = MatchView)),
)]
pub(crate) async fn match_endpoint(
    State(api): State<Api>,
    caller: Acting,
    At(at): At<EndpointPath>,
    body: Incoming,
) -> Result<Json<MatchView>, Problem> {
    let scope = caller.for_tenant(&api, Right::Read, &at.tenant)?;
    // First of all, so that a path that names nothing is told before faults of the body.
    api.fanfare.endpoint(&scope, &at.endpoint).await?;
    let most = api.fanfare.limits().event_bytes + api.options.envelope_bytes;
    let bytes = body.bytes(&api, most).await?;
    json::check_depth(&bytes)?;
    let (given, found) = read::<MatchInput>(&bytes)?;
    let (filter, event) = given.split();
    let draft = EventDraft {
        found,
        ..event.into()
    };
    let reasons = api
        .fanfare
        .mismatches(&scope, &at.endpoint, draft, filter)
        .await?;
    Ok(Json(MatchView {
        matches: reasons.is_empty(),
        reasons: reasons.into_iter().map(Into::into).collect(),
    }))
}
