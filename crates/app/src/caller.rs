//! Who calls.

use fanfare_domain::id::KeyId;
use fanfare_domain::key::{Key, Right, Role};
use fanfare_domain::name::{EnvironmentId, TenantId};

/// A caller whose key was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key.
    pub key: KeyId,
    /// Where it acts.
    pub environment: EnvironmentId,
    /// The only tenant that it acts for.
    pub tenant: Option<TenantId>,
    /// What it may do.
    pub role: Role,
    /// Whether it is the administrator's.
    pub root: bool,
}

/// Why a caller may not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Its role does not include it.
    #[error("a key of the role {:?} may not do this; use one of the role {}", .0.as_str(), roles(*.1))]
    Role(Role, Right),
    /// It is bound to another tenant, or to one where all are meant.
    #[error("this key acts for the tenant {0:?} only")]
    Tenant(TenantId),
    /// It acts in another environment.
    #[error("this key acts in the environment {0:?} only")]
    Environment(EnvironmentId),
    /// Only the administrator's key may.
    #[error("only the administrator's key may do this")]
    AdministratorOnly,
}

/// The roles that include a right, for people.
fn roles(right: Right) -> String {
    let roles = [Role::Publisher, Role::Reader, Role::Manager, Role::Admin];
    let names: Vec<_> = roles
        .into_iter()
        .filter(|role| role.may(right))
        .map(|role| format!("{:?}", role.as_str()))
        .collect();
    names.join(" or ")
}

impl Caller {
    /// The caller behind a key, acting where the key was made.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        Self {
            key: key.id,
            environment: key.environment.clone(),
            tenant: key.tenant.clone(),
            role: key.role,
            root: key.root,
        }
    }

    /// Moves the administrator into an environment; any other key stays where it was made.
    ///
    /// # Errors
    /// When the key acts elsewhere and is not the administrator's.
    pub fn acting_in(mut self, environment: EnvironmentId) -> Result<Self, Forbidden> {
        if self.environment != environment {
            if !self.root {
                return Err(Forbidden::Environment(self.environment));
            }
            self.environment = environment;
        }
        Ok(self)
    }

    /// Checks that it may do something in the whole environment.
    ///
    /// # Errors
    /// When its role or its tenant does not allow it.
    pub fn may(&self, right: Right) -> Result<(), Forbidden> {
        if !self.role.may(right) {
            return Err(Forbidden::Role(self.role, right));
        }
        match &self.tenant {
            Some(tenant) => Err(Forbidden::Tenant(tenant.clone())),
            None => Ok(()),
        }
    }

    /// Checks that it may do something for a tenant.
    ///
    /// # Errors
    /// When its role or its tenant does not allow it.
    pub fn may_for(&self, right: Right, tenant: &str) -> Result<(), Forbidden> {
        if !self.role.may(right) {
            return Err(Forbidden::Role(self.role, right));
        }
        match &self.tenant {
            Some(own) if own.as_str() != tenant => Err(Forbidden::Tenant(own.clone())),
            _ => Ok(()),
        }
    }
}
