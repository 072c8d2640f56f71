//! Who calls: the key, and the environment that it acts in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use fanfare_app::caller::{Caller, Forbidden};
use fanfare_domain::key::{Key, Right};
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::problem::{Kind, Problem};
use crate::state::Api;

/// The header by which the administrator's key chooses an environment.
pub(crate) const ENVIRONMENT_HEADER: &str = "Fanfare-Environment";

/// A caller whose key was recognised, in an environment that is there; and the key.
#[derive(Clone, Debug)]
pub(crate) struct Acting(pub(crate) Caller, pub(crate) Arc<Key>);

impl FromRequestParts<Api> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let text = bearer(parts)?;
        let unknown = || {
            Problem::new(
                Kind::Unauthorized,
                "the key is unknown, revoked or expired; use one that is valid",
            )
        };
        let key = api.fanfare.key(text).ok_or_else(unknown)?;
        let caller = Caller::of(&key);
        let mut wanted = parts.headers.get_all(ENVIRONMENT_HEADER).iter();
        let Some(named) = wanted.next() else {
            return Ok(Self(caller, key));
        };
        // Given twice it names none: which one is meant can't be told.
        let named = wanted.next().is_none().then_some(named);
        let wanted = named.and_then(|named| Some(EnvironmentId::parse(named.to_str().ok()?)));
        let Some(Ok(environment)) = wanted else {
            if caller.root {
                let detail = "the header Fanfare-Environment names no environment";
                return Err(Problem::new(Kind::NotFound, detail));
            }
            return Err(Forbidden::Environment(caller.environment).into());
        };
        let caller = caller.acting_in(environment)?;
        api.fanfare.environment_exists(&caller.environment)?;
        Ok(Self(caller, key))
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let missing = || {
        Problem::new(
            Kind::Unauthorized,
            "send a key in the header \"Authorization: Bearer KEY\"",
        )
    };
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        let detail = "send one header \"Authorization: Bearer KEY\", not several";
        return Err(Problem::new(Kind::Unauthorized, detail));
    }
    let (scheme, key) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty() {
        Ok(key.trim())
    } else {
        Err(missing())
    }
}

impl Acting {
    /// The environment, for one who may do something in all of it.
    pub(crate) fn in_environment(&self, right: Right) -> Result<&EnvironmentId, Problem> {
        self.0.may(right)?;
        Ok(&self.0.environment)
    }

    /// The environment, for one whose role includes something that concerns all tenants alike, such
    /// as reading the catalogue; a key bound to a tenant may too.
    pub(crate) fn by_role(&self, right: Right) -> Result<&EnvironmentId, Problem> {
        if self.0.role.may(right) {
            Ok(&self.0.environment)
        } else {
            Err(Forbidden::Role(self.0.role, right).into())
        }
    }

    /// The tenant, for one who may do something for it. It is there.
    pub(crate) fn for_tenant(
        &self,
        api: &Api,
        right: Right,
        tenant: &str,
    ) -> Result<Scope, Problem> {
        self.0.may_for(right, tenant)?;
        let unknown = || {
            Problem::new(
                Kind::NotFound,
                format!("there is no tenant {tenant:?} here"),
            )
        };
        let scope = Scope {
            environment: self.0.environment.clone(),
            tenant: TenantId::parse(tenant).map_err(|_| unknown())?,
        };
        if api.fanfare.directory().has_tenant(&scope) {
            Ok(scope)
        } else {
            Err(unknown())
        }
    }

    /// Refuses all but the administrator's key.
    pub(crate) fn administrator(&self) -> Result<(), Problem> {
        if self.0.root {
            Ok(())
        } else {
            Err(Forbidden::AdministratorOnly.into())
        }
    }

    /// Whether it may do something for a tenant.
    pub(crate) fn may_for(&self, right: Right, tenant: &str) -> bool {
        self.0.may_for(right, tenant).is_ok()
    }
}
