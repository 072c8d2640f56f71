//! How a store is opened.

use std::time::Duration;

/// How a store is opened. The default is what `serve` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections that append to the log: while one waits for its commit, another takes what waits.
    pub log_writers: usize,
    /// Connections for reading and for rare writes; further work waits for one of them.
    pub connections: usize,
    /// How long a statement may take before it is given up as unavailable.
    pub statement_time: Duration,
    /// How long connecting may take.
    pub connect_time: Duration,
    /// Writes that may wait; one more is refused as busy after [`Options::queue_time`].
    pub queue_jobs: usize,
    /// Bytes of the writes that may wait, about.
    pub queue_bytes: usize,
    /// How long a caller waits for a place in the queue, or for a connection.
    pub queue_time: Duration,
    /// The most writes that share one commit.
    pub batch_jobs: usize,
    /// Bytes of writes, about, after which a commit takes no more of them.
    pub batch_bytes: usize,
    /// How what is past its time is taken.
    pub retention: Retention,
}

/// How what is past its time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// By partitions: what is past its time goes with its whole day, so up to a day later. Costs next
    /// to nothing, however much there is.
    Days,
    /// Row by row, exactly. Each row costs as much as it did to write it.
    Rows,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            log_writers: 2,
            connections: 4,
            statement_time: Duration::from_secs(10),
            connect_time: Duration::from_secs(5),
            queue_jobs: 4_096,
            queue_bytes: 64 << 20,
            queue_time: Duration::from_secs(1),
            batch_jobs: 512,
            batch_bytes: 8 << 20,
            retention: Retention::Days,
        }
    }
}
