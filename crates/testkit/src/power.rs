//! The power of a machine that a test can cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the machine still runs. Clones share the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Power {
    cut: Arc<AtomicBool>,
}

impl Power {
    /// Cuts it for good.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Goes on at once while there is power, and never without.
    pub(crate) async fn on(&self) {
        if self.cut.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}
