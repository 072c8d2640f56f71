//! Writes that wait at the same time share a commit, and one that fails does not spoil the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fanfare_app::port::CommitObserver;
use fanfare_app::port::log::{Appended, Event};

use crate::databases::{open, with_a_store};
use crate::made::{append, event, hour};

#[derive(Default)]
struct Counted {
    commits: AtomicUsize,
    writes: AtomicUsize,
}

impl CommitObserver for Counted {
    fn committed(&self, jobs: usize, _: Duration) {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.writes.fetch_add(jobs, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_share_transactions() {
    let database = with_a_store().await;
    let store = open(&database.address()).await;
    let counted = Arc::new(Counted::default());
    store.observe(Arc::<Counted>::clone(&counted));
    let calls: Vec<_> = (0..400)
        .map(|number| {
            let log = store.log();
            tokio::spawn(async move { log.append(vec![append(event(hour(1), number))]).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(counted.writes.load(Ordering::SeqCst), 400);
    let commits = counted.commits.load(Ordering::SeqCst);
    assert!(commits <= 100, "{commits} commits of 400 calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_spoils_no_other() {
    let database = with_a_store().await;
    let store = open(&database.address()).await;
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let log = store.log();
            // PostgreSQL's texts hold no zero byte; the API lets none in.
            let subcategory = (number % 10 == 3).then(|| "\0".to_owned());
            let event = Event {
                subcategory,
                ..event(hour(1), number)
            };
            tokio::spawn(async move { (number, log.append(vec![append(event)]).await) })
        })
        .collect();
    for call in calls {
        let (number, answer) = call.await.unwrap();
        if number % 10 == 3 {
            answer.unwrap_err();
        } else {
            assert!(matches!(answer.unwrap()[..], [Appended::At(_)]));
        }
    }
    let read = store.log().read_after(0, 100).await.unwrap();
    assert_eq!(read.len(), 45);
}
