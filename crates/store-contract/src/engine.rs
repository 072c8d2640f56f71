//! What the suite must know of an engine.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::{Configuration, Deliveries, Log};

/// Makes stores of one kind.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Makes an empty store, which nobody else uses.
    async fn fresh(&self) -> Box<dyn OpenStore>;
}

/// A store that is open.
#[async_trait]
pub trait OpenStore: Send + Sync {
    /// Its configuration part.
    fn configuration(&self) -> Arc<dyn Configuration>;

    /// Its log part.
    fn log(&self) -> Arc<dyn Log>;

    /// Its deliveries part.
    fn deliveries(&self) -> Arc<dyn Deliveries>;

    /// Closes it in order, and opens it again.
    async fn restart(self: Box<Self>) -> Box<dyn OpenStore>;

    /// Opens what is there at this moment, as after the end of the process: nothing was closed.
    async fn crash(self: Box<Self>) -> Box<dyn OpenStore>;
}
