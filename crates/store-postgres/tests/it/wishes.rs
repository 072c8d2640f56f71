//! What nodes wish of each other.

use std::sync::Arc;

use fanfare_app::port::Deliveries;
use fanfare_app::port::jobs::{JobBounds, JobChanged, JobMade, JobStep};
use fanfare_domain::delivery::DeliveryState;
use fanfare_domain::job::Job;

use crate::databases::with_a_store;
use crate::made::{appended, attempted, cancelled, cancelling_job, delivery, event, hour};
use crate::members::join;

/// Makes a job that cancels all that waits.
async fn cancelling(part: &dyn Deliveries) -> Job {
    let job = cancelling_job(hour(2));
    let bounds = JobBounds {
        of_tenant: 1,
        in_all: 1,
    };
    let made = part.make_job(job.clone(), bounds).await.unwrap();
    assert_eq!(made, JobMade::Made);
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_elsewhere_for_a_job_is_forgotten_with_the_step_that_counts_it_and_not_before() {
    let database = with_a_store().await;
    let has_it = join(&database.address(), true).await;
    let asks = join(&database.address(), true).await;
    let waiting = event(hour(1), 1);
    appended(&*has_it.store.log(), waiting.clone()).await;
    let waits = DeliveryState::Waiting { due_at: hour(9) };
    let failed = attempted(delivery(&waiting), waits, hour(1));
    let its = has_it.store.deliveries();
    let settled = Arc::new(vec![failed.clone()]);
    its.settle(settled, None).await.unwrap();

    let part = asks.store.deliveries();
    let job = cancelling(&*part).await;
    let id = failed.delivery.id;
    let others = part.wish_ended(job.id, &[id]).await.unwrap();
    assert!(others.contains(&id));
    assert!(part.ended_elsewhere(job.id).await.unwrap().is_empty());
    let wished = its.wished().await.unwrap();
    assert_eq!(wished.to_end, std::slice::from_ref(&failed.delivery));
    let ended = cancelled(failed.delivery, hour(3));
    its.settle(Arc::new(vec![ended]), None).await.unwrap();

    let kept = part.job(&job.environment, job.id).await.unwrap().unwrap();
    let counted = |revision| JobStep {
        counted: vec![id],
        ..JobStep::of(job.clone(), revision)
    };
    let late = part.change_job(counted(kept.revision - 1)).await.unwrap();
    assert_eq!(late, JobChanged::Outdated);
    let ended = part.ended_elsewhere(job.id).await.unwrap();
    assert_eq!(ended.len(), 1, "a step that was not made counts nothing");
    assert!(ended[0].cancelled && ended[0].id == id);
    let done = part.change_job(counted(kept.revision)).await.unwrap();
    assert_eq!(done, JobChanged::Done(Vec::new()));
    assert!(part.ended_elsewhere(job.id).await.unwrap().is_empty());
}
