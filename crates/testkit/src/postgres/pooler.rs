//! PgBouncer, for tests of what goes through a pooler.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use tempfile::TempDir;

use super::started::account;
use super::{Cluster, Database, PATIENCE, free_port, pause};

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
