//! Jobs: many deliveries repeated or cancelled at once.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod form;
pub(crate) mod read;
pub(crate) mod recover;
pub(crate) mod view;
