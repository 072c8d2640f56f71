//! The power of a machine that a test can cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether the machine still runs. Clones share the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Power(Arc<State>);

#[derive(Debug, Default)]
struct State {
    cut: AtomicBool,
    told: Notify,
}

impl Power {
    /// Cuts it for good.
    pub(crate) fn cut(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
        self.0.told.notify_waiters();
    }

    /// Goes on at once while there is power, and never without.
    pub(crate) async fn on(&self) {
        if self.0.cut.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// Goes on when it is cut.
    pub(crate) async fn lost(&self) {
        loop {
            let told = self.0.told.notified();
            if self.0.cut.load(Ordering::SeqCst) {
                return;
            }
            told.await;
        }
    }
}
