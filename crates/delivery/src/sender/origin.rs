//! Where connections of the pool lead to.

use http::Uri;
use http::uri::{Authority, Scheme};

/// A URL's scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
}

impl Origin {
    /// A URL's origin; none where it names no host.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let (scheme, authority) = (uri.scheme()?, uri.authority()?);
        (!authority.host().is_empty()).then(|| Self {
            scheme: scheme.clone(),
            authority: authority.clone(),
        })
    }

    /// Whether the port is the one that its scheme has anyway.
    pub(super) fn has_default_port(&self) -> bool {
        let default = if self.scheme == Scheme::HTTPS {
            443
        } else {
            80
        };
        self.authority.port_u16().is_none_or(|port| port == default)
    }
}
