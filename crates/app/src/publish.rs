//! Publishing: from what came in to what is durable and on its way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_domain::event::{Attributes, check_event_id};
use fanfare_domain::fault::Fault;
use fanfare_domain::id::{EndpointId, EventId, MAX_TARGETS};
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope, TenantId};
use fanfare_domain::order::check_ordering_key;
use fanfare_domain::time::Timestamp;

use crate::directory::{Route, Target};
use crate::error::{Conflict, Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::log::{Append, Appended, ContentDigest, Event, Idempotency};

mod content;

pub use content::{body_digest, idempotency_digest};

/// An event as it was given.
#[derive(Clone, Debug, Default)]
pub struct EventDraft {
    /// The id that the caller chose.
    pub uid: Option<String>,
    /// The type.
    pub event_type: Option<String>,
    /// The kind within the type.
    pub subcategory: Option<String>,
    /// What endpoints can ask for.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// What it is ordered by at endpoints that order by key.
    pub ordering_key: Option<String>,
    /// The data: JSON, as the bytes that came in.
    pub data: Option<Bytes>,
    /// Before when nothing of it is sent; a time that has passed is as none.
    pub deliver_at: Option<Timestamp>,
    /// When its deliveries end if they have not ended before.
    pub expires_at: Option<Timestamp>,
    /// When its data is forgotten, if the operator's retention has not taken it before.
    pub data_until: Option<Timestamp>,
    /// What a dialect's contract allows and the native rules don't.
    pub terms: Terms,
    /// What was found wrong before.
    pub found: Vec<Fault>,
}

/// How an event may differ from the native rules, because a dialect's contract says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Its type need not be in the catalogue, may be retired, and its schema is not asked.
    pub any_type: bool,
    /// Its id was checked by the dialect's rules, and a second event of it is refused whatever it says.
    pub own_uid: bool,
    /// The most bytes of its data, in place of the operator's.
    pub bytes: Option<usize>,
    /// It goes to this endpoint only, whatever that asks for, if it is enabled.
    pub only: Option<EndpointId>,
}

/// A request's `Idempotency-Key`, with what it counts for and what the body said.
#[derive(Clone, Copy, Debug)]
pub struct IdempotencyKey {
    /// See [`idempotency_digest`].
    pub digest: [u8; 32],
    /// See [`body_digest`].
    pub content: ContentDigest,
    /// How long it counts; as the operator set it unless told.
    pub lasts: Option<Duration>,
}

/// An event that was accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The event; that of the first request when this one repeated it.
    pub event: Arc<Event>,
    /// Whether it was there before.
    pub repeated: bool,
}

/// An event with its targets, to be appended.
pub(crate) struct Ready {
    pub(crate) append: Append,
    /// The targets' present form.
    pub(crate) targets: Vec<Option<Arc<Target>>>,
    /// Whether any of them has a filter that was not asked yet.
    pub(crate) filtered: bool,
}

/// What an event says, checked.
pub(crate) struct Said {
    pub(crate) uid: Option<String>,
    pub(crate) event_type: EventTypeName,
    pub(crate) subcategory: Option<String>,
    pub(crate) attributes: Attributes,
    pub(crate) ordering_key: Option<String>,
    pub(crate) data: Bytes,
    pub(crate) deliver_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) data_until: Option<Timestamp>,
    pub(crate) terms: Terms,
}

/// How far ahead an event may be published.
pub const MAX_AHEAD: Duration = Duration::from_secs(30 * 24 * 3_600);

impl Fanfare {
    /// Accepts an event. When it answers, the event and its targets are durable.
    ///
    /// # Errors
    /// When the event is wrong, its id or key stands for something else, or the store fails.
    pub async fn publish(
        &self,
        scope: Scope,
        draft: EventDraft,
        key: Option<IdempotencyKey>,
    ) -> Result<Accepted, UseCaseError> {
        let ready = self.prepare(scope, draft, key).await?;
        let appended = self.ports.log.append(vec![ready.append.clone()]).await?;
        match appended.into_iter().next() {
            Some(outcome) => self.answer(ready, outcome),
            None => Err(UseCaseError::Store(crate::port::StoreError::Closed)),
        }
    }

