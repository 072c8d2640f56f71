//! An open loop: events are due at fixed moments, and every time is counted from the moment that
//! an event was due. What a slow server delays is measured then, and not left out.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use anyhow::{Result, bail};

use super::{Length, Publication, Published, on_this_thread};
use crate::{client::Connection, clock, pacer::Pacer};

pub(crate) struct Open {
    pub(crate) publication: Publication,
    /// Events a second, evenly spaced.
    pub(crate) rate: f64,
    pub(crate) connections: usize,
}

/// Blocks until the load has ended and every request is answered.
pub(crate) fn run(load: &Open, length: Length) -> Result<Published> {
    on_this_thread(publish(load, length))
}

struct Due {
    number: u64,
    intended: u64,
}

/// Events that are due while every connection waits for an answer queue here, at most as many as
/// the ledger has room for.
struct Publisher {
    publication: Publication,
    idle: RefCell<Vec<Connection>>,
    queue: RefCell<VecDeque<Due>>,
    published: RefCell<Published>,
    failure: RefCell<Option<anyhow::Error>>,
}

async fn publish(load: &Open, length: Length) -> Result<Published> {
    let targets = &load.publication.targets;
    let mut idle = Vec::new();
    for _ in 0..load.connections {
        idle.push(Connection::open(targets[0].address).await?);
    }
    let publisher = Rc::new(Publisher {
        publication: load.publication.clone(),
        idle: RefCell::new(idle),
        queue: RefCell::default(),
        published: RefCell::new(Published::new()),
        failure: RefCell::default(),
    });
    let pacer = Pacer::new()?;
    let until = length.begin(&load.publication.ledger);
    let start = clock::now();
    for turn in 0_u64.. {
        let intended = start + (turn as f64 * 1e9 / load.rate) as u64;
        if intended >= until || publisher.failure.borrow().is_some() {
            break;
        }
        pacer.until(intended).await?;
        let Some(number) = load.publication.ledger.take_number() else {
            break;
        };
        load.publication.ledger.sent(number, intended);
        publisher.clone().take(Due { number, intended });
        // After a stall many are due at once; the connections need their turns between them.
        if turn % 16 == 15 {
            tokio::task::yield_now().await;
        }
    }
    let start = clock::now();
    while publisher.idle.borrow().len() < load.connections {
        if let Some(failure) = publisher.failure.take() {
            return Err(failure);
        }
        if clock::now() - start > clock::span(Duration::from_secs(60)) {
            bail!(
                "{} requests have no answer",
                load.connections - publisher.idle.borrow().len()
            );
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let published = publisher.published.replace(Published::new());
    Ok(published)
}

impl Publisher {
    fn take(self: Rc<Self>, due: Due) {
        let idle = self.idle.borrow_mut().pop();
        let Some(mut connection) = idle else {
            self.queue.borrow_mut().push_back(due);
            return;
        };
        tokio::task::spawn_local(async move {
            let mut next = Some(due);
            while let Some(due) = next {
                if let Err(failure) = self.send(&mut connection, &due).await {
                    *self.failure.borrow_mut() = Some(failure);
                }
                next = self.queue.borrow_mut().pop_front();
            }
            self.idle.borrow_mut().push(connection);
        });
    }

    async fn send(&self, connection: &mut Connection, due: &Due) -> Result<()> {
        let Publication {
            targets,
            payload,
            acknowledges,
            ledger,
        } = &self.publication;
        let target = &targets[due.number as usize % targets.len()];
        let body = payload.body(ledger.run, due.number);
        let sent = clock::now();
        let answer = connection.send(target, body).await?;
        let answered = clock::now();
        let mut published = self.published.borrow_mut();
        if answer.status != *acknowledges {
            published.refuse(&answer);
            return Ok(());
        }
        ledger.acknowledge(due.number);
        if ledger.measures(due.intended) {
            published.acknowledged.record(answered - due.intended);
            published.lag.record(sent.saturating_sub(due.intended));
        }
        Ok(())
    }
}
