//! Dialects: other providers' management APIs and delivery formats, spoken exactly.
//!
//! A dialect is a module with four parts: the management API (routes, authentication, bodies, errors,
//! ids), the delivery format (envelope, headers, signature), its delivery policy, and the event types
//! that it knows. It owns no tables and no rules: it translates to and from the use cases that the
//! native API calls, and finds its endpoints by ids of its own form (`fanfare_app::external`).
//!
//! A new one is a folder here and a line in [`all`].

mod body;
mod dialect;
mod door;
mod limiter;
mod serving;

pub use body::BodyRefused;
pub use dialect::{Dialect, DialectSettings};
pub use door::{Denied, Door};
pub use serving::{Binding, serve};

/// Every dialect by its name, made from what the operator sets for it.
///
/// # Errors
/// When a setting can't be used, with its name and what would be right.
pub fn make(_name: &str, _settings: &DialectSettings) -> Option<Result<Box<dyn Dialect>, String>> {
    None
}

/// The names of all dialects.
pub const ALL: [&str; 0] = [];
