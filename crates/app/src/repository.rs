//! Nouns as documents of the configuration part.

use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::environment::{Environment, Tenant};
use fanfare_domain::event_type::EventType;
use fanfare_domain::key::Key;
use fanfare_domain::name::{EnvironmentId, Scope};
use fanfare_domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Conflict, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::configuration::{
    Applied, Change, Document, DocumentKey, DocumentQuery, Kind, Revision,
};

/// A noun that is kept as a document.
pub trait Noun: Serialize + DeserializeOwned + Send + Sync {
    /// Its kind in the store.
    const KIND: Kind;
    /// What it is called in messages.
    const NAME: &'static str;

    /// Where it stands: environment, tenant (empty for none), id.
    fn place(&self) -> (String, String, String);
}

macro_rules! noun {
    ($type:ty, $kind:expr, $name:literal, |$self:ident| $place:expr) => {
        impl Noun for $type {
            const KIND: Kind = $kind;
            const NAME: &'static str = $name;

            fn place(&self) -> (String, String, String) {
                let $self = self;
                $place
            }
        }
    };
}

noun!(Environment, Kind::Environment, "environment", |it| (
    String::new(),
    String::new(),
    it.id.to_string()
));
noun!(Tenant, Kind::Tenant, "tenant", |it| (
    it.environment.to_string(),
    String::new(),
    it.id.to_string()
));
noun!(EventType, Kind::EventType, "event type", |it| (
    it.environment.to_string(),
    String::new(),
    it.name.to_string()
));
noun!(Endpoint, Kind::Endpoint, "endpoint", |it| (
    it.scope.environment.to_string(),
    it.scope.tenant.to_string(),
    it.id.to_string()
));
noun!(Key, Kind::Key, "key", |it| (
    it.environment.to_string(),
    String::new(),
    it.id.to_string()
));

/// A noun with its place in time.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    /// The noun.
    pub noun: T,
    /// The change that made it what it is.
    pub revision: Revision,
    /// The change that made it; the cursor of lists.
    pub created: Revision,
}

/// Where a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageOf<C> {
    /// After this one; none: from the start.
    pub cursor: Option<C>,
    /// The most.
    pub limit: usize,
}

/// How often a change is tried again when somebody else was faster.
pub(crate) const TRIES: usize = 5;

pub(crate) fn key_of<T: Noun>(noun: &T) -> DocumentKey {
    let (environment, tenant, id) = noun.place();
    DocumentKey {
        kind: T::KIND,
        environment,
        tenant,
        id,
    }
}

pub(crate) fn read<T: Noun>(document: &Document) -> Result<Stored<T>, StoreError> {
    let noun = serde_json::from_str(&document.body).map_err(|cause| {
        StoreError::corrupt(format!("configuration, body of {}", document.key), cause)
    })?;
    Ok(Stored {
        noun,
        revision: document.revision,
        created: document.created,
    })
}

pub(crate) fn write<T: Noun>(noun: &T) -> Result<String, StoreError> {
    serde_json::to_string(noun).map_err(|cause| StoreError::corrupt(T::NAME, cause))
}

impl Fanfare {
    pub(crate) async fn fetch<T: Noun>(
        &self,
        environment: &str,
        tenant: &str,
        id: &str,
    ) -> Result<Stored<T>, UseCaseError> {
        let key = DocumentKey {
            kind: T::KIND,
            environment: environment.to_owned(),
            tenant: tenant.to_owned(),
            id: id.to_owned(),
        };
        match self.ports.configuration.get(&key).await? {
            Some(document) => Ok(read(&document)?),
            None => Err(UseCaseError::not_found(T::NAME, id)),
        }
    }

    pub(crate) async fn fetch_page<T: Noun>(
        &self,
        environment: &str,
        tenant: Option<&str>,
        page: PageOf<Revision>,
    ) -> Result<Vec<Stored<T>>, UseCaseError> {
        let query = DocumentQuery {
            kind: T::KIND,
            environment: environment.to_owned(),
            tenant: tenant.map(str::to_owned),
            before: page.cursor,
            limit: page.limit,
        };
        let documents = self.ports.configuration.list(&query).await?;
        Ok(documents.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Makes a noun; refused where its name is taken.
    pub(crate) async fn insert<T: Noun>(&self, noun: &T) -> Result<(), UseCaseError> {
        self.insert_with(noun, Vec::new()).await
    }

    /// Makes a noun together with other changes, all or none.
    pub(crate) async fn insert_with<T: Noun>(
        &self,
        noun: &T,
        others: Vec<Change>,
    ) -> Result<(), UseCaseError> {
        let key = key_of(noun);
        let id = key.id.clone();
        let mut changes = vec![Change::Insert(key, write(noun)?)];
        changes.extend(others);
        match self.ports.configuration.apply(changes).await? {
            Applied::Done(_) => Ok(self.refresh().await?),
            Applied::Refused(_) => Err(Conflict::Exists { what: T::NAME, id }.into()),
        }
    }

    /// Reads, changes and writes a noun; tried again when somebody else was faster.
    pub(crate) async fn modify<T: Noun + Clone>(
        &self,
        place: (&str, &str, &str),
        mut change: impl FnMut(&mut T) -> Result<(), UseCaseError> + Send,
    ) -> Result<Stored<T>, UseCaseError> {
        let (environment, tenant, id) = place;
        for _ in 0..TRIES {
            let mut stored: Stored<T> = self.fetch(environment, tenant, id).await?;
            change(&mut stored.noun)?;
            let replace = Change::Replace {
                key: key_of(&stored.noun),
                expected: stored.revision,
                body: write(&stored.noun)?,
            };
            if let Applied::Done(revision) = self.ports.configuration.apply(vec![replace]).await? {
                self.refresh().await?;
                return Ok(Stored { revision, ..stored });
            }
        }
        Err(Conflict::Changed(T::NAME).into())
    }

    pub(crate) async fn remove<T: Noun>(
        &self,
        place: (&str, &str, &str),
        others: Vec<Change>,
    ) -> Result<(), UseCaseError> {
        let (environment, tenant, id) = place;
        let key = DocumentKey {
            kind: T::KIND,
            environment: environment.to_owned(),
            tenant: tenant.to_owned(),
            id: id.to_owned(),
        };
        let mut changes = vec![Change::Remove(key)];
        changes.extend(others);
        match self.ports.configuration.apply(changes).await? {
            Applied::Done(_) => Ok(self.refresh().await?),
            Applied::Refused(_) => Err(UseCaseError::not_found(T::NAME, id)),
        }
    }
}

/// Refuses to replace what was changed since the replacement was made from it.
pub(crate) fn still(
    seen: Option<Timestamp>,
    changed: Timestamp,
    what: &'static str,
) -> Result<(), UseCaseError> {
    match seen {
        Some(seen) if seen != changed => Err(Conflict::Changed(what).into()),
        _ => Ok(()),
    }
}

/// The parts of a scope, as the store's keys have them.
pub(crate) fn parts(scope: &Scope) -> (&str, &str) {
    (scope.environment.as_str(), scope.tenant.as_str())
}

/// The place of something that belongs to an environment.
pub(crate) fn in_environment<'a>(
    environment: &'a EnvironmentId,
    id: &'a str,
) -> (&'a str, &'a str, &'a str) {
    (environment.as_str(), "", id)
}
