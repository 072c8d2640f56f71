//! The binary as a child process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::api::{Api, PATIENCE};

/// The administrator's key, unless a test sets another.
const ADMIN_KEY: &str = "an-administrators-key-for-tests-only";

/// A command of the binary without any settings but these.
pub(crate) fn fanfare(settings: &BTreeMap<String, String>) -> Command {
    under(&[], settings)
}

/// The same, started by another program that takes a command at its end.
fn under(program: &[String], settings: &BTreeMap<String, String>) -> Command {
    let mut words = program.iter().map(String::as_str);
    let binary = env!("CARGO_BIN_EXE_fanfare");
    let mut command = match words.next() {
        Some(program) => {
            let mut command = Command::new(program);
            command.args(words).arg(binary);
            command
        }
        None => Command::new(binary),
    };
    command.env_clear().envs(settings).stdin(Stdio::null());
    command
}

/// What a server is started with.
pub(crate) struct Setup {
    settings: BTreeMap<String, String>,
    folder: TempDir,
    program: Vec<String>,
}

impl Setup {
    /// A free port, an empty store, deliveries to this machine allowed, logs as JSON.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let store = format!("sqlite:{}", folder.path().join("fanfare.db").display());
        let setup = Self {
            settings: BTreeMap::new(),
            folder,
            program: Vec::new(),
        };
        setup
            .set("FANFARE_LISTEN", "127.0.0.1:0")
            .set("FANFARE_STORE", &store)
            .set("FANFARE_ADMIN_KEY", ADMIN_KEY)
            .set("FANFARE_ALLOW_NETWORKS", "127.0.0.0/8")
            .set("FANFARE_LOG_FORMAT", "json")
    }

    /// Sets an environment variable.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Unsets an environment variable.
    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.settings.remove(name);
        self
    }

    /// Starts servers by a program, given with its arguments, that starts a command at its end and lets
    /// it be the process that was started, as `exec` and `strace -D` do.
    pub(crate) fn under(mut self, program: Vec<String>) -> Self {
        self.program = program;
        self
    }

    /// Where the store and other files of the test are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs another command than `serve` with the same settings, to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run(&self.settings, arguments)
    }

    /// Starts, and waits until requests are taken.
    pub(crate) async fn start(self) -> Server {
        let running = Running::start(&self).await;
        Server {
            setup: self,
            running,
        }
    }
}

fn run(settings: &BTreeMap<String, String>, arguments: &[&str]) -> Output {
    let output = fanfare(settings).args(arguments).output();
    output.expect("the binary can be started")
}

/// A server; killed when it is dropped.
pub(crate) struct Server {
    setup: Setup,
    running: Running,
}

impl Server {
    /// A client with the administrator's key.
    pub(crate) fn api(&self) -> Api {
        self.api_with(Some(ADMIN_KEY))
    }

    /// The administrator's key.
    pub(crate) fn key(&self) -> &'static str {
        ADMIN_KEY
    }

    pub(crate) fn api_with(&self, key: Option<&str>) -> Api {
        Api::new(self.address(), key)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.running.child.id()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.setup.folder()
    }

    /// What it logged since its last start, in lines of JSON.
    pub(crate) fn log(&self) -> String {
        self.running.log.lock().unwrap().clone()
    }

    /// Waits until its log holds this.
    pub(crate) async fn logged(&self, text: &str) {
        let waiting = async {
            while !self.log().contains(text) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(seen.is_ok(), "{text:?} was never logged: {}", self.log());
    }

    /// What it wrote to the standard output since its last start.
    pub(crate) fn printed(&self) -> String {
        self.running.printed.lock().unwrap().clone()
    }

    /// Runs another command than `serve` beside it, with the same settings.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.setup.run(arguments)
    }

    /// Ends it as `kill -9` does.
    pub(crate) async fn kill(&mut self) {
        self.running.child.kill().expect("it can be killed");
        self.wait().await;
    }

    /// As [`Server::kill`], without waiting for the end.
    pub(crate) fn kill_at_once(&self) {
        self.signal("KILL");
    }

    /// Asks it to end, without waiting.
    pub(crate) fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// Stops its threads as they are, or lets them go on.
    pub(crate) fn pause(&self, paused: bool) {
        self.signal(if paused { "STOP" } else { "CONT" });
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process_id());
        let done = Command::new("sh").args(["-c", &kill]).status();
        assert!(done.is_ok_and(|status| status.success()));
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.ask_to_end();
        self.wait().await
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        let child = &mut self.running.child;
        let ended = async {
            loop {
                if let Some(status) = child.try_wait().expect("it can be asked") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        ended.unwrap_or_else(|_| panic!("it does not end: {}", self.log()))
    }

    /// Starts it again on the same store after it has ended; the port is another one.
    pub(crate) async fn restart(&mut self) {
        self.running = Running::start(&self.setup).await;
    }
}

struct Running {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
}

impl Running {
    async fn start(setup: &Setup) -> Self {
        let child = under(&setup.program, &setup.settings)
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let program = setup.program.first().map_or("the binary", String::as_str);
        let mut child = child.unwrap_or_else(|error| panic!("{program} can't be started: {error}"));
        let (serving, mut address) = watch::channel(None);
        let log = collect(child.stderr.take().unwrap(), move |line| {
            if let Some(address) = address_in(line) {
                serving.send_replace(Some(address));
            }
        });
        let printed = collect(child.stdout.take().unwrap(), |_| ());
        let known = address.wait_for(Option::is_some);
        let known = tokio::time::timeout(PATIENCE, known).await;
        let Ok(Ok(address)) = known.map(|known| known.map(|address| address.unwrap())) else {
            let _ = child.kill();
            panic!("it does not serve: {}", log.lock().unwrap());
        };
        Self {
            child,
            address,
            log,
            printed,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} logged:\n{}", self.address, self.log.lock().unwrap());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads an output to its end on a thread of its own.
fn collect(
    output: impl std::io::Read + Send + 'static,
    mut each: impl FnMut(&str) + Send + 'static,
) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            {
                let mut text = shared.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
            each(&line);
        }
    });
    text
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line.get("server.address")?.as_str()?.parse().ok()
}
