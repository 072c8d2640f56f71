use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::*;

const REQUEST: &str = "POST /hook?a=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
/// Longer than loopback ever takes, short enough to wait for silence.
const SILENCE: Duration = Duration::from_millis(150);

async fn send(receiver: &Receiver) -> TcpStream {
    let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    stream
}

/// What the other side writes until it closes, resets, or is silent; and how it ended.
async fn read(mut stream: impl AsyncRead + Unpin, at_most: usize) -> (String, &'static str) {
    let mut text = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let end = loop {
        match timeout(SILENCE, stream.read(&mut buffer)).await {
            Err(_) => break "silence",
            Ok(Err(_)) => break "reset",
            Ok(Ok(0)) => break "close",
            Ok(Ok(length)) => text.extend_from_slice(&buffer[..length]),
        }
        if text.len() > at_most {
            break "more";
        }
    };
    (String::from_utf8_lossy(&text).into_owned(), end)
}

#[tokio::test]
async fn records_what_arrives_and_answers_in_order() {
    let receiver = Receiver::start().await;
    receiver.script("/hook", vec![Answer::retry_after(503, 7), Answer::gone()]);
    let first = read(send(&receiver).await, 4096).await.0;
    assert!(
        first.starts_with("HTTP/1.1 503") && first.contains("retry-after: 7"),
        "{first}"
    );
    for _ in 0..2 {
        assert!(
            read(send(&receiver).await, 4096)
                .await
                .0
                .starts_with("HTTP/1.1 410")
        );
    }
    let arrivals = receiver.wait_for(3).await;
    assert_eq!(arrivals[0].path, "/hook?a=1");
    assert_eq!(&arrivals[0].body[..], b"{}");
    assert_eq!(arrivals[0].header("host"), Some("x"));
    assert_eq!(arrivals[2].connection, 2);
}

#[tokio::test]
async fn misbehaves_as_scripted() {
    let receiver = Receiver::start().await;
    let cases = [
        (Answer::hang_before_head(), 0, "silence"),
        (Answer::hang_in_body(), 8, "silence"),
        (Answer::close_at_once(), 0, "close"),
        (Answer::reset_before_head(), 0, "reset"),
        (Answer::reset_in_body(), 8, "reset"),
        (Answer::endless_body(), 10_000_000, "more"),
        (Answer::megabyte_header(), 1024 * 1024, "silence"),
    ];
    for (answer, least, expected) in cases {
        let shown = format!("{answer:?}").chars().take(200).collect::<String>();
        receiver.answer("/hook", answer);
        let (text, end) = read(send(&receiver).await, 10_000_000).await;
        assert_eq!(end, expected, "{shown}");
        assert!(text.len() >= least, "{shown}: {} bytes", text.len());
        assert!(least > 0 || text.is_empty(), "{shown}: {text}");
    }
}

#[tokio::test]
async fn answers_late_and_a_byte_at_a_time() {
    let receiver = Receiver::start().await;
    let every = Duration::from_millis(2);
    receiver.answer(
        "/hook",
        Answer::ok()
            .after(Duration::from_millis(40))
            .byte_every(every),
    );
    let start = Instant::now();
    let (text, _) = read(send(&receiver).await, 4096).await;
    assert!(text.ends_with("\r\n\r\n"), "{text}");
    let least = Duration::from_millis(40) + every * u32::try_from(text.len()).unwrap();
    assert!(start.elapsed() >= least);
}

#[tokio::test]
async fn connects_and_handshakes_hang() {
    let hang = ConnectHang::start().await;
    assert!(
        timeout(SILENCE, TcpStream::connect(hang.address()))
            .await
            .is_err()
    );
    let silent = SilentListener::start().await;
    let stream = TcpStream::connect(silent.address()).await.unwrap();
    let hello = tokio_rustls::TlsConnector::from(client(&Authority::new(), b"h2"));
    let shake = hello.connect("localhost".try_into().unwrap(), stream);
    assert!(timeout(SILENCE, shake).await.is_err());
}

fn client(authority: &Authority, alpn: &[u8]) -> Arc<rustls::ClientConfig> {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

async fn shake(
    receiver: &Receiver,
    authority: &Authority,
    alpn: &[u8],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(receiver.address()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(client(authority, alpn));
    connector
        .connect("localhost".try_into().unwrap(), stream)
        .await
}

#[tokio::test]
async fn speaks_tls_to_those_who_trust_its_authority() {
    let authority = Authority::new();
    let receiver = Receiver::start_tls(&authority).await;
    assert!(receiver.url("/x").starts_with("https://127.0.0.1:"));
    let mut stream = shake(&receiver, &authority, b"http/1.1").await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(read(stream, 4096).await.0.starts_with("HTTP/1.1 200"));
    assert!(
        shake(&receiver, &Authority::new(), b"http/1.1")
            .await
            .is_err()
    );
    let expired = authority.certify(&["localhost"]).expired();
    let receiver = Receiver::builder().tls(expired).start().await;
    assert!(shake(&receiver, &authority, b"http/1.1").await.is_err());
}

#[tokio::test]
async fn speaks_http2_where_it_is_asked_to() {
    let authority = Authority::new();
    let identity = authority.certify(&["localhost"]).with_http2();
    let receiver = Receiver::builder().tls(identity).start().await;
    let stream = shake(&receiver, &authority, b"h2").await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let body = http_body_util::Full::new(bytes::Bytes::from_static(b"{}"));
    let request = http::Request::post(receiver.url_at("localhost", "/h2"))
        .body(body)
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    assert_eq!(receiver.wait_for(1).await[0].version, http::Version::HTTP_2);
}
