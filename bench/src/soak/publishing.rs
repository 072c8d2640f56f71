//! The soak's publishers: at a fixed rate, and on and on until each event is acknowledged.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    runtime::Builder,
    task::LocalSet,
    time::{interval, sleep, timeout},
};

use crate::{
    client::{Connection, Target},
    server::Server,
};

use super::{account::Account, endpoints};

/// Connections that publish; each waits for its answer.
const PUBLISHERS: u64 = 8;
/// An answer that takes longer is waited for no more.
const LIMIT: Duration = Duration::from_secs(10);
/// How long to wait before the same event is published again.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) struct Publishing {
    stop: Arc<AtomicBool>,
    repeated: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

struct Publisher {
    address: SocketAddr,
    key: String,
    account: Arc<Account>,
    stop: Arc<AtomicBool>,
    /// Events that were published again, since the answer did not come.
    repeated: Arc<AtomicU64>,
}

impl Publishing {
    /// Publishes so many events a second from now on.
    pub(super) fn start(server: &Server, rate: u64, account: Arc<Account>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let repeated = Arc::new(AtomicU64::new(0));
        let publisher = Arc::new(Publisher {
            address: server.address,
            key: server.key.clone(),
            account,
            stop: Arc::clone(&stop),
            repeated: Arc::clone(&repeated),
        });
        let every = Duration::from_secs(PUBLISHERS) / u32::try_from(rate.max(1))?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let work = move || {
            let tasks = LocalSet::new();
            for _ in 0..PUBLISHERS {
                let publisher = Arc::clone(&publisher);
                tasks.spawn_local(async move { publisher.run(every).await });
            }
            runtime.block_on(tasks);
        };
        let thread = std::thread::Builder::new().name("publishers".to_owned());
        let thread = thread.spawn(work).context("no thread for publishers")?;
        Ok(Self {
            stop,
            repeated,
            thread,
        })
    }

    /// Ends it; answers how many requests were repetitions.
    pub(super) fn stop(self) -> u64 {
        self.stop.store(true, Relaxed);
        let _ = self.thread.join();
        self.repeated.load(Relaxed)
    }
}

impl Publisher {
    async fn run(&self, every: Duration) {
        let mut turns = interval(every);
        let mut connection = None;
        while !self.stop.load(Relaxed) {
            turns.tick().await;
            let Some((number, id)) = self.account.next() else {
                return;
            };
            while !self.stop.load(Relaxed) {
                if self.once(&mut connection, number, &id).await {
                    self.account.acknowledge(number);
                    break;
                }
                self.repeated.fetch_add(1, Relaxed);
                sleep(AGAIN).await;
            }
        }
    }

    /// Publishes an event; answers whether it is acknowledged.
    async fn once(&self, connection: &mut Option<Connection>, number: u64, id: &str) -> bool {
        let sent = timeout(LIMIT, self.send(connection, number, id)).await;
        let acknowledged = matches!(sent, Ok(Ok(202)));
        if !acknowledged {
            *connection = None;
        }
        acknowledged
    }

    async fn send(
        &self,
        connection: &mut Option<Connection>,
        number: u64,
        id: &str,
    ) -> Result<u16> {
        let (path, body) = endpoints::event(number, id);
        let target = Target::post(self.address, &path, Some(&self.key))?;
        let connection = match connection {
            Some(open) => open,
            None => connection.insert(Connection::open(self.address).await?),
        };
        let answer = connection.send(&target, body.into()).await?;
        Ok(answer.status.as_u16())
    }
}
