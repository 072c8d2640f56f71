//! Receivers below what KonPro calls TLS level 2: keys under 2048 bits, versions before 1.2.
//!
//! They are OpenSSL's, by `weak/receiver.py`: the library of the product speaks nothing so old. The
//! certificates beside it are of an authority whose key is gone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fanfare_dialects::DialectSettings;
use fanfare_domain::attempt::{Attempt, ErrorKind};
use fanfare_testkit::builders::acme;
use serde_json::json;

use crate::real::Real;

const ADD: &str = "POST /v1/webhook/endpoint.add";

/// A receiver in a process of its own.
struct Receiver {
    child: Child,
    port: u16,
}

impl Receiver {
    /// With this certificate and this highest version of TLS; port 0: any.
    fn start(certificate: &str, highest: &str, port: u16) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deliveries/weak");
        let mut child = Command::new("python3")
            .arg(folder.join("receiver.py"))
            .arg(folder.join(certificate))
            .args([highest, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 runs");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("it says its port");
        Self { child, port }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}/hook", self.port)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn world() -> Real {
    let authority = include_str!("weak/authority.pem");
    Real::trusting("konpro", &DialectSettings::default(), &[authority]).await
}

#[tokio::test]
async fn a_receiver_below_tls_level_2_fails_the_check() {
    let world = world().await;
    for (certificate, highest) in [("rsa-1024.pem", "any"), ("rsa-2048.pem", "1.1")] {
        let receiver = Receiver::start(certificate, highest, 0);
        let body = json!({"url": receiver.url()}).to_string();
        let refused = world.api.well(400, ADD, &body).await;
        let reason = refused["error"]["details"]["reason"].as_str().unwrap();
        assert!(
            reason.ends_with("tls"),
            "{certificate} {highest}: {refused}"
        );
    }
}

#[tokio::test]
async fn one_that_falls_below_it_later_fails_the_attempts() {
    for (certificate, highest) in [("rsa-1024.pem", "any"), ("rsa-2048.pem", "1.1")] {
        let world = world().await;
        let strong = Receiver::start("rsa-2048.pem", "any", 0);
        let port = strong.port;
        let body = json!({"url": strong.url()}).to_string();
        world.api.well(200, ADD, &body).await;
        assert_eq!(attempt(&world).await.status, Some(200));
        drop(strong);
        let _weak = Receiver::start(certificate, highest, port);
        // Over the connection that is still pooled, if it is: that one ended with its process.
        let failed = attempt(&world).await;
        let kind = failed.error.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::Tls), "{certificate} {highest}");
        assert_eq!(failed.status, None);
    }
}

/// One delivery to the tenant's only endpoint, now.
async fn attempt(world: &Real) -> Attempt {
    let page = fanfare_app::repository::PageOf {
        cursor: None,
        limit: 1,
    };
    let endpoints = world.fanfare.endpoints(&acme(), page).await.unwrap();
    let id = endpoints[0].noun.id.to_string();
    world
        .fanfare
        .test_endpoint(&acme(), &id, None, Vec::new())
        .await
        .unwrap()
}
