//! Recording what happened to deliveries.
//!
//! What arrived at its first attempt is recorded by one call, see [`arrived`]. For all others it takes three ways
//! there and back: what is known of the deliveries is read and locked, then what follows is written, and then
//! committed. In between it is decided here, one settlement after the other.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use fanfare_app::port::deliveries::{Settled, Settlement};
use fanfare_app::port::jobs::{JobChanged, JobStep};
use fanfare_app::port::log::Position;
use fanfare_app::stored::tally::Sums;
use fanfare_domain::delivery::{Delivery, DeliveryState, StateName};
use fanfare_domain::id::{AttemptId, DeliveryId, EndpointId, EventId};
use fanfare_domain::time::Timestamp;
use tokio::try_join;
use tokio_postgres::types::Type;

use super::row::{self, Rows};
use super::{attempts, lookup, order, tallies, wishes};
use crate::bits::{Bits, bits};
use crate::failure::Failure;
use crate::hints::Left;
use crate::jobs;
use crate::partition::day;
use crate::scopes::Numbers;
use crate::session::{Session, together};
use crate::store::Database;

mod arrived;
mod parts;

use parts::{Parts, Tried};

/// About how many bytes a settlement writes.
pub(super) fn weight(settlement: &Settlement) -> usize {
    settlement
        .attempt
        .as_ref()
        .map_or(256, |attempt| attempt.response_body.len() + 1_280)
}

/// The settlements of one transaction.
#[derive(Default)]
pub(super) struct Settling {
    settlements: Vec<Arc<Vec<Settlement>>>,
    materialised: Option<Position>,
}

impl Settling {
    pub(super) fn add(
        &mut self,
        settlements: &Arc<Vec<Settlement>>,
        materialised: Option<Position>,
    ) {
        self.settlements.push(Arc::clone(settlements));
        self.materialised = self.materialised.max(materialised);
    }

    fn each(&self) -> impl Iterator<Item = &Settlement> {
        self.settlements
            .iter()
            .flat_map(|settlements| settlements.iter())
    }

    /// The days whose partitions are written to.
    fn days(&self) -> impl Iterator<Item = i64> + '_ {
        self.each().flat_map(|settlement| {
            let delivery = &settlement.delivery;
            let end = match delivery.state {
                DeliveryState::Waiting { .. } => None,
                DeliveryState::Delivered { at }
                | DeliveryState::Failed { at, .. }
                | DeliveryState::Discarded { at, .. } => Some(at),
            };
            let began = settlement
                .attempt
                .as_ref()
                .map(|attempt| attempt.started_at);
            let made = [delivery.id.made_at(), delivery.event.made_at()];
            let times = made.into_iter().chain(end).chain(began);
            times.map(day)
        })
    }
}

/// Settles; answers one by one.
pub(super) async fn all(
    database: &Database,
    session: &Session,
    settling: &Settling,
) -> Result<Vec<Settled>, Failure> {
    let numbers = prepare(database, session, settling).await?;
    // Those that are known to have a row among what waits, and so are not new.
    let mut open = HashSet::new();
    for _ in 0..2 {
        let parts = Parts::of(settling, &open);
        if parts.arrived.is_empty() {
            break;
        }
        match parts.settle(database, session, &numbers).await {
            Ok(Tried::Settled(answers)) => return Ok(answers),
            Ok(Tried::Open(found)) => open.extend(found),
            Err(failure) if failure.twice() => break,
            Err(failure) => return Err(failure),
        }
    }
    match Parts::looked_up(settling)
        .settle(database, session, &numbers)
        .await?
    {
        Tried::Settled(answers) => Ok(answers),
        Tried::Open(_) => Err(Failure::Overtaken),
    }
}

/// Changes a job, and settles what it did; nothing where the job is another by now.
pub(super) async fn with_job(
    database: &Database,
    session: &Session,
    step: &JobStep,
) -> Result<JobChanged, Failure> {
    let mut settling = Settling::default();
    settling.add(&step.settlements, None);
    let numbers = prepare(database, session, &settling).await?;
    let (numbers, settlements) = (&numbers, &settling.each().collect::<Vec<_>>()[..]);
    session
        .transaction(|| {
            Box::pin(async move {
                let begin = session.batch("BEGIN");
                let present = database.places.be_present(session);
                let changing = jobs::change(session, &step.job, step.revision);
                let (_, _, changed) = try_join!(biased; begin, present, changing)?;
                if !changed {
                    session.batch("ROLLBACK").await?;
                    return Ok(JobChanged::Outdated);
                }
                if !step.counted.is_empty() {
                    let job = Bits(step.job.id.to_bytes());
                    wishes::forget(session, job, &step.counted).await?;
                }
                let known = Known::read(database, session, settlements, numbers).await?;
                let settled = known.settle(
                    database,
                    session,
                    settlements,
                    numbers,
                    Sums::default(),
                    None,
                );
                Ok(JobChanged::Done(settled.await?))
            })
        })
        .await
}

