//! The server goes away and comes back.

use std::sync::Arc;

use fanfare_app::port::StoreError;
use fanfare_app::port::deliveries::{Count, Settlement};
use fanfare_app::port::log::Event;
use fanfare_testkit::postgres::Cluster;

use crate::databases::open;
use crate::made::{append, appended, delivery, event, hour};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_a_killed_server_and_work_goes_on_by_itself() {
    let mut cluster = Cluster::start(&[]);
    cluster.run("CREATE DATABASE f");
    let store = open(&cluster.address("f")).await;
    let log = store.log();
    let mut acknowledged = Vec::new();
    for round in 0..3_u64 {
        let of_round = |number| event(hour(1), 100 * round + number);
        for number in 0..5 {
            let position = appended(&*log, of_round(number)).await;
            acknowledged.push(of_round(number).id);
            // As the engine parks a delivery, which it then holds in memory no longer.
            let parked = Settlement {
                delivery: delivery(&of_round(number)),
                attempt: None,
            };
            let part = store.deliveries();
            part.settle(Arc::new(vec![parked]), Some(position))
                .await
                .unwrap();
        }
        if round == 1 {
            cluster.stop();
        } else {
            cluster.kill();
        }
        let error = log.append(vec![append(of_round(9))]).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        store.deliveries().materialised().await.unwrap_err();
        cluster.restart();
        // Connections that were lost are made anew.
        store.deliveries().materialised().await.unwrap();
    }
    let read: Vec<Event> = (log.read_after(0, 100).await.unwrap().into_iter())
        .map(|(_, event)| (*event).clone())
        .collect();
    let ids: Vec<_> = read.iter().map(|event| event.id).collect();
    for id in acknowledged {
        assert!(ids.contains(&id), "{id} was acknowledged");
    }
    let backlog = store.deliveries().backlog().await.unwrap();
    assert_eq!(backlog.waiting, Count::Exact(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_is_not_ready() {
    let cluster = Cluster::start(&["fsync=off"]);
    cluster.run("CREATE DATABASE f");
    let store = open(&cluster.address("f")).await;
    appended(&*store.log(), event(hour(1), 1)).await;
    let read_only = |on| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {on}");
        cluster.run(&set);
        cluster.run("SELECT pg_reload_conf()");
    };
    read_only("on");
    let refused = async {
        while log_ends(&store).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), refused)
        .await
        .unwrap();
    store.deliveries().materialised().await.unwrap_err();
    read_only("off");
    let taken = async {
        while log_ends(&store).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), taken)
        .await
        .unwrap();
    store.deliveries().materialised().await.unwrap();
}

async fn log_ends(store: &fanfare_store_postgres::PostgresStore) -> Result<(), StoreError> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(1_000);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let answers = store
        .log()
        .append(vec![append(event(hour(1), number))])
        .await;
    answers.map(drop)
}
