//! The fields of requests: absent, null and empty are told apart where they mean different things.

use std::collections::BTreeMap;

use fanfare_domain::endpoint::Subscription;
use fanfare_domain::event::Attributes;
use serde_json::{Map, Value};

use super::desk::Desk;
use super::failure::Failure;
use super::{CAMPAIGN, token};

/// What a webhook takes; none: everything.
pub(super) type Taken = Option<Vec<Subscription>>;

/// A text that may be absent (the outer none), or empty or null (the inner one).
fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<Option<&'a str>>, Failure> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(text)) => Ok(Some(
            Some(text)
                .filter(|text| !text.is_empty())
                .map(String::as_str),
        )),
        Some(_) => Err(Failure::invalid(format!("{name} must be a string"))),
    }
}

/// Whether the webhook is to be active; none where the field is absent.
pub(super) fn active(body: &Map<String, Value>) -> Result<Option<bool>, Failure> {
    match body.get("status").map(Value::as_str) {
        None => Ok(None),
        Some(Some("active")) => Ok(Some(true)),
        Some(Some("paused")) => Ok(Some(false)),
        Some(_) => Err(Failure::invalid("status must be active or paused")),
    }
}

/// The campaign that events must be of; the outer none where the field is absent.
pub(super) fn campaign(body: &Map<String, Value>) -> Result<Option<Option<String>>, Failure> {
    let given = text(body, "campaignId")?;
    let most = Attributes::MAX_VALUE;
    if given.flatten().is_some_and(|text| text.len() > most) {
        return Err(Failure::invalid(format!(
            "campaignId must be at most {most} bytes long"
        )));
    }
    Ok(given.map(|given| given.map(str::to_owned)))
}

/// What events must carry, with this campaign in place of what was asked for before.
pub(super) fn with_campaign(
    before: &Attributes,
    campaign: Option<&str>,
) -> Result<Attributes, Failure> {
    let others = before.iter().filter(|(name, _)| *name != CAMPAIGN);
    let mut all: BTreeMap<String, Vec<String>> = others
        .map(|(name, values)| (name.to_owned(), values.to_vec()))
        .collect();
    if let Some(campaign) = campaign {
        all.insert(CAMPAIGN.to_owned(), vec![campaign.to_owned()]);
    }
    Attributes::new(all).map_err(|cause| Failure::invalid(format!("campaignId: {cause}")))
}

/// What is sent with each delivery; the outer none where the field is absent.
pub(super) fn secret_token(body: &Map<String, Value>) -> Result<Option<Option<String>>, Failure> {
    let given = text(body, "secretToken")?;
    if let Some(Some(text)) = given {
        token::check(text).map_err(|cause| Failure::invalid(format!("secretToken {cause}")))?;
    }
    Ok(given.map(|given| given.map(str::to_owned)))
}

impl Desk {
    /// Where deliveries go; none where the field is absent.
    pub(super) fn target_url(&self, body: &Map<String, Value>) -> Result<Option<String>, Failure> {
        let url = match text(body, "targetUrl")? {
            None => return Ok(None),
            Some(None) => return Err(Failure::invalid("targetUrl must not be empty")),
            Some(Some(url)) => url,
        };
        let begins = |start: &str| {
            url.get(..start.len())
                .is_some_and(|own| own.eq_ignore_ascii_case(start))
        };
        if self.https_only && begins("http://") {
            return Err(Failure::invalid("targetUrl must begin with https://"));
        }
        match self.door.fanfare.check_endpoint_url(url) {
            Ok(()) => Ok(Some(url.to_owned())),
            Err(cause) => Err(Failure::invalid(format!("targetUrl {cause}"))),
        }
    }

    /// The events asked for, without repetitions; the outer none where the field is absent. Null and
    /// `[]` ask for everything.
    pub(super) fn types(&self, body: &Map<String, Value>) -> Result<Option<Taken>, Failure> {
        let list = match body.get("types") {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(None)),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(Failure::invalid("types must be an array")),
        };
        // Bounded by the events that there are.
        let mut taken: Vec<Subscription> = Vec::new();
        for name in list {
            let Value::String(name) = name else {
                return Err(Failure::invalid("types must hold strings"));
            };
            let Some(known) = self.events.find(name) else {
                let shown: String = name.chars().take(100).collect();
                return Err(Failure::invalid(format!(
                    "types has {shown:?}, which is no event"
                )));
            };
            let entry = Subscription::Type(known.clone());
            if !taken.contains(&entry) {
                taken.push(entry);
            }
        }
        Ok(Some((!taken.is_empty()).then_some(taken)))
    }
}
