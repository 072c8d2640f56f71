//! A runtime with threads of its own, for what the bench itself serves.

use std::{future::Future, sync::mpsc, thread};

use anyhow::{Context, Result};
use tokio::{runtime::Builder, sync::oneshot};

/// Runs what was started on it until it is dropped.
pub(crate) struct Background {
    _stop: oneshot::Sender<()>,
}

impl Background {
    /// Starts a runtime of `threads` threads, and on it what `start` makes.
    pub(crate) fn start<T, F>(
        name: &str,
        threads: usize,
        start: impl FnOnce() -> F + Send + 'static,
    ) -> Result<(Self, T)>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (stop, stopped) = oneshot::channel();
        let (made, making) = mpsc::sync_channel(1);
        let mut builder = match threads {
            1 => Builder::new_current_thread(),
            // The thread that is spawned below is beside the workers and sleeps.
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder
            .worker_threads(threads)
            .thread_name(name)
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let _ = made.send(start().await);
                    // Ends when the sender is dropped.
                    let _ = stopped.await;
                });
            })?;
        let made = making.recv().context("a background task failed to start")?;
        Ok((Self { _stop: stop }, made))
    }
}
