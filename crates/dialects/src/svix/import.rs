//! Taking over what another server of this contract has, as its API shows it.
//!
//! Applications keep their ids, so that what names them goes on working. An endpoint gets an id of ours and
//! remembers the one that it had: without a uid it is found by that one too. What was taken over before is
//! left as it is, so that a run that broke off can be begun again.

use std::sync::Arc;

use bytes::Bytes;
use fanfare_app::{Conflict, UseCaseError};
use fanfare_domain::endpoint::Endpoint;
use fanfare_domain::key::Role;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::NAME;
use super::application::{self, ApplicationIn};
use super::call::Call;
use super::desk::Desk;
use super::endpoint;
use super::event_type::{self, EventTypeIn};
use super::failure::Failure;
use super::fields::Fields;
use super::query::Query;
use super::settings::Settings;
use super::who::Who;
use crate::dialect::DialectSettings;
use crate::door::Door;

/// What became of something that was to be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was made.
    Made,
    /// It was there before.
    There,
    /// It can't be taken over, and why.
    Refused(String),
}

/// Takes things over into one environment.
pub struct SvixImport {
    desk: Arc<Desk>,
    who: Who,
}

impl std::fmt::Debug for SvixImport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SvixImport")
            .field("environment", &self.who.environment)
            .finish_non_exhaustive()
    }
}

/// The members of an endpoint as the API shows it that it can be made from.
const MEMBERS: [&str; 10] = [
    "url",
    "description",
    "disabled",
    "version",
    "uid",
    "throttleRate",
    "eventTypes",
    "channels",
    "metadata",
    "headers",
];

impl SvixImport {
    /// Into the environment that the door leads to.
    ///
    /// # Errors
    /// Never, as the settings are the usual ones.
    pub fn new(door: Door) -> Result<Self, String> {
        let who = Who {
            environment: door.environment().clone(),
            application: None,
            role: Role::Admin,
            flags: Vec::new(),
            key: None,
        };
        let settings = Settings::read(&DialectSettings::default())?;
        let desk = Arc::new(Desk {
            door,
            tokens: None,
            settings: Arc::new(settings),
        });
        Ok(Self { desk, who })
    }

    fn environment(&self) -> &EnvironmentId {
        &self.who.environment
    }

    fn call(&self, body: &Map<String, Value>) -> Call {
        Call {
            desk: Arc::clone(&self.desk),
            who: Some(self.who.clone()),
            parameters: Vec::new(),
            query: Query::default(),
            target: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::from(Value::from(body.clone()).to_string()),
        }
    }

