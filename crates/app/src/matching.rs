//! Which endpoints an event goes to, where that takes more than a look: filters, and why it does not.

use std::sync::Arc;

use fanfare_domain::endpoint::DisabledReason;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::Scope;
use metrics::{Counter, counter};

use crate::directory::Target;
use crate::error::{Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::fault::{Fault, planted};
use crate::filter::{
    EndpointFilter, Facts, Filter, FilterError, FilterErrors, Subject, TooManyWait,
};
use crate::port::log::Event;
use crate::publish::{EventDraft, Ready};

/// Why an event would not go to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It gets nothing.
    #[error("the endpoint is disabled")]
    Disabled(DisabledReason),
    /// It does not ask for the type, or not for the subcategory.
    #[error("the endpoint's event_types do not name the type {0:?} with this subcategory")]
    EventType(String),
    /// It asks for attributes that the event does not carry.
    #[error("the endpoint asks for one of its values under the attribute {0:?}")]
    Attributes(String),
    /// Its filter says no.
    #[error("the filter is false for this event")]
    Filter,
    /// Its filter says nothing.
    #[error("{0}")]
    FilterError(FilterError),
}

/// Counts evaluations.
pub(crate) struct Outcomes {
    matched: Counter,
    unmatched: Counter,
    error: Counter,
    refused: Counter,
}

impl Outcomes {
    pub(crate) fn new() -> Self {
        let of = |outcome: &'static str| counter!("fanfare_filter_evaluations_total", "outcome" => outcome);
        Self {
            matched: of("matched"),
            unmatched: of("unmatched"),
            error: of("error"),
            refused: of("refused"),
        }
    }
}

impl Fanfare {
    /// Leaves of an event's targets those whose filters ask for it. Costs nothing where there are none.
    pub(crate) async fn filtered(&self, ready: Ready) -> Result<Ready, TooManyWait> {
        if !ready.filtered {
            return Ok(self.in_turn(ready));
        }
        let scope = ready.append.event.scope.clone();
        let sifted = self.filters.run(&scope, move || sift(ready)).await;
        let (ready, verdicts) = sifted.inspect_err(|_| self.outcomes.refused.increment(1))?;
        for (filter, verdict) in verdicts {
            self.count(&filter, &ready.append.event, verdict);
        }
        Ok(self.in_turn(ready))
    }

    /// Puts the deliveries that stand in an order at hand, where the log keeps turns.
    fn in_turn(&self, mut ready: Ready) -> Ready {
        let event = &ready.append.event;
        if self.ports.log.keeps_turns() {
            let places = (0u16..).zip(ready.targets.iter().flatten());
            let in_turn = places.filter(|(_, target)| target.in_line(event, 0).is_some());
            ready.append.in_turn = in_turn
                .map(|(place, target)| target.first_row(event, place, 0))
                .collect();
        }
        ready
    }

    /// Whether an endpoint in its present form asks for an event: type, subcategory, attributes and
    /// filter. Says nothing of whether it is enabled. A filter's error is no match, and counted.
    ///
    /// # Errors
    /// When too many events wait for their filters.
    pub async fn asks_for(
        &self,
        target: &Arc<Target>,
        event: &Arc<Event>,
    ) -> Result<bool, TooManyWait> {
        let subcategory = event.subcategory.as_deref();
        if !target
            .endpoint
            .wants(event.event_type.as_str(), subcategory, &event.attributes)
        {
            return Ok(false);
        }
        let Some(filter) = &target.filter else {
            return Ok(true);
        };
        let (asked, of) = (Arc::clone(filter), Arc::clone(event));
        let verdict = self
            .filters
            .run(&event.scope, move || {
                Subject::new(facts(&of)).and_then(|subject| asked.matches(&subject))
            })
            .await
            .inspect_err(|_| self.outcomes.refused.increment(1))?;
        Ok(self.count(filter, event, verdict) || planted(Fault::RecoverUnfiltered))
    }

