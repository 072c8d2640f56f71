//! Lists, and the steps of jobs.

use fanfare_app::port::deliveries::DeliveryQuery;
use fanfare_app::port::jobs::Walk;
use fanfare_app::port::log::EventQuery;
use fanfare_domain::delivery::StateName;
use fanfare_domain::id::DeliveryId;
use fanfare_domain::job::Filter;
use fanfare_domain::name::{EnvironmentId, EventTypeName, Scope};
use fanfare_domain::time::Timestamp;
use fanfare_store_postgres::PostgresStore;

use super::{Plans, endpoint, tenant, today};

fn all_of(scope: &Scope) -> DeliveryQuery {
    DeliveryQuery {
        scope: scope.clone(),
        event: None,
        endpoint: None,
        state: None,
        event_type: None,
        last_error: None,
        last_status: None,
        since: None,
        until: None,
        before: None,
        limit: 101,
    }
}

/// All pages of a search, one after the other; answers what they held, and how many there were.
async fn pages(store: &PostgresStore, query: &DeliveryQuery) -> (Vec<DeliveryId>, usize) {
    let (mut query, mut all, mut pages) = (query.clone(), Vec::new(), 0);
    loop {
        let page = store.deliveries().search(&query).await.unwrap();
        pages += 1;
        all.extend(page.found.iter().map(|row| row.id));
        let full = page.found.len() == query.limit;
        query.before = page.stopped_at.or(page.found.last().map(|row| row.id));
        if !full && page.stopped_at.is_none() {
            return (all, pages);
        }
    }
}

/// What is rare is found all the same, once each, on pages that may be empty.
pub(super) async fn rare_things(store: &PostgresStore) {
    let all = all_of(&tenant(1));
    let rare = EventTypeName::parse("invoice.rare").unwrap();
    let of_rare = DeliveryQuery {
        event_type: Some(rare),
        ..all.clone()
    };
    let failed = DeliveryQuery {
        state: Some(StateName::Failed),
        ..all.clone()
    };
    let none = DeliveryQuery {
        last_status: Some(418),
        endpoint: Some(endpoint(12)),
        ..all
    };
    // Of 4 events: two deliveries each, and a replay that waits, one of which holds its line.
    for (query, rows, least) in [(of_rare, 12, 50), (failed, 4_040, 41), (none, 0, 10)] {
        let (found, pages) = pages(store, &query).await;
        assert_eq!(found.len(), rows, "{query:?}");
        assert!(pages >= least, "{pages}");
        assert!(found.is_sorted_by(|one, next| one > next), "{query:?}");
    }
}

pub(super) async fn all(plans: &mut Plans, store: &PostgresStore) {
    let (log, part, acme) = (store.log(), store.deliveries(), tenant(1));
    let first = part.search(&all_of(&acme)).await.unwrap().found[0].clone();
    let time = |days: i64| Some(Timestamp::from_seconds((today() - days) * 86_400 + 100));
    let rare = EventTypeName::parse("invoice.rare").unwrap();
    let events = EventQuery {
        scope: acme.clone(),
        event_type: None,
        since: None,
        until: None,
        before: None,
        limit: 101,
    };
    plans
        .of("A page of events", log.search(&events))
        .await
        .unwrap();
    let query = EventQuery {
        event_type: Some(rare.clone()),
        ..events.clone()
    };
    let stopped = plans
        .of("A page of events of a rare type", log.search(&query))
        .await;
    assert!(stopped.unwrap().stopped_at.is_some());
    let query = EventQuery {
        since: time(3),
        until: time(2),
        ..events
    };
    plans
        .of("A page of events of a day", log.search(&query))
        .await
        .unwrap();

    let all = all_of(&acme);
    let of = Some(endpoint(13));
    let queries = [
        ("", all.clone()),
        (
            ", further on",
            DeliveryQuery {
                before: Some(first.id),
                ..all.clone()
            },
        ),
        (
            " of a day",
            DeliveryQuery {
                since: time(3),
                until: time(2),
                ..all.clone()
            },
        ),
        (
            " to an endpoint",
            DeliveryQuery {
                endpoint: of,
                ..all.clone()
            },
        ),
        (
            " that wait",
            DeliveryQuery {
                state: Some(StateName::Waiting),
                ..all.clone()
            },
        ),
        (
            " that failed",
            DeliveryQuery {
                state: Some(StateName::Failed),
                ..all.clone()
            },
        ),
        (
            " that failed at an endpoint",
            DeliveryQuery {
                state: Some(StateName::Failed),
                endpoint: of,
                ..all.clone()
            },
        ),
        (
            " that arrived",
            DeliveryQuery {
                state: Some(StateName::Delivered),
                ..all.clone()
            },
        ),
        (
            " of a rare type",
            DeliveryQuery {
                event_type: Some(rare.clone()),
                ..all.clone()
            },
        ),
        (
            " of a rare type to an endpoint",
            DeliveryQuery {
                event_type: Some(rare.clone()),
                endpoint: of,
                ..all.clone()
            },
        ),
        (
            " of a rare type that failed on a day",
            DeliveryQuery {
                event_type: Some(rare),
                state: Some(StateName::Failed),
                since: time(3),
                until: time(2),
                ..all.clone()
            },
        ),
        (
            " with a status that none has",
            DeliveryQuery {
                last_status: Some(418),
                ..all.clone()
            },
        ),
        (
            " of an event",
            DeliveryQuery {
                event: Some(first.event),
                ..all.clone()
            },
        ),
        (
            " of an event that failed",
            DeliveryQuery {
                event: Some(first.event),
                state: Some(StateName::Failed),
                ..all.clone()
            },
        ),
    ];
    for (which, query) in queries {
        let what = format!("A page of deliveries{which}");
        plans.of(&what, part.search(&query)).await.unwrap();
    }
    let walk = |filter: Filter, of: Option<Scope>| Walk {
        environment: EnvironmentId::default_environment(),
        tenant: of.map(|scope| scope.tenant),
        filter,
        made_before: Timestamp::from_seconds(today() * 86_400 + 80_000),
        after: None,
        limit: 200,
    };
    let failed = Filter {
        states: vec![StateName::Failed],
        ..Filter::default()
    };
    let of_tenant = walk(failed.clone(), Some(acme));
    plans
        .of("A step of a job of a tenant", part.walk(&of_tenant))
        .await
        .unwrap();
    let rare = Filter {
        last_status: Some(418),
        ..Filter::default()
    };
    plans
        .of(
            "A step of a job of an environment",
            part.walk(&walk(failed, None)),
        )
        .await
        .unwrap();
    let what = "A step of a job that finds nothing";
    plans.of(what, part.walk(&walk(rare, None))).await.unwrap();
}
