//! The configuration part.

use std::collections::BTreeMap;

use async_trait::async_trait;
use fanfare_app::port::configuration::{
    Applied, Change, Changed, Document, DocumentKey, DocumentQuery, IdQuery, Kind, Revision,
};
use fanfare_app::port::{Configuration, StoreError};

use super::changes::Changes;
use super::{Call, Change as Committed, MemoryStore};

/// The documents; removed ones stay, without a body, for the feed.
#[derive(Clone, Debug, Default)]
pub(super) struct Documents {
    by_key: BTreeMap<DocumentKey, Entry>,
    revision: Revision,
    /// Of this commit, for whoever watches.
    pub(super) changes: Changes,
}

#[derive(Clone, Debug)]
struct Entry {
    revision: Revision,
    created: Revision,
    body: Option<String>,
}

impl Documents {
    fn document(key: &DocumentKey, entry: &Entry) -> Option<Document> {
        Some(Document {
            key: key.clone(),
            revision: entry.revision,
            created: entry.created,
            body: entry.body.clone()?,
        })
    }

    fn get(&self, key: &DocumentKey) -> Option<Document> {
        Self::document(key, self.by_key.get(key)?)
    }

    fn list(&self, query: &DocumentQuery) -> Vec<Document> {
        let wanted = |key: &DocumentKey| {
            key.kind == query.kind
                && key.environment == query.environment
                && query
                    .tenant
                    .as_ref()
                    .is_none_or(|tenant| *tenant == key.tenant)
        };
        let mut found: Vec<_> = self
            .by_key
            .iter()
            .filter(|(key, _)| wanted(key))
            .filter_map(|(key, entry)| Self::document(key, entry))
            .filter(|document| query.before.is_none_or(|before| document.created < before))
            .collect();
        found.sort_unstable_by_key(|document| std::cmp::Reverse(document.created));
        found.truncate(query.limit);
        found
    }

    fn list_by_id(&self, query: &IdQuery) -> Vec<Document> {
        let within = |document: &Document| {
            let key = &document.key;
            let after = query.after.as_ref().is_none_or(|after| {
                if query.descending {
                    key.id < *after
                } else {
                    key.id > *after
                }
            });
            key.kind == query.kind
                && key.environment == query.environment
                && key.tenant == query.tenant
                && after
        };
        let documents = self.by_key.iter();
        let mut found: Vec<_> = documents
            .filter_map(|(key, entry)| Self::document(key, entry))
            .filter(within)
            .collect();
        found.sort_unstable_by(|one, other| one.key.id.cmp(&other.key.id));
        if query.descending {
            found.reverse();
        }
        found.truncate(query.limit);
        found
    }

    fn apply(&mut self, changes: &[Change]) -> Applied {
        let mut next = self.clone();
        for (place, change) in changes.iter().enumerate() {
            if !next.one(change) {
                return Applied::Refused(place);
            }
        }
        let since = self.revision;
        *self = next;
        let changed = self.changes_after(since, usize::MAX);
        self.changes
            .extend(changed.into_iter().map(Committed::Document));
        Applied::Done(self.revision)
    }

    fn one(&mut self, change: &Change) -> bool {
        match change {
            Change::Insert(key, body) => {
                if self.get(key).is_some() {
                    return false;
                }
                self.revision += 1;
                let entry = Entry {
                    revision: self.revision,
                    created: self.revision,
                    body: Some(body.clone()),
                };
                self.by_key.insert(key.clone(), entry);
                true
            }
            Change::Replace {
                key,
                expected,
                body,
            } => match self.by_key.get_mut(key) {
                Some(entry) if entry.body.is_some() && entry.revision == *expected => {
                    self.revision += 1;
                    entry.revision = self.revision;
                    entry.body = Some(body.clone());
                    true
                }
                _ => false,
            },
            Change::Remove(key) => self.remove(key),
            Change::RemoveOfTenant {
                environment,
                tenant,
            } => {
                let of_tenant = |key: &&DocumentKey| {
                    key.kind != Kind::Tenant
                        && key.environment == *environment
                        && key.tenant == *tenant
                };
                let keys: Vec<_> = self.by_key.keys().filter(of_tenant).cloned().collect();
                for key in keys {
                    self.remove(&key);
                }
                true
            }
        }
    }

    fn remove(&mut self, key: &DocumentKey) -> bool {
        match self.by_key.get_mut(key) {
            Some(entry) if entry.body.is_some() => {
                self.revision += 1;
                entry.revision = self.revision;
                entry.body = None;
                true
            }
            _ => false,
        }
    }

    fn changes_after(&self, revision: Revision, limit: usize) -> Vec<Changed> {
        let mut changed: Vec<_> = self
            .by_key
            .iter()
            .filter(|(_, entry)| entry.revision > revision)
            .map(|(key, entry)| match Self::document(key, entry) {
                Some(document) => Changed::Put(document),
                None => Changed::Removed {
                    key: key.clone(),
                    revision: entry.revision,
                },
            })
            .collect();
        changed.sort_unstable_by_key(Changed::revision);
        changed.truncate(limit);
        changed
    }
}

#[async_trait]
impl Configuration for MemoryStore {
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        self.call(Call::ReadConfiguration, |state| {
            state.configuration.get(key)
        })
        .await
    }

    async fn list(&self, query: &DocumentQuery) -> Result<Vec<Document>, StoreError> {
        self.call(Call::ReadConfiguration, |state| {
            state.configuration.list(query)
        })
        .await
    }

    async fn list_by_id(&self, query: &IdQuery) -> Result<Vec<Document>, StoreError> {
        self.call(Call::ReadConfiguration, |state| {
            state.configuration.list_by_id(query)
        })
        .await
    }

    async fn apply(&self, changes: Vec<Change>) -> Result<Applied, StoreError> {
        self.call(Call::Apply, |state| state.configuration.apply(&changes))
            .await
    }

    async fn changes_after(
        &self,
        revision: Revision,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        self.call(Call::ReadConfiguration, |state| {
            state.configuration.changes_after(revision, limit)
        })
        .await
    }
}
