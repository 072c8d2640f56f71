//! The `OPTIONS` request that a URL must answer before it is stored.

use std::time::Duration;

use bytes::Bytes;
use fanfare_app::port::sender::OutboundRequest;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method, Uri};
use url::Url;

use super::desk::Desk;
use super::failure::Failure;

/// For the whole exchange, look-up, connection and TLS included.
const TIME: Duration = Duration::from_secs(1);

impl Desk {
    /// Asks a URL by `OPTIONS` over the same guarded network that deliveries take. Any 2xx within a
    /// second passes; redirects are not followed.
    pub(super) async fn ask(&self, url: &str) -> Result<(), Failure> {
        if !self.options_check {
            return Ok(());
        }
        let failed = |why: String| Failure::wrong("url", format!("url {why}"));
        let uri = Url::parse(url).ok();
        let uri = uri.and_then(|url| url.as_str().parse::<Uri>().ok());
        let Some(uri) = uri else {
            return Err(failed("can't be requested".to_owned()));
        };
        let agent = concat!("Fanfare/", env!("CARGO_PKG_VERSION"));
        let request = OutboundRequest {
            method: Method::OPTIONS,
            uri,
            headers: HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(agent))]),
            body: Bytes::new(),
            timeout: TIME,
        };
        let exchange = self.door.fanfare.ports().sender.send(request).await;
        match (exchange.error, exchange.response) {
            (None, Some(response)) if (200..300).contains(&response.status) => Ok(()),
            (None, Some(response)) => Err(failed(format!(
                "must answer an OPTIONS request with 2xx, and answered {}",
                response.status
            ))),
            (Some(error), _) => Err(failed(format!(
                "must answer an OPTIONS request within 1 second: {}",
                error.kind.as_str()
            ))),
            (None, None) => Err(failed("must answer an OPTIONS request".to_owned())),
        }
    }
}
