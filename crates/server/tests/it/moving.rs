//! Moving a store to PostgreSQL and back, with the binary as it is shipped.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use fanfare_domain::time::Timestamp;
use fanfare_testkit::postgres::{Cluster, Database};
use fanfare_testkit::receiver::{Answer, Receiver};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, Reply, Server, Setup, World, fanfare};

mod interrupted;
mod refusals;

/// How long a node may be silent here before it is taken for gone.
const DETECTION: &str = "1s";

fn setup() -> Setup {
    Setup::new().set("FANFARE_NODE_DETECTION", DETECTION)
}

fn on(database: &Database) -> Setup {
    setup().set("FANFARE_STORE", &database.address())
}

fn file(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Runs `fanfare move`, without settings but one, to its end.
fn moved(from: &str, to: &str) -> Output {
    let settings = BTreeMap::from([("FANFARE_NODE_DETECTION".to_owned(), DETECTION.to_owned())]);
    let mut command = fanfare(&settings);
    command.args(["move", "--from", from, "--to", to]);
    tokio::task::block_in_place(|| command.output().expect("the binary can be started"))
}

fn must_have_moved(from: &str, to: &str) -> String {
    let output = moved(from, to);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Why a move did not go through.
fn complaint(from: &str, to: &str) -> String {
    let output = moved(from, to);
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    complaint.replace('\n', " ")
}

/// Everything that the API shows, by path: of the tenant, and of each event and delivery.
async fn everything(api: &Api) -> BTreeMap<String, Value> {
    let mut shown = BTreeMap::new();
    let tenant = "/v1/tenants/acme";
    let mut paths = vec![
        "/v1/environments".to_owned(),
        "/v1/tenants?limit=100".to_owned(),
        "/v1/event-types?limit=100".to_owned(),
        "/v1/keys?limit=100".to_owned(),
        "/v1/jobs?limit=100".to_owned(),
        tenant.to_owned(),
        format!("{tenant}/endpoints?limit=100"),
        format!("{tenant}/jobs?limit=100"),
        format!("{tenant}/events?limit=100"),
        format!("{tenant}/deliveries?limit=100"),
        format!("{tenant}/deliveries?limit=100&state=failed"),
    ];
    while let Some(path) = paths.pop() {
        let mut answer = api.get(&path).await.expect(200);
        for each in answer["data"].as_array().into_iter().flatten() {
            let id = each["id"].as_str().unwrap_or_default();
            if path == format!("{tenant}/endpoints?limit=100") {
                paths.push(format!("{tenant}/endpoints/{id}/secrets"));
                paths.push(format!("{tenant}/endpoints/{id}/stats"));
                paths.push(format!("{tenant}/endpoints/{id}/deliveries?limit=100"));
            } else if path == format!("{tenant}/events?limit=100") {
                paths.push(format!("{tenant}/events/{id}"));
                paths.push(format!("{tenant}/events/{id}/deliveries"));
            } else if path == format!("{tenant}/deliveries?limit=100") {
                paths.push(format!("{tenant}/deliveries/{id}/attempts"));
            }
        }
        if path.ends_with("/endpoints?limit=100") {
            // Since when an endpoint fails is in memory only.
            let endpoints = answer["data"].as_array_mut().unwrap().iter_mut();
            endpoints.for_each(|endpoint| endpoint["failing_since"] = Value::Null);
        }
        shown.insert(path, answer);
    }
    shown
}

/// Publishes with an id and an `Idempotency-Key`; answers the status and the event's id.
async fn publish_once(api: &Api, uid: &str) -> (u16, String) {
    let event = json!({"id": uid, "type": "invoice.paid", "data": {"once": uid}});
    let answer = api.post("/v1/tenants/acme/events", event).await;
    let status = answer.status.as_u16();
    (
        status,
        answer.json()["id"].as_str().unwrap_or_default().to_owned(),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "a real server is told of a real time"
)]
fn tomorrow() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(i64::try_from(now.as_secs()).unwrap() + 86_400)
}

/// A tenant with some of everything, and nothing under way.
async fn fill(server: &Server, receiver: &Receiver) -> World {
    let world = World::make(server.api()).await;
    receiver.answer("/fails", Answer::status(500).body(vec![0, 1, 0xFF, b'x']));
    world.endpoint(&receiver.url("/ok"), json!({})).await;
    let patient = json!({"delivery_policy": {"waits": ["0s", "600s"]}});
    world.endpoint(&receiver.url("/fails"), patient).await;
    let strict =
        json!({"ordering": "strict", "on_failure": "hold", "delivery_policy": {"waits": ["0s"]}});
    world.endpoint(&receiver.url("/fails"), strict).await;
    let gone = world.endpoint(&receiver.url("/gone"), json!({})).await;
    let gone = format!(
        "/v1/tenants/acme/endpoints/{}",
        gone["id"].as_str().unwrap()
    );
    (world.api.send(Method::DELETE, &gone, None).await).expect_text(204);
    for number in 0..10 {
        world
            .publish(json!({"number": number, "padding": "ä".repeat(5_000)}))
            .await;
    }
    publish_once(&world.api, "once-1").await;
    let later = json!({"type": "invoice.paid", "data": {}, "deliver_at": tomorrow().to_string()});
    (world.api.post("/v1/tenants/acme/events", later).await).expect(202);
    let made = json!({"name": "ci", "role": "publisher"});
    world.api.post("/v1/keys", made).await.expect(201);
    // 12 events at 3 endpoints: each has its row, and what can be attempted has been.
    let settled = |answer: &Reply| {
        let answer = answer.json();
        let rows = answer["data"].as_array().unwrap();
        let state = |state| rows.iter().filter(|row| row["state"] == state).count();
        let attempts: u64 = rows.iter().filter_map(|row| row["attempts"].as_u64()).sum();
        rows.len() == 36 && state("delivered") == 11 && state("failed") == 1 && attempts == 23
    };
    let all = "/v1/tenants/acme/deliveries?limit=100";
    world.api.until(all, settled).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_the_same_in_postgresql_and_back_in_a_file_and_goes_on_there() {
    let receiver = Receiver::start().await;
    let database = Cluster::shared().database(None);
    let mut server = setup().start().await;
    let origin = server.folder().join("fanfare.db");
    let world = fill(&server, &receiver).await;
    let before = everything(&world.api).await;
    let held = before["/v1/tenants/acme/deliveries?limit=100&state=failed"]["data"][0].clone();
    let once = publish_once(&world.api, "once-1").await;
    // Some are accepted, and have no row yet when the process is gone.
    receiver.answer("/late", Answer::ok());
    world.endpoint(&receiver.url("/late"), json!({})).await;
    let mut late = Vec::new();
    for number in 0..5 {
        late.push(world.publish(json!({"late": number})).await);
    }
    server.kill().await;

    let said = must_have_moved(&file(&origin), &database.address());
    assert!(said.contains("17 events"), "{said}");

    let mut server = on(&database).start().await;
    let world = World::at(server.api());
    let all_late = |api: Api, late: Vec<String>| async move {
        for event in late {
            let path = format!("/v1/tenants/acme/events/{event}/deliveries?state=delivered");
            let two = |answer: &Reply| answer.json()["data"].as_array().unwrap().len() == 2;
            api.until(&path, two).await;
        }
    };
    all_late(server.api(), late.clone()).await;
    // What the log alone knew of keeps to its order: behind the one that holds.
    for event in &late {
        let path = format!("/v1/tenants/acme/events/{event}/deliveries");
        let deliveries = world.api.get(&path).await.expect(200);
        let of_strict = |one: &&Value| one["endpoint_id"] == held["endpoint_id"];
        let mut deliveries = deliveries["data"].as_array().unwrap().iter();
        let waiting = deliveries.find(of_strict).unwrap();
        assert_eq!(
            (&waiting["state"], &waiting["attempts"]),
            (&json!("waiting"), &json!(0))
        );
    }
    compare(&before, &everything(&world.api).await);
    assert_eq!(publish_once(&world.api, "once-1").await, once);
    let there = everything(&world.api).await;
    assert_eq!(server.terminate().await.code(), Some(0));

    let back = server.folder().join("back.db");
    must_have_moved(&database.address(), &file(&back));
    let server = setup().set("FANFARE_STORE", &file(&back)).start().await;
    let world = World::at(server.api());
    let here = everything(&world.api).await;
    assert_eq!(timeless(&there), timeless(&here));
    compare(&before, &here);
    assert_eq!(publish_once(&world.api, "once-1").await, once);

    // What waited goes on: in order behind the hold, and by itself.
    receiver.answer("/fails", Answer::ok());
    let id = held["id"].as_str().unwrap();
    let skip = format!("/v1/tenants/acme/deliveries/{id}/skip");
    world.api.post(&skip, json!({})).await;
    // All but the one for tomorrow, and the one that held.
    let behind = format!(
        "/v1/tenants/acme/endpoints/{}/deliveries?limit=100&state=delivered",
        held["endpoint_id"].as_str().unwrap()
    );
    let all = |answer: &Reply| answer.json()["data"].as_array().unwrap().len() == 15;
    world.api.until(&behind, all).await;
}

/// Lists have more entries by what came later, and minutes higher sums; what each thing shows stays.
fn compare(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    for (path, shown) in before.iter().filter(|(path, _)| !path.ends_with("/stats")) {
        if path.contains('?') {
            let now = after[path]["data"].as_array().cloned().unwrap_or_default();
            for entry in shown["data"].as_array().unwrap() {
                assert!(now.contains(entry), "{path}: {entry} is not in {now:?}");
            }
        } else {
            assert_eq!(Some(shown), after.get(path), "{path}");
        }
    }
}

/// Without the moment at which sums were asked for.
fn timeless(shown: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut shown = shown.clone();
    for (path, shown) in &mut shown {
        if path.ends_with("/stats") {
            *shown = shown["minutes"].take();
        }
    }
    shown
}

/// Starts a move, and kills it once it has copied some events.
fn kill_in_the_middle(from: &str, to: &str) {
    let settings = BTreeMap::from([("FANFARE_NODE_DETECTION".to_owned(), DETECTION.to_owned())]);
    let mut command = fanfare(&settings);
    command.args(["move", "--from", from, "--to", to]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let begun = lines.any(|line| line.unwrap().starts_with("events: "));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begun, "the move ended before it told of events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_killed_goes_on_and_its_target_is_no_store_before() {
    const EVENTS: usize = 4_000;
    let receiver = Receiver::builder().keep(0).start().await;
    let mut server = setup().start().await;
    let world = World::make(server.api()).await;
    world.endpoint(&receiver.url("/ok"), json!({})).await;
    let event = |number| {
        json!({"tenant": "acme", "type": "invoice.paid",
            "data": {"number": number, "padding": "x".repeat(2_000)}})
    };
    for from in (0..EVENTS).step_by(100) {
        let batch: Vec<Value> = (from..from + 100).map(event).collect();
        let answer = world
            .api
            .post("/v1/events/batch", json!({"events": batch}))
            .await;
        assert!(answer.text().contains("202"), "{}", answer.text());
    }
    let nothing = |answer: &Reply| answer.json()["data"].as_array().unwrap().is_empty();
    world
        .api
        .until("/v1/tenants/acme/deliveries?state=waiting", nothing)
        .await;
    server.terminate().await;
    let (origin, back) = (
        server.folder().join("fanfare.db"),
        server.folder().join("back.db"),
    );
    let database = Cluster::shared().database(None);

    for (from, to) in [
        (file(&origin), database.address()),
        (database.address(), file(&back)),
    ] {
        tokio::task::block_in_place(|| kill_in_the_middle(&from, &to));
        let unfinished = setup().set("FANFARE_STORE", &to);
        for command in ["serve", "migrate"] {
            let output = tokio::task::block_in_place(|| unfinished.run(&[command]));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("unfinished target of a move"), "{said}");
        }
        let said = must_have_moved(&from, &to);
        assert!(said.contains(&format!("{EVENTS} events")), "{said}");
        assert!(said.contains(&format!("{EVENTS} deliveries")), "{said}");
        assert!(said.contains(&format!("{EVENTS} attempts")), "{said}");
    }
}
