//! Positions become visible out of order, and no reader passes one that is still to come.

use std::time::Duration;

use fanfare_app::port::log::{Event, EventRef};
use fanfare_domain::name::EventTypeName;
use fanfare_testkit::postgres::Database;
use tokio_postgres::{Client, NoTls};

use crate::databases::{open, with_a_store};
use crate::made::{append, appended, event, hour, scope};

/// Makes events of the type `slow` wait, inside their transaction and with their position, for whoever
/// has a lock.
const SLOW: &str = "
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON fanfare.events FOR EACH ROW
    WHEN (NEW.event_type = 'slow') EXECUTE FUNCTION wait();";

/// Holds commits of such events open.
pub(crate) struct Slow(Client);

impl Slow {
    pub(crate) async fn at(database: &Database) -> Self {
        database.run(SLOW);
        let address = database.address();
        let connected = tokio_postgres::connect(&address, NoTls).await;
        let (client, connection) = connected.unwrap();
        tokio::spawn(connection);
        let holding = client.batch_execute("SELECT pg_advisory_lock(7)");
        holding.await.unwrap();
        Self(client)
    }

    /// Once one waits, it has its position.
    pub(crate) async fn until_one_waits(&self) {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while (self.0.query_one(waiting, &[]).await.unwrap()).get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn let_go(&self) {
        let letting_go = self.0.batch_execute("SELECT pg_advisory_unlock(7)");
        letting_go.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_passes_a_commit_that_is_still_open() {
    let database = with_a_store().await;
    let store = open(&database.address()).await;
    let log = store.log();
    let first = appended(&*log, event(hour(1), 1)).await;

    let holding = Slow::at(&database).await;
    let slow = Event {
        event_type: EventTypeName::parse("slow").unwrap(),
        ..event(hour(1), 2)
    };
    let slow_id = slow.id;
    let held = tokio::spawn({
        let log = store.log();
        async move { log.append(vec![append(slow)]).await }
    });
    holding.until_one_waits().await;
    let later = event(hour(1), 3);
    let passed = appended(&*log, later.clone()).await;
    assert!(passed > first + 1, "the held one has its position before");
    // It is there for whoever knows of it,
    let known = log.event(&scope(), &EventRef::Id(later.id)).await.unwrap();
    assert!(known.is_some());
    // and a reader comes up to the one that is held, not further.
    let read = log.read_after(0, 10).await.unwrap();
    let ids: Vec<_> = read.iter().map(|(_, event)| event.id).collect();
    assert_eq!(ids, [event(hour(1), 1).id]);
    // Behind that it does not say that there is nothing.
    let mut reading = tokio::spawn({
        let log = store.log();
        async move { log.read_after(first, 10).await }
    });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut reading).await;
    assert!(early.is_err(), "{early:?}");

    holding.let_go().await;
    held.await.unwrap().unwrap();
    let read = reading.await.unwrap().unwrap();
    let ids: Vec<_> = read.iter().map(|(_, event)| event.id).collect();
    assert_eq!(ids, [slow_id, later.id]);
    let positions: Vec<_> = read.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, [first + 1, passed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_of_somebody_else_holds_no_reader_back() {
    let database = with_a_store().await;
    let store = open(&database.address()).await;
    let (client, connection) = tokio_postgres::connect(&database.address(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let long = "CREATE TABLE other (); BEGIN; DROP TABLE other";
    client.batch_execute(long).await.unwrap();
    let position = appended(&*store.log(), event(hour(1), 1)).await;
    let read = store.log().read_after(0, 10).await.unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].0, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_leaves_a_gap_that_is_passed() {
    let database = with_a_store().await;
    let fails = SLOW.replace("PERFORM pg_advisory_xact_lock(7)", "RAISE 'no'");
    database.run(&fails);
    let store = open(&database.address()).await;
    let log = store.log();
    let slow = Event {
        event_type: EventTypeName::parse("slow").unwrap(),
        ..event(hour(1), 2)
    };
    log.append(vec![append(slow)]).await.unwrap_err();
    assert_eq!(log.read_after(0, 10).await.unwrap(), []);
    let position = appended(&*log, event(hour(1), 1)).await;
    assert!(position > 1);
    let read = log.read_after(0, 10).await.unwrap();
    assert_eq!(read.len(), 1);
}
