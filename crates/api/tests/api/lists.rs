//! Pages and filters.

use serde_json::{Value, json};

use crate::world::World;

async fn walk(world: &World, path: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    let mark = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = world
            .get(&format!("{path}{mark}limit={limit}{cursor}"))
            .await
            .ok(200);
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        all.extend(data.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_list_is_walked_page_by_page_newest_first() {
    let world = World::furnished().await;
    for place in 0..7 {
        let tenant = json!({"id": format!("t{place}"), "name": "x"});
        world.post("/v1/tenants", tenant).await.ok(201);
        let event_type = json!({"name": format!("type.{place}")});
        world.post("/v1/event-types", event_type).await.ok(201);
        world
            .post("/v1/environments", json!({"id": format!("e{place}")}))
            .await
            .ok(201);
        world.key("reader", None).await;
        world.endpoint().await;
        let event = json!({"type": "invoice.paid", "data": place, "id": format!("n{place}")});
        world.post("/v1/tenants/acme/events", event).await.ok(202);
    }
    for (path, count) in [
        ("/v1/tenants", 9),
        ("/v1/event-types", 8),
        ("/v1/environments", 8),
        ("/v1/keys", 7),
        ("/v1/tenants/acme/endpoints", 8),
        ("/v1/tenants/acme/events", 7),
        ("/v1/tenants/acme/events/n6/deliveries", 8),
    ] {
        let whole = walk(&world, path, 250).await;
        assert_eq!(whole.len(), count, "{path}");
        for limit in [1, 2, 3, count] {
            assert_eq!(walk(&world, path, limit).await, whole, "{path} {limit}");
        }
    }
    let tenants = walk(&world, "/v1/tenants", 50).await;
    assert_eq!(tenants[0]["id"], "t6");
    let events = walk(&world, "/v1/tenants/acme/events", 50).await;
    assert_eq!(events[0]["id"], "n6");
    assert!(events[0].get("data").is_none());
}

#[tokio::test]
async fn events_are_filtered_by_type_and_time() {
    let world = World::furnished().await;
    world
        .post("/v1/event-types", json!({"name": "other.type"}))
        .await
        .ok(201);
    let events = "/v1/tenants/acme/events";
    let mut times = Vec::new();
    for name in ["invoice.paid", "other.type", "invoice.paid"] {
        let made = world
            .post(events, json!({"type": name, "data": 1}))
            .await
            .ok(202);
        times.push(made["timestamp"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        walk(&world, &format!("{events}?type=invoice.paid"), 1)
            .await
            .len(),
        2
    );
    assert_eq!(
        walk(&world, &format!("{events}?since={}", times[1]), 50)
            .await
            .len(),
        2
    );
    assert_eq!(
        walk(&world, &format!("{events}?until={}", times[1]), 50)
            .await
            .len(),
        1
    );
    let of_one = format!(
        "{events}?type=invoice.paid&since={}&until={}",
        times[0], times[2]
    );
    assert_eq!(walk(&world, &of_one, 50).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let world = World::furnished().await;
    let endpoint = world.endpoint().await;
    let cursor = world.get("/v1/tenants?limit=1").await.ok(200)["next_cursor"].to_string();
    let cursor = cursor.trim_matches('"');
    for (path, places) in [
        ("/v1/tenants?limit=0".to_owned(), vec!["limit"]),
        (
            "/v1/tenants?limit=x&cursor=%21&offset=3".to_owned(),
            vec!["cursor", "limit", "offset"],
        ),
        (format!("/v1/keys?cursor={cursor}"), vec!["cursor"]),
        (
            "/v1/tenants/acme/events?type=a%20b&since=yesterday&until=".to_owned(),
            vec!["since", "type", "until"],
        ),
        (
            "/v1/tenants/acme/deliveries?state=lost&endpoint=7&event_type=".to_owned(),
            vec!["endpoint", "event_type", "state"],
        ),
        (
            format!("{endpoint}/deliveries?endpoint=7"),
            vec!["endpoint"],
        ),
        (
            format!("{endpoint}/stats?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"),
            vec!["from"],
        ),
        (
            format!("{endpoint}/stats?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z"),
            vec!["from"],
        ),
    ] {
        let answer = world.get(&path).await;
        answer.problem(400);
        assert_eq!(answer.faults(), places, "{path}");
    }
}
