//! `fanfare import svix`: takes over what a running Svix has, read through its API, into the store.
//!
//! It works on the store, beside a running server too, which takes the changes in within a second. Whatever is
//! there already is left as it is, so that a run that broke off is begun again by the same command.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use fanfare_dialects::{Door, SvixImport, Taken};
use fanfare_domain::name::EnvironmentId;
use serde_json::{Map, Value};

use super::key::use_cases;
use super::{print, small_runtime};
use crate::cli::ImportArgs;
use crate::config::Settings;
use crate::store::Store;

mod progress;
mod source;

use progress::Progress;
use source::Source;

/// The most bytes of a body; only what the API would take as well is taken over.
const BODY_BYTES: usize = 2 * 1_024 * 1_024;

type Shown = Map<String, Value>;

pub(super) fn run(settings: &Settings, args: &ImportArgs) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        let store = Store::open_for_a_command(settings).await?;
        let done = import(&store, settings, args).await;
        store.close().await;
        done
    })
}

async fn import(store: &Store, settings: &Settings, args: &ImportArgs) -> anyhow::Result<()> {
    let fanfare = Arc::new(use_cases(store, settings));
    fanfare.refresh().await?;
    let environment = EnvironmentId::parse(&args.environment).context("--environment")?;
    if args.dry_run {
        fanfare.environment_exists(&environment)?;
    } else {
        fanfare.ensure_environment(environment.clone()).await?;
    }
    let door = Door::new(fanfare, environment, None, BODY_BYTES);
    let into = SvixImport::new(door).map_err(anyhow::Error::msg)?;
    let source = Source::new(&args.url, &args.token()?)?;
    let mut run = Run {
        into,
        source,
        dry: args.dry_run,
        counts: BTreeMap::new(),
        notes: Vec::new(),
        refused: 0,
    };
    run.everything().await?;
    run.tell()
}

/// An import on its way.
struct Run {
    into: SvixImport,
    source: Source,
    dry: bool,
    /// By what they are: made, there before, refused.
    counts: BTreeMap<&'static str, [usize; 3]>,
    /// What people should know.
    notes: Vec<String>,
    refused: usize,
}

fn text<'a>(shown: &'a Shown, name: &str) -> &'a str {
    shown.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl Run {
    async fn everything(&mut self) -> anyhow::Result<()> {
        let types = "event-type?include_archived=true&with_content=true";
        let types = self.source.list(types, "name").await?;
        let mut progress = Progress::new("event types", types.len());
        for shown in types {
            let taken = self.into.event_type(&shown, self.dry).await?;
            let name = text(&shown, "name");
            self.count("event types", format!("event type {name}"), taken);
            progress.step();
        }
        drop(progress);
        let applications = self.source.list("app", "id").await?;
        let mut progress = Progress::new("applications", applications.len());
        for shown in applications {
            let taken = self.into.application(&shown, self.dry).await?;
            let id = text(&shown, "id").to_owned();
            let lost = matches!(taken, Taken::Refused(_));
            self.count("applications", format!("application {id}"), taken);
            if !lost {
                self.endpoints(&id).await?;
            }
            progress.step();
        }
        Ok(())
    }

    async fn endpoints(&mut self, application: &str) -> anyhow::Result<()> {
        let path = format!("app/{application}/endpoint");
        let endpoints = match self.source.list(&path, "id").await {
            Ok(endpoints) => endpoints,
            // One application whose endpoints can't be listed costs the others nothing.
            Err(cause) => {
                let why = Taken::Refused(format!("{cause:#}"));
                self.count("endpoints", format!("endpoints of {application}"), why);
                return Ok(());
            }
        };
        for mut shown in endpoints {
            let id = text(&shown, "id").to_owned();
            let what = format!("endpoint {id} of {application}");
            let taken = match self.rest_of(&path, &id, &what, &mut shown).await {
                Err(cause) => Taken::Refused(format!("{cause:#}")),
                Ok(secret) => {
                    let secret = secret.as_deref();
                    self.into
                        .endpoint(application, &shown, secret, self.dry)
                        .await?
                }
            };
            self.count("endpoints", what, taken);
        }
        Ok(())
    }

    /// Reads what lists don't show of an endpoint: puts its headers beside the rest, and answers its secret.
    async fn rest_of(
        &mut self,
        path: &str,
        id: &str,
        what: &str,
        shown: &mut Shown,
    ) -> anyhow::Result<Option<String>> {
        let headers = self.source.get(&format!("{path}/{id}/headers")).await?;
        if let Some(sensitive) = headers.get("sensitive").and_then(Value::as_array)
            && !sensitive.is_empty()
        {
            let names: Vec<&str> = sensitive.iter().filter_map(Value::as_str).collect();
            self.notes.push(format!(
                "{what}: the values of these headers can't be read there, set them anew: {}",
                names.join(", ")
            ));
        }
        let headers = headers.get("headers").cloned().unwrap_or_default();
        shown.insert("headers".to_owned(), headers);
        let secret = self.source.get(&format!("{path}/{id}/secret")).await?;
        let key = text(&secret, "key");
        if key.starts_with("whpk_") {
            self.notes.push(format!(
                "{what}: its private key can't be read there; it gets a new secret, give that to the receiver"
            ));
            return Ok(None);
        }
        Ok(Some(key.to_owned()))
    }

    fn count(&mut self, kind: &'static str, what: String, taken: Taken) {
        let counts = self.counts.entry(kind).or_default();
        match taken {
            Taken::Made => counts[0] += 1,
            Taken::There => counts[1] += 1,
            Taken::Refused(why) => {
                counts[2] += 1;
                self.refused += 1;
                self.notes
                    .push(format!("{what} can't be taken over: {why}"));
            }
        }
    }

    fn tell(&self) -> anyhow::Result<()> {
        let made = if self.dry { "would be made" } else { "made" };
        for (kind, [fresh, there, refused]) in &self.counts {
            print(format_args!(
                "{kind}: {fresh} {made}, {there} there before, {refused} not taken over"
            ))?;
        }
        for note in &self.notes {
            print(note)?;
        }
        if self.refused > 0 {
            bail!("{} were not taken over, see above", self.refused);
        }
        Ok(())
    }
}
