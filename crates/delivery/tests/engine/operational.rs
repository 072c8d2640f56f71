//! Operational events: changes of state as events of the operator's own tenant.

use fanfare_app::endpoints::EndpointDraft;
use fanfare_app::port::Log;
use fanfare_app::port::log::EventQuery;
use fanfare_app::tenants::TenantDraft;
use fanfare_domain::breaker::BreakerPatch;
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::name::{Scope, TenantId};
use fanfare_domain::order::{OnFailure, Ordering};
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::{acme, endpoint};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;
use serde_json::Value;

use crate::world::{URL, World, pass, seconds};

/// Where the operator listens.
const DESK: &str = "https://desk.example/hook";

fn operations() -> Scope {
    Scope {
        tenant: TenantId::parse("operations").unwrap(),
        ..acme()
    }
}

/// A policy with two attempts, a second apart.
fn short() -> PolicyPatch {
    PolicyPatch {
        waits: Some(vec![seconds(0), seconds(1)]),
        jitter: Some(0.0),
        breaker: Some(BreakerPatch::off()),
        ..PolicyPatch::default()
    }
}

fn short_lived(url: &str) -> EndpointDraft {
    EndpointDraft {
        policy: Some(short()),
        ..endpoint(url)
    }
}

async fn open_desk(world: &World) -> Endpoint {
    let tenant = TenantDraft {
        id: Some("operations".to_owned()),
        name: Some("Operations".to_owned()),
        operational: Some(true),
        ..TenantDraft::default()
    };
    let environment = acme().environment;
    let fanfare = &world.fanfare;
    fanfare
        .create_tenant(&environment, tenant, Vec::new())
        .await
        .unwrap();
    fanfare
        .create_endpoint(&operations(), short_lived(DESK), Vec::new())
        .await
        .unwrap()
}

/// Types and data of what the operator was sent, in order.
fn told(world: &World) -> Vec<(String, Value)> {
    let sent = world.ground.sender.sent_to(DESK);
    sent.iter()
        .map(|sent| {
            let body: Value = serde_json::from_slice(&sent.body).unwrap();
            let name = body["type"].as_str().unwrap().to_owned();
            (name, body["data"].clone())
        })
        .collect()
}

fn types_told(world: &World) -> Vec<String> {
    told(world).into_iter().map(|(name, _)| name).collect()
}

