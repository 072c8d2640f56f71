//! Opening a store, and its schema's versions.

use fanfare_store_postgres::{Address, OpenError, Options, PostgresStore, SCHEMA_VERSION, migrate};
use fanfare_testkit::postgres::Cluster;

use crate::databases::{at, open};
use crate::made::{appended, event, hour};

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_the_same_time_make_one_store() {
    let database = Cluster::shared().database(None);
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let address = Address::parse(&database.address()).unwrap();
            tokio::spawn(async move { migrate(&address).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for start in starts {
        let migrated = start.await.unwrap();
        assert_eq!(migrated.to, SCHEMA_VERSION);
        made += u32::from(migrated.from == 0);
    }
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_schema_is_used_as_long_as_it_says_that_it_can_be() {
    let database = Cluster::shared().database(None);
    let addresses = at(&database.address());
    let options = Options::default();
    let none = PostgresStore::open_as_it_is(&addresses, &options).await;
    assert!(matches!(none.err(), Some(OpenError::NoStore)));
    migrate(&addresses.direct).await.unwrap();
    let version = SCHEMA_VERSION + 1;
    database.run(&format!(
        "INSERT INTO fanfare.schema_versions (version, oldest_user) VALUES ({version}, {SCHEMA_VERSION})"
    ));
    let store = open(&database.address()).await;
    appended(&*store.log(), event(hour(1), 1)).await;
    database.run(&format!(
        "INSERT INTO fanfare.schema_versions (version, oldest_user) VALUES ({}, {version})",
        version + 1
    ));
    let newer = PostgresStore::open(&addresses, &options).await;
    let newer = newer.err().unwrap();
    assert!(matches!(newer, OpenError::Newer { .. }), "{newer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_hosts_the_one_that_takes_writes_is_used() {
    let standby = Cluster::start(&["fsync=off", "default_transaction_read_only=on"]);
    let primary = Cluster::start(&["fsync=off"]);
    primary.run("CREATE DATABASE f");
    let address = format!(
        "postgres://fanfare@127.0.0.1:{},127.0.0.1:{}/f?target_session_attrs=read-write",
        standby.port().unwrap(),
        primary.port().unwrap()
    );
    // The first one has no such database: a host that refuses is no reason to give up.
    let store = open(&address).await;
    appended(&*store.log(), event(hour(1), 1)).await;
}
