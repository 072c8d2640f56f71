//! Renewing a node's lease, and watching the others.

use std::collections::HashSet;
use std::sync::Arc;

use fanfare_app::nodes::{Seen, Watch};
use fanfare_app::port::StoreError;
use parking_lot::Mutex;
use tokio_postgres::types::Type;

use super::process::Process;
use super::{Member, clock};
use crate::address::Address;
use crate::failure::Failure;
use crate::options::Options;
use crate::session::Session;

/// Renews, and watches the others.
pub(super) struct Watcher {
    member: Arc<Member>,
    direct: Address,
    options: Options,
    own: Process,
    watch: Watch,
    /// Nodes that are being declared gone.
    declaring: Arc<Mutex<HashSet<i64>>>,
}

impl Watcher {
    pub(super) fn new(
        member: &Arc<Member>,
        direct: &Address,
        options: Options,
        own: Process,
    ) -> Self {
        Self {
            member: Arc::clone(member),
            direct: direct.clone(),
            options,
            own,
            watch: Watch::default(),
            declaring: Arc::default(),
        }
    }

    pub(super) async fn run(mut self, mut session: Option<Session>) {
        let mut beats = tokio::time::interval(self.member.beat());
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            beats.tick().await;
            match self.beat(&mut session).await {
                Ok(true) => failing = false,
                Ok(false) => {
                    tracing::error!(
                        node.id = self.member.id,
                        "this node was declared gone, and others do its work"
                    );
                    self.member.lease.end();
                    self.member.lost.send_replace(true);
                    return;
                }
                Err(failure) => {
                    session = None;
                    if !failing {
                        failing = true;
                        let error = StoreError::from(failure);
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the lease can't be renewed"
                        );
                    }
                }
            }
        }
    }

    /// Renews and looks; false once the node is gone.
    async fn beat(&mut self, session: &mut Option<Session>) -> Result<bool, Failure> {
        let session = match session {
            Some(session) if session.usable() => session,
            _ => session.insert(Session::connect(&self.direct, &self.options).await?),
        };
        let before = clock();
        let renewed = session
            .run(
                "UPDATE fanfare.nodes SET beat = beat + 1 WHERE id = $1 AND gone_at IS NULL",
                &[(&self.member.id, Type::INT8)],
            )
            .await?;
        if renewed == 0 {
            return Ok(false);
        }
        self.member.renewed(before);
        self.look(session).await?;
        Ok(true)
    }

    pub(super) async fn look(&mut self, session: &Session) -> Result<(), Failure> {
        let rows = session
            .rows(
                "SELECT id, beat, delivers, machine, pid, started FROM fanfare.nodes
                WHERE gone_at IS NULL ORDER BY id",
                &[],
            )
            .await?;
        let mut nodes = Vec::with_capacity(rows.len());
        for row in rows {
            let process = Process {
                machine: row.try_get(3)?,
                pid: row.try_get(4)?,
                started: row.try_get(5)?,
            };
            nodes.push(Seen {
                id: row.try_get(0)?,
                beat: row.try_get(1)?,
                delivers: row.try_get(2)?,
                ended: process.has_ended(&self.own),
            });
        }
        let (own, detection) = (self.member.id, self.member.detection);
        let looked = self.watch.look(own, &nodes, clock(), detection);
        looked.gone.iter().for_each(|id| self.declare_gone(*id));
        let delivering = looked.delivering;
        if self.member.delivering_are(delivering) {
            self.member.members_changed.notify_one();
        }
        Ok(())
    }

    /// Beside the beats: it waits for what the node has sent already.
    fn declare_gone(&self, id: i64) {
        if !self.declaring.lock().insert(id) {
            return;
        }
        let (direct, options) = (self.direct.clone(), self.options.clone());
        let declaring = Arc::clone(&self.declaring);
        tokio::spawn(async move {
            let declared = async {
                let session = Session::connect(&direct, &options).await?;
                declare_gone(&session, id).await
            };
            if let Err(failure) = declared.await {
                let error = StoreError::from(failure);
                tracing::warn!(
                    node.id = id,
                    error = &error as &dyn std::error::Error,
                    "a node that is gone can't be declared so yet"
                );
            }
            declaring.lock().remove(&id);
        });
    }
}

/// Declares a node gone, when it writes nothing any more.
pub(crate) async fn declare_gone(session: &Session, id: i64) -> Result<(), Failure> {
    let row = session
        .row("SELECT fanfare.declare_gone($1)", &[(&id, Type::INT8)])
        .await?;
    if row.map_or(Ok(false), |row| row.try_get(0))? {
        tracing::warn!(node.id = id, "a node is gone; its work is taken over");
    }
    Ok(())
}
