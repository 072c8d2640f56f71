//! Jobs: begun, looked up, changed.

use serde_json::{Value, json};

use crate::world::World;

const JOBS: &str = "/v1/tenants/acme/jobs";

async fn retry(world: &World) -> Value {
    let begun = world.post(JOBS, json!({"action": "retry"})).await;
    let location = begun.headers["location"].to_str().unwrap().to_owned();
    let job = begun.ok(202);
    assert_eq!(location, format!("{JOBS}/{}", job["id"].as_str().unwrap()));
    job
}

#[tokio::test]
async fn a_job_is_begun_looked_up_paused_resumed_and_cancelled() {
    let world = World::furnished().await;
    let job = retry(&world).await;
    assert_eq!(
        (&job["state"], &job["tenant"]),
        (&json!("running"), &json!("acme"))
    );
    assert_eq!(job["filter"]["states"], json!(["failed"]));
    let nothing = json!({"matched": 0, "taken": 0, "skipped": 0, "left_alone": 0, "reached": null});
    assert_eq!(job["progress"], nothing);
    let path = format!("{JOBS}/{}", job["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.ok(200), job);
    for (change, state) in [
        (json!({"state": "paused"}), "paused"),
        (json!({"rate": 7}), "paused"),
        (json!({"state": "running"}), "running"),
        (json!({"state": "cancelled"}), "cancelled"),
        // The same again is no fault.
        (json!({"state": "cancelled"}), "cancelled"),
    ] {
        let changed = world.write("PATCH", &path, change).await.ok(200);
        assert_eq!(changed["state"], state);
    }
    let ended = world.get(&path).await.ok(200);
    assert_eq!(ended["rate"], 7);
    assert!(ended["ended_at"].is_string());
    let again = world
        .write("PATCH", &path, json!({"state": "running"}))
        .await;
    again.problem(409);
    let wrong = world
        .write(
            "PATCH",
            &path,
            json!({"state": "failed", "rate": 0, "x": 1}),
        )
        .await;
    wrong.problem(422);
    assert_eq!(wrong.faults(), ["#/rate", "#/state", "#/x"]);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_job_is_told_at_once() {
    let world = World::furnished().await;
    let filter = json!({
        "endpoint": "ep_1",
        "event_type": "no type",
        "last_error": "bad_luck",
        "states": ["waiting"],
        "since": "2026-10-02T00:00:00Z",
        "until": "2026-10-01T00:00:00Z",
    });
    let wrong = json!({"action": "retry", "rate": 1_000_000, "filter": filter});
    let answer = world.post(JOBS, wrong).await;
    answer.problem(422);
    let places = [
        "#/filter/endpoint",
        "#/filter/event_type",
        "#/filter/last_error",
        "#/filter/since",
        "#/filter/states",
        "#/filter/until",
        "#/rate",
    ];
    assert_eq!(answer.faults(), places);
    let answer = world.post(JOBS, json!({})).await;
    assert_eq!(answer.faults(), ["#/action"]);
    assert!(
        world.get(JOBS).await.ok(200)["data"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_endpoint_is_recovered_from_a_time_on_if_it_is_enabled() {
    let world = World::furnished().await;
    let endpoint = world.endpoint().await;
    let path = format!("{endpoint}/recover");
    let answer = world.post(&path, json!({"what": "all"})).await;
    answer.problem(422);
    assert_eq!(answer.faults(), ["#/since", "#/what"]);
    let since = json!({"since": "2026-09-01T00:00:00Z", "what": "missed"});
    let job = world.post(&path, since.clone()).await.ok(202);
    assert_eq!(
        (&job["action"], &job["what"]),
        (&json!("recover"), &json!("missed"))
    );
    assert_eq!(job["since"], "2026-09-01T00:00:00.000Z");
    assert!(endpoint.ends_with(job["endpoint_id"].as_str().unwrap()));
    let off = json!({"enabled": false});
    world.write("PATCH", &endpoint, off).await.ok(200);
    world.post(&path, since).await.problem(409);
    let nowhere = "/v1/tenants/acme/endpoints/ep_00000000000000000000000000/recover";
    world.post(nowhere, json!({})).await.problem(404);
}

#[tokio::test]
async fn a_tenants_key_sees_its_own_jobs_only() {
    let world = World::furnished().await;
    let own = retry(&world).await;
    let all = world.post("/v1/jobs", json!({"action": "retry"})).await;
    let all = all.ok(202);
    assert!(all["tenant"].is_null());
    let listed = world.get("/v1/jobs").await.ok(200);
    assert_eq!(listed["data"], json!([all, own]));
    assert_eq!(world.get(JOBS).await.ok(200)["data"], json!([own]));
    let first = world.get("/v1/jobs?limit=1").await.ok(200);
    let next = first["next_cursor"].as_str().unwrap();
    let second = world.get(&format!("/v1/jobs?cursor={next}")).await.ok(200);
    assert_eq!(second["data"], json!([own]));
    let key = world.key("manager", Some("other")).await;
    let id = own["id"].as_str().unwrap();
    for (path, status) in [
        (format!("/v1/tenants/other/jobs/{id}"), 404),
        (format!("{JOBS}/{id}"), 403),
        ("/v1/jobs".to_owned(), 403),
        (format!("/v1/jobs/{id}"), 403),
    ] {
        world
            .call("GET", &path, &key, &[], None)
            .await
            .problem(status);
    }
    let id = all["id"].as_str().unwrap();
    world.get(&format!("{JOBS}/{id}")).await.problem(404);
    world.get(&format!("/v1/jobs/{id}")).await.ok(200);
    let reader = world.key("reader", None).await;
    let body = br#"{"action":"retry"}"#;
    let answer = world
        .call("POST", "/v1/jobs", &reader, &[], Some(body))
        .await;
    answer.problem(403);
}

#[tokio::test]
async fn open_jobs_are_bounded() {
    let world = World::furnished().await;
    for _ in 0..10 {
        retry(&world).await;
    }
    let refused = world.post(JOBS, json!({"action": "retry"})).await;
    let problem = refused.problem(429);
    assert_eq!(problem["quota"], "jobs");
    let other = world
        .post("/v1/tenants/other/jobs", json!({"action": "retry"}))
        .await;
    other.ok(202);
}

#[tokio::test]
async fn enabling_an_endpoint_offers_what_it_missed() {
    let world = World::furnished().await;
    let endpoint = world.endpoint().await;
    let missed = format!("{endpoint}/missed");
    world.get(&missed).await.problem(400);
    let set = async |enabled: bool| {
        let change = json!({"enabled": enabled});
        world.write("PATCH", &endpoint, change).await.ok(200)
    };
    // Nothing missed, nothing offered.
    let off = set(false).await;
    assert!(set(true).await["missed"].is_null());
    assert!(off["missed"].is_null());
    set(false).await;
    let since = world.get(&endpoint).await.ok(200)["disabled_since"].clone();
    for _ in 0..70 {
        let event = json!({"type": "invoice.paid", "data": 1});
        world.post("/v1/tenants/acme/events", event).await.ok(202);
    }
    let told = json!({
        "since": since,
        "count": 70,
        "more": false,
        "recover": format!("{endpoint}/recover"),
    });
    assert_eq!(world.get(&missed).await.ok(200), told);
    assert_eq!(set(true).await["missed"], told);
    // Said in the answer of that change only.
    assert!(world.get(&endpoint).await.ok(200).get("missed").is_none());
    let asked = format!("{missed}?since={}", since.as_str().unwrap());
    assert_eq!(world.get(&asked).await.ok(200), told);
    let wrong = world.get(&format!("{missed}?since=yesterday")).await;
    wrong.problem(400);
    assert_eq!(wrong.faults(), ["since"]);
}

#[tokio::test]
async fn a_cancellation_takes_what_waits_and_nothing_else() {
    let world = World::furnished().await;
    let states = json!({"action": "cancel", "filter": {"states": ["failed"]}});
    let refused = world.post(JOBS, states).await;
    refused.problem(422);
    assert_eq!(refused.faults(), ["#/filter/states"]);
    let job = world.post(JOBS, json!({"action": "cancel"})).await.ok(202);
    assert_eq!(job["filter"]["states"], json!(["waiting"]));
    // It sends nothing, so it goes as fast as the server allows.
    assert_eq!(job["rate"], 2_000);
}
