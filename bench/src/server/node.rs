//! The processes of a server: one, or several over one PostgreSQL.

use std::{
    fs::{File, read_to_string},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::postgres::Postgres;
use crate::{api::Api, clock};

const START_LIMIT: Duration = Duration::from_secs(60);

/// How a server's processes are started.
pub(super) struct Recipe {
    pub(super) binary: PathBuf,
    pub(super) name_server: SocketAddr,
    pub(super) key: String,
    pub(super) folder: TempDir,
    /// Where the store is, unless that is a file in the folder.
    pub(super) postgres: Option<Postgres>,
    /// Those that it serves; none: as it comes.
    pub(super) dialects: Option<&'static str>,
}

/// One of them; killed when it is dropped.
pub(super) struct Node {
    child: Child,
    pub(super) address: SocketAddr,
    log: PathBuf,
    /// Its database, where that is not the others'.
    own: Option<Postgres>,
}

impl Recipe {
    /// Starts one, at a port that is free, on a database of its own where there is one.
    pub(super) fn start(&self, number: usize, own: Option<Postgres>) -> Result<Node> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = self.folder.path().join(format!("log-{number}"));
        let mut node = Node {
            child: self.spawn(address, own.as_ref(), File::create(&log)?)?,
            address,
            log,
            own,
        };
        self.wait_until_ready(&mut node)?;
        Ok(node)
    }

    /// Starts one again that was killed, at its address.
    pub(super) fn start_again(&self, node: &mut Node) -> Result<()> {
        let log = File::create(&node.log)?;
        node.child = self.spawn(node.address, node.own.as_ref(), log)?;
        self.wait_until_ready(node)
    }

    fn wait_until_ready(&self, node: &mut Node) -> Result<()> {
        let start = clock::now();
        loop {
            node.check().context("at its start")?;
            if Api::connect(node.address, &self.key).is_ok_and(|api| api.is_ready()) {
                return Ok(());
            }
            if clock::now() - start > clock::span(START_LIMIT) {
                bail!(
                    "the server is not ready after {START_LIMIT:?}: {}",
                    node.end_of_log()
                );
            }
            clock::sleep(Duration::from_millis(10));
        }
    }

    fn spawn(&self, address: SocketAddr, own: Option<&Postgres>, log: File) -> Result<Child> {
        let folder = self.folder.path();
        let store = match own.or(self.postgres.as_ref()) {
            Some(postgres) => postgres.database.address(),
            None => format!("sqlite:{}", folder.join("fanfare.db").display()),
        };
        Command::new(&self.binary)
            .arg("serve")
            .env("FANFARE_LISTEN", address.to_string())
            .env("FANFARE_STORE", store)
            .env("FANFARE_ADMIN_KEY", &self.key)
            .envs(self.dialects.map(|dialects| ("FANFARE_DIALECTS", dialects)))
            .env("FANFARE_ALLOW_NETWORKS", "127.0.0.0/8")
            .env("FANFARE_NAMESERVERS", self.name_server.to_string())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| {
                let binary = self.binary.display();
                format!("{binary} cannot be started; build it with `cargo build --release`")
            })
    }
}

impl Node {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "the server ended by itself ({status}): {}",
                self.end_of_log()
            ),
        }
    }

    /// Kills it without a warning.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn end_of_log(&self) -> String {
        let text = read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
