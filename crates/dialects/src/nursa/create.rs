//! `POST webhooks/{group}`.

use axum::extract::{Request, State};
use axum::response::Response;
use fanfare_domain::endpoint::External;

use super::desk::Room;
use super::failure::Failure;
use super::validate::{Purpose, Secrets, check};
use super::webhook::{self, Shown};
use super::{NAME, answer};
use crate::signing::hex;

pub(super) async fn run(State(room): State<Room>, request: Request) -> Response {
    answer::shown(create(&room, request).await)
}

async fn create(room: &Room, request: Request) -> Result<Shown, Failure> {
    let Room { desk, group } = room;
    let scope = desk.enter(request.headers())?;
    let body = desk.object(request.into_body()).await?;
    let fanfare = &desk.door.fanfare;
    let mut given = check(&body, group, Purpose::Create, fanfare)?;
    if matches!(given.secrets, Secrets::Unsaid) {
        given.secrets = Secrets::NoValue;
    }
    let external = External {
        id: uuid(&fanfare.chance()),
        data: webhook::data_of(group),
    };
    let url = given.url.unwrap_or_default();
    let mut endpoint = fanfare.external_endpoint(&scope, NAME, external, url);
    webhook::set_events(&mut endpoint, group, &given.events.unwrap_or_default());
    webhook::set_facilities(&mut endpoint, &given.facilities)?;
    let secrets = webhook::secrets(&given.secrets, fanfare).unwrap_or_default();
    webhook::set_secrets(&mut endpoint, &secrets, fanfare);
    let endpoint = desk.door.create(endpoint).await?;
    Ok(Shown::of(&endpoint, group, fanfare.ports().clock.now()))
}

/// A random UUID, version 4.
fn uuid(chance: &[u8; 32]) -> String {
    let mut bytes: [u8; 16] = std::array::from_fn(|place| chance[place]);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    written(bytes)
}

/// 128 bits in the form of a UUID.
pub(super) fn written(bytes: [u8; 16]) -> String {
    let text = hex(&bytes);
    [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_random_uuid() {
        assert_eq!(uuid(&[0xff; 32]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(&[0; 32]), "00000000-0000-4000-8000-000000000000");
    }
}
