//! The configuration part: environments, tenants, event types, endpoints, keys, external ids.
//!
//! Small and read-mostly, so it is kept as documents: JSON bodies under keys, each with a revision.
//! A store needs to know nothing of the nouns, and a noun gains a field without a migration.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An environment.
    Environment,
    /// A tenant.
    Tenant,
    /// An event type.
    EventType,
    /// An endpoint, with its secrets.
    Endpoint,
    /// A key.
    Key,
    /// An id of another provider's form, see the dialects.
    ExternalId,
    /// What a request of a dialect was answered, for its repetitions.
    Answer,
}

impl Kind {
    /// All kinds, in the order in which they are loaded.
    pub const ALL: [Self; 7] = [
        Self::Environment,
        Self::Tenant,
        Self::EventType,
        Self::Endpoint,
        Self::Key,
        Self::ExternalId,
        Self::Answer,
    ];

    /// Its name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Tenant => "tenant",
            Self::EventType => "event_type",
            Self::Endpoint => "endpoint",
            Self::Key => "key",
            Self::ExternalId => "external_id",
            Self::Answer => "answer",
        }
    }

    /// Reads what [`Kind::as_str`] gave.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a document stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey {
    /// What it is.
    pub kind: Kind,
    /// Its environment; for an environment itself, empty.
    pub environment: String,
    /// Its tenant; empty for what belongs to the environment.
    pub tenant: String,
    /// Its name among its like.
    pub id: String,
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}/{}/{}",
            self.kind.as_str(),
            self.environment,
            self.tenant,
            self.id
        )
    }
}

/// Counts changes of the configuration: each change has a higher one than all before it.
pub type Revision = i64;

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it stands.
    pub key: DocumentKey,
    /// The change that made it what it is.
    pub revision: Revision,
    /// The change that made it: lists are ordered by it.
    pub created: Revision,
    /// JSON.
    pub body: String,
}

/// One change of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Makes a document; refused where there is one.
    Insert(DocumentKey, String),
    /// Replaces a document; refused where it is gone, or is not what `expected` says.
    Replace {
        /// Where it stands.
        key: DocumentKey,
        /// The revision that it must have.
        expected: Revision,
        /// The new JSON.
        body: String,
    },
    /// Removes a document; refused where it is gone.
    Remove(DocumentKey),
    /// Removes every document of a tenant, except of the kind [`Kind::Tenant`].
    RemoveOfTenant {
        /// The environment.
        environment: String,
        /// The tenant.
        tenant: String,
    },
}

/// What became of a list of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All were made; this is the last one's revision.
    Done(Revision),
    /// None was made: the one at this place was refused.
    Refused(usize),
}

/// A document that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is now this.
    Put(Document),
    /// It is gone.
    Removed {
        /// Where it stood.
        key: DocumentKey,
        /// The change that removed it.
        revision: Revision,
    },
}

impl Changed {
    /// The change's revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Put(document) => document.revision,
            Self::Removed { revision, .. } => *revision,
        }
    }
}

/// Which documents to list: newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentQuery {
    /// What they are.
    pub kind: Kind,
    /// Their environment; empty for environments.
    pub environment: String,
    /// Their tenant; empty for what belongs to the environment. None: any tenant's.
    pub tenant: Option<String>,
    /// Only those made before this change, that is, after it in the list.
    pub before: Option<Revision>,
    /// The most.
    pub limit: usize,
}

/// Which documents to list, by their ids, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdQuery {
    /// What they are.
    pub kind: Kind,
    /// Their environment; empty for environments.
    pub environment: String,
    /// Their tenant; empty for what belongs to the environment.
    pub tenant: String,
    /// Only those that come after this one, in the list's order.
    pub after: Option<String>,
    /// Whether the highest comes first.
    pub descending: bool,
    /// The most.
    pub limit: usize,
}

/// The configuration part of the store.
#[async_trait]
pub trait Configuration: Send + Sync + 'static {
    /// One document; none where there is none.
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError>;

    /// Documents, newest first by [`Document::created`].
    async fn list(&self, query: &DocumentQuery) -> Result<Vec<Document>, StoreError>;

    /// Documents in the order of their ids.
    async fn list_by_id(&self, query: &IdQuery) -> Result<Vec<Document>, StoreError>;

    /// Makes changes, all or none; durable when it answers.
    async fn apply(&self, changes: Vec<Change>) -> Result<Applied, StoreError>;

    /// What changed after a revision, oldest first, each document once as it is now. After 0: everything.
    ///
    /// Removals may be forgotten once they are a week old.
    async fn changes_after(
        &self,
        revision: Revision,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError>;
}
