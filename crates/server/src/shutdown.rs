//! The end of the process, as the operating system asks for it.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asks the process to end.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from the system, which would end the process at once.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let take = |kind| signal(kind).context("signals can't be taken over");
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
        })
    }

    /// Answers when the process is asked to end, by SIGTERM or SIGINT.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ends the process at once when it is asked a second time. What was acknowledged is on disk.
    pub(crate) fn at_once_when_asked_again(mut self) {
        tokio::spawn(async move {
            self.asked().await;
            tracing::warn!("asked to end a second time; ending at once");
            std::process::exit(1);
        });
    }
}
