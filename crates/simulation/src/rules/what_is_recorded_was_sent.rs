//! Every attempt that is recorded was sent once, and says what came of it.

use fanfare_domain::attempt::Attempt;

use super::{Broken, Rule};
use crate::story::{Request, Story};

pub(super) const RULE: Rule = Rule {
    says: "what is recorded was sent",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (id, tale) in &story.deliveries {
        for (place, attempt) in &tale.attempts {
            let requests = story.messages_of(*id);
            let mut same = requests.filter(|request| request.at == attempt.started_at);
            if !same.any(|request| tells(request, attempt)) {
                let number = attempt.id.number();
                let how =
                    format!("attempt {number} of {id} was not sent, or was answered otherwise");
                broken.push((Some(*place), how));
            }
        }
    }
    broken
}

/// Whether an attempt says what came of a request.
fn tells(request: &Request<'_>, attempt: &Attempt) -> bool {
    let Some((_, _, exchange)) = request.answer else {
        return false;
    };
    attempt.status == exchange.response.as_ref().map(|response| response.status)
        && attempt.error == exchange.error
        && attempt.timings.total == exchange.timings.total
        && attempt.url == request.sent.url
}
