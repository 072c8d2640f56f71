//! The bench's own PostgreSQL.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use fanfare_testkit::postgres::{Cluster, Database};

/// Everything else is as PostgreSQL comes, `fsync` and `synchronous_commit` included.
const SETTINGS: &[&str] = &[
    "max_connections=200",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
];

/// A database for the servers over it, and the first process of its cluster.
pub(crate) struct Postgres {
    pub(crate) database: Database,
    pub(crate) process: u32,
}

impl Postgres {
    /// An empty one. The cluster is one for all servers of the bench.
    pub(super) fn new() -> Result<Self> {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        let cluster = CLUSTER.get_or_init(|| Cluster::start(SETTINGS));
        let process = cluster.process().context("PostgreSQL says its process")?;
        let database = cluster.database(None);
        Ok(Self { database, process })
    }

    /// Changes settings of the whole cluster until they are reset.
    pub(crate) fn set(&self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.database
                .run(&format!("ALTER SYSTEM SET {name} = '{value}'"));
        }
        self.database.run("SELECT pg_reload_conf()");
    }

    /// Takes back what was changed.
    pub(crate) fn reset(&self) {
        self.database.run("ALTER SYSTEM RESET ALL");
        self.database.run("SELECT pg_reload_conf()");
    }
}
