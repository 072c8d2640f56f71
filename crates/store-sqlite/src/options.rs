//! How a store is opened.

use std::time::Duration;

/// How a store is opened. The default is what `serve` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of pages that the writer keeps in memory.
    pub writer_cache: usize,
    /// Bytes of pages that each reader keeps in memory.
    pub reader_cache: usize,
    /// Readers beside the writer; further reads wait for one of them.
    pub readers: usize,
    /// How long a read may take before it is given up as unavailable, so that it can't keep the
    /// write-ahead log from being reused.
    pub read_time: Duration,
    /// How long the writer waits for a file that another process has locked.
    pub busy_time: Duration,
    /// Writes that may wait; one more is refused as busy after [`Options::queue_time`].
    pub queue_jobs: usize,
    /// Bytes of the writes that may wait, about.
    pub queue_bytes: usize,
    /// How long a caller waits for a place in the queue, or for a reader.
    pub queue_time: Duration,
    /// The most writes that share one commit.
    pub batch_jobs: usize,
    /// Bytes of writes, about, after which a commit takes no more of them.
    pub batch_bytes: usize,
    /// Bytes of the write-ahead log after which it is copied into the file.
    pub checkpoint_bytes: u64,
    /// Bytes of the write-ahead log after which the writer waits for readers to let go of it.
    pub log_bytes: u64,
    /// Leaves syncing to the operating system. Loses acknowledged events when the power fails: it
    /// exists so that a test can show that it would notice.
    pub synchronous_off_for_test_purposes_only: bool,
    /// The most pages that the file may have, as if the disk were full then.
    pub page_limit_for_test_purposes_only: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            writer_cache: 8 << 20,
            reader_cache: 1 << 20,
            readers: 3,
            read_time: Duration::from_secs(5),
            busy_time: Duration::from_secs(2),
            queue_jobs: 4_096,
            queue_bytes: 64 << 20,
            queue_time: Duration::from_secs(1),
            batch_jobs: 512,
            batch_bytes: 8 << 20,
            checkpoint_bytes: 32 << 20,
            log_bytes: 64 << 20,
            synchronous_off_for_test_purposes_only: false,
            page_limit_for_test_purposes_only: None,
        }
    }
}
