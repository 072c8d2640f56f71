//! Twins: events that were sent twice, found inside the transaction.
//!
//! Each `uid` and `Idempotency-Key` of the batch is claimed first, by a row in the table where it is
//! unique. Where another transaction has just claimed the same, the statement waits for its commit. A
//! second statement then reads what stands there: this batch's claims, or those of events that were
//! before. Who gets what is decided one event after the other, as if each came alone; claims of
//! events that were refused are taken back, and those of events that are not kept any more taken
//! over.
//!
//! All transactions claim in the same order, so that none waits for one that waits for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use fanfare_app::port::log::{Append, Appended, Event, Idempotency};
use tokio::try_join;
use tokio_postgres::types::Type;

use super::insert::Accepted;
use super::row;
use crate::bits::Bits;
use crate::failure::Failure;
use crate::member::Places;
use crate::scopes::{Numbers, Scopes};
use crate::session::Session;

type Uid = (i64, String);
type Digest = [u8; 32];

#[derive(Clone, Copy, PartialEq, Eq)]
struct UidRow {
    event: Bits,
    content: Option<Bits>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct KeyRow {
    event: Bits,
    content: Bits,
    expires_at: i64,
    scope: i64,
}

/// What stands for the ids and keys of a batch.
pub(super) struct Twins {
    /// As the tables have it.
    uids: BTreeMap<Uid, UidRow>,
    keys: BTreeMap<Digest, KeyRow>,
    /// As it is to be.
    uids_then: BTreeMap<Uid, UidRow>,
    keys_then: BTreeMap<Digest, KeyRow>,
    /// Events of earlier transactions that are named there and are kept.
    before: HashMap<Bits, Arc<Event>>,
    /// Events of this batch that were accepted.
    accepted: HashMap<Bits, Arc<Event>>,
    batch: HashSet<Bits>,
}

fn id_of(append: &Append) -> Bits {
    Bits(append.event.id.to_bytes())
}

fn uid_of(append: &Append, numbers: &Numbers) -> Option<(Uid, UidRow)> {
    let uid = append.event.uid.clone()?;
    let row = UidRow {
        event: id_of(append),
        content: append.content.map(Bits),
    };
    Some(((numbers.of(&append.event.scope), uid), row))
}

fn key_of(append: &Append, numbers: &Numbers) -> Option<(Digest, KeyRow)> {
    let Idempotency {
        digest,
        content,
        expires_at,
    } = append.idempotency?;
    let row = KeyRow {
        event: id_of(append),
        content: Bits(content),
        expires_at: expires_at.micros(),
        scope: numbers.of(&append.event.scope),
    };
    Some((digest, row))
}

impl Twins {
    /// Begins the transaction, claims, and reads what stands there.
    pub(super) async fn claim(
        session: &Session,
        places: &Places,
        scopes: &Scopes,
        all: &[&Append],
        numbers: &Numbers,
    ) -> Result<Self, Failure> {
        let mut uids = BTreeMap::new();
        let mut keys = BTreeMap::new();
        for append in all {
            if let Some((uid, row)) = uid_of(append, numbers) {
                uids.entry(uid).or_insert(row);
            }
            if let Some((digest, row)) = key_of(append, numbers) {
                keys.entry(digest).or_insert(row);
            }
        }
        let (_, _, _, _, uids, keys) = try_join!(biased; session.batch("BEGIN"),
            places.be_present(session),
            claim_uids(session, &uids),
            claim_keys(session, &keys),
            read_uids(session, &uids),
            read_keys(session, &keys),
        )?;
        let batch: HashSet<Bits> = all.iter().map(|append| id_of(append)).collect();
        let named = uids.iter().map(|((scope, _), row)| (*scope, row.event));
        let named = named.chain(keys.values().map(|row| (row.scope, row.event)));
        let named: HashSet<(i64, Bits)> = named.filter(|(_, id)| !batch.contains(id)).collect();
        Ok(Self {
            uids_then: uids.clone(),
            keys_then: keys.clone(),
            uids,
            keys,
            before: events(session, scopes, named).await?,
            accepted: HashMap::new(),
            batch,
        })
    }

    /// Decides on one event after the other: those that go into the log, and the answers to the others.
    pub(super) fn decide<'a>(
        &mut self,
        all: &[&'a Append],
        numbers: &Numbers,
    ) -> (Vec<Accepted<'a>>, Vec<Option<Appended>>) {
        let mut accepted = Vec::new();
        let mut answers = Vec::with_capacity(all.len());
        for append in all {
            let (uid, key) = (uid_of(append, numbers), key_of(append, numbers));
            let twin = self
                .by_key(append, key.as_ref())
                .or_else(|| self.by_uid(uid.as_ref()));
            if twin.is_none() {
                self.accepted
                    .insert(id_of(append), Arc::clone(&append.event));
                self.uids_then.extend(uid);
                self.keys_then.extend(key);
                accepted.push(Accepted {
                    event: &append.event,
                    scope: numbers.of(&append.event.scope),
                    in_turn: &append.in_turn,
                });
            }
            answers.push(twin);
        }
        (accepted, answers)
    }

