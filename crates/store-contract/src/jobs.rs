//! Jobs, and what they go through.

use std::sync::Arc;

use fanfare_app::port::Deliveries;
use fanfare_app::port::deliveries::Settled;
use fanfare_app::port::jobs::{JobBounds, JobChanged, JobMade, JobQuery, JobStep, Walk};
use fanfare_domain::delivery::{Delivery, StateName};
use fanfare_domain::id::{DeliveryId, JobId};
use fanfare_domain::job::{Filter, Job, JobState, Work};
use fanfare_domain::name::{EnvironmentId, TenantId};

use crate::engine::Engine;
use crate::made::{
    delivered, delivery, endpoint, event, event_type, failed, replay, scope, settlement, time,
    waiting,
};
use crate::settle::{read, settle};

const ROOM: JobBounds = JobBounds {
    of_tenant: 100,
    in_all: 100,
};

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn here() -> EnvironmentId {
    EnvironmentId::default_environment()
}

/// A job of a tenant, made at a number's time.
fn job(number: u64, of: Option<&str>) -> Job {
    let filter = Filter {
        states: vec![StateName::Failed, StateName::Discarded],
        endpoint: Some(endpoint(1)),
        since: Some(time(1)),
        ..Filter::default()
    };
    let (id, now) = (JobId::new(time(number), number), time(number));
    Job::new(id, here(), of.map(tenant), Work::Retry { filter }, 100, now)
}

async fn made(part: &dyn Deliveries, jobs: &[Job]) {
    for job in jobs {
        let made = part.make_job(job.clone(), ROOM).await.unwrap();
        assert_eq!(made, JobMade::Made);
    }
}

/// By its environment only, and after a crash too.
pub async fn a_job_is_read_as_it_was_made(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let jobs = [job(1, Some("a")), job(2, None)];
    made(&*store.deliveries(), &jobs).await;
    let store = store.crash().await;
    let part = store.deliveries();
    for job in &jobs {
        let kept = part.job(&here(), job.id).await.unwrap().unwrap();
        assert_eq!(&kept.job, job);
        let elsewhere = EnvironmentId::parse("staging").unwrap();
        assert_eq!(part.job(&elsewhere, job.id).await.unwrap(), None);
    }
}

/// A step is one commit: the job and the rows, or neither.
pub async fn a_step_is_made_of_the_job_as_it_is_only(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let before = job(1, Some("a"));
    made(&*part, std::slice::from_ref(&before)).await;
    let first = part.job(&here(), before.id).await.unwrap().unwrap();
    let row = delivery(&event(2), 0);
    let mut after = before.clone();
    after.cursor = Some(row.id);
    after.progress.taken = 1;
    let rows = Arc::new(vec![settlement(row.clone())]);
    let step = |revision| {
        part.change_job(JobStep {
            settlements: Arc::clone(&rows),
            ..JobStep::of(after.clone(), revision)
        })
    };
    let done = step(first.revision).await.unwrap();
    assert_eq!(done, JobChanged::Done(vec![Settled::Recorded]));
    let second = part.job(&here(), before.id).await.unwrap().unwrap();
    assert_eq!(second.job, after);
    assert!(second.revision > first.revision);
    assert_eq!(read(&*part, &row).await, Some(row.clone()));
    // The same again comes too late, and so do its rows.
    let other = delivery(&event(3), 0);
    let late = JobStep {
        settlements: Arc::new(vec![settlement(other.clone())]),
        ..JobStep::of(before, first.revision)
    };
    let late = part.change_job(late).await.unwrap();
    assert_eq!(late, JobChanged::Outdated);
    assert_eq!(read(&*part, &other).await, None);
    let kept = part.job(&here(), after.id).await.unwrap().unwrap();
    assert_eq!(kept, second);
    let store = store.crash().await;
    let kept = store.deliveries().job(&here(), after.id).await.unwrap();
    assert_eq!(kept, Some(second));
}

