//! The server that is read.
//!
//! Its lists are not believed in everything: a page may say that it is the last one and not be, have no
//! iterator, or come again. So each list is read until a page brings nothing new.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use fanfare_app::port::Sender;
use fanfare_app::port::sender::OutboundRequest;
use fanfare_delivery::sender::{HttpSender, SenderOptions};
use fanfare_domain::address::AddressPolicy;
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;

use super::{Shown, text};

/// Things of a page.
const PAGE: usize = 250;
/// The most bytes of an answer.
const MOST: usize = 64 * 1_024 * 1_024;
/// Time for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a request is made that fails for a reason that may pass, and how long it waits before the
/// second time; then twice as long each time.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The server that is read.
pub(super) struct Source {
    sender: HttpSender,
    base: String,
    headers: HeaderMap,
}

/// What an answer means for the request.
enum Outcome {
    Answer(Value),
    /// It may be answered another time.
    Again(anyhow::Error),
    Never(anyhow::Error),
}

impl Source {
    pub(super) fn new(url: &str, token: &str) -> anyhow::Result<Self> {
        let base = format!("{}/api/v1", url.trim_end_matches('/'));
        base.parse::<Uri>()
            .ok()
            .filter(|uri| uri.scheme().is_some() && uri.authority().is_some())
            .context("--url must be a URL such as https://svix.example.com")?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| anyhow!("the token has characters that no header can carry"))?;
        bearer.set_sensitive(true);
        let agent = HeaderValue::from_static(concat!("fanfare-import/", env!("CARGO_PKG_VERSION")));
        let accept = HeaderValue::from_static("application/json");
        let headers = [
            (AUTHORIZATION, bearer),
            (USER_AGENT, agent),
            (ACCEPT, accept),
        ];
        let anywhere = ["0.0.0.0/0", "::/0"].map(str::parse).into_iter();
        let sender = HttpSender::new(SenderOptions {
            // The operator says where to read from, not a customer.
            addresses: AddressPolicy::allowing(anywhere.collect::<Result<_, _>>()?),
            kept_body: MOST,
            ..SenderOptions::default()
        })?;
        Ok(Self {
            sender,
            base,
            headers: headers.into_iter().collect(),
        })
    }

    /// An object.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Shown> {
        match self.ask(path).await? {
            Value::Object(shown) => Ok(shown),
            _ => bail!("{path} was not answered with an object"),
        }
    }

    /// All of a list, each once, by the member that names them.
    pub(super) async fn list(&self, path: &str, name: &str) -> anyhow::Result<Vec<Shown>> {
        let mut found: Vec<Shown> = Vec::new();
        let mut seen = HashSet::new();
        let mut iterator: Option<String> = None;
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let from = iterator.map(|id| format!("&iterator={id}"));
            let from = from.unwrap_or_default();
            let page = self.get(&format!("{path}{mark}limit={PAGE}{from}")).await?;
            let data = page.get("data").and_then(Value::as_array);
            let data = data.with_context(|| format!("{path} was answered without \"data\""))?;
            let before = found.len();
            for each in data {
                let each = each.as_object();
                let each = each.with_context(|| format!("{path} lists what is no object"))?;
                if seen.insert(text(each, name).to_owned()) {
                    found.push(each.clone());
                }
            }
            if found.len() == before {
                return Ok(found);
            }
            let last = data.last().and_then(Value::as_object);
            let last = last.map(|last| text(last, name).to_owned());
            let told = page.get("iterator").and_then(Value::as_str);
            iterator = told.map(str::to_owned).or(last);
        }
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            match self.once(path).await? {
                Outcome::Answer(value) => return Ok(value),
                Outcome::Never(cause) => return Err(cause),
                Outcome::Again(cause) if tries == TRIES => return Err(cause),
                Outcome::Again(_) => {}
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            tries += 1;
        }
    }

    async fn once(&self, path: &str) -> anyhow::Result<Outcome> {
        let uri = format!("{}/{path}", self.base);
        let uri: Uri = uri.parse().with_context(|| format!("{path} is no path"))?;
        let exchange = self
            .sender
            .send(OutboundRequest {
                method: Method::GET,
                uri,
                headers: self.headers.clone(),
                body: Bytes::new(),
                timeout: TIMEOUT,
            })
            .await;
        if let Some(error) = exchange.error {
            let detail = error.detail;
            return Ok(Outcome::Again(anyhow!("{path} was not answered: {detail}")));
        }
        let Some(response) = exchange.response else {
            return Ok(Outcome::Again(anyhow!("{path} was not answered")));
        };
        let status = response.status;
        let said = || {
            let text = String::from_utf8_lossy(&response.body);
            let text: String = text.chars().take(300).collect();
            anyhow!("{path} was answered {status}: {text}")
        };
        if response.truncated {
            bail!("{path} was answered with more than {MOST} bytes");
        }
        Ok(match status {
            200 => match serde_json::from_slice(&response.body) {
                Ok(value) => Outcome::Answer(value),
                Err(cause) => Outcome::Never(anyhow!("{path} was answered with no JSON: {cause}")),
            },
            423 | 429 | 500.. => Outcome::Again(said()),
            _ => Outcome::Never(said()),
        })
    }
}