/// What has to be there before the transaction.
async fn prepare(
    database: &Database,
    session: &Session,
    settling: &Settling,
) -> Result<Numbers, Failure> {
    database.partitions.ensure(settling.days()).await?;
    let scopes = settling.each().map(|settlement| &settlement.delivery.scope);
    database.scopes.number(session, scopes).await
}

/// Where a delivery stands while a transaction is put together.
enum Stand {
    /// It ended in an earlier transaction.
    Ended,
    /// As it is to be written, if it changed.
    Row {
        delivery: Box<Delivery>,
        /// Whether it has a row among what waits.
        open: bool,
        changed: bool,
    },
}

/// What is known before anything is settled.
struct Known {
    /// Attempts that were not recorded before.
    fresh: HashSet<AttemptId>,
    stands: BTreeMap<DeliveryId, Stand>,
}

impl Known {
    async fn read(
        database: &Database,
        session: &Session,
        settlements: &[&Settlement],
        numbers: &Numbers,
    ) -> Result<Self, Failure> {
        let ids: Vec<DeliveryId> = settlements.iter().map(|each| each.delivery.id).collect();
        if ids.is_empty() {
            return Ok(Self {
                fresh: HashSet::new(),
                stands: BTreeMap::new(),
            });
        }
        let ids = bits(&ids, DeliveryId::to_bytes);
        let recorded = settlements.iter().filter_map(|settlement| {
            let scope = numbers.of(&settlement.delivery.scope);
            Some((scope, &**settlement.attempt.as_ref()?))
        });
        let recorded: Vec<_> = recorded.collect();
        // Always in the same order, so that no two transactions wait for each other.
        let which = "WHERE id = ANY($1) ORDER BY id FOR UPDATE";
        let params = [(&ids as _, Type::UUID_ARRAY)];
        let (fresh, open, ended) = try_join!(biased; attempts::record(session, &recorded),
            row::collect(session, &database.scopes, row::OPEN, which, &params),
            lookup::ended(session, &ids),
        )?;
        let mut stands: BTreeMap<_, _> = open
            .into_iter()
            .map(|delivery| {
                let stand = Stand::Row {
                    delivery: Box::new(delivery.clone()),
                    open: true,
                    changed: false,
                };
                (delivery.id, stand)
            })
            .collect();
        stands.extend(ended.into_iter().map(|id| (id, Stand::Ended)));
        Ok(Self { fresh, stands })
    }

    /// Decides, writes and commits, with what others add to the tallies.
    async fn settle(
        mut self,
        database: &Database,
        session: &Session,
        settlements: &[&Settlement],
        numbers: &Numbers,
        mut sums: Sums,
        materialised: Option<Position>,
    ) -> Result<Vec<Settled>, Failure> {
        let mut replayed = Vec::new();
        let mut answers = Vec::new();
        for settlement in settlements {
            let delivery = &settlement.delivery;
            if let Some(attempt) = &settlement.attempt
                && self.fresh.remove(&attempt.id)
            {
                sums.attempt(delivery, attempt);
            }
            let (answer, recorded) = self.one(delivery);
            if recorded {
                sums.end(delivery.endpoint, &delivery.state, 1);
                if delivery.replay_of.is_some() && delivery.state.name() == StateName::Delivered {
                    replayed.push((delivery.event, delivery.endpoint));
                }
            }
            answers.push(answer);
        }
        let (writing, opened) = self.rows(database, numbers);
        writing
            .commit(database, session, &mut sums, &replayed, materialised)
            .await?;
        for (endpoint, strand) in opened {
            database.places.tell(endpoint, strand);
        }
        Ok(answers)
    }