    /// Takes an event type over. `dry`: only says what would become of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn event_type(
        &self,
        shown: &Map<String, Value>,
        dry: bool,
    ) -> Result<Taken, UseCaseError> {
        let name = text(shown, "name");
        let fanfare = &self.desk.door.fanfare;
        if fanfare
            .directory()
            .event_type(self.environment(), &name)
            .is_some()
        {
            return Ok(Taken::There);
        }
        let mut fields = Fields::of(shown.clone());
        let given = EventTypeIn::read(&mut fields);
        let given = match given.and_then(|given| fields.finish().map(|()| given)) {
            Ok(given) => given,
            Err(failure) => return Ok(refused(&failure)),
        };
        let now = fanfare.ports().clock.now();
        let mut event_type = match event_type::fresh(self.environment(), &name, now) {
            Ok(event_type) => event_type,
            Err(failure) => return Ok(refused(&failure)),
        };
        given.put(&mut event_type, now);
        if !dry {
            made(fanfare.create_external_event_type(event_type).await)?;
        }
        Ok(Taken::Made)
    }

    /// Takes an application over, with its id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn application(
        &self,
        shown: &Map<String, Value>,
        dry: bool,
    ) -> Result<Taken, UseCaseError> {
        let id = text(shown, "id");
        let fanfare = &self.desk.door.fanfare;
        let given = ApplicationIn::read(Fields::of(shown.clone()));
        let (given, tenant) = match (given, TenantId::parse(&id)) {
            (Ok(given), Ok(tenant)) => (given, tenant),
            (Err(failure), _) => return Ok(refused(&failure)),
            (_, Err(cause)) => return Ok(Taken::Refused(format!("its id {cause}"))),
        };
        let scope = self.scope(&tenant);
        if fanfare.directory().has_tenant(&scope) {
            return Ok(Taken::There);
        }
        let uid = given.uid.as_deref();
        if let Some(uid) = uid
            && let Some(other) = fanfare
                .directory()
                .tenant_by_external(self.environment(), uid)
        {
            let other = other.as_str();
            return Ok(Taken::Refused(format!("its uid {uid} is that of {other}")));
        }
        if !dry {
            let environment = self.environment();
            match application::made_as(fanfare, environment, tenant, given).await {
                Ok(_) | Err(Failure::Told(http::StatusCode::CONFLICT, ..)) => {}
                Err(failure) => return Ok(refused(&failure)),
            }
        }
        Ok(Taken::Made)
    }

    /// Takes an endpoint of an application over, whose `shown` has its headers as well; `secret` is what the
    /// API shows of its secret.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn endpoint(
        &self,
        application: &str,
        shown: &Map<String, Value>,
        secret: Option<&str>,
        dry: bool,
    ) -> Result<Taken, UseCaseError> {
        let Ok(tenant) = TenantId::parse(application) else {
            return Ok(Taken::Refused(
                "its application has no usable id".to_owned(),
            ));
        };
        let (scope, id) = (self.scope(&tenant), text(shown, "id"));
        let fanfare = &self.desk.door.fanfare;
        if !fanfare.directory().has_tenant(&scope) {
            // Of an application that a dry run would make.
            return Ok(if dry {
                Taken::Made
            } else {
                Taken::Refused("its application was not taken over".to_owned())
            });
        }
        let known = fanfare.externals(&scope, NAME).await?;
        if known
            .iter()
            .any(|each| endpoint::imported_from(each) == Some(&id))
        {
            return Ok(Taken::There);
        }
        let kept = shown
            .iter()
            .filter(|(name, value)| MEMBERS.contains(&name.as_str()) && !value.is_null());
        let mut body: Map<String, Value> = kept
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Some(secret) = secret {
            body.insert("secret".to_owned(), json!(secret));
        }
        let call = self.call(&body);
        if dry {
            return Ok(match endpoint::create::read(&call) {
                Ok(_) => Taken::Made,
                // What a dry run does not make can't be found.
                Err(failure) if is_about_types(&failure) => Taken::Made,
                Err(failure) => refused(&failure),
            });
        }
        let mark = |endpoint: &mut Endpoint| endpoint::set_imported_from(endpoint, &id);
        match endpoint::create::made_with(&call, &scope, mark).await {
            Ok(_) => Ok(Taken::Made),
            Err(failure) => Ok(refused(&failure)),
        }
    }

    fn scope(&self, tenant: &TenantId) -> Scope {
        Scope {
            environment: self.environment().clone(),
            tenant: tenant.clone(),
        }
    }
}

fn text(shown: &Map<String, Value>, name: &str) -> String {
    let text = shown.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn refused(failure: &Failure) -> Taken {
    let (status, body) = failure.answer();
    Taken::Refused(format!("{}: {}", status.as_u16(), body["detail"]))
}

fn is_about_types(failure: &Failure) -> bool {
    failure.answer().1["detail"][0]["loc"] == json!(["body", "eventTypes"])
}

/// Somebody else may have made it a moment ago.
fn made<T>(outcome: Result<T, UseCaseError>) -> Result<(), UseCaseError> {
    match outcome {
        Ok(_) | Err(UseCaseError::Conflict(Conflict::Exists { .. })) => Ok(()),
        Err(other) => Err(other),
    }
}
