//! Endpoints: the URLs of a tenant that events are delivered to.

pub(crate) mod batch;
pub(crate) mod breaker;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod form;
pub(crate) mod matching;
pub(crate) mod missed;
pub(crate) mod order;
pub(crate) mod policy;
pub(crate) mod rate;
pub(crate) mod read;
pub(crate) mod secrets;
pub(crate) mod stats;
pub(crate) mod test;
pub(crate) mod view;
