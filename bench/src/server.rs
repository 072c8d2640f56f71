//! The server under test, as a child process with a store of its own.

use std::{
    fs::{File, read_to_string},
    io::Read,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use fanfare_testkit::postgres::{Cluster, Database};
use tempfile::TempDir;

use crate::{api::Api, clock, options::Options, process::Process};

/// Everything else is as PostgreSQL comes, `fsync` and `synchronous_commit` included.
const CLUSTER_SETTINGS: &[&str] = &[
    "max_connections=200",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
];

const DIALECTS: &str = "fullstory,konpro,nursa,collect,svix";

const START_LIMIT: Duration = Duration::from_secs(60);

/// Killed, and its store removed, when it is dropped.
pub(crate) struct Server {
    child: Child,
    binary: PathBuf,
    name_server: SocketAddr,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    folder: TempDir,
    /// Where its store is, unless that is a file in the folder.
    postgres: Option<Postgres>,
    /// Those that it serves; none: as it comes.
    dialects: Option<&'static str>,
}

/// A database of its own, and the first process of its cluster.
struct Postgres {
    database: Database,
    process: u32,
}

/// The cluster for all servers of the bench: each has a database of its own.
fn cluster() -> Result<(&'static Cluster, u32)> {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| Cluster::start(CLUSTER_SETTINGS));
    let process = cluster.process().context("PostgreSQL says its process")?;
    Ok((cluster, process))
}

impl Server {
    /// Starts on an empty store and waits until the server says that it is ready.
    pub(crate) fn start(options: &Options, name_server: SocketAddr) -> Result<Self> {
        Self::start_binary(&options.binary, options, name_server)
    }

    /// The same with another binary.
    pub(crate) fn start_binary(
        binary: &Path,
        options: &Options,
        name_server: SocketAddr,
    ) -> Result<Self> {
        let mut folder = tempfile::Builder::new();
        folder.prefix("fanfare-bench-");
        let folder = match &options.data {
            Some(data) => folder.tempdir_in(data),
            None => folder.tempdir(),
        };
        let folder = folder.context("there is no folder for the store")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let key = random_key()?;
        // An earlier server may not know the youngest one.
        let dialects = (binary == options.binary).then_some(DIALECTS);
        let binary = binary.to_owned();
        let postgres = if options.postgres {
            let (cluster, process) = cluster()?;
            let database = cluster.database(None);
            Some(Postgres { database, process })
        } else {
            None
        };
        let child = spawn(
            &binary,
            &folder,
            postgres.as_ref(),
            dialects,
            address,
            name_server,
            &key,
        )?;
        let mut server = Self {
            child,
            binary,
            name_server,
            address,
            key,
            folder,
            postgres,
            dialects,
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Kills it without a warning, starts it on the same store, and waits until it is ready.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = spawn(
            &self.binary,
            &self.folder,
            self.postgres.as_ref(),
            self.dialects,
            self.address,
            self.name_server,
            &self.key,
        )?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let start = clock::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the server ended at its start ({status}): {}",
                    self.end_of_log()
                );
            }
            if self.api().is_ok_and(|api| api.is_ready()) {
                return Ok(());
            }
            if clock::now() - start > clock::span(START_LIMIT) {
                bail!(
                    "the server is not ready after {START_LIMIT:?}: {}",
                    self.end_of_log()
                );
            }
            clock::sleep(Duration::from_millis(10));
        }
    }

    /// A connection for setting things up.
    pub(crate) fn api(&self) -> Result<Api> {
        Api::connect(self.address, &self.key)
    }

    pub(crate) fn process(&self) -> Process {
        Process {
            id: self.child.id(),
            postgres: self.postgres.as_ref().map(|postgres| postgres.process),
        }
    }

    /// Bytes of the store's files.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let Ok(files) = self.folder.path().read_dir() else {
            return 0;
        };
        let sizes = files.filter_map(|file| file.ok()?.metadata().ok());
        sizes.map(|metadata| metadata.len()).sum()
    }

    /// Whether it still runs; a scenario that killed it says so instead of reporting figures.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "the server ended by itself ({status}): {}",
                self.end_of_log()
            ),
        }
    }

    fn end_of_log(&self) -> String {
        let path = self.folder.path().join("log");
        let text = read_to_string(path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    binary: &Path,
    folder: &TempDir,
    postgres: Option<&Postgres>,
    dialects: Option<&'static str>,
    address: SocketAddr,
    name_server: SocketAddr,
    key: &str,
) -> Result<Child> {
    let log = File::create(folder.path().join("log"))?;
    let store = match postgres {
        Some(postgres) => postgres.database.address(),
        None => format!("sqlite:{}", folder.path().join("fanfare.db").display()),
    };
    Command::new(binary)
        .arg("serve")
        .env("FANFARE_LISTEN", address.to_string())
        .env("FANFARE_STORE", store)
        .env("FANFARE_ADMIN_KEY", key)
        .envs(dialects.map(|dialects| ("FANFARE_DIALECTS", dialects)))
        .env("FANFARE_ALLOW_NETWORKS", "127.0.0.0/8")
        .env("FANFARE_NAMESERVERS", name_server.to_string())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| {
            let binary = binary.display();
            format!("{binary} cannot be started; build it with `cargo build --release`")
        })
}

fn random_key() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
