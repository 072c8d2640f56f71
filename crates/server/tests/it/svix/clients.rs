//! The clients' scripts, run against the binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::method_table::{self, Call};
use super::{SECRET, STORES, World};

/// A client, and how its scripts are run.
struct Client {
    name: &'static str,
    command: fn(&str) -> Command,
}

const CLIENTS: [Client; 3] = [
    Client {
        name: "Python 2.9.1",
        command: python,
    },
    Client {
        name: "JavaScript 2.5.0",
        command: |script| {
            let mut command = Command::new("node");
            command.arg(folder("js").join(format!("{script}.mjs")));
            command
        },
    },
    Client {
        name: "Rust 2.9.1",
        command: |script| Command::new(target("svix-client/debug").join(format!("svix-{script}"))),
    },
];

fn python(script: &str) -> Command {
    let mut command = Command::new(target("venv/bin/python"));
    command.arg(folder("python").join(format!("{script}.py")));
    command
}

fn folder(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/svix");
    tests.join(name)
}

fn target(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target")
        .join(path)
}

/// What a script said; it must have ended well.
async fn said(mut command: Command, world: &World, last: &str) -> String {
    let server = &world.server;
    command
        .arg(format!("http://{}", server.address()))
        .arg(last);
    let program = format!("{command:?}");
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; run `make tools`"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program}: {complaint}\n{}",
        server.log()
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the clients that `make tools` fetches"]
async fn every_method_shows_with_each_client_what_the_document_says() {
    for store in STORES {
        let mut shown = Vec::new();
        for client in CLIENTS {
            let world = store.start().await;
            let lines = said((client.command)("calls"), &world, world.server.key()).await;
            let calls: Vec<Call> = lines.lines().map(Call::read).collect();
            shown.push((client.name, calls));
        }
        method_table::check(store.name, &shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the clients that `make tools` fetches"]
async fn a_day_goes_by_with_messages_trouble_and_recovery() {
    for store in STORES {
        let world = store.start().await;
        println!("{}", said(python("day"), &world, world.server.key()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the clients that `make tools` fetches"]
async fn tokens_of_the_originals_form_are_taken_and_all_others_refused() {
    for store in STORES {
        let world = store.start().await;
        said(python("tokens"), &world, SECRET).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the clients that `make tools` fetches"]
async fn operational_webhooks_tell_of_endpoints_and_of_messages_in_trouble() {
    for store in STORES {
        let world = store.start_with("0s;100ms;100ms;100ms;3s;100ms").await;
        said(python("operational"), &world, SECRET).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the clients that `make tools` fetches"]
async fn bytes_rates_and_disabled_endpoints_are_as_they_should_be() {
    for store in STORES {
        let world = store.start().await;
        said(python("details"), &world, world.server.key()).await;
    }
}
