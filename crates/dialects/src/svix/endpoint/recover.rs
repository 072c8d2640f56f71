//! `POST …/recover`: what failed is sent again, as one of our jobs.

use std::time::Duration;

use fanfare_app::recovery::RecoverDraft;
use fanfare_domain::id::JobId;
use serde_json::json;

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;
use crate::svix::fields::{Fields, required};
use crate::svix::ids;

/// How far back it may reach.
const LONGEST: Duration = Duration::from_secs(14 * 24 * 3_600 + 300);

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let mut fields = Fields::read(&call.body)?;
    let since = fields.time("since")?;
    let since = required("since", since)?;
    let until = fields.time("until")?.value();
    fields.finish()?;
    let now = call.now();
    let refused = |message: &str| Err(Failure::rule(&["body", "since"], message));
    if now.since(since) > LONGEST {
        return refused("must lie at most 14 days back");
    }
    if since > until.unwrap_or(now) {
        return refused("must not be later than until, or in the future");
    }
    let draft = RecoverDraft {
        since: Some(since),
        // A range without end is one to now, and one of no length holds nothing.
        until: until.filter(|until| *until > since),
        ..RecoverDraft::default()
    };
    let job = match until {
        Some(until) if until <= since => JobId::new(now, 0),
        _ => {
            let id = endpoint.id.to_string();
            let fanfare = call.fanfare();
            let job = fanfare.recover_endpoint(&endpoint.scope, &id, draft, Vec::new());
            job.await?.id
        }
    };
    Ok(Answer::accepted(&json!({
        "id": ids::shown(ids::TASK, job.bits()),
        "status": "running",
        "task": "endpoint.recover",
        "updatedAt": now.to_string(),
    })))
}
