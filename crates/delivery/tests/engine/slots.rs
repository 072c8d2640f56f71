//! What all lanes share: slots, taken in turns, some of them for first attempts only.

use std::sync::Arc;

use fanfare_app::port::log::Event;
use fanfare_app::tenants::TenantDraft;
use fanfare_delivery::EngineOptions;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::{acme, endpoint, event};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

const QUIET: &str = "https://quiet.example/";

fn options(in_all: usize, reserved: usize) -> EngineOptions {
    EngineOptions {
        requests_in_all: in_all,
        requests_reserved: reserved,
        ..EngineOptions::default()
    }
}

/// Another tenant with an endpoint.
async fn quiet_tenant(world: &World) -> Scope {
    let scope = Scope {
        environment: EnvironmentId::default_environment(),
        tenant: TenantId::parse("quiet").unwrap(),
    };
    let draft = TenantDraft {
        id: Some("quiet".to_owned()),
        name: Some("Quiet".to_owned()),
        ..TenantDraft::default()
    };
    let environment = &scope.environment;
    let fanfare = &world.fanfare;
    fanfare
        .create_tenant(environment, draft, Vec::new())
        .await
        .unwrap();
    fanfare
        .create_endpoint(&scope, endpoint(QUIET), Vec::new())
        .await
        .unwrap();
    scope
}

async fn publish_for(world: &World, scope: &Scope) -> Arc<Event> {
    let accepted = world.fanfare.publish(scope.clone(), event(), None).await;
    accepted.unwrap().event
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_floods_leaves_anothers_first_attempts_untouched() {
    let world = World::with(options(8, 0)).await;
    let quiet = quiet_tenant(&world).await;
    // Many endpoints, so that the flood wants all slots many times over.
    for number in 0..20 {
        let url = format!("https://flood{number}.example/");
        world.endpoint(&url).await;
        let answer = Answer::status(200).after(millis(100));
        world.ground.sender.always(&url, answer);
    }
    world.publish_many(100).await;
    pass(millis(50)).await;
    let mut latest = millis(0);
    for _ in 0..50 {
        let event = publish_for(&world, &quiet).await;
        pass(millis(200)).await;
        let sent = world.ground.sender.sent_to(QUIET);
        let late = sent.last().unwrap().at.since(event.created_at);
        latest = latest.max(late);
    }
    assert_eq!(world.ground.sender.sent_to(QUIET).len(), 50);
    // It waits for one slot to be given back, never behind the flood.
    assert!(latest <= millis(101), "{latest:?}");
    assert!(world.engine.footprint().requests <= 8);
    pass(seconds(60)).await;
    assert_eq!(world.ground.sender.count(), 2_050);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_under_way_than_there_are_slots_and_nothing_is_lost() {
    let world = World::with(options(3, 1)).await;
    let mut urls = Vec::new();
    for number in 0..10 {
        let url = format!("https://r{number}.example/");
        world.endpoint(&url).await;
        let answer = Answer::status(200).after(millis(30));
        world.ground.sender.always(&url, answer);
        urls.push(url);
    }
    let events = world.publish_many(60).await;
    for _ in 0..100 {
        let under_way: usize = urls
            .iter()
            .map(|url| world.ground.sender.under_way(url))
            .sum();
        assert!(under_way <= 3, "{under_way}");
        pass(millis(17)).await;
    }
    pass(seconds(60)).await;
    for url in &urls {
        world.assert_each_once(url, &events);
    }
    let footprint = world.engine.footprint();
    assert_eq!((footprint.requests, footprint.payload_bytes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn retries_and_endpoints_that_fail_never_take_the_reserved_slots() {
    let world = World::with(options(6, 4)).await;
    let quiet = quiet_tenant(&world).await;
    let mut urls = Vec::new();
    for number in 0..10 {
        let url = format!("https://bad{number}.example/");
        let mut draft = endpoint(&url);
        draft.policy = Some(PolicyPatch {
            waits: Some(vec![seconds(0); 40]),
            jitter: Some(0.0),
            ..PolicyPatch::default()
        });
        world.endpoint_with(draft).await;
        let answer = Answer::status(500).after(seconds(2));
        world.ground.sender.always(&url, answer);
        urls.push(url);
    }
    world.publish_many(10).await;
    // Until each has failed once.
    pass(seconds(60)).await;
    for _ in 0..100 {
        let bad: usize = urls
            .iter()
            .map(|url| world.ground.sender.under_way(url))
            .sum();
        assert!(bad <= 2, "{bad}");
        let event = publish_for(&world, &quiet).await;
        pass(millis(150)).await;
        let sent = world.ground.sender.sent_to(QUIET);
        let late = sent.last().unwrap().at.since(event.created_at);
        assert!(late < millis(5), "{late:?}");
    }
    assert_eq!(world.ground.sender.sent_to(QUIET).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_hang_shrink_to_one_request_each() {
    let world = World::with(options(64, 16)).await;
    for number in 0..12 {
        let url = format!("https://hang{number}.example/");
        world.endpoint(&url).await;
        world.ground.sender.always(&url, Answer::hang());
    }
    world.publish_many(50).await;
    // Those whose turn came while the first requests ran out of time take as long once more.
    pass(seconds(31)).await;
    let taken = world.engine.footprint().requests;
    assert!(taken <= 12, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_of_the_same_tenant_gets_its_turn_as_well() {
    let world = World::with(options(2, 0)).await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(millis(100));
    world.ground.sender.always(URL, answer.clone());
    world.publish_many(200).await;
    pass(millis(10)).await;
    world.endpoint(QUIET).await;
    let event = world.fanfare.publish(acme(), event(), None).await;
    let event = event.unwrap().event;
    pass(millis(300)).await;
    let sent = world.ground.sender.sent_to(QUIET);
    let late = sent[0].at.since(event.created_at);
    assert!(late <= millis(101), "{late:?}");
}
