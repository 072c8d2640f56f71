//! The native REST API over the use cases, and its OpenAPI document.
//!
//! A request passes, in this order: the key (`auth`), the right to act there, the tenant or other
//! noun that the path names, the body. So a caller learns of faults in a body only where it may act,
//! and of a tenant's existence only with a key that acts for it.
//!
//! Every refusal is a `problem::Problem`, as RFC 9457 has it. What a body may hold is said once, by
//! the types that the OpenAPI document is made from; `body` checks against that very schema, so the
//! document can't promise what the server refuses.

mod answer;
mod attempts;
mod auth;
mod body;
mod cursor;
mod deliveries;
mod documentation;
mod endpoints;
mod environments;
mod event_types;
mod events;
mod failure;
mod fallback;
mod idempotency;
mod jobs;
mod keys;
mod merge;
mod openapi;
mod options;
mod page;
mod place;
mod problem;
mod query;
mod routes;
mod span;
mod state;
mod tenants;
mod time;

pub use fallback::no_such_method;
pub use openapi::openapi;
pub use options::ApiOptions;
pub use routes::router;
