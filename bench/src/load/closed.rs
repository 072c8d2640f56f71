//! A closed loop: each connection publishes the next event when the last one is acknowledged.

use std::{cell::RefCell, rc::Rc, thread, time::Duration};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Length, Publication, Published, on_this_thread};
use crate::{
    client::{Connection, Target},
    clock,
};

pub(crate) struct Closed {
    pub(crate) publication: Publication,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    /// How many published deliveries may be missing before publishers wait for them.
    pub(crate) window: Option<u64>,
}

/// Blocks until the load has ended; deliveries may still be on their way then.
pub(crate) fn run(load: &Closed, length: Length) -> Result<Published> {
    let until = length.begin(&load.publication.ledger);
    let threads = load.threads.clamp(1, load.connections);
    let results: Vec<Result<Published>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let connections = (thread..load.connections).step_by(threads);
                scope.spawn(move || on_this_thread(publish_on(load, connections, until)))
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Published>>| {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a publishing thread panicked")))
        };
        running.into_iter().map(join).collect()
    });
    let mut published = Published::new();
    for result in results {
        published.add(result?);
    }
    Ok(published)
}

async fn publish_on(
    load: &Closed,
    connections: impl Iterator<Item = usize>,
    until: u64,
) -> Result<Published> {
    let published = Rc::new(RefCell::new(Published::new()));
    let mut publishers = JoinSet::new();
    for connection in connections {
        let publication = load.publication.clone();
        let target = publication.targets[connection % publication.targets.len()].clone();
        let (window, published) = (load.window, published.clone());
        publishers.spawn_local(async move {
            publisher(&publication, &target, window, until, &published).await
        });
    }
    while let Some(ended) = publishers.join_next().await {
        ended??;
    }
    Ok(published.replace(Published::new()))
}

async fn publisher(
    publication: &Publication,
    target: &Target,
    window: Option<u64>,
    until: u64,
    published: &RefCell<Published>,
) -> Result<()> {
    let ledger = &publication.ledger;
    let mut connection = Connection::open(target.address).await?;
    loop {
        while window.is_some_and(|window| ledger.outstanding() >= window) && clock::now() < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if clock::now() >= until {
            return Ok(());
        }
        let Some(number) = ledger.take_number() else {
            return Ok(());
        };
        let body: Bytes = publication.payload.body(ledger.run, number);
        let sent = clock::now();
        ledger.sent(number, sent);
        let answer = connection.send(target, body).await?;
        if answer.status == publication.acknowledges {
            ledger.acknowledge(number);
            if ledger.measures(sent) {
                published
                    .borrow_mut()
                    .acknowledged
                    .record(clock::now() - sent);
            }
        } else {
            published.borrow_mut().refuse(&answer);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
