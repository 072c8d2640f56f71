//! Members: their leases, and what becomes of the work of one that is silent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fanfare_app::port::StoreError;
use fanfare_domain::delivery::DeliveryState;
use fanfare_domain::id::BatchId;
use fanfare_store_postgres::{JoinOptions, Member, Options, PostgresStore};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::databases::{at, with_a_store};
use crate::made::{append, appended, attempted, delivery, endpoint, event, hour, scope};

pub(crate) const DETECTION: Duration = Duration::from_secs(1);

pub(crate) struct Node {
    pub(crate) store: PostgresStore,
    pub(crate) member: Arc<Member>,
    pub(crate) renewing: AbortHandle,
}

pub(crate) async fn join(address: &str, delivers: bool) -> Node {
    let addresses = at(address);
    let options = JoinOptions {
        name: "test".to_owned(),
        delivers,
        detection: DETECTION,
    };
    let (member, renewing) = Member::join(&addresses.direct, options).await.unwrap();
    let sharing = Some(Arc::clone(&member));
    let store = PostgresStore::open_as(&addresses, &Options::default(), sharing).await;
    Node {
        store: store.unwrap(),
        member,
        renewing,
    }
}

/// Takes over, as a node does again and again, until something is due for it and then so much.
async fn take_over(node: &Node, deliveries: usize) -> Instant {
    let part = node.store.deliveries();
    let mut first = None;
    let taking = async {
        loop {
            let (due, _) = node.store.take_over().await.unwrap();
            if !due.is_empty() {
                first.get_or_insert_with(Instant::now);
            }
            let due = part.due(endpoint(), hour(9), 10).await.unwrap();
            if due.deliveries.len() >= deliveries {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), taking)
        .await
        .unwrap();
    first.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_node_stops_before_its_work_is_taken_over_and_is_refused_after() {
    let database = with_a_store().await;
    let silent = join(&database.address(), true).await;
    let other = join(&database.address(), true).await;
    let log = silent.store.log();
    // One that waits, one that ended, and two that the log knows of only.
    let events = [1, 2, 3, 4].map(|number| event(hour(1), number));
    for event in &events {
        appended(&*log, event.clone()).await;
    }
    let waits = DeliveryState::Waiting { due_at: hour(2) };
    let ended = DeliveryState::Delivered { at: hour(1) };
    let settled = vec![
        attempted(delivery(&events[0]), waits, hour(1)),
        attempted(delivery(&events[1]), ended, hour(1)),
    ];
    let part = silent.store.deliveries();
    part.settle(Arc::new(settled.clone()), None).await.unwrap();
    let (due, _) = other.store.take_over().await.unwrap();
    assert!(due.is_empty(), "it is there, and nobody takes its work");
    assert!(silent.member.may_act());

    silent.renewing.abort();
    let began = Instant::now();
    let taken = take_over(&other, 3).await;
    assert!(taken - began >= DETECTION.mul_f64(0.8));
    assert!(!silent.member.may_act(), "its lease had ended before");
    let refused = log.append(vec![append(event(hour(1), 9))]).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    part.settle(Arc::new(settled), None).await.unwrap_err();

    let taken = other.store.deliveries();
    let due = taken.due(endpoint(), hour(9), 10).await.unwrap();
    let mut ids: Vec<_> = due.deliveries.iter().map(|delivery| delivery.id).collect();
    ids.sort_unstable();
    let left = [0, 2, 3].map(|place: usize| delivery(&events[place]).id);
    assert_eq!(ids, left);
    let kept = taken.delivery(&scope(), left[0]).await.unwrap().unwrap();
    assert_eq!(kept.attempts, 1, "what is known of it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_accepts_that_does_not_deliver_is_shared_by_those_that_do() {
    let database = with_a_store().await;
    let accepting = join(&database.address(), false).await;
    let delivering = [
        join(&database.address(), true).await,
        join(&database.address(), true).await,
    ];
    for number in 0..1_000 {
        appended(&*accepting.store.log(), event(hour(1), number)).await;
    }
    // One transaction each, in turn, as two nodes do that look at the same time.
    let mut more = true;
    while more {
        more = false;
        for node in &delivering {
            more |= node.store.take_over().await.unwrap().1;
        }
    }
    let mut counts = Vec::new();
    for node in &delivering {
        let part = node.store.deliveries();
        let due = part.due(endpoint(), hour(9), 2_000).await.unwrap();
        counts.push(due.deliveries.len());
    }
    assert_eq!(counts.iter().sum::<usize>(), 1_000);
    assert!(counts.iter().all(|count| *count >= 200), "{counts:?}");
    let part = accepting.store.deliveries();
    let due = part.due(endpoint(), hour(9), 10).await.unwrap();
    assert!(due.deliveries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_taken_over_whole_and_as_it_was_bound() {
    const SIZE: usize = 7;
    let database = with_a_store().await;
    let silent = join(&database.address(), true).await;
    let others = [
        join(&database.address(), true).await,
        join(&database.address(), true).await,
    ];
    let waits = DeliveryState::Waiting { due_at: hour(2) };
    let events: Vec<_> = (0..1_001).map(|number| event(hour(1), number)).collect();
    for event in &events {
        appended(&*silent.store.log(), event.clone()).await;
    }
    let rows = events
        .iter()
        .map(|event| attempted(delivery(event), waits, hour(1)));
    let part = silent.store.deliveries();
    part.settle(Arc::new(rows.collect()), None).await.unwrap();
    let ids: Vec<_> = events.iter().map(|event| delivery(event).id).collect();
    let mut batches = BTreeMap::new();
    for members in ids.chunks(SIZE) {
        let batch = BatchId::led_by(members[0]);
        let bound = part.bind(&scope(), batch, None, members.to_vec()).await;
        assert_eq!(bound.unwrap().len(), SIZE);
        batches.insert(batch, members.to_vec());
    }
    silent.renewing.abort();
    // Both at the same time, again and again.
    let mut left = batches.len();
    let mut taken = [0, 0];
    let began = Instant::now();
    while left > 0 {
        let [one, other] = &others;
        let (one, other) = tokio::join!(one.store.take_over(), other.store.take_over());
        assert!(one.is_ok() && other.is_ok());
        taken = [0, 0];
        for (batch, members) in &batches {
            for (node, count) in others.iter().zip(&mut taken) {
                let found = node.store.deliveries().members(*batch).await.unwrap();
                let found: Vec<_> = found.iter().map(|row| row.id).collect();
                assert!(
                    found.is_empty() || found == *members,
                    "{batch} was shared out"
                );
                *count += usize::from(!found.is_empty());
            }
        }
        left = batches.len() - taken.iter().sum::<usize>();
        assert!(began.elapsed() < Duration::from_secs(60), "{left} are left");
    }
    assert_eq!(taken.iter().sum::<usize>(), batches.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_has_one_owner_and_few_change_theirs_when_a_node_comes() {
    let database = with_a_store().await;
    let nodes = [
        join(&database.address(), true).await,
        join(&database.address(), true).await,
    ];
    let endpoints: Vec<_> = (0..1_000)
        .map(|number| fanfare_domain::id::EndpointId::new(hour(number), number * 7_919))
        .collect();
    let agree = |nodes: &[&Node]| {
        endpoints.iter().all(|endpoint| {
            let owners: Vec<_> = (nodes.iter())
                .map(|node| node.member.favourite(*endpoint))
                .collect();
            owners.iter().all(|owner| *owner == owners[0])
        })
    };
    let until_they_agree = async |nodes: &[&Node]| {
        let ids: Vec<_> = nodes.iter().map(|node| node.member.id()).collect();
        while !agree(nodes)
            || !endpoints
                .iter()
                .any(|endpoint| nodes[0].member.favourite(*endpoint) == ids[ids.len() - 1])
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    until_they_agree(&[&nodes[0], &nodes[1]]).await;
    let before: Vec<_> = (endpoints.iter())
        .map(|endpoint| nodes[0].member.favourite(*endpoint))
        .collect();
    let third = join(&database.address(), true).await;
    until_they_agree(&[&nodes[0], &nodes[1], &third]).await;
    let mut moved = 0;
    for (endpoint, before) in endpoints.iter().zip(before) {
        let owner = third.member.favourite(*endpoint);
        if owner != before {
            moved += 1;
            assert_eq!(owner, third.member.id(), "it moved to the new one");
        }
    }
    assert!((230..440).contains(&moved), "{moved} of 1,000 moved");
}
