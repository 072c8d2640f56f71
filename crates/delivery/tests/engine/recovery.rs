//! Jobs: each delivery of a job's set is taken once, whatever happens.

use std::sync::Arc;

use fanfare_app::port::Clock;
use fanfare_app::port::log::Event;
use fanfare_app::recovery::{Action, JobChange, JobDraft, RecoverDraft};
use fanfare_app::{Conflict, UseCaseError};
use fanfare_delivery::EngineOptions;
use fanfare_domain::breaker::BreakerPatch;
use fanfare_domain::delivery::{Delivery, DeliveryState, StateName};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::job::{Job, JobReason, JobState, Missing, Progress};
use fanfare_domain::policy::PolicyPatch;
use fanfare_testkit::builders::{acme, endpoint};
use fanfare_testkit::memory_store::{Call, Moment};
use fanfare_testkit::scripted_sender::Answer;
use fanfare_testkit::seeded::Seeded;

use crate::world::{URL, World, millis, pass, seconds};

pub(crate) fn one_attempt() -> fanfare_app::endpoints::EndpointDraft {
    fanfare_app::endpoints::EndpointDraft {
        policy: Some(PolicyPatch {
            waits: Some(vec![seconds(0)]),
            jitter: Some(0.0),
            breaker: Some(BreakerPatch::off()),
            ..PolicyPatch::default()
        }),
        ..endpoint(URL)
    }
}

/// An endpoint whose deliveries have one attempt, and events that failed there.
async fn failed(world: &World, count: usize) -> (Endpoint, Vec<Arc<Event>>) {
    let made = world.endpoint_with(one_attempt()).await;
    world.ground.sender.always(URL, Answer::status(500));
    let events = world.publish_many(count).await;
    pass(seconds(10)).await;
    assert_eq!(world.count(StateName::Failed).await, count);
    world.ground.sender.always(URL, Answer::status(200));
    (made, events)
}

fn since_ever(what: Missing) -> RecoverDraft {
    RecoverDraft {
        since: Some(fanfare_domain::time::Timestamp::default()),
        what: Some(what),
        ..RecoverDraft::default()
    }
}

async fn recover(world: &World, endpoint: &Endpoint, draft: RecoverDraft) -> Job {
    let id = endpoint.id.to_string();
    let scope = acme();
    let begun = world
        .fanfare
        .recover_endpoint(&scope, &id, draft, Vec::new());
    begun.await.unwrap()
}

pub(crate) async fn stands(world: &World, job: &Job) -> Job {
    let id = job.id.to_string();
    world.fanfare.job((&acme()).into(), &id).await.unwrap()
}

async fn set(world: &World, job: &Job, state: JobState) -> Result<Job, UseCaseError> {
    let change = JobChange {
        state: Some(state),
        rate: None,
    };
    let (scope, id) = (acme(), job.id.to_string());
    let changed = world
        .fanfare
        .change_job((&scope).into(), &id, change, Vec::new());
    changed.await
}

async fn replays(world: &World) -> Vec<Delivery> {
    let mut rows = world.rows().await;
    rows.retain(|row| row.replay_of.is_some());
    rows
}