    fn kept(&self, event: Bits) -> Option<Arc<Event>> {
        let kept = self.accepted.get(&event).or(self.before.get(&event));
        kept.map(Arc::clone)
    }

    /// What the `Idempotency-Key` says: none when it is new, has expired, or its event is not kept.
    fn by_key(&self, append: &Append, key: Option<&(Digest, KeyRow)>) -> Option<Appended> {
        let (digest, asked) = key?;
        let row = self.keys_then.get(digest)?;
        if row.expires_at <= append.event.created_at.micros() {
            return None;
        }
        let event = self.kept(row.event)?;
        Some(if row.content == asked.content {
            Appended::Twin(event)
        } else {
            Appended::KeyReused
        })
    }

    /// What the caller's id says: none when it is new, or its event is not kept.
    fn by_uid(&self, uid: Option<&(Uid, UidRow)>) -> Option<Appended> {
        let (uid, asked) = uid?;
        let row = self.uids_then.get(uid)?;
        let event = self.kept(row.event)?;
        Some(if row.content == asked.content {
            Appended::Twin(event)
        } else {
            Appended::UidTaken
        })
    }

    /// Writes what was decided otherwise than claimed.
    pub(super) async fn keep(&self, session: &Session) -> Result<(), Failure> {
        let refused =
            |event: Bits| self.batch.contains(&event) && !self.accepted.contains_key(&event);
        for (uid, then) in &self.uids_then {
            let now = self.uids.get(uid);
            if refused(then.event) {
                drop_uid(session, uid, then.event).await?;
            } else if now != Some(then) {
                move_uid(session, uid, now, then).await?;
            }
        }
        for (digest, then) in &self.keys_then {
            let now = self.keys.get(digest);
            if refused(then.event) {
                drop_key(session, digest, then.event).await?;
            } else if now != Some(then) {
                move_key(session, digest, now, then).await?;
            }
        }
        Ok(())
    }
}

async fn events(
    session: &Session,
    scopes: &Scopes,
    named: HashSet<(i64, Bits)>,
) -> Result<HashMap<Bits, Arc<Event>>, Failure> {
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let (owners, ids): (Vec<i64>, Vec<Bits>) = named.into_iter().unzip();
    let found = row::collect(
        session,
        scopes,
        "scope = ANY($1) AND id = ANY($2)",
        &[(&owners, Type::INT8_ARRAY), (&ids, Type::UUID_ARRAY)],
    )
    .await?;
    let found = found.into_iter();
    Ok(found
        .map(|(_, event)| (Bits(event.id.to_bytes()), event))
        .collect())
}

async fn claim_uids(session: &Session, uids: &BTreeMap<Uid, UidRow>) -> Result<(), Failure> {
    if uids.is_empty() {
        return Ok(());
    }
    let (scopes, names): (Vec<i64>, Vec<&str>) =
        uids.keys().map(|(scope, uid)| (*scope, &**uid)).unzip();
    let events: Vec<Bits> = uids.values().map(|row| row.event).collect();
    let contents: Vec<Option<Bits>> = uids.values().map(|row| row.content).collect();
    session
        .run(
            "INSERT INTO fanfare.event_uids (scope, uid, event, content)
            SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::uuid[])
            ON CONFLICT (scope, uid) DO NOTHING",
            &[
                (&scopes, Type::INT8_ARRAY),
                (&names, Type::TEXT_ARRAY),
                (&events, Type::UUID_ARRAY),
                (&contents, Type::UUID_ARRAY),
            ],
        )
        .await
        .map(drop)
}

/// One by one, along the index, however few or many rows there are: the limit keeps the planner from reading
/// all of them.
async fn read_uids(
    session: &Session,
    uids: &BTreeMap<Uid, UidRow>,
) -> Result<BTreeMap<Uid, UidRow>, Failure> {
    if uids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (scopes, names): (Vec<i64>, Vec<&str>) =
        uids.keys().map(|(scope, uid)| (*scope, &**uid)).unzip();
    let rows = session
        .rows(
            "SELECT row.* FROM unnest($1::bigint[], $2::text[]) AS asked (scope, uid)
            CROSS JOIN LATERAL (
                SELECT scope, uid, event, content FROM fanfare.event_uids AS row
                WHERE row.scope = asked.scope AND row.uid = asked.uid LIMIT 1) AS row",
            &[(&scopes, Type::INT8_ARRAY), (&names, Type::TEXT_ARRAY)],
        )
        .await?;
    let read = |row: &tokio_postgres::Row| {
        let uid = (row.try_get(0)?, row.try_get(1)?);
        let (event, content) = (row.try_get(2)?, row.try_get(3)?);
        Ok((uid, UidRow { event, content }))
    };
    rows.iter().map(read).collect()
}

