//! Checks of the URL that an endpoint gives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// A host whose name has an empty part, as in `a..b`, or one of more than 63 characters.
    #[error("must name a host whose parts, between the dots, have 1 to 63 characters each")]
    HostParts,
    /// The port 0, which nothing listens on.
    #[error("must not have the port 0, which nothing can listen on")]
    NoPort,
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
    // The parser would drop blanks and take backslashes for slashes, silently; what is kept must be what
    // was meant, however it is read.
    if text
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control() || letter == '\\')
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
    // "http:example.com" and "http:///example.com" parse like "http://example.com" but were hardly meant.
    let rest = text.get(url.scheme().len()..).unwrap_or_default();
    match rest.strip_prefix("://") {
        None => return Err(InvalidUrl::Form),
        Some(rest) if rest.starts_with('/') => return Err(InvalidUrl::NoHost),
        Some(_) => {}
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidUrl::Credentials);
    }
    if url.fragment().is_some() {
        return Err(InvalidUrl::Fragment);
    }
    if url.port() == Some(0) {
        return Err(InvalidUrl::NoPort);
    }
    let address = match url.host() {
        None => return Err(InvalidUrl::NoHost),
        Some(Host::Domain(name)) => known_address(name, policy)?,
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

/// A refused address of a name that needs no look-up: `localhost` and what is below it (RFC 6761).
fn known_address(name: &str, policy: &AddressPolicy) -> Result<Option<IpAddr>, InvalidUrl> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Err(InvalidUrl::NoHost);
    }
    if name.split('.').any(|part| !(1..=63).contains(&part.len())) {
        return Err(InvalidUrl::HostParts);
    }
    if name != "localhost" && !name.ends_with(".localhost") {
        return Ok(None);
    }
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    Ok((!policy.allows(v6)).then_some(v4))
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
        for url in ["https://", "https:///hook", "https://./", "https://?x"] {
            assert_eq!(refused(url), InvalidUrl::NoHost, "{url}");
        }
        assert_eq!(
            refused("https://example.com\\@127.0.0.1/"),
            InvalidUrl::Form
        );
        for url in ["https://a..b/", "https://.../", "https://.example.com/"] {
            assert_eq!(refused(url), InvalidUrl::HostParts, "{url}");
        }
        let long = format!("https://{}.example/", "a".repeat(64));
        assert_eq!(refused(&long), InvalidUrl::HostParts);
        assert_eq!(refused("https://example.com:0/"), InvalidUrl::NoPort);
        assert_eq!(
            refused("https://user:pw@example.com"),
            InvalidUrl::Credentials
        );
        assert_eq!(refused("https://example.com/#top"), InvalidUrl::Fragment);
        assert_eq!(
            refused(&format!("https://example.com/{}", "x".repeat(2_048))),
            InvalidUrl::TooLong
        );
    }

    #[test]
    fn a_forbidden_address_is_refused_however_it_is_written() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://%31%32%37.0.0.1/",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "http://[::1]:80/",
            "http://[::ffff:7f00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://0/",
            "http://[::]/",
            "http://169.254.169.254/latest",
            "http://localhost/",
            "http://LocalHost./",
            "http://\u{24db}ocalhost/",
            "http://a.localhost/",
        ] {
            assert!(
                matches!(refused(url), InvalidUrl::RefusedAddress(_)),
                "{url}"
            );
        }
        for network in ["127.0.0.0/8", "::1/128"] {
            let policy = AddressPolicy::allowing(vec![network.parse().unwrap()]);
            assert!(check_url("http://localhost:8080/", &policy, false).is_ok());
        }
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
