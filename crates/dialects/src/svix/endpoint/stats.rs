//! `GET …/stats`: attempts by their outcome. They are counted by the minute, so that the minutes in which the
//! range begins and ends count as a whole.

use std::time::Duration;

use serde_json::json;

use crate::svix::call::{Answer, Call};
use crate::svix::failure::Failure;

const DAY: u64 = 24 * 3_600;
/// The longest range.
const LONGEST: Duration = Duration::from_secs(28 * DAY);
/// How far clocks may differ.
const TOLERANCE: Duration = Duration::from_secs(300);
const MINUTE: Duration = Duration::from_secs(60);

pub(in crate::svix) async fn run(call: &Call) -> Result<Answer, Failure> {
    let endpoint = call.endpoint().await?;
    let now = call.now();
    let until = call.query.time("until")?;
    let since = call.query.time("since")?;
    if until.is_some_and(|until| until > now.after(TOLERANCE)) {
        let message = "until must not lie in the future";
        return Err(Failure::bad("invalid_range", message));
    }
    let until = until.unwrap_or(now);
    let since = since.unwrap_or_else(|| until.before(LONGEST));
    if since > until || until.since(since) > LONGEST + TOLERANCE {
        let message = "since must lie at most 28 days before until";
        return Err(Failure::bad("invalid_range", message));
    }
    let deliveries = &call.fanfare().ports().deliveries;
    let tallies = deliveries
        .tallies(endpoint.id, since, until.after(MINUTE))
        .await?;
    let sum = |count: fn(&fanfare_app::port::deliveries::Tally) -> u64| -> u64 {
        tallies.iter().map(count).sum()
    };
    Ok(Answer::ok(&json!({
        "success": sum(|tally| tally.succeeded),
        "fail": sum(|tally| tally.unsuccessful),
        "pending": 0,
        "sending": 0,
        "canceled": 0,
    })))
}
