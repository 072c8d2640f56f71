//! How many deliveries of a tenant may wait.

use fanfare_app::UseCaseError;
use fanfare_app::tenants::TenantDraft;
use fanfare_domain::delivery::StateName;
use fanfare_domain::quota::{Quota, TenantQuotas};
use fanfare_testkit::builders::{acme, endpoint, event};
use fanfare_testkit::scripted_sender::Answer;

use crate::world::{URL, World, pass, seconds};

async fn allow_waiting(world: &World, count: Option<u64>) {
    let scope = acme();
    let draft = TenantDraft {
        name: Some("Acme".to_owned()),
        quotas: Some(TenantQuotas {
            waiting_deliveries: count,
            ..TenantQuotas::default()
        }),
        ..TenantDraft::default()
    };
    let fanfare = &world.fanfare;
    fanfare
        .replace_tenant(&scope.environment, scope.tenant.as_str(), draft, Vec::new())
        .await
        .unwrap();
}

/// Publishes until it is refused for the quota; answers how many were accepted.
async fn publish_all(world: &World, most: usize) -> usize {
    for count in 0..most {
        match world.fanfare.publish(acme(), event(), None).await {
            Ok(_) => {}
            Err(UseCaseError::Limit(exceeded)) => {
                assert_eq!(exceeded.quota, Quota::WaitingDeliveries);
                return count;
            }
            Err(other) => panic!("{other}"),
        }
    }
    most
}

#[tokio::test(start_paused = true)]
async fn no_more_waits_for_a_tenant_than_its_quota_says_and_room_comes_back() {
    let world = World::new().await;
    world.endpoint(URL).await;
    world.endpoint("https://second.example/").await;
    allow_waiting(&world, Some(100)).await;
    world.ground.sender.always(URL, Answer::status(500));
    // Two deliveries each, one of which arrives at once.
    world.publish_many(40).await;
    pass(seconds(3)).await;
    assert_eq!(world.count(StateName::Waiting).await, 40);
    assert_eq!(publish_all(&world, 100).await, 30);
    world.ground.sender.always(URL, Answer::status(200));
    pass(seconds(30)).await;
    assert_eq!(world.count(StateName::Waiting).await, 0);
    assert_eq!(publish_all(&world, 100).await, 50);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_counted_again_after_a_crash() {
    for moment in [0, 5] {
        let world = World::new().await;
        world.endpoint(URL).await;
        allow_waiting(&world, Some(100)).await;
        world.ground.sender.always(URL, Answer::hang());
        world.publish_many(70).await;
        pass(seconds(moment)).await;
        let world = world.crash().await;
        assert_eq!(publish_all(&world, 100).await, 30, "{moment}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_discarded_makes_room() {
    let world = World::new().await;
    let made = world.endpoint(URL).await;
    allow_waiting(&world, Some(100)).await;
    world.ground.sender.always(URL, Answer::status(500));
    world.publish_many(100).await;
    pass(seconds(3)).await;
    assert_eq!(publish_all(&world, 100).await, 0);
    let mut draft = endpoint(URL);
    draft.enabled = Some(false);
    world.change(made.id, draft).await;
    pass(seconds(10)).await;
    world.fanfare.count_waiting(None).await.unwrap();
    world.change(made.id, endpoint(URL)).await;
    assert_eq!(publish_all(&world, 200).await, 100);
    // An event that goes to nobody takes nothing of it.
    let mut draft = endpoint(URL);
    draft.event_types = Some(Vec::new());
    world.change(made.id, draft).await;
    assert_eq!(publish_all(&world, 10).await, 10);
    allow_waiting(&world, None).await;
    world.change(made.id, endpoint(URL)).await;
    assert_eq!(publish_all(&world, 200).await, 200);
}
