//! A run in words.

use std::fmt::Write;

use fanfare_app::port::configuration::Changed;
use fanfare_app::port::sender::Exchange;
use fanfare_testkit::clock::VIRTUAL_START;
use fanfare_testkit::memory_store::Change;

use crate::chronicle::Fact;
use crate::history::History;
use crate::rules::Breach;

/// Breaches that are shown; the others follow from the first ones mostly.
const SHOWN: usize = 8;

/// Every fact in a line.
pub(crate) fn of(history: &History) -> String {
    let mut text = format!("{:?}\n", history.options);
    for (place, (at, fact)) in history.facts.iter().enumerate() {
        let seconds = at.since(VIRTUAL_START).as_secs_f64();
        let _ = writeln!(text, "{place:>5} {seconds:>9.3}s  {}", line(fact));
    }
    text
}

/// What broke a rule, and how to see it again.
pub(crate) fn report(seed: u64, breaches: &[Breach]) -> String {
    let mut text = format!("seed {seed}: {} breaches\n", breaches.len());
    for breach in breaches.iter().take(SHOWN) {
        let _ = writeln!(text, "  {breach}");
    }
    let _ = writeln!(
        text,
        "see it again, with what happened: make simulate SEED={seed}"
    );
    text
}

fn line(fact: &Fact) -> String {
    match fact {
        Fact::Start => "--- the machine starts".to_owned(),
        Fact::End { asked: true } => "--- the machine stops as it was asked to".to_owned(),
        Fact::End { asked: false } => "--- the machine goes down".to_owned(),
        Fact::Undone(count) => format!("--- the power fails; undone are the last {count} changes"),
        Fact::Committed(change) => format!("committed {}", committed(change)),
        Fact::Sent(number, sent) => {
            format!("sent      #{number} {} to {}", sent.webhook_id(), sent.url)
        }
        Fact::Answered(number, exchange) => format!("answered  #{number} {}", answer(exchange)),
        Fact::Accepted(event) => format!("accepted  {}", event.id),
        Fact::Closing(id) => format!("asked     to disable or delete {id}"),
        Fact::Closed(id) => format!("told      {id} is disabled or deleted"),
        Fact::Opening(id) => format!("asked     to enable {id}"),
        Fact::AskedAgain(id) => format!("asked     to try {id} again"),
        Fact::GotExtra(id) => format!("told      {id} gets an extra attempt"),
        Fact::Changed(id) => format!("told      {id} is changed"),
        Fact::Skipping(id) => format!("asks      that the order go on without {id}"),
        Fact::GotReplay { of, made } => format!("told      {made} repeats {of}"),
        Fact::GotJob(id) => format!("told      {id} is made"),
        Fact::Trouble(text) => format!("trouble   {text}"),
        Fact::Calm => "--- calm".to_owned(),
        Fact::Holds(footprint) => format!("holds     {footprint:?}"),
    }
}

fn committed(change: &Change) -> String {
    match change {
        Change::Document(Changed::Put(document)) => {
            format!("{} = {}", document.key, document.body)
        }
        Change::Document(Changed::Removed { key, .. }) => format!("{key} removed"),
        Change::Event(position, event) => {
            let targets = event.targets.len();
            format!("{position}: {} with {targets} targets", event.id)
        }
        Change::Row(row) => format!(
            "row {} to {} after {} attempts, {}: {:?}",
            row.id,
            row.endpoint,
            row.attempts,
            match row.turn.map(|turn| (turn.position, turn.strand)) {
                Some((position, Some(strand))) => format!("{position} in {strand:?}"),
                Some((position, None)) => format!("{position} outside"),
                None => "in no order".to_owned(),
            },
            row.state
        ),
        Change::Bound(members) => {
            let batch = members.first().map(|(_, place)| place.batch());
            let members: Vec<_> = members.iter().map(|(id, _)| id.to_string()).collect();
            format!("batch {batch:?} of {}", members.join(", "))
        }
        Change::Attempt(attempt) => format!(
            "attempt {} of {} begun at {}: {:?} {:?}",
            attempt.id.number(),
            attempt.id.delivery(),
            attempt.started_at,
            attempt.status,
            attempt.error.as_ref().map(|error| error.kind)
        ),
        Change::Job(job, _) => format!(
            "job {}: {:?} {:?} {:?}",
            job.id, job.work, job.state, job.progress
        ),
        Change::Materialised(position) => format!("materialised up to {position}"),
    }
}

fn answer(exchange: &Exchange) -> String {
    let status = exchange.response.as_ref().map(|response| response.status);
    let error = exchange.error.as_ref().map(|error| error.kind);
    format!("{status:?} {error:?} after {:?}", exchange.timings.total)
}
