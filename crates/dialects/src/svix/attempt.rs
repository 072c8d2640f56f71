//! Attempts, and what became of a message at an endpoint.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fanfare_app::port::log::Event;
use fanfare_domain::attempt::{Attempt, Trigger};
use fanfare_domain::delivery::{Delivery, DeliveryState};
use fanfare_domain::id::{AttemptId, EndpointId};
use fanfare_domain::name::Scope;
use fanfare_domain::time::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::failure::Failure;
use super::message::{self, filter::Filter};
use super::query::Query;
use super::{NAME, ids};

pub(super) mod by_endpoint;
pub(super) mod by_message;
pub(super) mod destinations;
pub(super) mod expunge;
pub(super) mod messages;
pub(super) mod read;
pub(super) mod resend;
mod walk;

/// The most bytes of an answer that are shown.
const MOST_RESPONSE: usize = 20_000;

/// Where a message stands at an endpoint, as numbers of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Success = 0,
    Pending = 1,
    Fail = 2,
    Sending = 3,
}

impl Status {
    const fn text(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Pending => "pending",
            Self::Fail => "fail",
            Self::Sending => "sending",
        }
    }

    fn put(self, value: &mut Value) {
        value["status"] = json!(self as u8);
        value["statusText"] = json!(self.text());
    }
}

/// Reads `status`.
fn status(query: &Query) -> Result<Option<u8>, Failure> {
    let known = [("0", 0u8), ("1", 1), ("2", 2), ("3", 3), ("4", 4)];
    query.one_of("status", &known)
}

/// Which attempts are asked for.
struct Asked {
    messages: Filter,
    status: Option<u8>,
    class: Option<u16>,
    with_content: bool,
    with_message: bool,
}

impl Asked {
    fn read(query: &Query) -> Result<Self, Failure> {
        let classes = [
            ("0", 0u16),
            ("100", 100),
            ("200", 200),
            ("300", 300),
            ("400", 400),
            ("500", 500),
        ];
        Ok(Self {
            messages: Filter::read(query)?,
            status: status(query)?,
            class: query.one_of("status_code_class", &classes)?,
            with_content: query.truth("with_content")?.unwrap_or(true),
            with_message: query.truth("with_msg")?.unwrap_or_default(),
        })
    }

    /// Whether an attempt fits, its message aside.
    fn fits(&self, attempt: &Attempt) -> bool {
        let class = attempt.status.unwrap_or(0) / 100 * 100;
        self.messages.fits_time(attempt.started_at)
            && (self.status).is_none_or(|status| status == outcome(attempt) as u8)
            && self.class.is_none_or(|wanted| wanted == class)
    }

    /// How an attempt of a message is shown.
    fn shown(&self, attempt: &Attempt, delivery: &Delivery, event: &Event) -> Value {
        let mut value = shown(attempt, delivery, self.with_content);
        if self.with_message {
            value["msg"] = message::shown(event, self.with_content);
        }
        value
    }
}

fn succeeded(attempt: &Attempt) -> bool {
    let status = attempt.status;
    attempt.error.is_none() && status.is_some_and(|status| (200..300).contains(&status))
}

fn outcome(attempt: &Attempt) -> Status {
    if succeeded(attempt) {
        Status::Success
    } else {
        Status::Fail
    }
}

/// The id of an attempt.
fn id(attempt: AttemptId) -> String {
    ids::shown(ids::ATTEMPT, attempt.bits())
}

/// How an attempt is shown.
fn shown(attempt: &Attempt, delivery: &Delivery, with_content: bool) -> Value {
    // Somebody asked for it, now or by having the delivery repeated.
    let manual = attempt.trigger == Trigger::Manual || delivery.replay_of.is_some();
    let millis = u64::try_from(attempt.timings.total.as_millis()).unwrap_or(u64::MAX);
    let mut value = json!({
        "id": id(attempt.id),
        "msgId": ids::shown(ids::MESSAGE, delivery.event.bits()),
        "endpointId": ids::shown(ids::ENDPOINT, delivery.endpoint.bits()),
        "url": attempt.url,
        "response": if with_content { response(attempt) } else { "{}".to_owned() },
        "responseStatusCode": attempt.status.filter(|_| attempt.error.is_none()).unwrap_or(0),
        "responseDurationMs": millis,
        "triggerType": u8::from(manual),
        "timestamp": attempt.started_at.to_string(),
    });
    outcome(attempt).put(&mut value);
    value
}

