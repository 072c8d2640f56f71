//! Changing the owners of endpoints that one node serves at a time, see [`crate::member`].

use std::time::Duration;

use fanfare_app::port::StoreError;
use fanfare_app::port::coordination::Epoch;
use fanfare_domain::id::EndpointId;
use tokio::try_join;
use tokio_postgres::types::Type;

use crate::bits::{Bits, bits};
use crate::failure::Failure;
use crate::member::{Member, OWNERS, clock};
use crate::session::Session;
use crate::store::Database;

/// How long to wait before an endpoint is asked for again that is another's still, or after a failure.
const AGAIN: Duration = Duration::from_millis(50);
/// The most rows that change whose they are in one statement.
const ROWS: i64 = 1_000;

/// Writes what is let go of and asks for what is wanted, until it is aborted.
pub(crate) async fn run(database: Database) {
    let Some(member) = database.places.member().cloned() else {
        return;
    };
    let owners = member.owners();
    let mut failing = false;
    loop {
        let pending = owners.pending();
        if pending.is_empty() {
            owners.to_write.notified().await;
            continue;
        }
        let wrote = async {
            if !pending.let_go.is_empty() {
                let_go(&database, &pending.let_go).await?;
                owners.have_gone(&pending.let_go);
            }
            if !pending.wanted.is_empty() {
                ask_for(&database, &member, &pending.wanted).await?;
            }
            Ok::<_, Failure>(())
        };
        match wrote.await {
            Ok(()) => failing = false,
            Err(failure) if !failing => {
                failing = true;
                let error = StoreError::from(failure);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the owners of endpoints can't be changed yet"
                );
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What is left in this node's name is the owners', and those that were this node's are nobody's.
async fn let_go(database: &Database, endpoints: &[EndpointId]) -> Result<(), Failure> {
    let session = database.pool.lease().await?;
    let node = database.places.node;
    for endpoint in endpoints {
        if database.places.has_an_owner(*endpoint) {
            move_rows(&session, *endpoint, node, OWNERS).await?;
        }
    }
    session
        .run(
            "UPDATE fanfare.owners SET node = 0, changed_at = now()
            WHERE node = $1 AND endpoint = ANY($2)",
            &[
                (&node, Type::INT8),
                (&bits(endpoints, EndpointId::to_bytes), Type::UUID_ARRAY),
            ],
        )
        .await?;
    endpoints
        .iter()
        .for_each(|endpoint| database.places.tell(*endpoint, None));
    Ok(())
}

async fn ask_for(
    database: &Database,
    member: &Member,
    endpoints: &[EndpointId],
) -> Result<(), Failure> {
    let session = database.pool.lease().await?;
    let asked_at = clock();
    let got = session
        .transaction(|| Box::pin(ask(database, &session, endpoints)))
        .await?;
    let wanted = |endpoint| member.favourite(endpoint) == member.id();
    member
        .owners()
        .were_asked_for(endpoints, &got, asked_at, wanted);
    Ok(())
}

async fn ask(
    database: &Database,
    session: &Session,
    endpoints: &[EndpointId],
) -> Result<Vec<(EndpointId, Epoch)>, Failure> {
    let ids = bits(endpoints, EndpointId::to_bytes);
    let params = [
        (&ids as _, Type::UUID_ARRAY),
        (&database.places.node as _, Type::INT8),
    ];
    // In one order, so that no two nodes wait for each other. An answer that was lost is given again.
    let asking = session.rows(
        "INSERT INTO fanfare.owners AS owners (endpoint, node)
        SELECT endpoint, $2 FROM unnest($1::uuid[]) AS asked (endpoint) ORDER BY endpoint
        ON CONFLICT (endpoint) DO UPDATE SET node = excluded.node, changed_at = now(),
            epoch = owners.epoch + 1
        WHERE owners.node = excluded.node OR NOT EXISTS (
            SELECT FROM fanfare.nodes WHERE id = owners.node AND gone_at IS NULL)
        RETURNING endpoint, epoch",
        &params,
    );
    let (_, _, rows, _) = try_join!(
        biased;
        session.batch("BEGIN"),
        database.places.be_present(session),
        asking,
        session.batch("COMMIT"),
    )?;
    let read = |row: &tokio_postgres::Row| {
        let (endpoint, epoch): (Bits, i64) = (row.try_get(0)?, row.try_get(1)?);
        let endpoint = EndpointId::from_bytes(endpoint.0);
        Ok((endpoint, epoch.unsigned_abs()))
    };
    rows.iter().map(read).collect()
}

/// What waits for an endpoint in the name of one is another's from now on.
pub(crate) async fn move_rows(
    session: &Session,
    endpoint: EndpointId,
    from: i64,
    to: i64,
) -> Result<u64, Failure> {
    let mut moved = 0;
    for strand in ["strand IS NULL", "strand IS NOT NULL"] {
        let sql = format!(
            "UPDATE fanfare.open_deliveries AS row SET node = $3 WHERE row.state = 0
            AND row.id IN (SELECT id FROM fanfare.open_deliveries
                WHERE state = 0 AND {strand} AND node = $2 AND endpoint = $1 LIMIT $4 FOR UPDATE)"
        );
        let params = [
            (&Bits(endpoint.to_bytes()) as _, Type::UUID),
            (&from as _, Type::INT8),
            (&to as _, Type::INT8),
            (&ROWS as _, Type::INT8),
        ];
        loop {
            let now = session.run(&sql, &params).await?;
            moved += now;
            if now < ROWS.unsigned_abs() {
                break;
            }
        }
    }
    Ok(moved)
}

/// Forgets who owned what long ago, when nobody does now.
pub(crate) async fn forget(database: &Database) -> Result<(), Failure> {
    let session = database.pool.lease().await?;
    // By then every rate is whole again.
    session
        .run(
            "DELETE FROM fanfare.owners WHERE changed_at < now() - interval '1 hour'
            AND NOT EXISTS (SELECT FROM fanfare.nodes WHERE id = owners.node AND gone_at IS NULL)",
            &[],
        )
        .await
        .map(drop)
}
