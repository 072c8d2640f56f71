//! The configuration part.

use async_trait::async_trait;
use fanfare_app::port::configuration::{
    Applied, Change, Changed, Configuration, Document, DocumentKey, DocumentQuery, IdQuery,
    Revision,
};
use fanfare_app::port::error::StoreError;

use crate::store::Database;

mod apply;
mod read;

pub(crate) struct PostgresConfiguration {
    database: Database,
}

impl PostgresConfiguration {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Configuration for PostgresConfiguration {
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::get(&session, key).await?)
    }

    async fn list(&self, query: &DocumentQuery) -> Result<Vec<Document>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::list(&session, query).await?)
    }

    async fn list_by_id(&self, query: &IdQuery) -> Result<Vec<Document>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::list_by_id(&session, query).await?)
    }

    async fn apply(&self, changes: Vec<Change>) -> Result<Applied, StoreError> {
        let session = self.database.pool.lease().await?;
        let applied = apply::all(&session, &changes).await?;
        if matches!(applied, Applied::Done(_)) && !changes.is_empty() {
            self.database.places.hints.configuration_changed();
        }
        Ok(applied)
    }

    async fn changes_after(
        &self,
        revision: Revision,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        let session = self.database.pool.lease().await?;
        Ok(read::changes_after(&session, revision, limit).await?)
    }
}
