//! Rates, and endpoints that ask by `Retry-After` to be left alone.

use fanfare_app::endpoints::{EndpointDraft, RateLimitDraft};
use fanfare_app::tenants::TenantDraft;
use fanfare_domain::delivery::StateName;
use fanfare_domain::rate::Per;
use fanfare_domain::time::Timestamp;
use fanfare_testkit::builders::{acme, endpoint};
use fanfare_testkit::scripted_sender::Answer;
use fanfare_testkit::seeded::Seeded;

use crate::world::{URL, World, millis, pass, seconds};

fn limited(requests: u32, per: Per, burst: u32) -> EndpointDraft {
    EndpointDraft {
        rate_limit: Some(RateLimitDraft {
            requests,
            per,
            burst: Some(burst),
        }),
        ..endpoint(URL)
    }
}

/// Asserts that over no span more began than the burst and what the rate makes of the span.
#[track_caller]
fn assert_rate(times: &[Timestamp], requests: u32, period_micros: u128, burst: u32) {
    for (first, from) in times.iter().enumerate() {
        for (last, to) in times.iter().enumerate().skip(first) {
            let count = (last - first + 1) as u128;
            let span = to.since(*from).as_micros();
            let most = u128::from(burst) * period_micros + u128::from(requests) * span;
            assert!(count * period_micros <= most, "{count} in {span} µs");
        }
    }
}

fn times(world: &World) -> Vec<Timestamp> {
    let sent = world.ground.sender.sent_to(URL);
    sent.iter().map(|sent| sent.at).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_smoothly_and_used_fully_while_answers_are_slow() {
    let world = World::new().await;
    world.endpoint_with(limited(20, Per::Second, 1)).await;
    let answer = Answer::status(200).after(millis(300));
    world.ground.sender.always(URL, answer);
    // Past what is kept in memory, too.
    let events = world.publish_many(1_000).await;
    pass(seconds(10)).await;
    let footprint = world.engine.footprint();
    assert!(footprint.payload_bytes < 1_000_000, "{footprint:?}");
    pass(seconds(45)).await;
    world.assert_each_once(URL, &events);
    let times = times(&world);
    assert_rate(&times, 20, 1_000_000, 1);
    let took = times[999].since(times[0]);
    assert!(took < seconds(53), "{took:?}");
    assert_eq!(world.count(StateName::Delivered).await, 1_000);
    let attempts = world.rows().await.iter().map(|row| row.attempts).max();
    assert_eq!(attempts, Some(1));
}

#[tokio::test(start_paused = true)]
async fn retries_and_replays_count_and_so_does_what_is_sent_after_a_crash() {
    for seed in 0..20 {
        let chance = Seeded::new(seed);
        let (requests, per) =
            *chance.pick(&[(1, Per::Second), (30, Per::Second), (90, Per::Minute)]);
        let burst = 1 + chance.below(5) as u32;
        let mut world = World::new().await;
        world.endpoint_with(limited(requests, per, burst)).await;
        let answers = Seeded::new(seed ^ 0xabc);
        world.ground.sender.decide(move |_| {
            let status = *answers.pick(&[200, 200, 500]);
            Answer::status(status).after(millis(answers.below(2_000)))
        });
        for _ in 0..6 {
            let events = world.publish_many(chance.below(25) as usize).await;
            pass(millis(chance.below(9_000))).await;
            if let Some(event) = events.first() {
                let delivery = event.id.delivery(0).to_string();
                let scope = acme();
                let _ = world.fanfare.retry(&scope, &delivery).await;
            }
            if chance.chance(0.3) {
                world = world.crash().await;
            }
        }
        pass(seconds(600)).await;
        let period = match per {
            Per::Second => 1_000_000,
            Per::Minute => 60_000_000,
        };
        assert_rate(&times(&world), requests, period, burst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_lifted_lets_the_rest_go() {
    let world = World::new().await;
    let made = world.endpoint_with(limited(1, Per::Minute, 1)).await;
    world.publish_many(50).await;
    pass(seconds(30)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 1);
    world.change(made.id, endpoint(URL)).await;
    pass(seconds(1)).await;
    assert_eq!(world.ids_sent_to(URL).len(), 50);
}

/// When the second request began, after a first that was answered so while others waited.
async fn second_after(answer: Answer) -> std::time::Duration {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.ground.sender.next(URL, [answer]);
    world.publish().await;
    pass(millis(100)).await;
    let made = world.dispatch().health(world.rows().await[0].endpoint);
    assert!(made.slowed_until.is_some());
    let later = world.publish_many(20).await;
    pass(seconds(400)).await;
    let sent = world.ground.sender.sent_to(URL);
    assert!(sent.len() >= 21, "{}", sent.len());
    assert!(
        later
            .iter()
            .any(|event| event.public_id() == sent[1].webhook_id())
    );
    sent[1].at.since(sent[0].at)
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_one_answer_slows_the_whole_lane() {
    for status in [429, 502, 503, 504] {
        let answer = Answer::status(status).header("retry-after", "90");
        let wait = second_after(answer).await;
        assert!(
            (seconds(90)..seconds(91)).contains(&wait),
            "{status} {wait:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn but_for_five_minutes_at_most() {
    let answer = Answer::status(503).header("retry-after", "86400");
    let wait = second_after(answer).await;
    assert!((seconds(300)..seconds(301)).contains(&wait), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn other_endpoints_go_on_meanwhile() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.endpoint("https://other.example/").await;
    let answer = Answer::status(503).header("retry-after", "300");
    world.ground.sender.always(URL, answer);
    world.publish_many(50).await;
    pass(seconds(2)).await;
    assert!(world.ids_sent_to(URL).len() <= 8);
    assert_eq!(world.ids_sent_to("https://other.example/").len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_tenants_rate_is_kept_over_all_its_endpoints_together_and_can_be_changed() {
    let world = World::new().await;
    let urls = [URL, "https://second.example/", "https://third.example/"];
    for url in urls {
        world.endpoint(url).await;
    }
    let set = async |requests: Option<u32>| {
        let rate = requests.map(|requests| RateLimitDraft {
            requests,
            per: Per::Second,
            burst: Some(1),
        });
        let draft = TenantDraft {
            name: Some("Acme".to_owned()),
            rate_limit: rate,
            ..TenantDraft::default()
        };
        let scope = acme();
        let id = scope.tenant.as_str();
        let replaced = world
            .fanfare
            .replace_tenant(&scope.environment, id, draft, Vec::new());
        replaced.await.unwrap();
    };
    set(Some(10)).await;
    world.publish_many(40).await;
    pass(seconds(11)).await;
    let mut times: Vec<Timestamp> = urls
        .iter()
        .flat_map(|url| world.ground.sender.sent_to(url))
        .map(|sent| sent.at)
        .collect();
    times.sort_unstable();
    assert_rate(&times, 10, 1_000_000, 1);
    // Used fully: a tenth of a second between two, but for what a timer rounds up.
    assert!((100..=111).contains(&times.len()), "{}", times.len());
    set(None).await;
    pass(seconds(2)).await;
    assert_eq!(world.count(StateName::Delivered).await, 120);
}
