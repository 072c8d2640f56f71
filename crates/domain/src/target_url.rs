//! Checks of the URL that an endpoint gives.

use std::net::IpAddr;

use url::{Host, Url};

use crate::address::AddressPolicy;

/// The most bytes of an endpoint's URL.
pub const MAX_URL: usize = 2_048;

/// Why a URL can't be an endpoint's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Longer than [`MAX_URL`].
    #[error("must be at most {MAX_URL} bytes long")]
    TooLong,
    /// Not an absolute URL.
    #[error("must be an absolute URL such as https://example.com/webhooks")]
    Form,
    /// A scheme that deliveries can't use.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// Plain HTTP where the operator demands HTTPS.
    #[error("must begin with https://")]
    HttpsRequired,
    /// No host.
    #[error("must name a host")]
    NoHost,
    /// User name or password in it.
    #[error("must not hold a user name or password; give credentials as a custom header")]
    Credentials,
    /// A fragment, which is never sent.
    #[error("must not have a fragment (#…), which no request carries")]
    Fragment,
    /// An address that deliveries must not reach.
    #[error(
        "points to {0}, an address that deliveries must not reach; the operator can allow its network"
    )]
    RefusedAddress(IpAddr),
}

/// Checks an endpoint's URL. Names are judged when they are looked up, at each connection.
///
/// # Errors
/// When deliveries could not, or must not, be sent there.
pub fn check_url(text: &str, policy: &AddressPolicy, https_only: bool) -> Result<Url, InvalidUrl> {
    if text.len() > MAX_URL {
        return Err(InvalidUrl::TooLong);
    }
    // The parser would drop such characters silently; what is kept must be what was meant.
    if text
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Err(InvalidUrl::Form);
    }
    let url = Url::parse(text).map_err(|cause| match cause {
        url::ParseError::EmptyHost => InvalidUrl::NoHost,
        _ => InvalidUrl::Form,
    })?;
    match url.scheme() {
        "https" => {}
        "http" if https_only => return Err(InvalidUrl::HttpsRequired),
        "http" => {}
        _ => return Err(InvalidUrl::Scheme),
    }
    // "http:example.com" parses like "http://example.com" but was hardly meant.
    if !text
        .get(url.scheme().len()..)
        .is_some_and(|rest| rest.starts_with("://"))
    {
        return Err(InvalidUrl::Form);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidUrl::Credentials);
    }
    if url.fragment().is_some() {
        return Err(InvalidUrl::Fragment);
    }
    let address = match url.host() {
        None => return Err(InvalidUrl::NoHost),
        Some(Host::Domain("")) => return Err(InvalidUrl::NoHost),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
        Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
    };
    if let Some(address) = address
        && !policy.allows(address)
    {
        return Err(InvalidUrl::RefusedAddress(address));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> InvalidUrl {
        check_url(text, &AddressPolicy::default(), false).unwrap_err()
    }

    #[test]
    fn each_bad_url_is_told_what_is_wrong() {
        assert_eq!(refused("example.com/hook"), InvalidUrl::Form);
        assert_eq!(refused("http:example.com"), InvalidUrl::Form);
        assert_eq!(refused("https://exa mple.com"), InvalidUrl::Form);
        assert_eq!(refused("https://example.com/a\r\nb"), InvalidUrl::Form);
        assert_eq!(refused("ftp://example.com"), InvalidUrl::Scheme);
        assert_eq!(refused("https://"), InvalidUrl::NoHost);
        assert_eq!(
            refused("https://user:pw@example.com"),
            InvalidUrl::Credentials
        );
        assert_eq!(refused("https://example.com/#top"), InvalidUrl::Fragment);
        assert_eq!(
            refused(&format!("https://example.com/{}", "x".repeat(2_048))),
            InvalidUrl::TooLong
        );
        assert!(matches!(
            refused("http://127.0.0.1/"),
            InvalidUrl::RefusedAddress(_)
        ));
        assert!(matches!(
            refused("http://[::1]:80/"),
            InvalidUrl::RefusedAddress(_)
        ));
        // Other spellings of 127.0.0.1.
        assert!(matches!(
            refused("http://2130706433/"),
            InvalidUrl::RefusedAddress(_)
        ));
        assert!(matches!(
            refused("http://0x7f.1/"),
            InvalidUrl::RefusedAddress(_)
        ));
    }

    #[test]
    fn https_can_be_demanded() {
        assert!(check_url("http://example.com/", &AddressPolicy::default(), false).is_ok());
        assert_eq!(
            check_url("http://example.com/", &AddressPolicy::default(), true),
            Err(InvalidUrl::HttpsRequired)
        );
    }
}
