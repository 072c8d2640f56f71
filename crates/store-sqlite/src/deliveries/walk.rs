//! Going through deliveries in the order of their making, for jobs.

use fanfare_app::port::jobs::{Walk, Walked};
use fanfare_app::stored::code;
use fanfare_domain::delivery::StateName;
use fanfare_domain::id::EventId;
use fanfare_domain::name::Scope;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::row;
use crate::failure::Failure;
use crate::reader::Reading;
use crate::scopes;

/// The most rows that one read looks at: some ten milliseconds.
const LOOKED_AT: usize = 4_000;

pub(super) fn walk(reading: &mut Reading<'_>, walk: &Walk) -> Result<Walked, Failure> {
    let scope = match &walk.tenant {
        Some(tenant) => {
            let scope = Scope {
                environment: walk.environment.clone(),
                tenant: tenant.clone(),
            };
            match scopes::find(reading.connection, &scope)? {
                Some(number) => Some(number),
                None => return Ok(Walked::default()),
            }
        }
        None => None,
    };
    // An id begins with its time in milliseconds; the times themselves decide within it.
    let first = |time| EventId::new(time, 0).to_bytes();
    let end = walk.filter.until.unwrap_or(walk.made_before);
    let end = end
        .min(walk.made_before)
        .after(std::time::Duration::from_millis(1));
    let since = walk.filter.since.map(first);
    let after = walk.after.map(|id| id.to_bytes()).max(since);
    // Both bounds are always there, so that a statement's text does not depend on them. One whose id is
    // the least of its millisecond would be passed over; no delivery's is.
    let after = after.map_or_else(Vec::new, Vec::from);
    let mut values: Vec<Value> = vec![after.into(), first(end).to_vec().into()];
    let source = match (scope, &walk.filter.states[..]) {
        (Some(scope), [state]) if *state != StateName::Delivered => {
            values.extend([scope.into(), code::of_state_name(*state).into()]);
            "INDEXED BY deliveries_exception
            WHERE id > ?1 AND id < ?2 AND scope = ?3 AND state = ?4 AND state <> 1"
        }
        (None, [StateName::Waiting]) => {
            "INDEXED BY deliveries_waiting WHERE id > ?1 AND id < ?2 AND state = 0"
        }
        _ => "INDEXED BY deliveries_id WHERE id > ?1 AND id < ?2",
    };
    let mut walked = Walked::default();
    let mut looked_at = 0;
    let rest = format!("{source} ORDER BY id");
    row::each(reading, &rest, params_from_iter(values), |delivery| {
        looked_at += 1;
        let id = delivery.id;
        let here = delivery.scope.environment == walk.environment
            && (walk.tenant.as_ref()).is_none_or(|tenant| *tenant == delivery.scope.tenant);
        if here && delivery.created_at < walk.made_before && walk.filter.fits(&delivery) {
            walked.deliveries.push(delivery);
        }
        let go_on = walked.deliveries.len() < walk.limit && looked_at < LOOKED_AT;
        if !go_on {
            walked.next = Some(id);
        }
        go_on
    })?;
    Ok(walked)
}
