//! `PATCH /app/{app}/endpoint/{ep}`.

use fanfare_domain::endpoint::Endpoint;

use crate::svix::call::{Answer, Call};
use crate::svix::endpoint::{
    MOST_CHANNELS, MOST_VERSION, changed, check_types, check_url, secret, set_channels,
    set_disabled, set_types, set_uid, set_version, shown, types,
};
use crate::svix::failure::Failure;
use crate::svix::fields::{Fields, not_null};
use crate::svix::ids;
use crate::svix::rules::{check_list, check_text, check_uid, metadata, rate_limit, throttle_rate};

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let mut fields = Fields::read(&call.body)?;
    let url = not_null("url", fields.text("url")?)?;
    if let Some(url) = &url {
        check_url(call, url)?;
    }
    let description = not_null("description", fields.text("description")?)?;
    let disabled = not_null("disabled", fields.truth("disabled")?)?;
    let version = fields.number("version", MOST_VERSION)?.value();
    let uid = fields.text("uid")?.change();
    let rate = throttle_rate(&mut fields)?.change();
    let types = types(&mut fields)?;
    let channels = fields.texts("channels")?.change();
    let metadata = metadata(&mut fields)?;
    let key = secret::given(&mut fields, "secret")?;
    check_text(
        &mut fields,
        "description",
        description.as_deref().unwrap_or_default(),
    );
    let named = uid.as_ref().and_then(Option::as_deref);
    check_uid(&mut fields, "uid", named, ids::ENDPOINT);
    let listed = channels.as_ref().and_then(Option::as_deref);
    check_list(&mut fields, "channels", listed, MOST_CHANNELS);
    check_types(call, &mut fields, types.as_ref().and_then(Option::as_deref))?;
    fields.finish()?;
    let (fanfare, now) = (call.fanfare(), call.now());
    let change = |endpoint: &mut Endpoint| {
        if let Some(url) = &url {
            endpoint.url.clone_from(url);
        }
        if let Some(description) = &description {
            endpoint.description.clone_from(description);
        }
        if let Some(disabled) = disabled {
            set_disabled(endpoint, disabled, now);
        }
        if let Some(version) = version {
            set_version(endpoint, version);
        }
        if let Some(uid) = &uid {
            set_uid(endpoint, uid.clone());
        }
        if let Some(rate) = rate {
            endpoint.rate_limit = rate_limit(rate);
        }
        if let Some(types) = &types {
            set_types(endpoint, types.clone());
        }
        if let Some(channels) = &channels {
            set_channels(endpoint, channels.clone())?;
        }
        if let Some(metadata) = &metadata {
            endpoint.metadata.clone_from(metadata);
        }
        if let Some(key) = &key {
            endpoint.signature = secret::kind(key);
            endpoint.secrets = vec![fanfare.secret_from_now(key.clone())];
        }
        Ok(())
    };
    let endpoint = changed(call, &endpoint, change).await?;
    Ok(Answer::ok(&shown(&endpoint)))
}
