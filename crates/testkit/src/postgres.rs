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
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::NoTls;

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

struct Started {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    settings: Vec<String>,
    account: Option<(u32, u32)>,
    /// Waits for the end of its input, which comes with the end of this process, then ends the server.
    keeper: Option<Child>,
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
        let programs = programs();
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let account = account();
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).expect("root may give a folder away");
        }
        let port = free_port();
        let mut settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).collect();
        for (setting, file) in files {
            // The server reads files of its own account only, and its key only if nobody else may.
            let copy = folder.path().join(setting);
            fs::copy(file, &copy).expect("the file can be copied");
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))
                .expect("its mode can be set");
            if let Some((user, group)) = account {
                chown(&copy, Some(user), Some(group)).expect("root may give a file away");
            }
            settings.push(format!("{setting}={}", copy.display()));
        }
        let mut started = Started {
            folder,
            programs,
            port,
            settings,
            account,
            keeper: None,
        };
        started.make();
        started.run();
        Self {
            before: format!("postgres://{USER}@127.0.0.1:{port}/"),
            after: String::new(),
            maintenance: "postgres".to_owned(),
            started: Some(started),
        }
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

/// PgBouncer in transaction mode before a cluster: each transaction gets another of a few server
/// connections, as it comes. It ends with the test binary.
pub struct Pooler {
    port: u16,
    user: String,
    _keeper: Child,
    _folder: TempDir,
}

impl Pooler {
    /// The one before the shared cluster.
    ///
    /// # Panics
    /// When it can't be started; the message says what to do.
    pub fn shared() -> &'static Self {
        static SHARED_POOLER: OnceLock<Pooler> = OnceLock::new();
        SHARED_POOLER.get_or_init(|| Self::start(Cluster::shared()))
    }

    fn start(cluster: &Cluster) -> Self {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(Path::new);
        let program = program.into_iter().find(|path| path.exists());
        let program =
            program.expect("PgBouncer is installed: scripts/install-postgresql installs it");
        let address = cluster.address(&cluster.maintenance);
        let config: tokio_postgres::Config = address.parse().expect("the address is one");
        let user = config
            .get_user()
            .expect("the address has a user")
            .to_owned();
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let (port, server) = (free_port(), Cluster::port_of(&address));
        let settings = format!(
            "[databases]\n\
            * = host=127.0.0.1 port={server} user={user}\n\
            [pgbouncer]\n\
            listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
            auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n\
            max_client_conn = 2000\nlogfile = {}\n",
            folder.path().join("log").display()
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("a file can be written");
        let account = account();
        if let Some((user, group)) = account {
            for path in [folder.path(), &file] {
                chown(path, Some(user), Some(group)).expect("root may give a file away");
            }
        }
        let mut command = Command::new("sh");
        if let Some((user, group)) = account {
            command.uid(user).gid(group);
        }
        let script = r#""$1" "$2" & read -r word; kill $!; rm -rf "${2%/*}""#;
        let keeper = command
            .args(["-c", script, "sh"])
            .arg(program)
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let began = Instant::now();
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "PgBouncer does not start");
            pause();
        }
        Self {
            port,
            user,
            _keeper: keeper,
            _folder: folder,
        }
    }

    /// The way to a database through it.
    #[must_use]
    pub fn address(&self, database: &Database) -> String {
        format!(
            "postgres://{}@127.0.0.1:{}/{}",
            self.user, self.port, database.name
        )
    }
}

/// A database of a test; dropped with it.
pub struct Database {
    cluster: &'static Cluster,
    name: String,
}

impl Database {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        self.cluster.address(&self.name)
    }

    /// Runs statements in it.
    ///
    /// # Panics
    /// When one fails.
    pub fn run(&self, sql: &str) {
        run(&self.address(), sql);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A cluster that is gone has no databases left.
        let _ = try_run(&self.cluster.address(&self.cluster.maintenance), &drop);
    }
}

fn run(address: &str, sql: &str) {
    if let Err(error) = try_run(address, sql) {
        panic!("{sql}: {error:?}");
    }
}

/// On a thread of its own, so that it can be called with a runtime or without.
fn try_run(address: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let work = async {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
        let driver = tokio::spawn(connection);
        let done = client.batch_execute(sql).await;
        drop(client);
        let _ = driver.await;
        done
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a small runtime can be made")
                .block_on(work)
        });
        thread.join().expect("it does not panic")
    })
}

impl Started {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command.current_dir(self.folder.path());
        command
    }

    fn make(&self) {
        let output = self
            .command(&self.programs.join("initdb"))
            .args([
                "--no-sync",
                "--no-locale",
                "--encoding=UTF8",
                "--auth=trust",
            ])
            .args(["--username", USER, "--pgdata"])
            .arg(self.data())
            .output()
            .expect("initdb can be started");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb failed: {told}");
    }

    /// Starts the server, and waits until it takes connections.
    fn run(&mut self) {
        let script = r#"
            "$@" & server=$!
            echo $server > server.pid
            read -r word
            kill -"${word:-INT}" $server 2>/dev/null
            wait $server
            # Nobody is left who would take the files away.
            [ -n "$word" ] || rm -rf "$PWD"
        "#;
        let log = fs::File::create(self.folder.path().join("log")).expect("a log can be made");
        let mut command = self.command(Path::new("sh"));
        command.args(["-c", script, "sh"]);
        command
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data());
        let own = [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", self.folder.path().display()),
        ];
        for setting in own.iter().chain(&self.settings) {
            command.args(["-c", setting]);
        }
        let keeper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a shell can be started");
        self.keeper = Some(keeper);
        let began = Instant::now();
        let ready = || {
            let mut ask = Command::new(self.programs.join("pg_isready"));
            let asked = ask
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            asked.is_ok_and(|status| status.success())
        };
        while !ready() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "it does not start: {log}");
            pause();
        }
    }

    fn end(&mut self, signal: &str) {
        let Some(mut keeper) = self.keeper.take() else {
            return;
        };
        if signal == "KILL" {
            // The other processes end with the first, and it must not be started before they have.
            let script = r#"
                server=$(cat server.pid); others=$(pgrep -P "$server")
                kill -KILL "$server" $others 2>/dev/null
                for each in $others; do while kill -0 "$each" 2>/dev/null; do :; done; done
            "#;
            let mut command = self.command(Path::new("sh"));
            let _ = command.args(["-c", script]).status();
        }
        if let Some(input) = &mut keeper.stdin {
            let _ = writeln!(input, "{signal}");
        }
        let _ = keeper.wait();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end("INT");
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

/// Where the programs of the server are.
fn programs() -> PathBuf {
    let asked = Command::new("pg_config").arg("--bindir").output();
    let told = asked.ok().filter(|output| output.status.success());
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut usual: Vec<PathBuf> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    usual.sort();
    let mut places = told.into_iter().chain(usual.into_iter().rev());
    let found = places.find(|place| place.join("initdb").exists());
    found.unwrap_or_else(|| {
        panic!(
            "PostgreSQL's server is not installed: scripts/install-postgresql installs it on \
             Debian, or FANFARE_TEST_POSTGRES names one that is there"
        )
    })
}

/// Whose the server is: PostgreSQL refuses to be root's.
fn account() -> Option<(u32, u32)> {
    let own = fs::metadata("/proc/self").ok()?;
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of = |name: &str| {
        let line = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2);
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}