    /// Accepts several events in one commit, tenants mixed; each has its own outcome, in order. With keys,
    /// the first one has a commit of its own before the others.
    ///
    /// # Errors
    /// When the store fails, or the keys were used for other events; then none was accepted, except that
    /// the first may have been where the store failed after it. Repeating the call completes it.
    pub async fn publish_batch(
        &self,
        environment: &EnvironmentId,
        drafts: Vec<(Option<String>, EventDraft)>,
        keys: Option<Vec<IdempotencyKey>>,
    ) -> Result<Vec<Result<Accepted, UseCaseError>>, UseCaseError> {
        let mut outcomes = Vec::with_capacity(drafts.len());
        let mut waiting = Vec::with_capacity(drafts.len());
        for (place, (tenant, draft)) in drafts.into_iter().enumerate() {
            let key = keys.as_ref().and_then(|keys| keys.get(place)).copied();
            match self.prepare_for(environment, tenant, draft, key).await {
                Ok(ready) => {
                    waiting.push((place, ready));
                    outcomes.push(None);
                }
                Err(refused) => outcomes.push(Some(Err(refused))),
            }
        }
        let mut rest = waiting.into_iter();
        if keys.is_some()
            && let Some((place, ready)) = rest.next()
        {
            // First and alone: where the key was used with another body, nothing of this one is to be
            // taken, not even an event at a place that the other body had not.
            let appended = self.ports.log.append(vec![ready.append.clone()]).await?;
            if appended.contains(&Appended::KeyReused) {
                return Err(Conflict::IdempotencyKey.into());
            }
            if let Some(outcome) = appended.into_iter().next() {
                outcomes[place] = Some(self.answer(ready, outcome));
            }
        }
        let waiting: Vec<(usize, Ready)> = rest.collect();
        let appends: Vec<Append> = waiting
            .iter()
            .map(|(_, ready)| ready.append.clone())
            .collect();
        let appended = if appends.is_empty() {
            Vec::new()
        } else {
            self.ports.log.append(appends).await?
        };
        for ((place, ready), outcome) in waiting.into_iter().zip(appended) {
            outcomes[place] = Some(self.answer(ready, outcome));
        }
        let closed = || Err(UseCaseError::Store(crate::port::StoreError::Closed));
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(closed))
            .collect())
    }

    async fn prepare_for(
        &self,
        environment: &EnvironmentId,
        tenant: Option<String>,
        draft: EventDraft,
        key: Option<IdempotencyKey>,
    ) -> Result<Ready, UseCaseError> {
        let Some(tenant) = tenant else {
            let mut faults = Faults::new(draft.found);
            faults.add("#/tenant", "is required");
            faults.refuse_if_any()?;
            return Err(UseCaseError::Invalid(Vec::new()));
        };
        let Ok(id) = TenantId::parse(&tenant) else {
            return Err(UseCaseError::not_found("tenant", tenant));
        };
        self.prepare(
            Scope {
                environment: environment.clone(),
                tenant: id,
            },
            draft,
            key,
        )
        .await
    }

    async fn prepare(
        &self,
        scope: Scope,
        draft: EventDraft,
        key: Option<IdempotencyKey>,
    ) -> Result<Ready, UseCaseError> {
        let now = self.ports.clock.now();
        let route = self
            .directory
            .route(&scope, draft.event_type.as_deref().unwrap_or_default());
        if route.endpoints.is_none() {
            return Err(UseCaseError::not_found("tenant", &scope.tenant));
        }
        let (event_type, attributes, data) = self.check(&route, &draft, now)?;
        let said = Said {
            uid: draft.uid,
            event_type,
            subcategory: draft.subcategory,
            attributes,
            ordering_key: draft.ordering_key,
            data,
            deliver_at: draft.deliver_at,
            expires_at: draft.expires_at,
            data_until: draft.data_until,
            terms: draft.terms,
        };
        let ready = self.ready(scope, &route, said, key, now);
        let ready = self.filtered(ready).await?;
        self.waiting_limit(
            &ready.append.event.scope.tenant,
            &route,
            ready.targets.len(),
        )?;
        Ok(ready)
    }

    /// Finds an event's targets and gives it its id.
    pub(crate) fn ready(
        &self,
        scope: Scope,
        route: &Route,
        said: Said,
        key: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Ready {
        let mut filtered = false;
        let targets: Vec<Option<Arc<Target>>> = match said.terms.only {
            Some(only) => route.enabled(only).cloned().map(Some).into_iter().collect(),
            None => route
                .matching(
                    said.event_type.as_str(),
                    said.subcategory.as_deref(),
                    &said.attributes,
                )
                .take(MAX_TARGETS)
                .inspect(|target| filtered |= target.filter.is_some())
                .cloned()
                .map(Some)
                .collect(),
        };
        let id = EventId::new(now, self.ports.random.bits());
        let content = said.uid.is_some().then(|| match said.terms.own_uid {
            // Like no other's, so that the same id again is never taken for a repetition.
            true => id.to_bytes(),
            false => content::event_digest(&said),
        });
        let event = Event {
            id,
            scope,
            uid: said.uid,
            event_type: said.event_type,
            subcategory: said.subcategory,
            attributes: said.attributes,
            ordering_key: said.ordering_key,
            created_at: now,
            deliver_at: said.deliver_at,
            expires_at: said.expires_at,
            data_until: said.data_until,
            data: said.data,
            targets: targets
                .iter()
                .flatten()
                .map(|target| target.endpoint.id)
                .collect(),
        };
        let idempotency = key.map(|key| Idempotency {
            digest: key.digest,
            content: key.content,
            expires_at: now.after(key.lasts.unwrap_or(self.limits.idempotency)),
        });
        Ready {
            append: Append {
                event: Arc::new(event),
                idempotency,
                content,
                in_turn: Vec::new(),
            },
            targets,
            filtered,
        }
    }

    pub(crate) fn check(
        &self,
        route: &Route,
        draft: &EventDraft,
        now: Timestamp,
    ) -> Result<(EventTypeName, Attributes, Bytes), UseCaseError> {
        let mut faults = Faults::new(draft.found.clone());
        let name = draft.event_type.as_deref().unwrap_or_default();
        let terms = draft.terms;
        match (&draft.event_type, &route.event_type) {
            (Some(name), _) if terms.any_type => {
                if let Err(cause) = EventTypeName::parse(name) {
                    faults.add("#/type", cause);
                }
            }
            (None, _) => faults.add("#/type", "is required"),
            (Some(_), None) => {
                let shown: String = name.chars().take(EventTypeName::MAX).collect();
                faults.add("#/type", format!("names the event type {shown:?}, which the catalogue does not have; create it first"));
            }
            (Some(_), Some(known)) if known.event_type.retired(now) => {
                faults.add(
                    "#/type",
                    format!("names the event type {name:?}, which is retired"),
                );
            }
            (Some(_), Some(_)) => {}
        }
        if let Some(known) = &route.event_type {
            check_subcategory(&known.event_type, draft.subcategory.as_deref(), &mut faults);
        }
        if !terms.own_uid
            && let Some(Err(cause)) = draft.uid.as_deref().map(check_event_id)
        {
            faults.add("#/id", cause);
        }
        check_times(draft, now, &mut faults);
        let attributes = Attributes::new(draft.attributes.clone());
        if let Err(cause) = &attributes {
            faults.add("#/attributes", cause);
        }
        if let Some(Err(cause)) = draft.ordering_key.as_deref().map(check_ordering_key) {
            faults.add("#/ordering_key", cause);
        }
        let most = terms.bytes.unwrap_or(self.limits.event_bytes);
        match &draft.data {
            None => faults.add("#/data", "is required"),
            Some(data) if data.len() > most => {
                faults.add("#/data", format!("must be at most {most} bytes long"));
            }
            Some(data) => {
                let known = route.event_type.as_ref().filter(|_| !terms.any_type);
                if let Some(known) = known.filter(|known| known.has_schema()) {
                    // Some JSON is no value here: half a surrogate pair, or a number past the range.
                    match serde_json::from_slice(data) {
                        Ok(value) => faults.extend(known.check(&value)),
                        Err(cause) => faults.add(
                            "#/data",
                            format!("can't be checked by the event type's schema: {cause}"),
                        ),
                    }
                }
            }
        }
        faults.refuse_if_any()?;
        let name = match &route.event_type {
            Some(known) => Some(known.event_type.name.clone()),
            None => EventTypeName::parse(name).ok(),
        };
        match (name, attributes, &draft.data) {
            (Some(name), Ok(attributes), Some(data)) => Ok((name, attributes, data.clone())),
            _ => Err(UseCaseError::Invalid(Vec::new())),
        }
    }

    fn answer(&self, ready: Ready, outcome: Appended) -> Result<Accepted, UseCaseError> {
        let event = ready.append.event;
        match outcome {
            Appended::At(position) => {
                self.ports
                    .dispatch
                    .hand_on(Arc::clone(&event), position, ready.targets);
                Ok(Accepted {
                    event,
                    repeated: false,
                })
            }
            Appended::Twin(first) => Ok(Accepted {
                event: first,
                repeated: true,
            }),
            Appended::UidTaken => Err(Conflict::EventId(event.public_id()).into()),
            Appended::KeyReused => Err(Conflict::IdempotencyKey.into()),
        }
    }
}

fn check_times(draft: &EventDraft, now: Timestamp, faults: &mut Faults) {
    if draft.deliver_at.is_some_and(|at| at > now.after(MAX_AHEAD)) {
        faults.add("#/deliver_at", "must lie at most 30 days ahead");
    }
    if draft.data_until.is_some_and(|until| until <= now) {
        faults.add("#/data_until", "must lie in the future");
    }
    match (draft.expires_at, draft.deliver_at) {
        (Some(end), _) if end <= now => {
            faults.add("#/expires_at", "must lie in the future");
        }
        (Some(end), Some(begin)) if end <= begin => {
            faults.add("#/expires_at", "must be later than \"deliver_at\"");
        }
        _ => {}
    }
}

fn check_subcategory(
    event_type: &fanfare_domain::event_type::EventType,
    subcategory: Option<&str>,
    faults: &mut Faults,
) {
    let Some(given) = subcategory else { return };
    let list = &event_type.subcategories;
    if !list.iter().any(|each| each.value == given) {
        let shown: String = given.chars().take(100).collect();
        let name = &event_type.name;
        faults.add(
            "#/subcategory",
            format!("is {shown:?}, which the event type \"{name}\" does not have"),
        );
    }
}