/// Each of these events was repeated exactly once, and all of that arrived.
async fn assert_each_repeated_once(world: &World, events: &[Arc<Event>]) {
    let replays = replays(world).await;
    let mut repeated: Vec<_> = replays.iter().map(|row| row.event).collect();
    let mut wanted: Vec<_> = events.iter().map(|event| event.id).collect();
    repeated.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(repeated, wanted);
    let arrived = |row: &Delivery| matches!(row.state, DeliveryState::Delivered { .. });
    assert!(replays.iter().all(arrived));
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_repeated_once_oldest_first_and_the_replays_are_not() {
    let world = World::new().await;
    let (endpoint, events) = failed(&world, 600).await;
    let job = recover(&world, &endpoint, since_ever(Missing::Failed)).await;
    pass(seconds(30)).await;
    let job = stands(&world, &job).await;
    assert_eq!(job.state, JobState::Completed);
    let progress = Progress {
        matched: 600,
        taken: 600,
        ..Progress::default()
    };
    assert_eq!(job.progress, progress);
    assert_each_repeated_once(&world, &events).await;
    let mut made: Vec<_> = replays(&world).await;
    made.sort_unstable_by_key(|row| row.created_at);
    let steps: Vec<_> = made.chunk_by(|a, b| a.created_at == b.created_at).collect();
    let newest = |step: &&[Delivery]| step.iter().map(|row| row.event).max();
    assert!(steps.len() > 10 && steps.is_sorted_by_key(newest));
}

#[tokio::test(start_paused = true)]
async fn a_job_takes_no_more_in_a_second_than_its_rate() {
    let world = World::new().await;
    let (endpoint, _) = failed(&world, 300).await;
    let draft = RecoverDraft {
        rate: Some(20),
        ..since_ever(Missing::Failed)
    };
    let began = world.ground.clock.now();
    let job = recover(&world, &endpoint, draft).await;
    pass(seconds(60)).await;
    let job = stands(&world, &job).await;
    assert_eq!(job.state, JobState::Completed);
    let took = job.ended_at.unwrap().since(began);
    assert!((seconds(14)..seconds(16)).contains(&took), "{took:?}");
    let mut times: Vec<_> = replays(&world)
        .await
        .iter()
        .map(|row| row.created_at)
        .collect();
    times.sort_unstable();
    for (first, later) in times.iter().zip(&times[24..]) {
        assert!(later.since(*first) >= millis(999), "25 within a second");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_job_makes_nothing_until_it_goes_on_and_a_cancelled_one_never() {
    let world = World::new().await;
    let (endpoint, events) = failed(&world, 200).await;
    let draft = RecoverDraft {
        rate: Some(20),
        ..since_ever(Missing::Failed)
    };
    let job = recover(&world, &endpoint, draft.clone()).await;
    pass(seconds(3)).await;
    set(&world, &job, JobState::Paused).await.unwrap();
    let made = replays(&world).await.len();
    assert!((40..80).contains(&made), "{made}");
    let world = world.crash().await;
    pass(seconds(100)).await;
    assert_eq!(replays(&world).await.len(), made);
    assert_eq!(stands(&world, &job).await.state, JobState::Paused);
    set(&world, &job, JobState::Running).await.unwrap();
    pass(seconds(3)).await;
    assert!(replays(&world).await.len() >= made + 40);
    set(&world, &job, JobState::Cancelled).await.unwrap();
    let made = replays(&world).await.len();
    pass(seconds(100)).await;
    assert_eq!(replays(&world).await.len(), made);
    let refused = set(&world, &job, JobState::Running).await;
    assert!(matches!(
        refused,
        Err(UseCaseError::Conflict(Conflict::State(_)))
    ));
    // Another job takes what that one left, and only that.
    recover(&world, &endpoint, draft).await;
    pass(seconds(20)).await;
    assert_each_repeated_once(&world, &events).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_step_makes_no_twins() {
    let world = World::new().await;
    let (endpoint, events) = failed(&world, 100).await;
    let faults = world.ground.store.faults();
    let job = recover(&world, &endpoint, since_ever(Missing::Failed)).await;
    faults.fail(Call::ChangeJob, 2, Moment::After);
    pass(seconds(30)).await;
    let job = stands(&world, &job).await;
    assert_eq!((job.state, job.progress.taken), (JobState::Completed, 100));
    assert_each_repeated_once(&world, &events).await;
}

#[tokio::test(start_paused = true)]
async fn what_still_waits_is_left_alone_and_what_was_repeated_is_not_repeated_again() {
    let world = World::new().await;
    let (endpoint, events) = failed(&world, 10).await;
    let url = "https://slow.example/";
    let mut patient = one_attempt();
    patient.url = Some(url.to_owned());
    patient.policy = None;
    let patient = world.endpoint_with(patient).await;
    world.ground.sender.always(url, Answer::status(500));
    world.publish_many(5).await;
    pass(seconds(60)).await;
    assert_eq!(world.count(StateName::Waiting).await, 5);
    let first = recover(&world, &endpoint, since_ever(Missing::Failed)).await;
    let other = recover(&world, &patient, since_ever(Missing::Missed)).await;
    pass(seconds(30)).await;
    assert_eq!(stands(&world, &first).await.progress.taken, 10);
    let left = stands(&world, &other).await;
    // The ten events from before the endpoint was made are brought to it.
    assert_eq!((left.progress.left_alone, left.progress.taken), (5, 10));
    let again = recover(&world, &endpoint, since_ever(Missing::Failed)).await;
    pass(seconds(30)).await;
    let again = stands(&world, &again).await;
    assert_eq!((again.progress.skipped, again.progress.taken), (10, 0));
    assert_each_repeated_once(&world, &events).await;
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_failed_again_is_repeated_in_its_turn() {
    let world = World::new().await;
    let (endpoint, _) = failed(&world, 3).await;
    world.ground.sender.always(URL, Answer::status(500));
    recover(&world, &endpoint, since_ever(Missing::Failed)).await;
    pass(seconds(30)).await;
    world.ground.sender.always(URL, Answer::status(200));
    let again = recover(&world, &endpoint, since_ever(Missing::Failed)).await;
    pass(seconds(30)).await;
    let again = stands(&world, &again).await;
    assert_eq!((again.progress.skipped, again.progress.taken), (3, 3));
    assert_eq!(world.count(StateName::Delivered).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_endpoint_is_brought_what_it_missed_and_nothing_else() {
    let world = World::new().await;
    let made = world.endpoint_with(one_attempt()).await;
    let before = world.publish_many(3).await;
    pass(seconds(10)).await;
    let disabled = fanfare_app::endpoints::EndpointDraft {
        enabled: Some(false),
        ..one_attempt()
    };
    world.change(made.id, disabled).await;
    let missed = world.publish_many(200).await;
    pass(seconds(10)).await;
    let refused = world
        .fanfare
        .recover_endpoint(
            &acme(),
            &made.id.to_string(),
            since_ever(Missing::Missed),
            Vec::new(),
        )
        .await;
    assert!(matches!(
        refused,
        Err(UseCaseError::Conflict(Conflict::State(_)))
    ));
    world.change(made.id, one_attempt()).await;
    let after = world.publish_many(2).await;
    let job = recover(&world, &made, since_ever(Missing::Missed)).await;
    let later = world.publish_many(2).await;
    pass(seconds(60)).await;
    let all: Vec<_> = [before, missed, after, later].concat();
    world.assert_each_once(URL, &all);
    let job = stands(&world, &job).await;
    assert_eq!((job.state, job.progress.taken), (JobState::Completed, 200));
    // Once brought, it is missed no more.
    let again = recover(&world, &made, since_ever(Missing::Missed)).await;
    pass(seconds(60)).await;
    assert_eq!(stands(&world, &again).await.progress.taken, 0);
    let everything = recover(&world, &made, since_ever(Missing::Everything)).await;
    pass(seconds(60)).await;
    assert_eq!(stands(&world, &everything).await.progress.taken, 207);
    assert_eq!(world.ids_sent_to(URL).len(), 2 * 207);
}

#[tokio::test(start_paused = true)]
async fn what_an_endpoints_filter_refuses_was_never_missed() {
    let world = World::new().await;
    let made = world.endpoint_with(one_attempt()).await;
    let form = |enabled| fanfare_app::endpoints::EndpointDraft {
        enabled: Some(enabled),
        filter: Some("data.wanted".to_owned()),
        ..one_attempt()
    };
    world.change(made.id, form(false)).await;
    let mut wanted = Vec::new();
    for place in 0..150 {
        let draft = fanfare_app::publish::EventDraft {
            data: Some(format!("{{\"wanted\":{}}}", place % 3 == 0).into()),
            ..fanfare_testkit::builders::event()
        };
        let event = world.publish_draft(draft).await;
        if place % 3 == 0 {
            wanted.push(event);
        }
    }
    pass(seconds(10)).await;
    world.change(made.id, form(true)).await;
    let job = recover(&world, &made, since_ever(Missing::Missed)).await;
    pass(seconds(60)).await;
    world.assert_each_once(URL, &wanted);
    assert_eq!(world.ids_sent_to(URL).len(), 50);
    let job = stands(&world, &job).await;
    assert_eq!((job.state, job.progress.taken), (JobState::Completed, 50));
}

#[tokio::test(start_paused = true)]
async fn a_job_pauses_when_its_endpoint_is_disabled_and_fails_when_it_is_deleted() {
    let world = World::new().await;
    let (made, _) = failed(&world, 100).await;
    let draft = RecoverDraft {
        rate: Some(10),
        ..since_ever(Missing::Failed)
    };
    let job = recover(&world, &made, draft).await;
    pass(seconds(2)).await;
    let disabled = fanfare_app::endpoints::EndpointDraft {
        enabled: Some(false),
        ..one_attempt()
    };
    world.change(made.id, disabled).await;
    pass(seconds(2)).await;
    let paused = stands(&world, &job).await;
    assert_eq!(
        (paused.state, paused.reason),
        (JobState::Paused, Some(JobReason::EndpointDisabled))
    );
    world.change(made.id, one_attempt()).await;
    let goes_on = set(&world, &job, JobState::Running).await.unwrap();
    assert_eq!(goes_on.reason, None);
    pass(seconds(2)).await;
    let id = made.id.to_string();
    world.fanfare.delete_endpoint(&acme(), &id).await.unwrap();
    pass(seconds(2)).await;
    let ended = stands(&world, &job).await;
    assert_eq!(
        (ended.state, ended.reason),
        (JobState::Failed, Some(JobReason::EndpointDeleted))
    );
    assert!(ended.progress.taken < 100);
}

#[tokio::test(start_paused = true)]
async fn a_retry_takes_what_fits_its_filter() {
    let world = World::new().await;
    let (_, events) = failed(&world, 20).await;
    let since = events[10].created_at;
    let draft = JobDraft {
        action: Some(Action::Retry),
        since: Some(since),
        last_status: Some(500),
        ..JobDraft::default()
    };
    let begun = world
        .fanfare
        .make_job((&acme()).into(), draft, Vec::new())
        .await
        .unwrap();
    pass(seconds(20)).await;
    let job = stands(&world, &begun).await;
    let wanted: Vec<_> = events
        .iter()
        .filter(|event| event.created_at >= since)
        .cloned()
        .collect();
    assert_eq!(job.progress.taken, wanted.len() as u64);
    assert_each_repeated_once(&world, &wanted).await;
}

#[tokio::test(start_paused = true)]
async fn a_recovery_waits_for_an_endpoint_that_is_slower_than_its_rate() {
    let world = World::new().await;
    let (endpoint, _) = failed(&world, 3_000).await;
    // 64 at a time, each for two seconds: 32 in a second.
    let slow = Answer::status(200).after(seconds(2));
    world.ground.sender.always(URL, slow);
    let draft = RecoverDraft {
        rate: Some(2_000),
        ..since_ever(Missing::Failed)
    };
    let job = recover(&world, &endpoint, draft).await;
    for _ in 0..10 {
        pass(seconds(3)).await;
        let waiting = world.count(StateName::Waiting).await;
        assert!((400..=900).contains(&waiting), "{waiting}");
    }
    pass(seconds(300)).await;
    let job = stands(&world, &job).await;
    assert_eq!(
        (job.state, job.progress.taken),
        (JobState::Completed, 3_000)
    );
    assert_eq!(world.count(StateName::Delivered).await, 3_000);
}

/// Crashes and faults of the store at times that a seed decides.
async fn survives(seed: u64) {
    let chance = Seeded::new(seed);
    let mut world = World::with(EngineOptions {
        scan_every: seconds(3),
        ..EngineOptions::default()
    })
    .await;
    let what = *chance.pick(&[Missing::Failed, Missing::Missed]);
    let (made, events) = failed(&world, 40 + chance.below(200) as usize).await;
    pass(seconds(20)).await;
    let draft = RecoverDraft {
        rate: Some(*chance.pick(&[20, 60, 500])),
        ..since_ever(what)
    };
    let job = recover(&world, &made, draft).await;
    for _ in 0..chance.below(6) {
        pass(millis(chance.below(3_000))).await;
        let call = *chance.pick(&[Call::ChangeJob, Call::ReadJobs, Call::Settle]);
        let moment = *chance.pick(&[Moment::Before, Moment::After]);
        let faults = world.ground.store.faults();
        match chance.below(4) {
            0 => faults.fail(call, 1 + chance.below(4) as usize, moment),
            1 => faults.delay(call, millis(chance.below(2_000)), moment),
            2 => {
                faults.heal();
                let _ = set(&world, &job, JobState::Paused).await;
                pass(millis(chance.below(1_000))).await;
                world = world.crash().await;
                let _ = set(&world, &job, JobState::Running).await;
            }
            _ => world = world.crash().await,
        }
    }
    world.ground.store.faults().heal();
    pass(seconds(120)).await;
    let job = stands(&world, &job).await;
    assert_eq!(job.state, JobState::Completed, "seed {seed}");
    assert_eq!(job.progress.taken, events.len() as u64, "seed {seed}");
    assert_each_repeated_once(&world, &events).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_survives_crashes_at_any_step_and_takes_each_delivery_once() {
    for seed in 0..60 {
        survives(seed).await;
    }
}