async fn drop_uid(session: &Session, uid: &Uid, event: Bits) -> Result<(), Failure> {
    session
        .run(
            "DELETE FROM fanfare.event_uids WHERE scope = $1 AND uid = $2 AND event = $3",
            &[
                (&uid.0, Type::INT8),
                (&uid.1, Type::TEXT),
                (&event, Type::UUID),
            ],
        )
        .await
        .map(drop)
}

/// Gives an id to another event than the one that has it; somebody else may have done so before.
async fn move_uid(
    session: &Session,
    uid: &Uid,
    now: Option<&UidRow>,
    then: &UidRow,
) -> Result<(), Failure> {
    let from = now.map(|row| row.event);
    let moved = session
        .run(
            "UPDATE fanfare.event_uids SET event = $4, content = $5
            WHERE scope = $1 AND uid = $2 AND event = $3",
            &[
                (&uid.0, Type::INT8),
                (&uid.1, Type::TEXT),
                (&from, Type::UUID),
                (&then.event, Type::UUID),
                (&then.content, Type::UUID),
            ],
        )
        .await?;
    if moved == 1 {
        Ok(())
    } else {
        Err(Failure::Overtaken)
    }
}

async fn claim_keys(session: &Session, keys: &BTreeMap<Digest, KeyRow>) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    let digests: Vec<&[u8]> = keys.keys().map(|digest| &digest[..]).collect();
    let contents: Vec<Bits> = keys.values().map(|row| row.content).collect();
    let ends: Vec<i64> = keys.values().map(|row| row.expires_at).collect();
    let scopes: Vec<i64> = keys.values().map(|row| row.scope).collect();
    let events: Vec<Bits> = keys.values().map(|row| row.event).collect();
    session
        .run(
            "INSERT INTO fanfare.idempotency_keys (digest, content, expires_at, scope, event)
            SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[])
            ON CONFLICT (digest) DO NOTHING",
            &[
                (&digests, Type::BYTEA_ARRAY),
                (&contents, Type::UUID_ARRAY),
                (&ends, Type::INT8_ARRAY),
                (&scopes, Type::INT8_ARRAY),
                (&events, Type::UUID_ARRAY),
            ],
        )
        .await
        .map(drop)
}

async fn read_keys(
    session: &Session,
    keys: &BTreeMap<Digest, KeyRow>,
) -> Result<BTreeMap<Digest, KeyRow>, Failure> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let digests: Vec<&[u8]> = keys.keys().map(|digest| &digest[..]).collect();
    let rows = session
        .rows(
            "SELECT row.* FROM unnest($1::bytea[]) AS asked (digest) CROSS JOIN LATERAL (
                SELECT digest, content, expires_at, scope, event FROM fanfare.idempotency_keys AS row
                WHERE row.digest = asked.digest LIMIT 1) AS row",
            &[(&digests, Type::BYTEA_ARRAY)],
        )
        .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let Ok(digest) = Digest::try_from(row.try_get::<_, &[u8]>(0)?) else {
            continue;
        };
        let row = KeyRow {
            content: row.try_get(1)?,
            expires_at: row.try_get(2)?,
            scope: row.try_get(3)?,
            event: row.try_get(4)?,
        };
        found.insert(digest, row);
    }
    Ok(found)
}

async fn drop_key(session: &Session, digest: &Digest, event: Bits) -> Result<(), Failure> {
    session
        .run(
            "DELETE FROM fanfare.idempotency_keys WHERE digest = $1 AND event = $2",
            &[(&&digest[..], Type::BYTEA), (&event, Type::UUID)],
        )
        .await
        .map(drop)
}

/// Gives a key to another event than the one that has it; somebody else may have done so before.
async fn move_key(
    session: &Session,
    digest: &Digest,
    now: Option<&KeyRow>,
    then: &KeyRow,
) -> Result<(), Failure> {
    let from = now.map(|row| row.event);
    let moved = session
        .run(
            "UPDATE fanfare.idempotency_keys
            SET content = $3, expires_at = $4, scope = $5, event = $6
            WHERE digest = $1 AND event = $2",
            &[
                (&&digest[..], Type::BYTEA),
                (&from, Type::UUID),
                (&then.content, Type::UUID),
                (&then.expires_at, Type::INT8),
                (&then.scope, Type::INT8),
                (&then.event, Type::UUID),
            ],
        )
        .await?;
    if moved == 1 {
        Ok(())
    } else {
        Err(Failure::Overtaken)
    }
}
