//! The configuration part.

use async_trait::async_trait;
use fanfare_app::port::configuration::{
    Applied, Change, Changed, Document, DocumentKey, DocumentQuery, IdQuery, Revision,
};
use fanfare_app::port::{Configuration, StoreError};

use super::NodeStore;

#[async_trait]
impl Configuration for NodeStore {
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        self.reach().await?;
        self.back(self.store().get(key).await).await
    }

    async fn list(&self, query: &DocumentQuery) -> Result<Vec<Document>, StoreError> {
        self.reach().await?;
        self.back(self.store().list(query).await).await
    }

    async fn list_by_id(&self, query: &IdQuery) -> Result<Vec<Document>, StoreError> {
        self.reach().await?;
        self.back(self.store().list_by_id(query).await).await
    }

    async fn apply(&self, changes: Vec<Change>) -> Result<Applied, StoreError> {
        self.reach().await?;
        self.back(self.store().apply(changes).await).await
    }

    async fn changes_after(
        &self,
        revision: Revision,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        self.reach().await?;
        self.back(self.store().changes_after(revision, limit).await)
            .await
    }
}
