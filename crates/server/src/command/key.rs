//! `fanfare key`: works on the store, so it needs no key itself; whoever may write the store
//! may do everything anyway.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use fanfare_app::error::UseCaseError;
use fanfare_app::keys::KeyDraft;
use fanfare_app::port::sender::{Exchange, OutboundRequest, Sender};
use fanfare_app::port::{Clock, configuration::Revision};
use fanfare_app::repository::{PageOf, Stored};
use fanfare_app::test_delivery::unusable_url;
use fanfare_app::{Fanfare, Ports};
use fanfare_domain::fault::Fault;
use fanfare_domain::key::{Key, Role};
use fanfare_domain::name::EnvironmentId;
use fanfare_domain::policy::parse_duration;
use fanfare_domain::time::Timestamp;

use super::{print, small_runtime};
use crate::cli::{InEnvironment, KeyCommand, KeyCreateArgs};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::node::directory;
use crate::node::no_engine::NoEngine;
use crate::random::SystemRandom;
use crate::store::Store;

/// Keys that are read from the store at once.
const PAGE: usize = 250;

pub(super) fn run(settings: Settings, command: KeyCommand) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        let store = Store::open_for_a_command(&settings).await?;
        let fanfare = use_cases(&store, &settings);
        let done = act(&fanfare, command).await;
        drop(fanfare);
        store.close().await;
        done
    })
}

pub(super) fn use_cases(store: &Store, settings: &Settings) -> Fanfare {
    let ports = Ports {
        configuration: store.configuration(),
        log: store.log(),
        deliveries: store.deliveries(),
        dispatch: Arc::new(NoEngine),
        sender: Arc::new(NoNetwork),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    Fanfare::new(ports, directory(settings), settings.limits.clone(), None)
}

async fn act(fanfare: &Fanfare, command: KeyCommand) -> anyhow::Result<()> {
    fanfare.refresh().await?;
    fanfare.ensure_default_environment().await.map_err(told)?;
    match command {
        KeyCommand::Create(args) => create(fanfare, args).await,
        KeyCommand::List(of) => list(fanfare, &environment(fanfare, &of)?).await,
        KeyCommand::Revoke { id, of } => {
            let environment = environment(fanfare, &of)?;
            fanfare.delete_key(&environment, &id).await.map_err(told)?;
            print(format_args!("{id} was revoked"))
        }
    }
}

async fn create(fanfare: &Fanfare, args: KeyCreateArgs) -> anyhow::Result<()> {
    let environment = environment(fanfare, &args.of)?;
    let role = [Role::Admin, Role::Manager, Role::Publisher, Role::Reader]
        .into_iter()
        .find(|role| role.as_str() == args.role);
    let unknown = role.is_none().then(|| {
        let right = "must be admin, manager, publisher or reader";
        Fault::at("role", format!("{right}, not {:?}", args.role))
    });
    let expires_at = match args.expires_in.as_deref().map(parse_duration) {
        None => None,
        Some(span) => Some(SystemClock.now().after(span.context("--expires-in")?)),
    };
    let draft = KeyDraft {
        feature_flags: Vec::new(),
        publish_rate: None,
        name: Some(args.name),
        role,
        tenant: args.tenant,
        expires_at,
    };
    let fresh = fanfare
        .create_key(&environment, draft, Vec::from_iter(unknown))
        .await;
    let fresh = fresh.map_err(told)?;
    print(format_args!("id:  {}", fresh.key.id))?;
    print(format_args!("key: {} (shown this once)", fresh.text))
}

async fn list(fanfare: &Fanfare, environment: &EnvironmentId) -> anyhow::Result<()> {
    let mut cursor: Option<Revision> = None;
    loop {
        let page = PageOf {
            cursor,
            limit: PAGE,
        };
        let keys = fanfare.keys(environment, page).await.map_err(told)?;
        for Stored { noun: key, .. } in &keys {
            print(line(key))?;
        }
        match keys.last() {
            Some(last) if keys.len() == PAGE => cursor = Some(last.created),
            _ => return Ok(()),
        }
    }
}

fn line(key: &Key) -> String {
    let tenant = key
        .tenant
        .as_ref()
        .map_or("-".to_owned(), ToString::to_string);
    let end = |at: Timestamp| at.to_string();
    format!(
        "{}  {:9}  tenant {}  made {}  ends {}  {}",
        key.id,
        key.role.as_str(),
        tenant,
        key.created_at,
        key.expires_at.map_or("never".to_owned(), end),
        key.name
    )
}

fn environment(fanfare: &Fanfare, of: &InEnvironment) -> anyhow::Result<EnvironmentId> {
    let environment = EnvironmentId::parse(&of.environment).context("--environment")?;
    fanfare.environment_exists(&environment).map_err(told)?;
    Ok(environment)
}

/// A refusal in the words of the command line, where the API would point into a body.
fn told(error: UseCaseError) -> anyhow::Error {
    match error {
        UseCaseError::Invalid(faults) => {
            let each = faults.iter().map(|fault| {
                let option = fault.pointer.trim_start_matches("#/").replace('_', "-");
                format!("--{option} {}", fault.detail)
            });
            anyhow!(each.collect::<Vec<_>>().join("; "))
        }
        other => other.into(),
    }
}

/// No command on the store sends or wakes anything: a running server sees the change by itself.
struct NoNetwork;

#[async_trait]
impl Sender for NoNetwork {
    async fn send(&self, _: OutboundRequest) -> Exchange {
        unusable_url()
    }
}
