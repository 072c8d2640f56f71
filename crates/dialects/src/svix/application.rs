//! Applications: our tenants.

use std::collections::BTreeMap;

use fanfare_app::Fanfare;
use fanfare_domain::endpoint::External;
use fanfare_domain::environment::Tenant;
use fanfare_domain::id::EventId;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::failure::{Entry, Failure};
use super::fields::{Fields, required};
use super::rules::{check_text, check_uid, metadata, rate_limit, shown_rate, throttle_rate};
use super::{NAME, ids};

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod patch;
pub(super) mod read;
pub(super) mod upsert;

/// What a body says of an application, whole.
#[derive(Debug)]
pub(super) struct ApplicationIn {
    name: String,
    pub(super) uid: Option<String>,
    rate: Option<u32>,
    metadata: BTreeMap<String, String>,
}

impl ApplicationIn {
    pub(super) fn read(mut fields: Fields) -> Result<Self, Failure> {
        let name = fields.text("name")?;
        let given = Self {
            name: required("name", name)?,
            uid: fields.text("uid")?.value(),
            rate: throttle_rate(&mut fields)?.value(),
            metadata: metadata(&mut fields)?.unwrap_or_default(),
        };
        check_name(&mut fields, &given.name);
        check_uid(&mut fields, "uid", given.uid.as_deref(), ids::APPLICATION);
        fields.finish()?;
        Ok(given)
    }

    /// Puts it in the place of what was said before.
    fn put(self, tenant: &mut Tenant) {
        tenant.name = self.name;
        tenant.metadata = self.metadata;
        tenant.rate_limit = rate_limit(self.rate);
        set_uid(tenant, self.uid);
    }
}

fn check_name(fields: &mut Fields, name: &str) {
    if name.is_empty() {
        fields.fault(&["name"], "must not be empty");
    }
    check_text(fields, "name", name);
}

fn set_uid(tenant: &mut Tenant, uid: Option<String>) {
    tenant.external = uid.map(|id| External {
        id,
        data: Default::default(),
    });
}

/// Makes an application.
pub(super) async fn made(
    fanfare: &Fanfare,
    environment: &EnvironmentId,
    given: ApplicationIn,
) -> Result<Tenant, Failure> {
    let ports = fanfare.ports();
    let bits = EventId::new(ports.clock.now(), ports.random.bits()).bits();
    let id = TenantId::parse(&ids::shown(ids::APPLICATION, bits));
    let id = id.map_err(|_| Failure::Internal)?;
    made_as(fanfare, environment, id, given).await
}

/// Makes an application with this id.
pub(super) async fn made_as(
    fanfare: &Fanfare,
    environment: &EnvironmentId,
    id: TenantId,
    given: ApplicationIn,
) -> Result<Tenant, Failure> {
    let now = fanfare.ports().clock.now();
    let mut tenant = Tenant {
        environment: environment.clone(),
        id,
        name: String::new(),
        metadata: BTreeMap::new(),
        operational: false,
        quotas: Default::default(),
        rate_limit: None,
        external: None,
        created_at: now,
        updated_at: now,
    };
    given.put(&mut tenant);
    Ok(fanfare.create_external_tenant(NAME, tenant).await?)
}

/// Reads the application that a body embeds; `named` is the one of the path.
pub(super) fn embedded(fields: &mut Fields, named: &str) -> Result<Option<ApplicationIn>, Failure> {
    let Some(given) = fields.object("application")?.value() else {
        return Ok(None);
    };
    let given = ApplicationIn::read(Fields::of(given))?;
    let refused = |message: &str, kind| {
        let loc = &["body", "application", "uid"];
        Err(Failure::Invalid(vec![Entry::new(loc, message, kind)]))
    };
    match &given.uid {
        None => refused(
            "must be given, and be the one of the path",
            "application_uid_missing",
        ),
        Some(uid) if uid != named => {
            refused("must be the one of the path", "application_uid_mismatch")
        }
        Some(_) => Ok(Some(given)),
    }
}

/// The application of the path; the embedded one is made where it is not there.
pub(super) async fn found_or_made(
    call: &Call,
    embedded: Option<ApplicationIn>,
) -> Result<Scope, Failure> {
    match (call.scope(), embedded) {
        (Err(Failure::Told(StatusCode::NOT_FOUND, ..)), Some(given)) => {
            match made(call.fanfare(), call.environment()?, given).await {
                // Or somebody was faster.
                Ok(_) | Err(Failure::Told(StatusCode::CONFLICT, ..)) => call.scope(),
                Err(refused) => Err(refused),
            }
        }
        (found, _) => found,
    }
}

/// How an application is shown.
pub(super) fn shown(tenant: &Tenant) -> Value {
    let rate = shown_rate(tenant.rate_limit.as_ref());
    let mut value = json!({
        "id": tenant.id.as_str(),
        "name": tenant.name,
        "throttleRate": rate,
        "metadata": tenant.metadata,
        "createdAt": tenant.created_at.to_string(),
        "updatedAt": tenant.updated_at.to_string(),
    });
    if let Some(external) = &tenant.external {
        value["uid"] = json!(external.id);
    }
    if let Some(rate) = rate {
        value["rateLimit"] = json!(rate);
    }
    value
}
