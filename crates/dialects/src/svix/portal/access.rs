//! `POST /auth/app-portal-access/{app}`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanfare_app::keys::KeyDraft;
use fanfare_domain::key::Role;
use fanfare_domain::name::Scope;
use http::header::HOST;
use serde_json::json;

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::fields::Fields;
use crate::svix::jwt::Claims;
use crate::svix::rules::check_list;
use crate::svix::{application, ids};

/// How long a token counts unless told, and what may be told, in seconds.
const USUAL: u64 = 28 * 24 * 3_600;
const EXPIRY: std::ops::RangeInclusive<u64> = 3_600..=604_800;
const MOST_FLAGS: usize = 100;
const ISSUER: &str = "fanfare";

/// What a token may do, and for how long.
#[derive(Debug, Default)]
struct Terms {
    flags: Vec<String>,
    read_only: bool,
    expiry: Option<u64>,
}

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let mut fields = Fields::read(&call.body)?;
    let flags = fields.texts("featureFlags")?.value().unwrap_or_default();
    let terms = Terms {
        read_only: fields.truth("readOnly")?.value().unwrap_or_default(),
        expiry: fields.number("expiry", u64::MAX)?.value(),
        flags,
    };
    if !terms.flags.is_empty() {
        check_list(&mut fields, "feature_flags", Some(&terms.flags), MOST_FLAGS);
    }
    if terms.expiry.is_some_and(|span| !EXPIRY.contains(&span)) {
        fields.fault(&["expiry"], "must be 3600 to 604800 seconds");
    }
    let capabilities = fields.raw("capabilities").value();
    if capabilities.is_some_and(|list| list != json!([])) {
        // To ignore them would grant more than was asked for.
        let message = "can't be enforced here; use readOnly, or leave them out";
        fields.fault(&["capabilities"], message);
    }
    let embedded = application::embedded(&mut fields, call.parameter(0))?;
    fields.finish()?;
    let scope = application::found_or_made(call, embedded).await?;
    granted(call, &scope, terms).await
}

/// `POST /auth/dashboard-access/{app}`, which has no body.
pub(in crate::svix) async fn old(call: &Call) -> Result<Answer, Failure> {
    granted(call, &call.scope()?, Terms::default()).await
}

async fn granted(call: &Call, scope: &Scope, terms: Terms) -> Result<Answer, Failure> {
    let token = token(call, scope, terms).await?;
    // What stands behind the number sign is sent to no server.
    let key = json!({"appId": scope.tenant.as_str(), "oneTimeToken": token});
    let key = URL_SAFE_NO_PAD.encode(key.to_string());
    let url = format!("{}#key={key}", portal(call));
    Ok(Answer::ok(&json!({"url": url, "token": token})))
}

fn portal(call: &Call) -> String {
    let own = || {
        let host = call.headers.get(HOST).and_then(|host| host.to_str().ok());
        format!("http://{}/portal", host.unwrap_or("localhost"))
    };
    call.desk.settings.portal_url.clone().unwrap_or_else(own)
}

/// A JWT, where the operator has a secret for them and the application an id that fits in; else one of our
/// own keys, which can be revoked.
async fn token(call: &Call, scope: &Scope, terms: Terms) -> Result<String, Failure> {
    let now = call.now();
    let span = Duration::from_secs(terms.expiry.unwrap_or(USUAL));
    let (organisation, application) = (scope.environment.as_str(), scope.tenant.as_str());
    let fits = ids::well_formed(ids::ORGANISATION, organisation)
        && ids::well_formed(ids::APPLICATION, application);
    if let Some(tokens) = call.desk.tokens.as_ref().filter(|_| fits) {
        let seconds = |at: fanfare_domain::time::Timestamp| Some(at.seconds().into());
        return Ok(tokens.sign(&Claims {
            iss: Some(ISSUER.to_owned()),
            sub: Some(application.to_owned()),
            org: Some(organisation.to_owned()),
            iat: seconds(now),
            nbf: seconds(now),
            exp: seconds(now.after(span)),
            feature_flags: terms.flags,
            read_only: terms.read_only,
        }));
    }
    let draft = KeyDraft {
        name: Some("portal access".to_owned()),
        role: Some(if terms.read_only {
            Role::Reader
        } else {
            Role::Manager
        }),
        tenant: Some(application.to_owned()),
        feature_flags: terms.flags,
        expires_at: Some(now.after(span)),
        publish_rate: None,
    };
    let fanfare = call.fanfare();
    let made = fanfare.create_key(&scope.environment, draft, Vec::new());
    Ok(made.await?.text)
}
