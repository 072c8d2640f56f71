//! The end of a soak: whatever waits is waited for, as long as the server says that it waits and gets on with it.
//! What it does not know of any more and nobody took is lost.

use std::time::Duration;

use anyhow::{Context, Result};
use http::Method;
use serde_json::Value;

use crate::{api::Api, clock, server::Server};

use super::{
    account::Account,
    endpoints::TENANT,
    steady::{LONGEST_PROBE_WAIT, LONGEST_WAIT, TIMEOUT},
};

/// How long the server may rightly send nothing although something waits: until a probe, after which the
/// first delivery may not be due yet, and an attempt that a receiver keeps hanging. Twice that, for the
/// machine may have other work.
const STANDSTILL: Duration = LONGEST_PROBE_WAIT
    .saturating_add(LONGEST_WAIT)
    .saturating_add(TIMEOUT)
    .saturating_mul(2);
/// How long the server has to say that nothing waits: an accepted delivery may be missing in its lists for
/// about a second.
const QUIET: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// How it ended.
pub(super) enum Rest {
    /// Everything was taken, and nothing waits.
    Nothing,
    /// Nothing waits, and so many deliveries were never taken.
    Lost(u64, Vec<String>),
    /// Something waits by the server's word, and nothing came of it; so many were not taken.
    StandsStill(u64, Vec<String>),
}

/// Waits until nothing waits any more, or nothing gets on.
pub(super) fn wait(account: &Account, server: &Server) -> Rest {
    let (mut taken, mut moved) = (account.figures().taken, clock::now());
    let mut waited = clock::now();
    loop {
        let (missing, waits) = (account.missing(), waits(server));
        let now = clock::now();
        if waits {
            waited = now;
        }
        let figures = account.figures();
        if figures.taken != taken {
            (taken, moved) = (figures.taken, now);
        }
        if missing == 0 && !waits {
            return Rest::Nothing;
        }
        if now - waited > clock::span(QUIET) {
            return Rest::Lost(missing, account.examples());
        }
        if now - moved > clock::span(STANDSTILL) {
            return Rest::StandsStill(missing, account.examples());
        }
        clock::sleep(BETWEEN_LOOKS);
    }
}

/// Whether the server says that something waits, or is under way. What it can't say may be so.
fn waits(server: &Server) -> bool {
    server
        .api()
        .and_then(|api| {
            let under_way = api.metric("fanfare_attempts_in_flight")?;
            Ok(under_way.unwrap_or(0.0) > 0.0 || lists_waiting(&api)?)
        })
        .unwrap_or(true)
}

fn lists_waiting(api: &Api) -> Result<bool> {
    let list = format!("/v1/tenants/{TENANT}/deliveries?state=waiting&limit=1");
    let mut page = list.clone();
    loop {
        let (status, answer) = api.call(Method::GET, &page, &Value::Null)?;
        let deliveries = answer["data"].as_array();
        let deliveries =
            deliveries.with_context(|| format!("{page} was answered with {status}: {answer}"))?;
        if !deliveries.is_empty() {
            return Ok(true);
        }
        // An empty page is not always the last.
        let Some(cursor) = answer["next_cursor"].as_str() else {
            return Ok(false);
        };
        page = format!("{list}&cursor={cursor}");
    }
}
