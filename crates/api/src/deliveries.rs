//! Deliveries: events on their way to endpoints.

pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod retry;
pub(crate) mod skip;
pub(crate) mod view;