/// A tenant's own, and those of the whole environment.
pub async fn jobs_are_listed_newest_first_page_by_page(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let jobs: Vec<_> = (0..9)
        .map(|number| job(number, [Some("a"), Some("b"), None][number as usize % 3]))
        .collect();
    made(&*part, &jobs).await;
    for of in [None, Some("a"), Some("c")] {
        let mut query = JobQuery {
            environment: here(),
            tenant: of.map(tenant),
            before: None,
            limit: 2,
        };
        let mut listed = Vec::new();
        loop {
            let page = part.jobs(&query).await.unwrap();
            let Some(last) = page.last() else { break };
            query.before = Some(last.job.id);
            listed.extend(page.into_iter().map(|kept| kept.job));
        }
        let wanted = |job: &&Job| of.is_none() || job.tenant == query.tenant;
        let wanted: Vec<_> = jobs.iter().rev().filter(wanted).cloned().collect();
        assert_eq!(listed, wanted);
    }
}

/// Of a tenant, and in all; those that ended do not count.
pub async fn open_jobs_are_bounded(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let bounds = JobBounds {
        of_tenant: 2,
        in_all: 4,
    };
    let make = async |number, of| part.make_job(job(number, of), bounds).await.unwrap();
    assert_eq!(make(1, Some("a")).await, JobMade::Made);
    assert_eq!(make(2, Some("a")).await, JobMade::Made);
    assert_eq!(make(3, Some("a")).await, JobMade::TenantHasTooMany);
    assert_eq!(make(4, None).await, JobMade::Made);
    assert_eq!(make(5, Some("b")).await, JobMade::Made);
    assert_eq!(make(6, Some("c")).await, JobMade::TooMany);
    let kept = part.job(&here(), job(1, None).id).await.unwrap().unwrap();
    let mut ended = kept.job;
    ended.end(JobState::Cancelled, None, time(9));
    let changed = part.change_job(JobStep::of(ended, kept.revision)).await;
    assert_eq!(changed.unwrap(), JobChanged::Done(Vec::new()));
    assert_eq!(make(7, Some("a")).await, JobMade::Made);
}

/// Those that run are found, and those that ended long ago are forgotten.
pub async fn jobs_that_run_are_found_and_old_ones_forgotten(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let mut jobs: Vec<_> = (0..6).map(|number| job(number, Some("a"))).collect();
    jobs[1].state = JobState::Paused;
    jobs[2].end(JobState::Completed, None, time(10));
    jobs[3].end(JobState::Failed, None, time(20));
    jobs[4].end(JobState::Cancelled, None, time(30));
    made(&*part, &jobs).await;
    let running = part.running_jobs(10).await.unwrap();
    let running: Vec<_> = running.into_iter().map(|kept| kept.job.id).collect();
    assert_eq!(running, [jobs[0].id, jobs[5].id]);
    assert_eq!(part.running_jobs(1).await.unwrap().len(), 1);
    assert_eq!(part.drop_jobs(time(25), 1).await.unwrap(), 1);
    assert_eq!(part.drop_jobs(time(25), 10).await.unwrap(), 1);
    assert_eq!(part.drop_jobs(time(25), 10).await.unwrap(), 0);
    assert_eq!(part.job(&here(), jobs[3].id).await.unwrap(), None);
    assert!(part.job(&here(), jobs[4].id).await.unwrap().is_some());
    assert!(part.job(&here(), jobs[1].id).await.unwrap().is_some());
}

/// Deliveries in each state, of two types and two tenants.
fn population() -> Vec<Delivery> {
    let mut rows = Vec::new();
    for number in 0..60 {
        let event = fanfare_app::port::log::Event {
            scope: scope(if number % 5 == 0 { "b" } else { "a" }),
            event_type: event_type(if number % 3 == 0 { "third" } else { "other" }),
            ..event(number)
        };
        for place in 0..2 {
            let fresh = delivery(&event, place);
            rows.push(match (number + u64::from(place)) % 4 {
                0 => waiting(&fresh, number + 5),
                1 => failed(&fresh, number + 5),
                _ => delivered(&fresh, number + 5),
            });
        }
    }
    rows.push(replay(&rows[1].clone(), 70));
    rows
}

