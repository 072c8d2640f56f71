//! Publishing several events in one commit.

use axum::Json;
use axum::extract::State;
use fanfare_app::UseCaseError;
use fanfare_app::caller::Forbidden;
use fanfare_app::publish::{Accepted, EventDraft};
use fanfare_domain::fault::Fault;
use fanfare_domain::key::Right;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::form::{BatchEventInput, BatchInput, read};
use super::view::{BatchAccepted, BatchOutcome, BatchOutcomes, BatchRefused};
use crate::auth::Acting;
use crate::body::{Incoming, json, understand};
use crate::idempotency::{IdempotencyHeader, Repeatable};
use crate::problem::{Problem, ProblemView};
use crate::state::Api;

/// The most events of a batch.
const MAX_EVENTS: usize = 1_000;

/// The path, as repetitions of a request are known by it.
const PATH: &str = "/v1/events/batch";

/// A batch cut into its events, each of which is read by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Publish a batch of events
///
/// Up to 1000 events and 4 MiB, tenants mixed, in one commit. Each event has its own outcome: a wrong one
/// is refused, the others are accepted all the same. With an `Idempotency-Key`, repeating the request
/// within 24 hours is answered as the first time and makes no event twice.
#[utoipa::path(
    post, path = "/v1/events/batch", operation_id = "publish_batch", tag = "Events",
    params(IdempotencyHeader),
    request_body = BatchInput,
    responses(
        (status = 200, description = "The outcome of each event, in their order.",
            body = BatchOutcomes),
        (status = 409, description = "The Idempotency-Key stands for another body; no event was \
            accepted.", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn publish_batch(
    State(api): State<Api>,
    caller: Acting,
    body: Incoming,
) -> Result<Json<BatchOutcomes>, Problem> {
    // A key bound to a tenant may publish too; its tenant is compared with each event's.
    let environment = caller.by_role(Right::Publish)?;
    let repeatable = Repeatable::read(&body.parts.headers, &caller.0, || PATH.to_owned())?;
    let bytes = body.bytes(&api, api.options.batch_bytes).await?;
    json::check_depth(&bytes)?;
    let events = cut(&bytes)?;
    let keys = repeatable.map(|key| key.keys(&bytes, events.len()));
    let mut outcomes: Vec<Option<Result<Accepted, Problem>>> = Vec::with_capacity(events.len());
    let (mut places, mut drafts, mut kept_keys) = (Vec::new(), Vec::new(), Vec::new());
    for (place, event) in events.iter().enumerate() {
        // Each counts by itself, so that a batch takes what the key's rate still has.
        let draft = draft(&caller, event.get()).and_then(|draft| {
            api.fanfare.count_publish(&caller.1)?;
            Ok(draft)
        });
        match draft {
            Ok(draft) => {
                places.push(place);
                drafts.push(draft);
                kept_keys.extend(keys.as_ref().map(|keys| keys[place]));
                outcomes.push(None);
            }
            Err(problem) => outcomes.push(Some(Err(problem))),
        }
    }
    let kept_keys = keys.is_some().then_some(kept_keys);
    let published = api
        .fanfare
        .publish_batch(environment, drafts, kept_keys)
        .await?;
    for (place, outcome) in places.into_iter().zip(published) {
        outcomes[place] = Some(outcome.map_err(Problem::from));
    }
    let data = outcomes.into_iter().enumerate();
    let data = data.map(|(place, outcome)| shown(place, outcome)).collect();
    Ok(Json(BatchOutcomes { data }))
}

fn cut(bytes: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let object = bytes.trim_ascii_start().first() == Some(&b'{');
    let too_many = |count| {
        Problem::body(vec![Fault::at(
            "events",
            format!("must have at most {MAX_EVENTS} entries, not {count}"),
        )])
    };
    match serde_json::from_slice::<Cut<'_>>(bytes) {
        Ok(cut) if object && cut.events.len() <= MAX_EVENTS => Ok(cut.events),
        Ok(cut) if object => Err(too_many(cut.events.len())),
        wrong => {
            let value = json::parse(bytes)?;
            if let Some(list) = value["events"].as_array()
                && list.len() > MAX_EVENTS
            {
                return Err(too_many(list.len()));
            }
            let mut faults = understand::<BatchInput>(value)?.faults;
            if faults.is_empty() {
                faults.push(Fault {
                    pointer: "#".to_owned(),
                    detail: wrong
                        .err()
                        .map_or_else(String::new, |cause| cause.to_string()),
                });
            }
            Err(Problem::body(faults))
        }
    }
}

fn draft(caller: &Acting, text: &str) -> Result<(Option<String>, EventDraft), Problem> {
    let (event, found) = read::<BatchEventInput>(text.as_bytes())?;
    let (tenant, event) = event.split();
    if let (Some(own), Some(named)) = (&caller.0.tenant, &tenant)
        && own.as_str() != named
    {
        return Err(Forbidden::Tenant(own.clone()).into());
    }
    let draft = EventDraft {
        found,
        ..event.into()
    };
    Ok((tenant, draft))
}

fn shown(place: usize, outcome: Option<Result<Accepted, Problem>>) -> BatchOutcome {
    // Each place was filled: by a refusal here, or by the use case, which answers one by one.
    let outcome = outcome
        .unwrap_or_else(|| Err(UseCaseError::Store(fanfare_app::port::StoreError::Closed).into()));
    match outcome {
        Ok(accepted) => BatchOutcome::Accepted(BatchAccepted {
            status: 202,
            event: (&*accepted.event).into(),
        }),
        Err(problem) => {
            let problem = problem.below(&format!("#/events/{place}"));
            BatchOutcome::Refused(BatchRefused {
                status: problem.status().as_u16(),
                problem: problem.view(),
            })
        }
    }
}
