//! The API's document, held against the running server by Schemathesis: thousands of calls made from the
//! document, right and wrong ones, whose answers must be what the document says.
//!
//! It is fetched by `make tools`, so this runs only when asked for, as `make test` does, with the same
//! calls each time. `make schemathesis` runs it for longer, with other calls each time:
//! `FANFARE_SCHEMATHESIS_EXAMPLES` says how many random ones are made for each operation.

use std::path::{Path, PathBuf};
use std::process::Command;

use fanfare_testkit::receiver::{NameServer, Receiver};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, Reply, Server, Setup, number_from_environment};

/// Random calls for each operation, and where their choice begins, unless the environment says how many.
const EXAMPLES: &str = "8";
const SEED: &str = "1";

/// The tenant that most calls are for. Not the one that the document's examples name: those may remove it.
const TENANT: &str = "company";
/// Deliveries that hold an order up.
const HELD: usize = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the tools that `make tools` fetches"]
async fn schemathesis_finds_no_server_error_and_nothing_undocumented() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let server = Setup::new()
        .set("FANFARE_NAMESERVERS", &names.address().to_string())
        // How many are open when the next is asked for is a matter of the machine's speed.
        .set("FANFARE_JOBS_PER_TENANT", "1000")
        .set("FANFARE_JOBS", "1000")
        .start()
        .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        of_this_crate("tests/schemathesis/schemathesis.toml"),
        folder.path().join("schemathesis.toml"),
    )
    .unwrap();
    furnish(&server.api(), &receiver.url("/hook"), folder.path()).await;

    let mut command = schemathesis(&server, folder.path());
    match number_from_environment("FANFARE_SCHEMATHESIS_EXAMPLES") {
        Some(examples) => command.args(["--max-examples", &examples.to_string()]),
        None => command.args(["--max-examples", EXAMPLES, "--seed", SEED]),
    };
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("st: {error}; run `make tools`"));
    let told = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaint}");
    println!("{told}");
    for level in ["\"ERROR\"", "panicked"] {
        assert!(!server.log().contains(level), "{}", server.log());
    }
}

fn of_this_crate(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn schemathesis(server: &Server, folder: &Path) -> Command {
    let mut command = Command::new(of_this_crate("../../target/venv/bin/st"));
    command
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("http://{}/openapi.json", server.address()))
        .args(["--checks", "all", "--no-color"])
        .env("FANFARE_KEY", server.key())
        .current_dir(folder);
    command
}

/// Makes some of everything, and writes dictionaries of its names.
async fn furnish(api: &Api, url: &str, folder: &Path) {
    let write = |name: &str, values: &[String]| {
        let lines: String = values
            .iter()
            .map(|value| format!("\"{value}\"\n"))
            .collect();
        std::fs::write(folder.join(name), lines).unwrap();
    };
    let tenant = json!({"id": TENANT, "name": "Company"});
    write(
        "tenants",
        &made(api, "/v1/tenants", 1, |_| tenant.clone()).await,
    );
    let spare = made(api, "/v1/tenants", 50, |_| json!({"name": "Spare"})).await;
    write("spare-tenants", &spare);
    let event_type = |number| json!({"name": format!("order.made{number}")});
    write(
        "event-types",
        &made(api, "/v1/event-types", 10, event_type).await,
    );
    let spare = |number| json!({"name": format!("spare.made{number}")});
    write(
        "spare-event-types",
        &made(api, "/v1/event-types", 50, spare).await,
    );
    let key = |_| json!({"name": "key", "role": "reader"});
    write("keys", &made(api, "/v1/keys", 5, key).await);
    write("spare-keys", &made(api, "/v1/keys", 50, key).await);
    write("environments", &["default".to_owned()]);

    let endpoints = format!("/v1/tenants/{TENANT}/endpoints");
    let spare = |_| json!({"url": url, "event_types": []});
    write("spare-endpoints", &made(api, &endpoints, 50, spare).await);
    // Some whose deliveries arrive, and some whose deliveries wait.
    let endpoint = |number| match number % 2 {
        0 => json!({"url": url}),
        _ => json!({"url": "https://not-there.example/hook"}),
    };
    let receiving = made(api, &endpoints, 4, endpoint).await;
    write("endpoints", &receiving);
    let events = format!("/v1/tenants/{TENANT}/events");
    let event = |_| json!({"type": "order.made0", "data": {}});
    let published = made(api, &events, 5, event).await;
    write("events", &published);
    let mut deliveries = Vec::new();
    for event in published {
        let list = api.get(&format!("{events}/{event}/deliveries")).await;
        let list = list.expect(200)["data"].as_array().cloned();
        deliveries.extend(list.unwrap().iter().map(name_of));
    }
    write("deliveries", &deliveries);
    write("held-deliveries", &held(api).await);
    // Of jobs that look for what was missed: they take ten seconds at least, and wait once paused.
    let recover = format!("{endpoints}/{}/recover", receiving[0]);
    let missed = |_| json!({"since": "2026-01-01T00:00:00Z", "what": "missed"});
    let jobs = made(api, &recover, 5, missed).await;
    for job in &jobs {
        let path = format!("/v1/tenants/{TENANT}/jobs/{job}");
        let pause = json!({"state": "paused"}).to_string();
        let paused = api.send(Method::PATCH, &path, Some(pause)).await;
        paused.expect(200);
    }
    write("jobs", &jobs);
}

/// Deliveries that each hold up the order of their key.
async fn held(api: &Api) -> Vec<String> {
    made(api, "/v1/event-types", 1, |_| json!({"name": "order.held"})).await;
    let endpoint = |_| {
        json!({
            "url": "https://not-there.example/held", "event_types": ["order.held"],
            "ordering": "by_key", "on_failure": "hold",
            "delivery_policy": {"waits": ["0s"], "breaker": {"enabled": false}},
        })
    };
    let endpoints = format!("/v1/tenants/{TENANT}/endpoints");
    let endpoint = made(api, &endpoints, 1, endpoint).await.remove(0);
    let events = format!("/v1/tenants/{TENANT}/events");
    let event = |number: usize| json!({"type": "order.held", "ordering_key": number.to_string(), "data": {}});
    made(api, &events, HELD, event).await;
    let failed = format!("{endpoints}/{endpoint}/deliveries?state=failed");
    let all = |answer: &Reply| answer.json()["data"].as_array().map(Vec::len) == Some(HELD);
    let list = api.until(&failed, all).await.json();
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(name_of)
        .collect()
}

async fn made(api: &Api, path: &str, count: usize, body: impl Fn(usize) -> Value) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0..count {
        let answer = api.post(path, body(number)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        names.push(name_of(&answer.json()));
    }
    names
}

/// The id of a thing, or the name, where it has no id.
fn name_of(thing: &Value) -> String {
    let name = thing["id"].as_str().or(thing["name"].as_str());
    name.unwrap().to_owned()
}
