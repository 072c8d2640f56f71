//! What a URL's origin says about where to connect.

use std::net::IpAddr;
use std::sync::Arc;

use fanfare_domain::attempt::ErrorKind;
use http::Uri;
use rustls_pki_types::{DnsName, ServerName};

use super::failure::ConnectFailure;

/// Where to connect, and how.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    /// For whom the certificate must be; none without TLS.
    pub(super) server: Option<ServerName<'static>>,
}

/// A name, or an address that needs no look-up.
#[derive(Clone, Debug)]
pub(super) enum Host {
    /// In lower case, without a final dot.
    Name(Arc<str>),
    Address(IpAddr),
}

impl Target {
    /// Reads an origin.
    ///
    /// # Errors
    /// `request`: no `http` or `https` URL with a host.
    pub(super) fn of(uri: &Uri) -> Result<Self, ConnectFailure> {
        let unusable = |detail: &str| ConnectFailure::new(ErrorKind::Request, detail);
        let (tls, default_port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(unusable("the URL must begin with http:// or https://")),
        };
        let text = uri.host().unwrap_or_default();
        let host = match text.trim_matches(['[', ']']).parse() {
            Ok(address) => Host::Address(address),
            Err(_) => {
                let name = text.trim_end_matches('.').to_ascii_lowercase();
                if name.is_empty() {
                    return Err(unusable("the URL has no host"));
                }
                Host::Name(name.into())
            }
        };
        let server = match (&host, tls) {
            (_, false) => None,
            (Host::Address(address), true) => Some(ServerName::IpAddress((*address).into())),
            (Host::Name(name), true) => Some(ServerName::DnsName(
                DnsName::try_from(name.to_string())
                    .map_err(|_| unusable("the host is no name that a certificate can be for"))?,
            )),
        };
        Ok(Self {
            host,
            port: uri.port_u16().unwrap_or(default_port),
            server,
        })
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}
