//! `fanfare demo`: the whole way of an event on this machine, each step as the command that a person
//! would type, really done; then it keeps serving.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use fanfare_app::port::{Clock, Random};
use fanfare_domain::key::generate_key;
use fanfare_domain::secret::SecretKind;
use serde_json::Value;
use tokio::time::timeout;

use super::serve::{Server, runtime};
use super::{print, shell};
use crate::cli::DemoArgs;
use crate::clock::SystemClock;
use crate::config::{self, Environment, Loaded};
use crate::random::SystemRandom;
use crate::shutdown::Signals;
use crate::{http, logging};

mod call;
mod receiver;

use call::{Api, Call};
use receiver::{Arrival, Receiver};

/// Longer than any step takes on a machine that is not broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn run(
    file: Option<&Path>,
    environment: Environment,
    args: &DemoArgs,
) -> anyhow::Result<()> {
    let folder = &args.folder;
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} can't be made", folder.display()))?;
    let key = kept(&folder.join("admin.key"), generate_key)?;
    let secret_file = folder.join("secret");
    let secret = kept(&secret_file, |chance| SecretKind::Hmac.generate(chance))?;
    let loaded = config::load(file, &with_the_demos(environment, folder, &key))?;
    logging::start(&loaded.settings.log)?;
    let stage = Stage {
        key,
        secret,
        secret_file,
        folder: folder.clone(),
        once: args.once,
    };
    runtime(&loaded.settings)?.block_on(stage.play(loaded))
}

/// A text that is made once and kept in a file that only its owner may read.
fn kept(path: &Path, make: impl FnOnce(&[u8; 32]) -> String) -> anyhow::Result<String> {
    if let Ok(text) = fs::read_to_string(path) {
        return Ok(text.trim().to_owned());
    }
    let mut chance = [0; 32];
    SystemRandom.secret(&mut chance);
    let text = make(&chance);
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| writeln!(file, "{text}"))
        .with_context(|| format!("{} can't be written", path.display()))?;
    Ok(text)
}

/// The settings that make the demo one: a store and a key of its own, and a receiver on this machine.
fn with_the_demos(mut environment: Environment, folder: &Path, key: &str) -> Environment {
    let store = format!("sqlite:{}", folder.join("fanfare.db").display());
    environment.insert("FANFARE_STORE".to_owned(), store);
    environment.remove("FANFARE_ADMIN_KEY_FILE");
    environment.insert("FANFARE_ADMIN_KEY".to_owned(), key.to_owned());
    let networks = environment
        .entry("FANFARE_ALLOW_NETWORKS".to_owned())
        .or_default();
    if !networks.trim().is_empty() {
        networks.push(',');
    }
    networks.push_str("127.0.0.0/8");
    environment
        .entry("FANFARE_LOG_LEVEL".to_owned())
        .or_insert_with(|| "warn".to_owned());
    environment
}

/// Everything that the demo needs.
struct Stage {
    key: String,
    /// What the sample receiver checks signatures with.
    secret: String,
    secret_file: PathBuf,
    folder: PathBuf,
    once: bool,
}

