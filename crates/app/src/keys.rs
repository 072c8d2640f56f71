//! Keys.

use fanfare_domain::fault::Fault;
use fanfare_domain::id::KeyId;
use fanfare_domain::key::{Key, KeyDigest, Role, generate_key};
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use fanfare_domain::rate::RateLimit;
use fanfare_domain::time::Timestamp;

use crate::environments::check_text;
use crate::error::{Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::configuration::Revision;
use crate::repository::{PageOf, Stored, in_environment};

/// What a key is made from.
#[derive(Clone, Debug, Default)]
pub struct KeyDraft {
    /// What people call it.
    pub name: Option<String>,
    /// What it may do.
    pub role: Option<Role>,
    /// The only tenant that it acts for.
    pub tenant: Option<String>,
    /// How many events it may publish; as the operator set it for all keys unless told.
    pub publish_rate: Option<RateLimit>,
    /// What of a dialect's flagged event types it may see.
    pub feature_flags: Vec<String>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A key just made, with its text, which nobody can read again.
pub struct FreshKey {
    /// The key as it is stored.
    pub key: Key,
    /// Its text.
    pub text: String,
}

/// The administrator's key with a digest from the settings.
pub(crate) fn administrator(digest: KeyDigest) -> Key {
    Key {
        id: KeyId::from_bits(0),
        environment: EnvironmentId::default_environment(),
        tenant: None,
        name: "administrator".to_owned(),
        role: Role::Admin,
        root: true,
        digest,
        publish_rate: None,
        feature_flags: Vec::new(),
        expires_at: None,
        created_at: Timestamp::default(),
    }
}

fn check_rate(rate: Option<&RateLimit>, faults: &mut Faults) {
    for cause in rate.iter().flat_map(|rate| rate.faults()) {
        let member = match cause.member {
            // What is counted here are events.
            "requests" => "events",
            other => other,
        };
        faults.add(format!("#/publish_rate/{member}"), cause.detail);
    }
}

impl Fanfare {
    /// Makes a key.
    ///
    /// # Errors
    /// When the draft is wrong.
    pub async fn create_key(
        &self,
        environment: &EnvironmentId,
        draft: KeyDraft,
        found: Vec<Fault>,
    ) -> Result<FreshKey, UseCaseError> {
        let now = self.ports.clock.now();
        let mut faults = Faults::new(found);
        match &draft.name {
            None => faults.add("#/name", "is required"),
            Some(name) if name.trim().is_empty() => faults.add("#/name", "must not be empty"),
            Some(name) => check_text(&mut faults, "#/name", name),
        }
        if draft.role.is_none() {
            faults.add("#/role", "is required: admin, manager, publisher or reader");
        }
        if draft.expires_at.is_some_and(|at| at <= now) {
            faults.add("#/expires_at", "must lie in the future");
        }
        check_rate(draft.publish_rate.as_ref(), &mut faults);
        let tenant = draft
            .tenant
            .as_deref()
            .map(TenantId::parse)
            .transpose()
            .ok()
            .flatten();
        if let Some(given) = &draft.tenant {
            let known = tenant.clone().is_some_and(|tenant| {
                self.directory.has_tenant(&Scope {
                    environment: environment.clone(),
                    tenant,
                })
            });
            if !known {
                faults.add(
                    "#/tenant",
                    format!("must name a tenant of this environment; there is no {given:?}"),
                );
            }
        }
        faults.refuse_if_any()?;
        let text = generate_key(&self.secret_chance());
        let key = Key {
            id: KeyId::new(now, self.ports.random.bits()),
            environment: environment.clone(),
            tenant,
            name: draft.name.unwrap_or_default(),
            role: draft.role.unwrap_or(Role::Reader),
            root: false,
            digest: KeyDigest::of(&text),
            publish_rate: draft.publish_rate,
            feature_flags: draft.feature_flags,
            expires_at: draft.expires_at,
            created_at: now,
        };
        self.insert(&key).await?;
        Ok(FreshKey { key, text })
    }

    /// Makes an administrator's key, where the store has none; answers its text.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ensure_administrator(&self) -> Result<Option<String>, UseCaseError> {
        if self.directory.has_administrator() {
            return Ok(None);
        }
        let text = generate_key(&self.secret_chance());
        let now = self.ports.clock.now();
        let key = Key {
            id: KeyId::new(now, self.ports.random.bits()),
            created_at: now,
            ..administrator(KeyDigest::of(&text))
        };
        self.insert(&key).await?;
        Ok(Some(text))
    }

    /// One key.
    ///
    /// # Errors
    /// When there is none.
    pub async fn key_by_id(
        &self,
        environment: &EnvironmentId,
        id: &str,
    ) -> Result<Key, UseCaseError> {
        Ok(self.fetch::<Key>(environment.as_str(), "", id).await?.noun)
    }

    /// Keys, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn keys(
        &self,
        environment: &EnvironmentId,
        page: PageOf<Revision>,
    ) -> Result<Vec<Stored<Key>>, UseCaseError> {
        self.fetch_page(environment.as_str(), Some(""), page).await
    }

    /// Gives a key another rate of publishing; what else it is stays. None: as the operator set it.
    ///
    /// # Errors
    /// When there is none, or the rate is none that can be kept.
    pub async fn change_publish_rate(
        &self,
        environment: &EnvironmentId,
        id: &str,
        rate: Option<RateLimit>,
        found: Vec<Fault>,
    ) -> Result<Key, UseCaseError> {
        let mut faults = Faults::new(found);
        check_rate(rate.as_ref(), &mut faults);
        faults.refuse_if_any()?;
        let change = |key: &mut Key| {
            key.publish_rate = rate;
            Ok(())
        };
        Ok(self
            .modify(in_environment(environment, id), change)
            .await?
            .noun)
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_key(
        &self,
        environment: &EnvironmentId,
        id: &str,
    ) -> Result<(), UseCaseError> {
        self.remove::<Key>(in_environment(environment, id), Vec::new())
            .await
    }
}
