//! A job makes at most one delivery of an event for an endpoint, counts what it made, and comes to its end,
//! also when the machine goes down meanwhile.

use std::collections::BTreeMap;

use fanfare_domain::job::Job;
use fanfare_testkit::memory_store::Change;

use super::{Broken, Rule};
use crate::chronicle::Fact;
use crate::story::Story;

pub(super) const RULE: Rule = Rule {
    says: "a job takes each delivery once",
    check,
};

fn check(story: &Story<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut made: BTreeMap<_, BTreeMap<_, u64>> = BTreeMap::new();
    for (id, tale) in &story.deliveries {
        let Some(job) = tale.job.filter(|_| !tale.rows.is_empty()) else {
            continue;
        };
        let count = made.entry(job).or_default();
        let count = count.entry((tale.event, tale.endpoint)).or_default();
        *count += 1;
        if *count > 1 {
            let place = tale.rows.first().map(|(place, _)| *place);
            broken.push((place, format!("{job} made {id}, and another one of it")));
        }
    }
    let mut jobs: BTreeMap<_, &Job> = BTreeMap::new();
    for (place, (_, fact)) in story.history.facts.iter().enumerate() {
        match fact {
            Fact::Committed(Change::Job(job, _)) => {
                jobs.insert(job.id, job);
            }
            Fact::GotJob(id) if !jobs.contains_key(id) => {
                broken.push((Some(place), format!("{id} was not committed")));
            }
            _ => {}
        }
    }
    for (id, job) in jobs {
        let count = made.get(&id).map_or(0, |made| made.values().sum());
        if job.progress.taken != count {
            let how = format!(
                "{id} made {count} deliveries and counts {}",
                job.progress.taken
            );
            broken.push((None, how));
        }
    }
    for id in &story.history.finals.jobs_left {
        broken.push((None, format!("{id} did not come to its end")));
    }
    broken
}
