//! Calls every method of the official client that is served, once with success and once with an error, and
//! says what each showed: one JSON object to a line.
//!
//! Usage: svix-calls URL TOKEN

use std::collections::BTreeMap;

use serde_json::json;
use svix::api::{Svix, SvixOptions};

mod applications;
mod attempts;
mod endpoints;
mod event_types;
mod messages;
mod portal;
mod receiver;
mod shown;

use receiver::Receiver;
use shown::Shown;

fn text(text: &str) -> String {
    text.to_owned()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn client(url: &str, token: &str) -> Svix {
    let options = SvixOptions {
        server_url: Some(text(url)),
        num_retries: Some(1),
        ..SvixOptions::default()
    };
    Svix::new(text(token), Some(options))
}

struct World {
    url: String,
    token: String,
    svix: Svix,
    receiver: Receiver,
    shown: Shown,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, token) = (arguments.next().unwrap(), arguments.next().unwrap());
    let mut world = World {
        svix: client(&url, &token),
        url,
        token,
        receiver: Receiver::start().await,
        shown: Shown::default(),
    };
    world.event_types().await;
    let one = world.applications().await;
    let hook = world.endpoints(&one.id).await;
    let message = world.messages(&one.id, &hook).await;
    world.attempts(&one.id, &hook, &message).await;
    world.more_of_endpoints(&one.id, &hook).await;
    world.authentication(&one.id).await;
    world.health().await;
    for (method, [success, error]) in &world.shown.0 {
        println!(
            "{}",
            json!({"method": method, "success": success, "error": error})
        );
    }
}
