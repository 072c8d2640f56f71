//! Query parameters, all faults at once.

use std::collections::BTreeMap;

use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::delivery::StateName;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::EventTypeName;
use fanfare_domain::time::Timestamp;
use http::Uri;
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::cursor::{List, Position, decode};
use crate::page::Window;
use crate::problem::{Kind, Problem, ProblemFault};

mod parameters;

pub(crate) use parameters::{
    DeliveryParameters, EndpointDeliveryParameters, EventParameters, MissedParameters,
    PageParameters, SpanParameters,
};

/// How many a page has unless told.
const USUAL_LIMIT: usize = 50;
/// How many a page has at most.
const MAX_LIMIT: usize = 250;
/// Faults told at once; more add nothing.
const MAX_FAULTS: usize = 20;

/// The parameters of a request, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Query {
    values: BTreeMap<String, String>,
    faults: Vec<ProblemFault>,
}

impl Query {
    /// Reads the parameters that `T` documents; others are faults.
    pub(crate) fn of<T: IntoParams>(uri: &Uri) -> Self {
        let known = T::into_params(|| None);
        let known: Vec<&str> = known.iter().map(|each| each.name.as_str()).collect();
        let mut query = Self {
            values: BTreeMap::new(),
            faults: Vec::new(),
        };
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let shown: String = name.chars().take(100).collect();
                query.fault(
                    &shown,
                    format!("is not known; known are {}", known.join(", ")),
                );
            } else if query
                .values
                .insert(name.clone().into_owned(), value.into_owned())
                .is_some()
            {
                query.fault(&name, "must be given once");
            }
        }
        query
    }

    fn fault(&mut self, name: &str, detail: impl ToString) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(ProblemFault::parameter(name, detail));
        }
    }

    fn read<V>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Option<V>,
        right: &str,
    ) -> Option<V> {
        let text = self.values.get(name)?;
        let value = read(text);
        if value.is_none() {
            self.fault(name, right);
        }
        value
    }

    /// A point in time.
    pub(crate) fn time(&mut self, name: &str) -> Option<Timestamp> {
        self.read(
            name,
            |text| Timestamp::parse(text).ok(),
            "must be an RFC 3339 time such as 2026-01-31T12:00:00Z; write its + as %2B",
        )
    }

    /// An event type's name.
    pub(crate) fn event_type(&mut self, name: &str) -> Option<EventTypeName> {
        self.read(
            name,
            |text| EventTypeName::parse(text).ok(),
            "must be the name of an event type such as invoice.paid",
        )
    }

    /// An endpoint's id.
    pub(crate) fn endpoint(&mut self, name: &str) -> Option<EndpointId> {
        self.read(
            name,
            |text| EndpointId::parse(text).ok(),
            "must be the id of an endpoint, ep_ and 26 characters",
        )
    }

    /// A delivery's state.
    pub(crate) fn state(&mut self, name: &str) -> Option<StateName> {
        const STATES: [StateName; 4] = [
            StateName::Waiting,
            StateName::Delivered,
            StateName::Failed,
            StateName::Discarded,
        ];
        self.read(
            name,
            |text| STATES.into_iter().find(|state| state.as_str() == text),
            "must be waiting, delivered, failed or discarded",
        )
    }

    /// A kind of error.
    pub(crate) fn error_kind(&mut self, name: &str) -> Option<ErrorKind> {
        let right = format!("must be one of {}", ErrorKind::names());
        self.read(name, ErrorKind::parse, &right)
    }

    /// The status of an answer.
    pub(crate) fn status(&mut self, name: &str) -> Option<u16> {
        let read = |text: &str| text.parse().ok().filter(|code| (100..1_000).contains(code));
        self.read(name, read, "must be a status from 100 to 999")
    }

    /// Which part of a list is asked for.
    pub(crate) fn window<P: Position>(&mut self, list: List) -> Window<P> {
        let limit = self.read(
            "limit",
            |text| {
                text.parse()
                    .ok()
                    .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            },
            "must be a whole number from 1 to 250",
        );
        let after = self.read(
            "cursor",
            |text| decode(list, text),
            "must be the next_cursor of a page of this very list",
        );
        Window {
            list,
            limit: limit.unwrap_or(USUAL_LIMIT),
            after,
        }
    }

    /// Whether a parameter was given, be it right or wrong.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Adds a fault that only several parameters together have.
    pub(crate) fn wrong(&mut self, name: &str, detail: &str) {
        self.fault(name, detail);
    }

    /// Refuses if anything is wrong.
    pub(crate) fn refuse_if_any(self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::faults(Kind::InvalidQuery, self.faults))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> Vec<String> {
        let uri: Uri = format!("/v1/tenants?{query}").parse().unwrap();
        let mut query = Query::of::<PageParameters>(&uri);
        query.window::<i64>(List::Tenants);
        let faults = query
            .refuse_if_any()
            .err()
            .map(|problem| problem.view().errors);
        faults
            .unwrap_or_default()
            .into_iter()
            .filter_map(|fault| fault.parameter)
            .collect()
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        assert!(refused("limit=250").is_empty() && refused("").is_empty());
        assert_eq!(refused("limit=0"), ["limit"]);
        assert_eq!(
            refused("limit=251&cursor=x&page=2"),
            ["page", "limit", "cursor"]
        );
        assert_eq!(refused("limit=1&limit=2"), ["limit"]);
    }
}
