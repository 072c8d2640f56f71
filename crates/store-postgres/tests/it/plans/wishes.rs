//! What nodes wish of each other.

use std::sync::Arc;

use fanfare_app::port::jobs::{JobBounds, JobStep};
use fanfare_domain::time::Timestamp;
use fanfare_store_postgres::PostgresStore;

use super::{Plans, endpoint, today};
use crate::made;

/// Deliveries that a job comes to in one step.
const STEP: usize = 100;

/// `store` is of the node that has what waits, and `asks` of another one.
pub(super) async fn all(plans: &mut Plans, store: &PostgresStore, asks: &PostgresStore) {
    let (its, part) = (store.deliveries(), asks.deliveries());
    let now = Timestamp::from_seconds(today() * 86_400 + 60);
    let waiting = its.due(endpoint(14), now, STEP).await.unwrap().deliveries;
    assert_eq!(waiting.len(), STEP);
    let ids: Vec<_> = waiting.iter().map(|row| row.id).collect();
    let job = made::cancelling_job(now);
    let bounds = JobBounds {
        of_tenant: 1,
        in_all: 1,
    };
    part.make_job(job.clone(), bounds).await.unwrap();

    plans
        .of("What is wished of a node, mostly nothing", its.wished())
        .await
        .unwrap();
    let wishing = part.wish_ended(job.id, &ids);
    let others = plans
        .of("Wishing that 100 end which another node has", wishing)
        .await
        .unwrap();
    assert_eq!(others.len(), STEP);
    let wishing = part.wish_extra(&waiting[0]);
    let left = plans
        .of("Wishing an extra attempt of another node", wishing)
        .await
        .unwrap();
    assert!(left);
    let wished = plans
        .of("What is wished of a node", its.wished())
        .await
        .unwrap();
    assert_eq!((wished.extra.len(), wished.to_end.len()), (1, STEP));

    let ended: Vec<_> = waiting
        .into_iter()
        .map(|row| made::cancelled(row, now))
        .collect();
    its.settle(Arc::new(ended), None).await.unwrap();
    let ended = plans
        .of(
            "What ended elsewhere for a job",
            part.ended_elsewhere(job.id),
        )
        .await
        .unwrap();
    assert_eq!(ended.len(), STEP);
    let kept = part.job(&job.environment, job.id).await.unwrap().unwrap();
    let step = JobStep {
        counted: ids,
        ..JobStep::of(job, kept.revision)
    };
    plans
        .of(
            "A step of a job that counts what ended elsewhere",
            part.change_job(step),
        )
        .await
        .unwrap();
}
