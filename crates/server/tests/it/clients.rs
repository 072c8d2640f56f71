//! Clients that misbehave below HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_or_stops_within_the_head_is_let_go() {
    let server = Setup::new()
        .set("FANFARE_CLIENT_HEAD_TIMEOUT", "1s")
        .start()
        .await;
    let address = server.address();
    let talk = |start: &'static [u8]| {
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(start).unwrap();
            let mut rest = Vec::new();
            // Ends when the server closes.
            let _ = stream.read_to_end(&mut rest);
        })
    };
    for start in [&b""[..], b"GET /health/live HT", b"PRI * HTTP/2.0\r\n"] {
        talk(start).await.unwrap();
    }
    server.api().get("/health/ready").await.expect_text(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_bound_of_connections_a_client_waits_until_one_ends() {
    let server = Setup::new()
        .set("FANFARE_MAX_CONNECTIONS", "1")
        .start()
        .await;
    let first = TcpStream::connect(server.address()).unwrap();
    let api = server.api();
    let mut second = tokio::spawn(async move { api.get("/health/live").await });
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut second).await;
    assert!(early.is_err(), "served past the bound");
    drop(first);
    second.await.unwrap().expect_text(200);
}
