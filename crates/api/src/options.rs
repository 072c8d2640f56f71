//! What the operator sets for the API.

use std::time::Duration;

/// Bounds of what the API takes.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// The most bytes of a body that makes or changes configuration. A larger one is answered 413.
    pub management_bytes: usize,
    /// Bytes that an event's body may have besides its data, for attributes and the like. With the
    /// limit of the data it bounds the body; a larger one is answered 413.
    pub envelope_bytes: usize,
    /// The most bytes of a batch. A larger one is answered 413.
    pub batch_bytes: usize,
    /// How long a body may take to come in. A slower one is answered 408.
    pub body_time: Duration,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            management_bytes: 256 * 1024,
            envelope_bytes: 64 * 1024,
            batch_bytes: 4 * 1024 * 1024,
            body_time: Duration::from_secs(30),
        }
    }
}
