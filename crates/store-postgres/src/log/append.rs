//! Appending events: many calls in one transaction, which is one statement unless an event has a caller's id, an
//! idempotency key or an order.

use std::collections::HashMap;

use async_trait::async_trait;
use fanfare_app::port::StoreError;
use fanfare_app::port::log::{Append, Appended, Position};

use tokio::try_join;

use super::horizon;
use super::insert::{self, Accepted, Columns};
use super::twins::Twins;
use crate::bits::Bits;
use crate::failure::Failure;
use crate::member::Places;
use crate::partition::day;
use crate::queue::Work;
use crate::scopes::Numbers;
use crate::session::Session;
use crate::store::Database;

/// About how many bytes an event writes.
pub(super) fn weight(append: &Append) -> usize {
    append.event.data.len() + 16 * append.event.targets.len() + 512
}

/// Appends what waits.
pub(crate) struct Appending {
    database: Database,
}

impl Appending {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Work for Appending {
    type Job = Vec<Append>;
    type Answer = Vec<Appended>;

    async fn write(
        &self,
        session: &Session,
        jobs: &[Vec<Append>],
    ) -> Result<Vec<Vec<Appended>>, Failure> {
        match self.all(session, jobs).await {
            Err(failure) if failure.lacks_a_partition() => {
                self.database.partitions.forget();
                self.all(session, jobs).await
            }
            outcome => outcome,
        }
    }
}

impl Appending {
    async fn all(
        &self,
        session: &Session,
        jobs: &[Vec<Append>],
    ) -> Result<Vec<Vec<Appended>>, Failure> {
        let all: Vec<&Append> = jobs.iter().flatten().collect();
        let events = || all.iter().map(|append| &append.event);
        let days = events().map(|event| day(event.id.made_at()));
        self.database.partitions.ensure(days).await?;
        let scopes = events().map(|event| &event.scope);
        let numbers = self.database.scopes.number(session, scopes).await?;
        let places = &*self.database.places;
        let (all, numbers) = (&all[..], &numbers);
        let unique = |append: &&Append| append.idempotency.is_some() || append.event.uid.is_some();
        let answers = if all.iter().any(unique) {
            let scopes = &*self.database.scopes;
            session
                .transaction(|| {
                    Box::pin(async move {
                        let mut twins = Twins::claim(session, places, scopes, all, numbers).await?;
                        let (accepted, undecided) = twins.decide(all, numbers);
                        twins.keep(session).await?;
                        let positions = commit(session, places, &accepted).await?;
                        placed(undecided, all, &positions)
                    })
                })
                .await?
        } else {
            let accepted = accept(all, numbers);
            let accepted = &accepted[..];
            if accepted.iter().all(|each| each.in_turn.is_empty()) {
                let positions =
                    insert::in_one_call(session, places.node, &Columns::of(accepted)?).await?;
                return one_by_one(jobs, positions.into_iter().map(Appended::At));
            }
            let positions = session
                .transaction(|| {
                    Box::pin(async move {
                        let begin = session.batch("BEGIN");
                        let present = places.be_present(session);
                        let written = commit(session, places, accepted);
                        let (_, _, positions) = try_join!(biased; begin, present, written)?;
                        Ok(positions)
                    })
                })
                .await?;
            placed(all.iter().map(|_| None).collect(), all, &positions)?
        };
        for delivery in all.iter().flat_map(|append| &append.in_turn) {
            places.tell(
                delivery.endpoint,
                delivery.turn.and_then(|turn| turn.strand),
            );
        }
        one_by_one(jobs, answers.into_iter())
    }
}

/// Gives each call the answers to its events.
fn one_by_one(
    jobs: &[Vec<Append>],
    mut answers: impl ExactSizeIterator<Item = Appended>,
) -> Result<Vec<Vec<Appended>>, Failure> {
    if answers.len() != jobs.iter().map(Vec::len).sum::<usize>() {
        return Err(StoreError::unavailable("the server told no position of an event").into());
    }
    let each = jobs
        .iter()
        .map(|job| answers.by_ref().take(job.len()).collect());
    Ok(each.collect())
}

fn accept<'a>(all: &[&'a Append], numbers: &Numbers) -> Vec<Accepted<'a>> {
    let accepted = all.iter().map(|append| Accepted {
        event: &append.event,
        scope: numbers.of(&append.event.scope),
        in_turn: &append.in_turn,
    });
    accepted.collect()
}

/// Writes what was accepted, and commits.
async fn commit(
    session: &Session,
    places: &Places,
    accepted: &[Accepted<'_>],
) -> Result<HashMap<Bits, Position>, Failure> {
    if accepted.is_empty() {
        session.batch("COMMIT").await?;
        return Ok(HashMap::new());
    }
    // Readers are kept back before the first position is taken.
    let hold = horizon::hold(session);
    let columns = Columns::of(accepted)?;
    let events = insert::events(session, places.node, &columns);
    let payloads = insert::payloads(session, &columns);
    let commit = session.batch("COMMIT");
    if accepted.iter().all(|each| each.in_turn.is_empty()) {
        let (_, positions, _, _) = try_join!(biased; hold, events, payloads, commit)?;
        return Ok(positions);
    }
    // Their rows hold their positions, so that these are needed first.
    let (_, positions, _) = try_join!(biased; hold, events, payloads)?;
    let rows = insert::in_turn(session, places, accepted, &positions);
    let _: ((), ()) = try_join!(biased; rows, commit)?;
    Ok(positions)
}

/// Answers with its position each event that has no answer yet.
fn placed(
    decided: Vec<Option<Appended>>,
    all: &[&Append],
    positions: &HashMap<Bits, Position>,
) -> Result<Vec<Appended>, Failure> {
    let answers = decided.into_iter().zip(all).map(|(decided, append)| {
        let position = || positions.get(&Bits(append.event.id.to_bytes()));
        decided
            .or_else(|| position().map(|position| Appended::At(*position)))
            .ok_or_else(|| {
                StoreError::unavailable("the server told no position of an event").into()
            })
    });
    answers.collect()
}
