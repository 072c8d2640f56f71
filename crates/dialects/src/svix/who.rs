//! Who calls: an organisation, or a portal user of one application.

use fanfare_app::caller::Caller;
use fanfare_domain::key::{Key, Right, Role};
use fanfare_domain::name::{EnvironmentId, TenantId};
use http::{HeaderMap, header};

use super::desk::Desk;
use super::failure::Failure;
use super::ids;
use super::jwt::Claims;

/// A caller that was let in.
#[derive(Clone, Debug)]
pub(super) struct Who {
    /// The organisation.
    pub(super) environment: EnvironmentId,
    /// The only application that it acts for; none: the whole organisation.
    pub(super) application: Option<TenantId>,
    pub(super) role: Role,
    /// Which flagged event types a portal user sees.
    pub(super) flags: Vec<String>,
    /// The key, where it is one of ours and no JWT.
    pub(super) key: Option<String>,
}

impl Who {
    fn of(key: &Key, home: &EnvironmentId) -> Self {
        let caller = Caller::of(key);
        Self {
            // The administrator is at home where the dialect is.
            environment: if caller.root {
                home.clone()
            } else {
                caller.environment
            },
            application: caller.tenant,
            role: caller.role,
            flags: key.feature_flags.clone(),
            key: (!key.root).then(|| key.id.to_string()),
        }
    }

    fn from_claims(claims: Claims) -> Result<Self, Failure> {
        let bad = |code| Failure::bad(code, "the token's \"sub\" and \"org\" must be ids");
        let Some(sub) = claims.sub else {
            return Err(Failure::unauthenticated());
        };
        let (organisation, application) = match claims.org {
            None if ids::well_formed(ids::ORGANISATION, &sub) => (sub, None),
            None => return Err(bad("bad_token")),
            Some(org)
                if ids::well_formed(ids::ORGANISATION, &org)
                    && ids::well_formed(ids::APPLICATION, &sub) =>
            {
                (org, Some(sub))
            }
            // With the blank, as in the original.
            Some(_) => return Err(bad("bad token")),
        };
        let name = |_| bad("bad_token");
        Ok(Self {
            environment: EnvironmentId::parse(&organisation).map_err(name)?,
            application: application
                .map(|text| TenantId::parse(&text).map_err(|_| bad("bad token")))
                .transpose()?,
            role: match claims.read_only {
                true => Role::Reader,
                false => Role::Admin,
            },
            flags: claims.feature_flags,
            key: None,
        })
    }

    /// Checks that it may do what an operation does.
    pub(super) fn may(&self, right: Right) -> Result<(), Failure> {
        if self.role.may(right) {
            Ok(())
        } else {
            Err(Failure::forbidden("the token may not do this"))
        }
    }
}

impl Desk {
    /// Finds out who calls, and sees to it that the organisation is there.
    pub(super) async fn enter(&self, headers: &HeaderMap) -> Result<Who, Failure> {
        let token = bearer(headers).ok_or_else(Failure::unauthenticated)?;
        let fanfare = &self.door.fanfare;
        if let Some(key) = fanfare.key(token) {
            return Ok(Who::of(&key, self.door.environment()));
        }
        let claims = self.tokens.as_ref().and_then(|tokens| {
            let now = fanfare.ports().clock.now();
            tokens.verify(token, now)
        });
        let who = Who::from_claims(claims.ok_or_else(Failure::unauthenticated)?)?;
        fanfare.ensure_environment(who.environment.clone()).await?;
        Ok(who)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