    /// What becomes of one settlement, and whether it changed where the delivery stands.
    fn one(&mut self, settled: &Delivery) -> (Settled, bool) {
        match self.stands.get_mut(&settled.id) {
            None => {
                let stand = Stand::Row {
                    delivery: Box::new(settled.clone()),
                    open: false,
                    changed: true,
                };
                self.stands.insert(settled.id, stand);
                (Settled::Recorded, true)
            }
            Some(Stand::Ended) => (Settled::HadEnded, false),
            Some(Stand::Row { delivery, .. }) if delivery.state.ended() => {
                (Settled::HadEnded, false)
            }
            Some(Stand::Row {
                delivery, changed, ..
            }) => {
                let knows_less = settled.attempts < delivery.attempts;
                if knows_less && !settled.state.ended() {
                    // What the row says is newer, and no less recorded.
                    return (Settled::Recorded, false);
                }
                delivery.state = settled.state;
                if !knows_less {
                    delivery.attempts = settled.attempts;
                    delivery.extra_attempts = settled.extra_attempts;
                    delivery.first_attempt_at = settled.first_attempt_at;
                    delivery.last_status = settled.last_status;
                    delivery.last_error = settled.last_error;
                }
                if let Some(turn) = &mut delivery.turn {
                    turn.holds = settled.turn.is_some_and(|turn| turn.holds);
                }
                *changed = true;
                (Settled::Recorded, true)
            }
        }
    }

    /// What is to be written, and where something waits that did not before.
    fn rows(self, database: &Database, numbers: &Numbers) -> (Changes, BTreeSet<Left>) {
        let mut changes = Changes::default();
        let mut opened = BTreeSet::new();
        for (id, stand) in self.stands {
            let Stand::Row {
                delivery,
                open,
                changed: true,
            } = stand
            else {
                continue;
            };
            let scope = numbers.of(&delivery.scope);
            let holds = delivery.turn.is_some_and(|turn| turn.holds);
            if delivery.state.ended() && !holds {
                changes.ended.push(&delivery, scope, 0);
                if open {
                    changes.closed.push(Bits(id.to_bytes()));
                }
            } else if open {
                changes.still_open.push(&delivery, scope, 0);
            } else {
                let node = database.places.of(delivery.endpoint);
                changes.opened.push(&delivery, scope, node);
                let strand = delivery.turn.and_then(|turn| turn.strand);
                opened.insert((delivery.endpoint, strand));
            }
        }
        (changes, opened)
    }
}

/// The rows that a transaction writes.
#[derive(Default)]
struct Changes {
    opened: Rows,
    still_open: Rows,
    closed: Vec<Bits>,
    ended: Rows,
}

impl Changes {
    async fn commit(
        &self,
        database: &Database,
        session: &Session,
        sums: &mut Sums,
        replayed: &[(EventId, EndpointId)],
        materialised: Option<Position>,
    ) -> Result<(), Failure> {
        // Whether a row was written by somebody else meanwhile is known before the commit goes out.
        together(vec![
            Box::pin(self.ended.insert_ended(session)),
            Box::pin(self.opened.insert_open(session)),
            Box::pin(self.still_open.update(session)),
        ])
        .await?;
        together(vec![
            Box::pin(close(session, &self.closed)),
            Box::pin(order::replayed(session, replayed)),
            Box::pin(tallies::write(session, database.places.node, sums)),
            Box::pin(materialise(session, database.places.node, materialised)),
            Box::pin(session.batch("COMMIT")),
        ])
        .await
    }
}

async fn close(session: &Session, ids: &[Bits]) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let sql = "DELETE FROM fanfare.open_deliveries WHERE id = ANY($1)";
    session
        .run(sql, &[(&ids, Type::UUID_ARRAY)])
        .await
        .map(drop)
}

async fn materialise(
    session: &Session,
    node: i64,
    position: Option<Position>,
) -> Result<(), Failure> {
    let Some(position) = position else {
        return Ok(());
    };
    session
        .run(
            "INSERT INTO fanfare.counters AS counters (name, node, value)
            VALUES ('materialised', $1, $2)
            ON CONFLICT (name, node) DO UPDATE SET value = greatest(counters.value, excluded.value)",
            &[(&node, Type::INT8), (&position, Type::INT8)],
        )
        .await
        .map(drop)
}

/// The day of what happens at a time, and of rows that are moved.
pub(super) fn days_of(ids: &[DeliveryId], now: Option<Timestamp>) -> impl Iterator<Item = i64> {
    let times = ids.iter().map(|id| id.made_at()).chain(now);
    times.map(day).collect::<Vec<_>>().into_iter()
}
