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

pub(crate) struct SqliteConfiguration {
    database: Database,
}

impl SqliteConfiguration {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Configuration for SqliteConfiguration {
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        let key = key.clone();
        let readers = &self.database.readers;
        readers.read(move |reading| read::get(reading, &key)).await
    }

    async fn list(&self, query: &DocumentQuery) -> Result<Vec<Document>, StoreError> {
        let query = query.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::list(reading, &query))
            .await
    }

    async fn list_by_id(&self, query: &IdQuery) -> Result<Vec<Document>, StoreError> {
        let query = query.clone();
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::list_by_id(reading, &query))
            .await
    }

    async fn apply(&self, changes: Vec<Change>) -> Result<Applied, StoreError> {
        let weight = changes.iter().map(apply::weight).sum();
        let writer = &self.database.writer;
        writer
            .ask(weight, move |writing| apply::all(writing, &changes))
            .await
    }

    async fn changes_after(
        &self,
        revision: Revision,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        let readers = &self.database.readers;
        readers
            .read(move |reading| read::changes_after(reading, revision, limit))
            .await
    }
}
