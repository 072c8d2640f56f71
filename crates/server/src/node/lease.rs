//! Sending only while this node's lease lasts.

use std::sync::Arc;

use async_trait::async_trait;
use fanfare_app::port::Sender;
use fanfare_app::port::sender::{Exchange, OutboundRequest};
use fanfare_store_postgres::Member;

/// Waits for the lease before each request. What comes later, a connection or a write of a request that
/// has begun, is refused below, see [`fanfare_delivery::sender::Permit`].
pub(super) struct Leased {
    pub(super) sender: Arc<dyn Sender>,
    pub(super) member: Arc<Member>,
}

#[async_trait]
impl Sender for Leased {
    async fn send(&self, request: OutboundRequest) -> Exchange {
        self.member.until_it_may_act().await;
        self.sender.send(request).await
    }
}
