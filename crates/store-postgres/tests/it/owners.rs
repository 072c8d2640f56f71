//! Owners of endpoints that one node serves at a time.

use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::Coordination;
use fanfare_app::port::deliveries::Settlement;
use fanfare_app::port::log::{Append, Event};
use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_domain::name::EventTypeName;
use fanfare_domain::order::{Strand, Turn};
use fanfare_store_postgres::Placement;
use fanfare_testkit::postgres::Database;
use tokio::time::Instant;

use crate::databases::with_a_store;
use crate::horizon::Slow;
use crate::made::{append, delivery, endpoint, event, hour};
use crate::members::{DETECTION, Node, join};

/// Every endpoint has an order.
struct All;

impl Placement for All {
    fn one_at_a_time(&self, _: EndpointId) -> bool {
        true
    }
}

/// A node that looks for what it should own, as a server does.
async fn node(database: &Database) -> Node {
    let node = join(&database.address(), true).await;
    node.store.place_by(Arc::new(All));
    node
}

/// Endpoints for each of which something waits.
async fn endpoints(node: &Node) -> Vec<EndpointId> {
    let events = (0..20).map(|number| event(hour(1), number));
    let waiting = events.map(|event| Delivery {
        endpoint: EndpointId::new(hour(0), event.id.bits() as u64),
        ..delivery(&event)
    });
    let settlements: Vec<_> = waiting
        .map(|delivery| Settlement {
            delivery,
            attempt: None,
        })
        .collect();
    let endpoints = settlements.iter().map(|each| each.delivery.endpoint);
    let endpoints = endpoints.collect();
    let part = node.store.deliveries();
    part.settle(Arc::new(settlements), None).await.unwrap();
    endpoints
}

/// Looks until something holds.
async fn until(node: &Node, holds: impl Fn() -> bool) {
    let looking = async {
        while !holds() {
            node.store.look_for_owned().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(20), looking).await;
    assert!(seen.is_ok(), "it never does");
}

/// How many of the endpoints a node may read.
async fn read_by(node: &Node, endpoints: &[EndpointId]) -> Vec<EndpointId> {
    let mut read = Vec::new();
    for endpoint in endpoints {
        let due = node.store.deliveries().due(*endpoint, hour(9), 10).await;
        if !due.unwrap().deliveries.is_empty() {
            read.push(*endpoint);
        }
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_has_another_owner_only_once_it_was_let_go_of() {
    let database = with_a_store().await;
    let first = node(&database).await;
    let endpoints = endpoints(&first).await;
    let owned_by = |node: &Node| {
        let owned = endpoints.iter().copied();
        owned
            .filter(|endpoint| node.member.owns(*endpoint).is_some())
            .collect::<Vec<_>>()
    };
    until(&first, || owned_by(&first).len() == endpoints.len()).await;
    let owned = first.member.owns(endpoints[0]).unwrap();
    assert_eq!((owned.epoch, owned.taken_over), (1, None));

    let second = node(&database).await;
    until(&second, || !first.member.leaving().is_empty()).await;
    let leaving = first.member.leaving();
    assert!((1..endpoints.len()).contains(&leaving.len()), "{leaving:?}");
    // It attempts them no more, and they are nobody else's as long as it has not said that it let go.
    let stays = owned_by(&first);
    assert_eq!(stays.len() + leaving.len(), endpoints.len());
    let began = Instant::now();
    while began.elapsed() < DETECTION + DETECTION / 2 {
        second.store.look_for_owned().await.unwrap();
        assert_eq!(owned_by(&second), []);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for endpoint in &leaving {
        first.member.let_go(*endpoint);
    }
    until(&second, || owned_by(&second).len() == leaving.len()).await;
    assert_eq!(read_by(&first, &endpoints).await, stays);
    let mut read = read_by(&second, &endpoints).await;
    read.sort_unstable();
    assert_eq!(read, leaving);
    let taken = second.member.owns(leaving[0]).unwrap();
    assert_eq!(taken.epoch, 2);
    assert!(
        taken
            .taken_over
            .is_some_and(|age| age < Duration::from_secs(20))
    );

    // Without a word once it is gone, and not before.
    first.renewing.abort();
    let began = Instant::now();
    until(&second, || owned_by(&second).len() == endpoints.len()).await;
    assert!(began.elapsed() >= DETECTION.mul_f64(0.8));
    assert!(!first.member.may_act());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strand_is_read_up_to_the_first_commit_that_is_still_open() {
    let database = with_a_store().await;
    let owner = node(&database).await;
    let other = node(&database).await;
    let in_turn = |event: Event| Append {
        in_turn: vec![Delivery {
            turn: Some(Turn {
                position: 0,
                strand: Some(Strand::WHOLE),
                holds: false,
            }),
            ..delivery(&event)
        }],
        ..append(event)
    };
    let owner = match owner.member.favourite(endpoint()) == other.member.id() {
        true => (other, owner),
        false => (owner, other),
    };
    let (owner, other) = owner;
    let read = async || {
        let part = owner.store.deliveries();
        let line = part.in_turn(endpoint(), Strand::WHOLE, 0, 10);
        let line = line.await.unwrap();
        let ids = line.deliveries.iter().map(|row| row.event);
        (ids.collect::<Vec<_>>(), line.some_left_out)
    };
    let events = [1, 2, 3].map(|number| event(hour(1), number));
    other
        .store
        .log()
        .append(vec![in_turn(events[0].clone())])
        .await
        .unwrap();
    until(&owner, || owner.member.owns(endpoint()).is_some()).await;
    let slow = Slow::at(&database).await;
    let held = Event {
        event_type: EventTypeName::parse("slow").unwrap(),
        ..events[1].clone()
    };
    let log = other.store.log();
    let held = tokio::spawn(async move { log.append(vec![in_turn(held)]).await });
    slow.until_one_waits().await;
    // By whichever node: the owner must not begin with it.
    owner
        .store
        .log()
        .append(vec![in_turn(events[2].clone())])
        .await
        .unwrap();
    assert_eq!(read().await, (vec![events[0].id], true));
    slow.let_go().await;
    held.await.unwrap().unwrap();
    assert_eq!(read().await, (events.map(|event| event.id).to_vec(), false));
}
