//! What a store tells of its commits.

use std::time::Duration;

/// Hears of each commit of a store, for metrics.
pub trait CommitObserver: Send + Sync + 'static {
    /// So many writes were committed together, which took so long, the sync included.
    fn committed(&self, jobs: usize, took: Duration);
}