impl Stage {
    async fn play(self, loaded: Loaded) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
        let listener = http::listen(loaded.settings.listen).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let mut receiver = Receiver::start(&self.secret, &self.folder).await?;
        let server = Server::start(&loaded.settings, listener).await?;
        let api = Api::new(&base, &self.key);
        let played = tokio::select! {
            played = self.steps(&api, &mut receiver) => played,
            () = signals.asked() => Err(anyhow::anyhow!("asked to end")),
        };
        let played = match played {
            Ok(()) if !self.once => self.farewell(&base, &receiver),
            other => other,
        };
        if played.is_ok() && !self.once {
            signals.asked().await;
        }
        signals.at_once_when_asked_again();
        server.stop().await;
        played
    }

    async fn steps(&self, api: &Api, receiver: &mut Receiver) -> anyhow::Result<()> {
        let stamp = SystemClock.now().seconds().to_string();
        print(
            "Fanfare, step by step: what each command does was done just now, and it does it again when\n\
             you paste it, while this runs.",
        )?;
        let tenant = api
            .show(
                "Make a tenant: a customer of your product",
                &Call::post("/v1/tenants", r#"{"name":"Acme"}"#),
            )
            .await?;
        let tenant = text(&tenant, "/id")?;
        let event_type = Call::post("/v1/event-types", r#"{"name":"invoice.paid-{stamp}"}"#);
        let title =
            "Make an event type; the shell ends its name with a number that is new each time";
        let event_type = api.show(title, &event_type.stamped(&stamp)).await?;
        let event_type = text(&event_type, "/name")?;
        let endpoint = format!(
            r#"{{"url":"{}","event_types":["{event_type}"],"secret":"{}"}}"#,
            receiver.url(),
            self.secret
        );
        let endpoints = format!("/v1/tenants/{tenant}/endpoints");
        let title = "Make an endpoint: the sample receiver's, with the secret that it expects";
        api.show(title, &Call::post(&endpoints, endpoint)).await?;
        let event = format!(
            r#"{{"type":"{event_type}","data":{{"invoice":"in_42","amount":4200,"currency":"EUR"}}}}"#
        );
        let events = format!("/v1/tenants/{tenant}/events");
        let event = api
            .show("Publish an event", &Call::post(&events, event))
            .await?;
        let event = text(&event, "/id")?;
        let arrival = timeout(PATIENCE, receiver.arrival(&event)).await;
        let arrival = arrival.context("the event did not arrive at the sample receiver")??;
        let deliveries = format!("{events}/{event}/deliveries");
        let delivery = timeout(PATIENCE, api.until_delivered(&deliveries))
            .await
            .context("the delivery did not end")??;
        api.show("See its delivery", &Call::get(&deliveries))
            .await?;
        let attempts = format!("/v1/tenants/{tenant}/deliveries/{delivery}/attempts");
        api.show("See the attempts of that delivery", &Call::get(&attempts))
            .await?;
        self.verify(&arrival)
    }

    /// Checks the signature with this very program, as a person would.
    fn verify(&self, arrival: &Arrival) -> anyhow::Result<()> {
        let program = shown_program()?;
        let arguments = [
            "verify".into(),
            "--secret-file".into(),
            self.secret_file.clone(),
            "--headers-file".into(),
            arrival.headers_file.clone(),
            "--body-file".into(),
            arrival.body_file.clone(),
        ];
        let words = std::iter::once(&program).chain(&arguments);
        let command: Vec<_> = words
            .map(|word| shell::quoted(&word.to_string_lossy()))
            .collect();
        print(format_args!(
            "\n# Verify the signature of what arrived\n{}",
            command.join(" ")
        ))?;
        let output = std::process::Command::new(&program)
            .args(&arguments)
            .output()
            .context("fanfare verify can't be started")?;
        print(String::from_utf8_lossy(&output.stdout).trim_end())?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(())
    }

    fn farewell(&self, base: &str, receiver: &Receiver) -> anyhow::Result<()> {
        print(format_args!(
            "\nServing until Ctrl-C.\n\
             \x20 API             {base}/v1\n\
             \x20 documentation   {base}/docs\n\
             \x20 key             {} (an administrator's; kept in {})\n\
             \x20 receiver        {} (prints what arrives)\n\
             \x20 store           {}",
            self.key,
            self.folder.join("admin.key").display(),
            receiver.url(),
            self.folder.join("fanfare.db").display()
        ))
    }
}

/// This program, as it can be typed in the folder that it was started in.
fn shown_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("this program's path")?;
    let here = std::env::current_dir().context("the current folder")?;
    Ok(program
        .strip_prefix(&here)
        .map(|below| Path::new(".").join(below))
        .unwrap_or(program))
}

fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("the answer has no text at {pointer}"))
}
