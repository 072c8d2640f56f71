//! A lane for each endpoint: what one does is nothing to the others.

use fanfare_app::endpoints::EndpointDraft;
use fanfare_delivery::EngineOptions;
use fanfare_domain::breaker::BreakerPatch;
use fanfare_domain::delivery::StateName;
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::{acme, endpoint, event};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, millis, pass, seconds};

const HEALTHY: &str = "https://healthy.example/";

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_with_thousands_of_deliveries_does_not_slow_a_healthy_one() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.endpoint(HEALTHY).await;
    world.ground.sender.always(URL, Answer::hang());
    let answer = Answer::status(200).after(millis(5));
    world.ground.sender.always(HEALTHY, answer);
    let mut events = Vec::new();
    for _ in 0..3_000 {
        events.push(world.publish().await);
        pass(millis(2)).await;
    }
    pass(seconds(30)).await;
    let sent = world.ground.sender.sent_to(HEALTHY);
    assert_eq!(sent.len(), events.len());
    for (sent, event) in sent.iter().zip(&events) {
        assert_eq!(sent.webhook_id(), event.public_id());
        let late = sent.at.since(event.created_at);
        assert!(late < millis(5), "{late:?}");
    }
    assert_eq!(world.count(StateName::Delivered).await, 3_000);
    // What is in memory is the hanging lane's queue, not its backlog.
    let footprint = world.engine.footprint();
    assert!(footprint.payload_bytes < 1_000_000, "{footprint:?}");
    assert!(footprint.without_row < 100, "{footprint:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lingering_delivery_gets_a_row_within_two_seconds_and_is_sent_once() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(seconds(14));
    world.ground.sender.always(URL, answer);
    let events = world.publish_many(50).await;
    pass(millis(900)).await;
    assert_eq!(world.rows().await.len(), 0);
    pass(millis(1_200)).await;
    assert_eq!(world.count(StateName::Waiting).await, 50);
    pass(seconds(300)).await;
    world.assert_each_once(URL, &events);
    assert_eq!(world.count(StateName::Delivered).await, 50);
}

#[tokio::test(start_paused = true)]
async fn requests_at_a_time_halve_on_timeouts_and_rise_on_answers() {
    let options = EngineOptions {
        lane_concurrency_start: 8,
        lane_concurrency_most: 20,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::hang());
    world.publish_many(40).await;
    pass(seconds(1)).await;
    assert_eq!(world.ground.sender.under_way(URL), 8);
    pass(seconds(15)).await;
    assert_eq!(world.ground.sender.under_way(URL), 1);

    let answer = Answer::status(200).after(millis(100));
    world.ground.sender.always(URL, answer);
    world.publish_many(1_000).await;
    pass(seconds(600)).await;
    let sent = world.ground.sender.sent_to(URL);
    let most = sent.iter().map(|sent| sent.under_way).max();
    assert_eq!(most, Some(20));
    assert_eq!(world.count(StateName::Delivered).await, 1_040);
}

#[tokio::test(start_paused = true)]
async fn refusals_for_too_much_halve_the_requests_at_a_time_as_well() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let answer = Answer::status(429).after(seconds(1));
    world.ground.sender.always(URL, answer);
    world.publish_many(100).await;
    pass(millis(500)).await;
    assert_eq!(world.ground.sender.under_way(URL), 8);
    pass(seconds(1)).await;
    assert_eq!(world.ground.sender.under_way(URL), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hung_is_asked_by_one_request_at_a_time_still_after_a_rest() {
    let world = World::new().await;
    let policy = PolicyPatch {
        waits: Some(vec![seconds(0)]),
        breaker: Some(BreakerPatch::off()),
        ..PolicyPatch::default()
    };
    let draft = EndpointDraft {
        policy: Some(policy),
        ..endpoint(URL)
    };
    world.endpoint_with(draft).await;
    world.ground.sender.always(URL, Answer::hang());
    world.publish_many(8).await;
    pass(seconds(120)).await;
    assert_eq!(world.engine.footprint().lanes, 0, "nothing waits");
    world.publish_many(8).await;
    pass(seconds(1)).await;
    assert_eq!(world.ground.sender.under_way(URL), 1);

    world.ground.sender.always(URL, Answer::status(200));
    pass(seconds(120)).await;
    let answer = Answer::status(200).after(seconds(2));
    world.ground.sender.always(URL, answer);
    world.publish_many(8).await;
    pass(seconds(1)).await;
    assert_eq!(world.ground.sender.under_way(URL), 8, "it is well again");
}

#[tokio::test(start_paused = true)]
async fn deliveries_of_one_lane_begin_in_the_order_of_their_events() {
    let options = EngineOptions {
        lane_concurrency_start: 1,
        lane_concurrency_most: 1,
        lane_queue: 2_000,
        ..EngineOptions::default()
    };
    let world = World::with(options).await;
    world.endpoint(URL).await;
    let events = world.publish_many(1_000).await;
    pass(seconds(60)).await;
    let wanted: Vec<_> = events.iter().map(|event| event.public_id()).collect();
    assert_eq!(world.ids_sent_to(URL), wanted);
}

#[tokio::test(start_paused = true)]
async fn lanes_of_endpoints_without_work_are_swept() {
    let world = World::new().await;
    for number in 0..50 {
        world.endpoint(&format!("https://r{number}.example/")).await;
    }
    world.publish().await;
    assert_eq!(world.engine.footprint().lanes, 50);
    pass(seconds(30)).await;
    let footprint = world.engine.footprint();
    assert_eq!((footprint.lanes, footprint.timers), (0, 0));
    assert_eq!((footprint.payload_bytes, footprint.without_row), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_lets_requests_under_way_end_and_records_them() {
    let world = World::new().await;
    world.endpoint(URL).await;
    let answer = Answer::status(200).after(seconds(3));
    world.ground.sender.always(URL, answer);
    world.publish_many(20).await;
    pass(seconds(1)).await;
    let begun = tokio::time::Instant::now();
    world.engine.shutdown(seconds(10)).await;
    assert!(begun.elapsed() < seconds(4), "{:?}", begun.elapsed());
    assert_eq!(world.count(StateName::Delivered).await, 8);
    assert_eq!(world.ids_sent_to(URL).len(), 8);

    // The rest is sent after the next start, and nothing twice.
    let world = world.crash().await;
    pass(seconds(60)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 20);
    assert_eq!(world.count(StateName::Delivered).await, 20);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_request_past_its_limit() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.always(URL, Answer::hang());
    world.publish().await;
    pass(millis(100)).await;
    let begun = tokio::time::Instant::now();
    world.engine.shutdown(seconds(2)).await;
    assert!(begun.elapsed() < seconds(3), "{:?}", begun.elapsed());
    world.ground.sender.always(URL, Answer::status(200));
    let world = world.crash().await;
    pass(seconds(30)).await;
    assert_eq!(world.count(StateName::Delivered).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_its_own_bounds_an_endpoints_requests_in_time() {
    let world = World::new().await;
    let mut draft = endpoint(URL);
    if let Some(policy) = &mut draft.policy {
        policy.timeout = Some(seconds(2));
    }
    world.endpoint_with(draft).await;
    world.ground.sender.next(URL, [Answer::hang()]);
    let accepted = world.fanfare.publish(acme(), event(), None).await;
    let accepted = accepted.unwrap().event;
    pass(seconds(60)).await;
    let attempts = world.attempts(&world.delivery(&accepted).await).await;
    assert_eq!(attempts[0].timings.total, seconds(2));
    assert_eq!(attempts.len(), 2);
}
