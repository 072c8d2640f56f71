//! Events: what is published.

pub(crate) mod batch;
pub(crate) mod form;
pub(crate) mod list;
pub(crate) mod publish;
pub(crate) mod view;
