//! `POST /app/{app}/endpoint`.

use std::collections::BTreeMap;

use fanfare_domain::endpoint::{Endpoint, External};
use fanfare_domain::name::Scope;

use crate::svix::NAME;
use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::{EndpointIn, headers, secret, shown};
use crate::svix::failure::Failure;
use crate::svix::fields::Fields;

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let endpoint = made(call, &scope).await?;
    Ok(Answer::created(&shown(&endpoint)))
}

/// What a body says of an endpoint to be made.
pub(in crate::svix) struct Given {
    endpoint: EndpointIn,
    key: Option<String>,
    headers: BTreeMap<String, String>,
}

/// Reads the body.
pub(in crate::svix) fn read(call: &Call) -> Result<Given, Failure> {
    let mut fields = Fields::read(&call.body)?;
    let endpoint = EndpointIn::read(call, &mut fields)?;
    let key = secret::given(&mut fields, "secret")?;
    let headers = headers::given(&mut fields)?.unwrap_or_default();
    fields.finish()?;
    Ok(Given {
        endpoint,
        key,
        headers,
    })
}

/// Makes the endpoint that the body describes.
pub(super) async fn made(call: &Call, scope: &Scope) -> Result<Endpoint, Failure> {
    made_with(call, scope, |_| ()).await
}

/// The same, with something more.
pub(in crate::svix) async fn made_with(
    call: &Call,
    scope: &Scope,
    finish: impl FnOnce(&mut Endpoint),
) -> Result<Endpoint, Failure> {
    let Given {
        endpoint: given,
        key,
        headers,
    } = read(call)?;
    let fanfare = call.fanfare();
    let external = External {
        id: String::new(),
        data: Default::default(),
    };
    let mut endpoint = fanfare.external_endpoint(scope, NAME, external, given.url.clone());
    let key = key.unwrap_or_else(|| secret::made(&endpoint, &fanfare.chance()));
    endpoint.signature = secret::kind(&key);
    endpoint.secrets = vec![fanfare.secret_from_now(key)];
    endpoint.headers = headers;
    given.put(&mut endpoint, call.now())?;
    finish(&mut endpoint);
    Ok(call.desk.door.create(endpoint).await?)
}