async fn events_of_operations(world: &World) -> usize {
    let query = EventQuery {
        scope: operations(),
        event_type: None,
        since: None,
        until: None,
        before: None,
        limit: 1_000,
    };
    world.ground.store.events(&query).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_of_an_endpoint_that_is_gone_and_of_its_return() {
    let world = World::new().await;
    open_desk(&world).await;
    let made = world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::status(410));
    world.publish().await;
    pass(seconds(2)).await;
    world.change(made.id, endpoint(URL)).await;
    pass(seconds(2)).await;
    let told = told(&world);
    assert_eq!(told.len(), 2, "{told:?}");
    let (name, data) = &told[0];
    assert_eq!(name, "endpoint.disabled");
    assert_eq!(data["tenant"], "acme");
    assert_eq!(data["endpoint"]["id"], made.id.to_string());
    assert_eq!(data["reason"], "gone");
    assert_eq!(told[1].0, "endpoint.enabled");
    assert_eq!(told[1].1["endpoint"]["id"], made.id.to_string());
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_once_of_each_delivery_that_used_up_its_attempts() {
    let world = World::new().await;
    open_desk(&world).await;
    world.endpoint_with(short_lived(URL)).await;
    world.ground.sender.always(URL, Answer::status(503));
    let events = world.publish_many(150).await;
    pass(seconds(60)).await;
    let told = told(&world);
    assert_eq!(told.len(), 150);
    let mut ids: Vec<_> = told
        .iter()
        .map(|(name, data)| {
            assert_eq!(name, "delivery.exhausted");
            assert_eq!(data["delivery"]["attempts"], 2);
            assert_eq!(data["delivery"]["last_status"], 503);
            data["delivery"]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    ids.sort_unstable();
    let mut wanted: Vec<_> = events
        .iter()
        .map(|event| event.id.delivery(0).to_string())
        .collect();
    wanted.sort_unstable();
    assert_eq!(ids, wanted);
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_the_operators_own_endpoints_makes_no_event() {
    for answer in [500, 410] {
        let world = World::new().await;
        let desk = open_desk(&world).await;
        let made = world.endpoint(URL).await;
        world.ground.sender.always(DESK, Answer::status(answer));
        let mut draft = endpoint(URL);
        draft.enabled = Some(false);
        world.change(made.id, draft).await;
        pass(seconds(3_600)).await;
        // The one event of the other tenant's endpoint: its delivery failed, and nothing followed.
        assert_eq!(events_of_operations(&world).await, 1, "{answer}");
        let id = desk.id.to_string();
        let desk = world.fanfare.endpoint(&operations(), &id).await.unwrap();
        assert_eq!(desk.enabled(), answer == 500);
        let mut draft = short_lived(DESK);
        draft.enabled = Some(!desk.enabled());
        let fanfare = &world.fanfare;
        fanfare
            .replace_endpoint(&operations(), &id, draft, Vec::new())
            .await
            .unwrap();
        pass(seconds(3_600)).await;
        assert_eq!(events_of_operations(&world).await, 1, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stored_where_no_endpoint_of_the_operator_asks_for_it() {
    let world = World::new().await;
    let desk = open_desk(&world).await;
    let made = world.endpoint_with(short_lived(URL)).await;
    let mut draft = short_lived(DESK);
    draft.event_types = Some(vec![fanfare_app::endpoints::SubscriptionDraft::Text(
        "endpoint.disabled".to_owned(),
    )]);
    let fanfare = &world.fanfare;
    fanfare
        .replace_endpoint(&operations(), &desk.id.to_string(), draft, Vec::new())
        .await
        .unwrap();
    world.ground.sender.always(URL, Answer::status(503));
    world.publish().await;
    pass(seconds(60)).await;
    assert_eq!(events_of_operations(&world).await, 0);
    let mut draft = short_lived(URL);
    draft.enabled = Some(false);
    world.change(made.id, draft).await;
    pass(seconds(60)).await;
    assert_eq!(types_told(&world), ["endpoint.disabled"]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_change_and_its_event_loses_neither_and_doubles_neither() {
    for store_away in [true, false] {
        let world = World::new().await;
        open_desk(&world).await;
        let made = world.endpoint(URL).await;
        pass(seconds(1)).await;
        if store_away {
            let faults = world.ground.store.faults();
            faults.fail(Call::Append, usize::MAX, Moment::Before);
        }
        let mut draft = endpoint(URL);
        draft.enabled = Some(false);
        world.change(made.id, draft).await;
        pass(seconds(30)).await;
        let world = world.crash().await;
        pass(seconds(30)).await;
        let world = world.crash().await;
        pass(seconds(30)).await;
        assert_eq!(types_told(&world), ["endpoint.disabled"], "{store_away}");
        assert_eq!(events_of_operations(&world).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_waits_while_the_store_is_away() {
    let world = World::new().await;
    open_desk(&world).await;
    let made = world.endpoint(URL).await;
    let faults = world.ground.store.faults();
    faults.fail(Call::Append, 5, Moment::Before);
    let mut draft = endpoint(URL);
    draft.enabled = Some(false);
    world.change(made.id, draft).await;
    pass(seconds(10)).await;
    assert_eq!(types_told(&world), ["endpoint.disabled"]);
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_of_an_order_that_is_held_up_once() {
    let world = World::new().await;
    open_desk(&world).await;
    let ordered = EndpointDraft {
        ordering: Some(Ordering::Strict),
        on_failure: Some(OnFailure::Hold),
        ..short_lived(URL)
    };
    let held = world.endpoint_with(ordered).await;
    world.ground.sender.always(URL, Answer::status(500));
    let events = world.publish_many(3).await;
    pass(seconds(60)).await;
    let told: Vec<_> = told(&world)
        .into_iter()
        .filter(|(name, _)| name == "endpoint.held")
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let data = &told[0].1;
    assert_eq!(data["endpoint"]["id"], held.id.to_string());
    assert_eq!(data["delivery"], events[0].id.delivery(0).to_string());
}