    /// Why an event would not go to an endpoint; nothing: it would. Nothing is stored, sent or counted.
    /// With `filter`, that text stands for the endpoint's own.
    ///
    /// # Errors
    /// When the tenant has no such endpoint, the event would be refused, or the filter can't be used.
    pub async fn mismatches(
        &self,
        scope: &Scope,
        id: &str,
        draft: EventDraft,
        filter: Option<String>,
    ) -> Result<Vec<Mismatch>, UseCaseError> {
        let endpoint = self.endpoint(scope, id).await?;
        let route = self
            .directory
            .route(scope, draft.event_type.as_deref().unwrap_or_default());
        let now = self.ports.clock.now();
        let mut faults = Faults::default();
        if let Some(Err(cause)) = filter.as_deref().map(Filter::compile) {
            faults.add("#/filter", cause);
        }
        let (event_type, attributes, data) = match self.check(&route, &draft, now) {
            Ok(checked) => {
                faults.refuse_if_any()?;
                checked
            }
            Err(UseCaseError::Invalid(more)) => {
                faults.extend(more);
                return Err(faults
                    .refuse_if_any()
                    .err()
                    .unwrap_or_else(|| UseCaseError::Invalid(Vec::new())));
            }
            Err(other) => return Err(other),
        };
        let subcategory = draft.subcategory;
        let mut found = Vec::new();
        if let Some(disabled) = &endpoint.disabled {
            found.push(Mismatch::Disabled(disabled.reason));
        }
        if !endpoint.takes(event_type.as_str(), subcategory.as_deref()) {
            found.push(Mismatch::EventType(event_type.to_string()));
        }
        for (name, _) in endpoint.attributes.unmet_by(&attributes) {
            found.push(Mismatch::Attributes(name.to_owned()));
        }
        let Some(text) = filter.or(endpoint.filter) else {
            return Ok(found);
        };
        let verdict = self
            .filters
            .run(scope, move || {
                let facts = Facts {
                    event_type: event_type.as_str(),
                    subcategory: subcategory.as_deref(),
                    attributes: &attributes,
                    data: &data,
                };
                Subject::new(facts).and_then(|subject| EndpointFilter::new(&text).matches(&subject))
            })
            .await?;
        match verdict {
            Ok(true) => {}
            Ok(false) => found.push(Mismatch::Filter),
            Err(why) => found.push(Mismatch::FilterError(why)),
        }
        Ok(found)
    }

    /// What went wrong with an endpoint's filter; none where it has none.
    #[must_use]
    pub fn filter_errors(&self, endpoint: &str) -> Option<FilterErrors> {
        let target = self.directory.target(EndpointId::parse(endpoint).ok()?)?;
        Some(target.filter.as_ref()?.errors())
    }

    fn count(
        &self,
        filter: &EndpointFilter,
        event: &Event,
        verdict: Result<bool, FilterError>,
    ) -> bool {
        let (counter, matched) = match verdict {
            Ok(true) => (&self.outcomes.matched, true),
            Ok(false) => (&self.outcomes.unmatched, false),
            Err(why) => {
                filter.failed(event.created_at, why);
                (&self.outcomes.error, false)
            }
        };
        counter.increment(1);
        matched
    }
}

fn facts(event: &Event) -> Facts<'_> {
    Facts {
        event_type: event.event_type.as_str(),
        subcategory: event.subcategory.as_deref(),
        attributes: &event.attributes,
        data: &event.data,
    }
}

type Verdicts = Vec<(Arc<EndpointFilter>, Result<bool, FilterError>)>;

/// Asks the filters. The data is read once for all of them.
fn sift(mut ready: Ready) -> (Ready, Verdicts) {
    let mut verdicts = Vec::new();
    let subject = Subject::new(facts(&ready.append.event));
    ready.targets.retain(|target| {
        let Some(filter) = target.as_ref().and_then(|target| target.filter.as_ref()) else {
            return true;
        };
        let verdict = match &subject {
            Ok(subject) => filter.matches(subject),
            Err(why) => Err(why.clone()),
        };
        let matched = match &verdict {
            Ok(matched) => *matched || planted(Fault::IgnoreFilter),
            Err(_) => planted(Fault::TakeFilterErrorForMatch),
        };
        verdicts.push((Arc::clone(filter), verdict));
        matched
    });
    drop(subject);
    // Nobody else holds the event before it is appended; another's would be left as it is.
    Arc::make_mut(&mut ready.append.event).targets = ready
        .targets
        .iter()
        .flatten()
        .map(|target| target.endpoint.id)
        .collect();
    ready.filtered = false;
    (ready, verdicts)
}