/// What was answered, or why nothing was.
fn response(attempt: &Attempt) -> String {
    let body = &attempt.response_body;
    if let Some(error) = &attempt.error
        && body.is_empty()
    {
        return error.detail.clone();
    }
    match std::str::from_utf8(body) {
        Ok(text) => {
            let end = text.floor_char_boundary(MOST_RESPONSE);
            text[..end].to_owned()
        }
        // A character that was cut off at the end of what is kept makes no text of it all.
        Err(cause) if cause.error_len().is_none() => {
            String::from_utf8_lossy(&body[..cause.valid_up_to()]).into_owned()
        }
        Err(_) => STANDARD.encode(&body[..body.len().min(MOST_RESPONSE)]),
    }
}

/// Where a message stands at an endpoint, by all its deliveries there.
struct Standing {
    /// It arrived.
    arrived: bool,
    /// It was attempted.
    attempted: bool,
    /// When it is attempted next.
    next: Option<Timestamp>,
}

impl Standing {
    fn of<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Self {
        let mut standing = Self {
            arrived: false,
            attempted: false,
            next: None,
        };
        for delivery in deliveries {
            standing.attempted |= delivery.attempts > 0;
            match delivery.state {
                DeliveryState::Delivered { .. } => standing.arrived = true,
                DeliveryState::Waiting { due_at } => {
                    standing.next = Some(standing.next.map_or(due_at, |next| next.min(due_at)));
                }
                DeliveryState::Failed { .. } | DeliveryState::Discarded { .. } => {}
            }
        }
        standing
    }

    /// As lists of messages say it.
    fn of_message(&self) -> Status {
        match (self.arrived, self.next, self.attempted) {
            (true, ..) => Status::Success,
            (false, Some(_), true) => Status::Sending,
            (false, Some(_), false) => Status::Pending,
            (false, None, _) => Status::Fail,
        }
    }

    /// As lists of destinations say it: what failed and is due again has failed.
    fn of_destination(&self) -> Status {
        match self.of_message() {
            Status::Sending => Status::Fail,
            status => status,
        }
    }
}

/// Whether an endpoint is one of this contract, or gone.
fn is_ours(call: &Call, endpoint: EndpointId) -> bool {
    let target = call.fanfare().directory().target(endpoint);
    target.is_none_or(|target| target.endpoint.dialect.as_deref() == Some(NAME))
}

/// The delivery and the attempt of the path, which must be the message's.
async fn named(call: &Call) -> Result<(Delivery, Attempt), Failure> {
    let event = call.message().await?;
    let bits = ids::bits(ids::ATTEMPT, call.parameter(2)).ok_or_else(Failure::not_found)?;
    let wanted = AttemptId::from_bits(bits);
    let (fanfare, scope) = (call.fanfare(), &event.scope);
    let delivery = fanfare
        .delivery(scope, &wanted.delivery().to_string())
        .await?;
    if delivery.event != event.id || !is_ours(call, delivery.endpoint) {
        return Err(Failure::not_found());
    }
    let before = delivery.id.attempt(
        wanted
            .number()
            .checked_sub(1)
            .ok_or_else(Failure::not_found)?,
    );
    let deliveries = &fanfare.ports().deliveries;
    let next = deliveries.attempts(scope, before, 1).await?.pop();
    let attempt = next.filter(|attempt| attempt.id == wanted);
    Ok((delivery, attempt.ok_or_else(Failure::not_found)?))
}

/// Attempts of a delivery that are looked at: more than any schedule makes. Older ones are shown by their ids
/// only.
const MOST_ATTEMPTS: u16 = 500;

/// The newest attempts of a delivery, oldest first.
async fn attempts(
    call: &Call,
    scope: &Scope,
    delivery: &Delivery,
) -> Result<Vec<Attempt>, Failure> {
    if delivery.attempts == 0 {
        return Ok(Vec::new());
    }
    let older = delivery.attempts.saturating_sub(MOST_ATTEMPTS);
    let deliveries = &call.fanfare().ports().deliveries;
    let newest = deliveries.attempts(
        scope,
        delivery.id.attempt(older),
        usize::from(MOST_ATTEMPTS),
    );
    Ok(newest.await?)
}
