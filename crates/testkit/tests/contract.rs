//! The store in memory keeps the contract of every store.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::{Configuration, Deliveries, Log};
use fanfare_store_contract::{Engine, OpenStore};
use fanfare_testkit::memory_store::MemoryStore;

struct InMemory;

#[async_trait]
impl Engine for InMemory {
    async fn fresh(&self) -> Box<dyn OpenStore> {
        Box::new(Open(MemoryStore::new()))
    }
}

struct Open(MemoryStore);

#[async_trait]
impl OpenStore for Open {
    fn configuration(&self) -> Arc<dyn Configuration> {
        Arc::new(self.0.clone())
    }

    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.0.clone())
    }

    fn deliveries(&self) -> Arc<dyn Deliveries> {
        Arc::new(self.0.clone())
    }

    async fn restart(self: Box<Self>) -> Box<dyn OpenStore> {
        Box::new(Self(self.0.crash()))
    }

    async fn crash(self: Box<Self>) -> Box<dyn OpenStore> {
        Box::new(Self(self.0.crash()))
    }
}

fanfare_store_contract::contract_suite!(InMemory);
