//! The server's programs and processes, of a cluster that was started for tests.

use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::{PATIENCE, USER, free_port, pause};

pub(super) struct Started {
    pub(super) folder: TempDir,
    pub(super) programs: PathBuf,
    pub(super) port: u16,
    pub(super) settings: Vec<String>,
    pub(super) account: Option<(u32, u32)>,
    /// Waits for the end of its input, which comes with the end of this process, then ends the server.
    pub(super) keeper: Option<Child>,
}

impl Started {
    /// None yet, with a folder and a port for one.
    pub(super) fn in_a_folder(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let account = account();
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).expect("root may give a folder away");
        }
        Self {
            folder,
            programs: programs(),
            port: free_port(),
            settings: settings.iter().map(|text| (*text).to_owned()).collect(),
            account,
            keeper: None,
        }
    }

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

    pub(super) fn make(&self) {
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

    /// Copies the data of the server at a port, in the place of its own, so that it follows that one.
    pub(super) fn copy(&self, primary: u16) {
        let _ = fs::remove_dir_all(self.data());
        let output = self
            .command(&self.programs.join("pg_basebackup"))
            .args(["--no-sync", "--checkpoint=fast", "--write-recovery-conf"])
            .args(["--host=127.0.0.1", "--username", USER])
            .args(["--port", &primary.to_string(), "--pgdata"])
            .arg(self.data())
            .output()
            .expect("pg_basebackup can be started");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pg_basebackup failed: {told}");
    }

    /// Sends a signal to all its processes.
    pub(super) fn signal(&self, name: &str) {
        let script = r#"server=$(cat server.pid); kill -"$1" "$server" $(pgrep -P "$server")"#;
        let mut command = self.command(Path::new("sh"));
        let done = command.args(["-c", script, "sh", name]).status();
        assert!(done.is_ok_and(|status| status.success()));
    }

    /// Starts the server, and waits until it takes connections.
    pub(super) fn run(&mut self) {
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

    pub(super) fn end(&mut self, signal: &str) {
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

/// Where the programs of the server are.
pub(super) fn programs() -> PathBuf {
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
pub(super) fn account() -> Option<(u32, u32)> {
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
