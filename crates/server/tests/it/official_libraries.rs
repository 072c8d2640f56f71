//! Real deliveries, checked with the libraries that receivers use.
//!
//! Those in Python and JavaScript are fetched by `make tools`, so their tests run only when asked for
//! (`cargo test -- --include-ignored`), as `make test` does.

use std::path::{Path, PathBuf};
use std::process::Command;

use fanfare_testkit::receiver::{Arrival, Receiver};
use serde_json::{Value, json};

use crate::harness::{Setup, World};

/// A delivery of the binary, and the secret of its endpoint.
struct Captured {
    arrival: Arrival,
    secret: Value,
}

async fn capture(scheme: &str) -> Captured {
    let server = Setup::new().start().await;
    let receiver = Receiver::start().await;
    let world = World::make(server.api()).await;
    let endpoint = json!({ "signature": scheme });
    let endpoint = world.endpoint(&receiver.url("/hook"), endpoint).await;
    world
        .publish(json!({"text": "Grüße", "number": 1.50}))
        .await;
    Captured {
        arrival: receiver.wait_for(1).await.remove(0),
        secret: world.secret(&endpoint).await,
    }
}

impl Captured {
    /// The delivery with one byte of its body changed, still JSON.
    fn tampered(&self) -> Arrival {
        let mut arrival = self.arrival.clone();
        let mut body = arrival.body.to_vec();
        let at = body.windows(3).position(|three| three == b"1.5").unwrap();
        body[at] = b'2';
        arrival.body = body.into();
        arrival
    }

    /// Lets a program judge the delivery, and the changed one.
    fn judged_by(&self, program: &Path, script: &str) {
        let tools = tools();
        for (arrival, wanted) in [(&self.arrival, "accepted"), (&self.tampered(), "refused")] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("delivery.json");
            let header = |name| arrival.header(name).unwrap();
            let delivery = json!({
                "secret": self.secret["secret"],
                "public_key": self.secret["public_key"],
                "headers": {
                    "webhook-id": header("webhook-id"),
                    "webhook-timestamp": header("webhook-timestamp"),
                    "webhook-signature": header("webhook-signature"),
                },
                "body": String::from_utf8(arrival.body.to_vec()).unwrap(),
            });
            std::fs::write(&file, delivery.to_string()).unwrap();
            let output = Command::new(program)
                .arg(tools.join(script))
                .arg(&file)
                .current_dir(&tools)
                .output()
                .unwrap_or_else(|error| panic!("{}: {error}; run `make tools`", program.display()));
            let verdict = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert_eq!(verdict.trim(), wanted, "{script}: {complaint}");
        }
    }
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify")
}

fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_library_accepts_v1_and_refuses_a_changed_byte() {
    let captured = capture("v1").await;
    let secret = captured.secret["secret"].as_str().unwrap();
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    let judge = |arrival: &Arrival| webhook.verify(&arrival.body, &arrival.headers);
    judge(&captured.arrival).unwrap();
    judge(&captured.tampered()).unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the tools that `make tools` fetches"]
async fn the_python_library_accepts_v1_and_refuses_a_changed_byte() {
    capture("v1").await.judged_by(&python(), "v1.py");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the tools that `make tools` fetches"]
async fn the_javascript_library_accepts_v1_and_refuses_a_changed_byte() {
    capture("v1").await.judged_by(Path::new("node"), "v1.mjs");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the tools that `make tools` fetches"]
async fn pythons_cryptography_accepts_v1a_and_refuses_a_changed_byte() {
    capture("v1a").await.judged_by(&python(), "v1a.py");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the tools that `make tools` fetches"]
async fn nodes_crypto_accepts_v1a_and_refuses_a_changed_byte() {
    capture("v1a").await.judged_by(Path::new("node"), "v1a.mjs");
}
