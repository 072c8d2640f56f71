//! The sample receiver: what a customer of the product would run.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use fanfare_domain::signature::verify;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::super::print;

/// A delivery that arrived, and the files that hold it.
pub(super) struct Arrival {
    id: String,
    pub(super) headers_file: PathBuf,
    pub(super) body_file: PathBuf,
}

pub(super) struct Receiver {
    address: SocketAddr,
    arrivals: mpsc::Receiver<Arrival>,
}

struct Shared {
    secret: String,
    folder: PathBuf,
    arrivals: mpsc::Sender<Arrival>,
}

impl Receiver {
    /// Listens on a free port of this machine.
    pub(super) async fn start(secret: &str, folder: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("the sample receiver has no port")?;
        let address = listener.local_addr()?;
        let folder = folder.join("arrived");
        fs::create_dir_all(&folder)
            .with_context(|| format!("the folder {} can't be made", folder.display()))?;
        // The steps wait for one arrival; what comes later is only printed.
        let (sender, arrivals) = mpsc::channel(1);
        let router = Router::new()
            .route("/webhooks", post(receive))
            .with_state(Arc::new(Shared {
                secret: secret.to_owned(),
                folder,
                arrivals: sender,
            }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, arrivals })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    /// Waits for an event.
    pub(super) async fn arrival(&mut self, event: &str) -> anyhow::Result<Arrival> {
        loop {
            let arrival = self.arrivals.recv().await;
            let arrival = arrival.context("the sample receiver has ended")?;
            if arrival.id == event {
                return Ok(arrival);
            }
        }
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(timestamp), Some(signature)) = (
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
    ) else {
        return StatusCode::BAD_REQUEST;
    };
    if verify(&shared.secret, id, timestamp, &body, signature).is_err() {
        let _ = print(format_args!(
            "  receiver: {id} arrived with a wrong signature"
        ));
        return StatusCode::UNAUTHORIZED;
    }
    let _ = print(format_args!(
        "  receiver: {id} arrived, its signature is right: {}",
        String::from_utf8_lossy(&body)
    ));
    match keep(&shared.folder, id, &headers, &body) {
        // Nobody waits any more once the steps are done.
        Ok(arrival) => drop(shared.arrivals.try_send(arrival)),
        Err(error) => drop(print(format_args!("  receiver: {error:#}"))),
    }
    StatusCode::NO_CONTENT
}

/// Writes a delivery down, so that its signature can be looked at with other tools.
fn keep(folder: &Path, id: &str, headers: &HeaderMap, body: &[u8]) -> anyhow::Result<Arrival> {
    // An id may hold colons, which files may have too; it never holds a slash.
    let arrival = Arrival {
        id: id.to_owned(),
        headers_file: folder.join(format!("{id}.headers")),
        body_file: folder.join(format!("{id}.body")),
    };
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    let text: String = headers.iter().map(line).collect();
    fs::write(&arrival.headers_file, text)
        .and_then(|()| fs::write(&arrival.body_file, body))
        .with_context(|| format!("{} can't be written", arrival.headers_file.display()))?;
    Ok(arrival)
}