async fn walk_all(part: &dyn Deliveries, mut walk: Walk) -> Vec<DeliveryId> {
    let mut found = Vec::new();
    loop {
        let walked = part.walk(&walk).await.unwrap();
        assert!(walked.deliveries.len() <= walk.limit);
        found.extend(walked.deliveries.iter().map(|row| row.id));
        match walked.next {
            Some(next) => walk.after = Some(next),
            None => return found,
        }
    }
}

/// Oldest first, each once, whatever narrows it.
pub async fn a_walk_goes_through_all_that_fit(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let rows = population();
    settle(&*part, rows.iter().cloned().map(settlement).collect()).await;
    let only = |states: &[StateName]| Filter {
        states: states.to_vec(),
        ..Filter::default()
    };
    let filters = [
        Filter::default(),
        only(&[StateName::Failed]),
        only(&[StateName::Waiting]),
        only(&[StateName::Delivered, StateName::Failed]),
        Filter {
            endpoint: Some(endpoint(2)),
            ..only(&[StateName::Failed])
        },
        Filter {
            event_type: Some(event_type("third")),
            ..only(&[StateName::Waiting])
        },
        Filter {
            last_error: Some(fanfare_domain::attempt::ErrorKind::Timeout),
            ..Filter::default()
        },
        Filter {
            last_status: Some(204),
            ..Filter::default()
        },
        Filter {
            since: Some(time(11)),
            until: Some(time(31)),
            ..only(&[StateName::Failed])
        },
    ];
    for filter in filters {
        for of in [Some("a"), Some("b"), Some("c"), None] {
            for (made_before, limit) in [(time(100), 7), (time(100), 1_000), (time(40), 3)] {
                let walk = Walk {
                    environment: here(),
                    tenant: of.map(tenant),
                    filter: filter.clone(),
                    made_before,
                    after: None,
                    limit,
                };
                let fits = |row: &&Delivery| {
                    of.is_none_or(|name| row.scope.tenant == tenant(name))
                        && row.created_at < made_before
                        && filter.fits(row)
                };
                let mut wanted: Vec<_> = rows.iter().filter(fits).map(|row| row.id).collect();
                wanted.sort_unstable();
                assert_eq!(walk_all(&*part, walk.clone()).await, wanted, "{walk:?}");
            }
        }
    }
    let elsewhere = Walk {
        environment: EnvironmentId::parse("staging").unwrap(),
        tenant: None,
        filter: Filter::default(),
        made_before: time(100),
        after: None,
        limit: 10,
    };
    assert!(walk_all(&*part, elsewhere).await.is_empty());
}

/// The newest besides the first, of the tenant's own.
pub async fn repetitions_are_told_with_their_state(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.deliveries();
    let (repeated, other) = (event(1), event(2));
    let first = failed(&delivery(&repeated, 0), 5);
    let second = failed(&replay(&first, 10), 11);
    let third = delivered(&replay(&first, 20), 21);
    let beside = failed(&delivery(&repeated, 1), 5);
    let rows = [
        first.clone(),
        third.clone(),
        second.clone(),
        beside.clone(),
        failed(&delivery(&other, 0), 6),
    ];
    settle(&*part, rows.into_iter().map(settlement).collect()).await;
    let pairs = [
        (repeated.id, endpoint(1)),
        (repeated.id, endpoint(2)),
        (other.id, endpoint(1)),
    ];
    let found = part.repeats(&scope("a"), &pairs).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[&pairs[0]], third);
    assert!(part.repeats(&scope("b"), &pairs).await.unwrap().is_empty());
    let ids = [first.id, delivery(&event(9), 0).id, second.id];
    let some = part.some_deliveries(&scope("a"), &ids).await.unwrap();
    assert_eq!(some.len(), 2);
    assert_eq!((&some[&first.id], &some[&second.id]), (&first, &second));
    let none = part.some_deliveries(&scope("b"), &ids).await.unwrap();
    assert!(none.is_empty());
}
