//! A real PostgreSQL for tests.
//!
//! `FANFARE_TEST_POSTGRES` names one that is there, by the address of a database from which others can
//! be made. Without it, a throwaway cluster is started from the installed programs, once for each test
//! binary, and taken away when that ends. Where there are none, tests fail and say what is missing:
//! `scripts/install-postgresql` installs them.

#![allow(
    clippy::expect_used,
    reason = "for tests: what can't be done is their failure"
)]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod database;
mod pooler;
mod started;

pub use database::Database;
use database::run;
pub use pooler::Pooler;
use started::Started;

/// How long a cluster may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The superuser of clusters that are started here.
const USER: &str = "fanfare";

/// Settings of the shared cluster: nothing in it outlives the tests, so nothing has to be synced.
const SHARED: &[&str] = &["fsync=off", "full_page_writes=off", "max_connections=400"];

/// A cluster: one that is there, or one that was started for the tests.
pub struct Cluster {
    started: Option<Started>,
    /// The address up to the database's name, and what comes after it.
    before: String,
    after: String,
    maintenance: String,
}

impl Cluster {
    /// The cluster that all tests of a binary share.
    ///
    /// # Panics
    /// When there is none and none can be started; the message says what to do.
    pub fn shared() -> &'static Self {
        static SHARED_CLUSTER: OnceLock<Cluster> = OnceLock::new();
        SHARED_CLUSTER.get_or_init(|| match std::env::var("FANFARE_TEST_POSTGRES") {
            Ok(address) => Self::at(&address),
            Err(_) => Self::start(SHARED),
        })
    }

    /// One that is there.
    fn at(address: &str) -> Self {
        let (place, parameters) = address.split_once('?').unwrap_or((address, ""));
        let Some((before, maintenance)) = place.rsplit_once('/') else {
            panic!("FANFARE_TEST_POSTGRES must be such as postgres://USER@HOST/DATABASE");
        };
        Self {
            started: None,
            before: format!("{before}/"),
            after: if parameters.is_empty() {
                String::new()
            } else {
                format!("?{parameters}")
            },
            maintenance: maintenance.to_owned(),
        }
    }

    /// Starts one of the test's own, with settings such as `fsync=off`; it ends when it is dropped.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn start(settings: &[&str]) -> Self {
        Self::start_with_files(settings, &[])
    }

    /// The same, with copies of files that settings name.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn start_with_files(settings: &[&str], files: &[(&str, &Path)]) -> Self {
        let mut started = Started::in_a_folder(settings);
        for (setting, file) in files {
            // The server reads files of its own account only, and its key only if nobody else may.
            let copy = started.folder.path().join(setting);
            fs::copy(file, &copy).expect("the file can be copied");
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))
                .expect("its mode can be set");
            if let Some((user, group)) = started.account {
                chown(&copy, Some(user), Some(group)).expect("root may give a file away");
            }
            let setting = format!("{setting}={}", copy.display());
            started.settings.push(setting);
        }
        started.make();
        Self::run_by(started)
    }

    fn run_by(mut started: Started) -> Self {
        started.run();
        Self {
            before: format!("postgres://{USER}@127.0.0.1:{}/", started.port),
            after: String::new(),
            maintenance: "postgres".to_owned(),
            started: Some(started),
        }
    }

    /// Starts a standby, which follows this one by streaming replication.
    ///
    /// # Panics
    /// When that can't be done.
    #[must_use]
    pub fn standby(&self) -> Self {
        let primary = self.started.as_ref().expect("it was started here");
        let started = Started::in_a_folder(&[]);
        started.copy(primary.port);
        Self::run_by(started)
    }

    /// Starts it again after it was ended, with a new copy of another's data, as that one's standby.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn follow(&mut self, primary: &Self) {
        let started = self.started.as_mut().expect("it was started here");
        let primary = primary.started.as_ref().expect("it was started here");
        started.copy(primary.port);
        started.run();
    }

    /// Lets each commit wait until a standby has it, or not any more. With one that is there, this comes
    /// back when it has caught up.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn wait_for_standbys(&self, wait: bool) {
        let names = if wait { "*" } else { "" };
        self.run(&format!(
            "ALTER SYSTEM SET synchronous_standby_names = '{names}'"
        ));
        self.run("SELECT pg_reload_conf()");
        if wait {
            self.run(
                "DO $$ BEGIN
                    WHILE NOT EXISTS (SELECT FROM pg_stat_replication
                        WHERE sync_state = 'sync' AND state = 'streaming')
                    LOOP PERFORM pg_sleep(0.02), pg_stat_clear_snapshot(); END LOOP; END $$",
            );
        }
    }

    /// Makes a standby a server that takes writes, and waits until it does.
    ///
    /// # Panics
    /// When that can't be done.
    pub fn promote(&self) {
        self.run("DO $$ BEGIN IF NOT pg_promote() THEN RAISE 'it is not promoted'; END IF; END $$");
    }

    /// Stops its processes as they are, or lets them go on.
    ///
    /// # Panics
    /// When they can't be told.
    pub fn pause(&self, paused: bool) {
        let started = self.started.as_ref().expect("it was started here");
        started.signal(if paused { "STOP" } else { "CONT" });
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn address(&self, database: &str) -> String {
        format!("{}{database}{}", self.before, self.after)
    }

    /// The port in an address.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn port_of(address: &str) -> u16 {
        let (_, behind) = address.rsplit_once(':').expect("the address has a port");
        let port = behind.split('/').next().and_then(|port| port.parse().ok());
        port.expect("the address has a port")
    }

    /// The port on this machine, of one that was started here.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.started.as_ref().map(|started| started.port)
    }

    /// The process that the server's others are children of, of one that was started here.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        let started = self.started.as_ref()?;
        let text = fs::read_to_string(started.folder.path().join("server.pid")).ok()?;
        text.trim().parse().ok()
    }

    /// What it has logged, of one that was started here.
    ///
    /// # Panics
    /// When it can't be read.
    #[must_use]
    pub fn log(&self) -> String {
        let started = self.started.as_ref().expect("it was started here");
        fs::read_to_string(started.folder.path().join("log")).expect("the log can be read")
    }

    /// Makes a database, as a copy of another or empty.
    pub fn database(&'static self, template: Option<&Database>) -> Database {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fanfare_test_{}_{count}", std::process::id());
        let like = template.map_or_else(String::new, |template| {
            format!(" TEMPLATE {} STRATEGY wal_log", template.name)
        });
        self.run(&format!("CREATE DATABASE {name}{like}"));
        Database {
            cluster: self,
            name,
        }
    }

    /// Runs a statement in the database from which others are made.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, sql: &str) {
        run(&self.address(&self.maintenance), sql);
    }

    /// Runs a statement in one of its databases.
    ///
    /// # Panics
    /// When it fails.
    pub fn run_in(&self, database: &str, sql: &str) {
        run(&self.address(database), sql);
    }

    /// Ends the server at once, as `kill -9` of all its processes does.
    pub fn kill(&mut self) {
        let started = self.started.as_mut().expect("it was started here");
        started.end("KILL");
    }

    /// Ends the server in order, without waiting for its clients.
    pub fn stop(&mut self) {
        let started = self.started.as_mut().expect("it was started here");
        started.end("INT");
    }

    /// Starts it again after it was ended, on the same port.
    pub fn restart(&mut self) {
        let started = self.started.as_mut().expect("it was started here");
        started.run();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no runtime is needed to wait for another program"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}
