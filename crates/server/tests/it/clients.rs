//! Clients that misbehave below HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::{Setup, World};

/// What is answered to these bytes until the server closes.
async fn answer(address: SocketAddr, bytes: Vec<u8>) -> String {
    let talk = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        // Ends when the server closes, also by a reset.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_whole_request_get_a_4xx_and_publish_nothing() {
    let server = Setup::new()
        .set("FANFARE_CLIENT_BODY_TIMEOUT", "1s")
        .start()
        .await;
    let world = World::make(server.api()).await;
    let key = server.key();
    let head = format!(
        "POST /v1/tenants/acme/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n"
    );
    let event = r#"{"type":"invoice.paid","data":{}}"#;
    let length = event.len();
    let chunk = format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n{event}\r\n");
    let many: String = (0..200).map(|each| format!("x-{each}: x\r\n")).collect();
    let sent = |rest: &str| format!("{head}{rest}").into_bytes();
    let ends = format!("content-length: {length}\r\n\r\n{event}");
    for (rest, status) in [
        // The chunk that ends the body never comes, or is none.
        (chunk.clone(), 408),
        (format!("{chunk}zz\r\n\r\n"), 400),
        (
            format!("content-length: {}\r\n\r\n{event}", length + 1),
            408,
        ),
        // Where a body ends must not be a matter of taste.
        (format!("content-length: 5\r\n{ends}"), 400),
        (format!("content-length: -5\r\n\r\n{event}"), 400),
        (format!("x: a\r\n b\r\n{ends}"), 400),
        (format!("x y: a\r\n{ends}"), 400),
        (format!("x: a\0b\r\n{ends}"), 400),
        (format!("{many}{ends}"), 431),
        (format!("x: {}\r\n{ends}", "x".repeat(1_000_000)), 431),
    ] {
        let answer = answer(server.address(), sent(&rest)).await;
        let wanted = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&wanted), "{rest:.200}: {answer}");
    }
    let path = format!("/{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    for start in [
        "GET ".to_owned() + &path,
        "GET /\u{1} HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let answer = answer(server.address(), start.into_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let events = world.api.get("/v1/tenants/acme/events").await.expect(200);
    assert_eq!(events["data"], serde_json::json!([]));
}

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
    let early = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    assert!(early.is_err(), "served past the bound");
    drop(first);
    second.await.unwrap().expect_text(200);
}
