//! The settings that only this dialect has.

use std::sync::Arc;

use super::jwt::TokenKey;
use crate::dialect::DialectSettings;

const JWT_SECRET_FILE: &str = "jwt_secret_file";
const HEADERS: &str = "headers";
const USER_AGENT: &str = "user_agent";
const PORTAL_URL: &str = "portal_url";

/// The settings that only this dialect has.
pub(super) struct Settings {
    /// The key of JWTs; none: they are not taken.
    pub(super) tokens: Option<Arc<TokenKey>>,
    /// Whether deliveries carry `webhook-…` in place of `svix-…`.
    pub(super) webhook_headers: bool,
    /// The user agent of deliveries; none: Fanfare's.
    pub(super) user_agent: Option<String>,
    /// Where links to the portal lead; none: to this server.
    pub(super) portal_url: Option<String>,
    /// Whether endpoints must use HTTPS.
    pub(super) https_only: bool,
}

/// The fewest bytes of a secret for JWTs, as RFC 7518 demands of HS256.
const FEWEST: usize = 32;

impl Settings {
    pub(super) fn read(settings: &DialectSettings) -> Result<Self, String> {
        settings.only(&[JWT_SECRET_FILE, HEADERS, USER_AGENT, PORTAL_URL])?;
        let webhook_headers = match settings.own(HEADERS) {
            None | Some("svix") => false,
            Some("webhook") => true,
            Some(_) => return Err(format!("{HEADERS} must be \"svix\" or \"webhook\"")),
        };
        let user_agent = settings.own(USER_AGENT).map(str::to_owned);
        if user_agent
            .as_ref()
            .is_some_and(|text| http::HeaderValue::from_str(text).is_err())
        {
            return Err(format!("{USER_AGENT} must be the value of a header"));
        }
        if let Some(timeout) = settings.policy.timeout
            && !(1..=30).contains(&timeout.as_secs())
        {
            return Err("timeout must be from 1s to 30s".to_owned());
        }
        Ok(Self {
            tokens: settings.own(JWT_SECRET_FILE).map(secret).transpose()?,
            webhook_headers,
            user_agent,
            portal_url: settings.own(PORTAL_URL).map(str::to_owned),
            https_only: settings.https_only,
        })
    }
}

/// The key in a file: its text, without the white space around it.
fn secret(path: &str) -> Result<Arc<TokenKey>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| format!("{JWT_SECRET_FILE} must name a file that can be read: {cause}"))?;
    let text = text.trim();
    if text.len() < FEWEST {
        return Err(format!(
            "{JWT_SECRET_FILE} must name a file with a secret of at least {FEWEST} characters"
        ));
    }
    Ok(Arc::new(TokenKey::new(text.as_bytes())))
}
