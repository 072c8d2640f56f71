//! PostgreSQL goes away under load, in each of its ways: nothing acknowledged is lost, publishers are
//! told, and everything goes on by itself.
//!
//! `make outages ROUNDS=10` kills it more often.

mod load;

use std::time::Duration;

use fanfare_testkit::postgres::Cluster;

use self::load::Load;
use crate::harness::{Server, Setup, number_from_environment};

/// Events that are acknowledged between two outages.
const BETWEEN: usize = 100;

async fn serve(address: &str) -> Server {
    Setup::new().set("FANFARE_STORE", address).start().await
}

fn rounds() -> u64 {
    number_from_environment("ROUNDS").unwrap_or(2)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_however_often_postgresql_is_killed() {
    let mut cluster = Cluster::start(&[]);
    cluster.run("CREATE DATABASE f");
    let server = serve(&cluster.address("f")).await;
    let load = Load::begin(&server).await;
    for _ in 0..rounds() {
        load.goes_on(BETWEEN, 0).await;
        cluster.kill();
        load.goes_on(0, 1).await;
        load.ready(false).await;
        cluster.restart();
        load.ready(true).await;
    }
    load.goes_on(BETWEEN, 0).await;
    // The node knows what it sent, and records it when the server is back.
    assert_eq!(load.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_failovers_to_a_synchronous_standby() {
    let mut primary = Cluster::start(&[]);
    primary.run("CREATE DATABASE f");
    let mut standby = primary.standby();
    let ports = [&primary, &standby].map(|cluster| cluster.port().unwrap());
    let address = format!(
        "postgres://fanfare@127.0.0.1:{},127.0.0.1:{}/f?target_session_attrs=read-write",
        ports[0], ports[1]
    );
    primary.wait_for_standbys(true);
    let server = serve(&address).await;
    let load = Load::begin(&server).await;
    for round in 0..rounds() {
        if round > 0 {
            standby.follow(&primary);
            primary.wait_for_standbys(true);
        }
        load.goes_on(BETWEEN, 0).await;
        primary.kill();
        load.goes_on(0, 1).await;
        load.ready(false).await;
        standby.promote();
        // Nobody is there whom it could wait for.
        standby.wait_for_standbys(false);
        std::mem::swap(&mut primary, &mut standby);
        load.ready(true).await;
    }
    load.goes_on(BETWEEN, 0).await;
    assert_eq!(load.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_on_after_postgresql_took_no_writes_let_nobody_in_and_hung() {
    let cluster = Cluster::start(&["fsync=off"]);
    // Limits and settings bind only who is no superuser.
    cluster.run("CREATE ROLE app LOGIN");
    cluster.run("CREATE DATABASE f OWNER app");
    let server = serve(&cluster.address("f").replace("fanfare@", "app@")).await;
    let load = Load::begin(&server).await;
    let out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'";
    let troubles: [(&[&str], &[&str]); 2] = [
        (
            &[
                "ALTER SYSTEM SET default_transaction_read_only = on",
                "SELECT pg_reload_conf()",
            ],
            &[
                "ALTER SYSTEM RESET default_transaction_read_only",
                "SELECT pg_reload_conf()",
            ],
        ),
        (
            &["ALTER ROLE app CONNECTION LIMIT 0", out],
            &["ALTER ROLE app CONNECTION LIMIT -1"],
        ),
    ];
    for (begin, end) in troubles {
        load.goes_on(BETWEEN, 0).await;
        begin.iter().for_each(|sql| cluster.run(sql));
        load.goes_on(0, 1).await;
        load.ready(false).await;
        end.iter().for_each(|sql| cluster.run(sql));
        load.ready(true).await;
    }
    load.goes_on(BETWEEN, 0).await;
    cluster.pause(true);
    load.goes_on(0, 1).await;
    load.ready(false).await;
    cluster.pause(false);
    load.ready(true).await;
    load.goes_on(BETWEEN, 0).await;
    assert_eq!(load.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_postgresql_makes_publishers_wait_and_refuses_none() {
    let cluster = Cluster::start(&["fsync=off"]);
    cluster.run("CREATE DATABASE f");
    let server = serve(&cluster.address("f")).await;
    let load = Load::begin(&server).await;
    load.goes_on(BETWEEN, 0).await;
    // As long as a commit on a disk that is full of others' work.
    slow(&cluster, Duration::from_millis(300));
    load.goes_on(BETWEEN, 0).await;
    load.ready(true).await;
    assert_eq!(load.counts().refused, 0);
    assert_eq!(load.end().await, 0);
}

/// Lets each commit of events and of outcomes take so long.
fn slow(cluster: &Cluster, by: Duration) {
    let seconds = by.as_secs_f64();
    let statements = [
        format!(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$"
        ),
        "CREATE TRIGGER slow AFTER INSERT ON fanfare.events EXECUTE FUNCTION slow()".to_owned(),
        "CREATE TRIGGER slow AFTER INSERT ON fanfare.deliveries EXECUTE FUNCTION slow()".to_owned(),
    ];
    for statement in statements {
        cluster.run_in("f", &statement);
    }
}
