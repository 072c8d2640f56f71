//! Every kind of failure, from its real cause.

use std::net::Ipv4Addr;
use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{
    Answer, ConnectHang, NameAnswer, NameServer, Receiver, SilentListener,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::rig::{failure, send, send_within, sender, status};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let names = NameServer::start().await;
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let exchange = send(&sender, "http://nowhere.test/?token=secret").await;
    assert_eq!(
        failure(&exchange),
        (
            ErrorKind::NameNotFound,
            "nowhere.test does not exist or has no address"
        )
    );
    assert!(exchange.timings.lookup.is_some() && exchange.timings.connect.is_none());
}

#[tokio::test]
async fn a_name_without_an_address() {
    let names = NameServer::start().await;
    let nothing = NameAnswer::Addresses {
        addresses: Vec::new(),
        ttl: 60,
    };
    names.set("bare.test", nothing);
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let exchange = send(&sender, "http://bare.test/").await;
    assert_eq!(failure(&exchange).0, ErrorKind::NameNotFound);
}

#[tokio::test]
async fn a_name_server_that_fails() {
    let names = NameServer::start().await;
    names.set("broken.test", NameAnswer::Failure);
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let exchange = send(&sender, "http://broken.test/").await;
    assert_eq!(
        failure(&exchange),
        (
            ErrorKind::NameLookup,
            "the name servers could not say where broken.test is"
        )
    );
}

#[tokio::test]
async fn a_name_server_that_is_silent() {
    let names = NameServer::start().await;
    names.set("silent.test", NameAnswer::Silence);
    let sender = sender(|options| {
        options.nameservers = vec![names.address()];
        options.lookup_timeout = SHORT;
    });
    let exchange = send(&sender, "http://silent.test/").await;
    assert_eq!(
        failure(&exchange),
        (
            ErrorKind::NameLookup,
            "no name server said within 200ms where silent.test is"
        )
    );
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let exchange = send(&sender(|_| {}), &format!("http://{address}/")).await;
    let (kind, detail) = failure(&exchange);
    assert_eq!(kind, ErrorKind::ConnectionRefused);
    let expected = format!(
        "127.0.0.1 refused the connection on port {}",
        address.port()
    );
    assert_eq!(detail, expected);
    assert_eq!(exchange.address, Some(address));
}

#[tokio::test]
async fn an_address_that_cannot_be_connected_to() {
    // The broadcast address of the loopback network: the system says so at once.
    let exchange = send(&sender(|_| {}), "http://127.255.255.255/").await;
    assert_eq!(failure(&exchange).0, ErrorKind::Connect);
}

#[tokio::test]
async fn an_address_that_does_not_take_the_connection() {
    let hang = ConnectHang::start().await;
    let sender = sender(|options| options.connect_timeout = SHORT);
    let exchange = send(&sender, &format!("http://{}/", hang.address())).await;
    assert_eq!(
        failure(&exchange),
        (
            ErrorKind::ConnectTimeout,
            "127.0.0.1 did not take the connection within 200ms"
        )
    );
    assert_eq!(exchange.address, Some(hang.address()));
}

#[tokio::test]
async fn a_listener_that_is_silent_in_the_tls_handshake() {
    let silent = SilentListener::start().await;
    let sender = sender(|options| options.connect_timeout = SHORT);
    let exchange = send(&sender, &format!("https://{}/", silent.address())).await;
    let (kind, detail) = failure(&exchange);
    assert_eq!(kind, ErrorKind::ConnectTimeout);
    assert!(detail.contains("TLS handshake"), "{detail}");
    assert!(exchange.timings.connect.is_some() && exchange.timings.tls.is_none());
}

#[tokio::test]
async fn the_requests_own_time_ends_each_part_and_says_which() {
    let names = NameServer::start().await;
    names.set("silent.test", NameAnswer::Silence);
    let hang = ConnectHang::start().await;
    let silent = SilentListener::start().await;
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    for (url, kind, words) in [
        (
            "http://silent.test/".to_owned(),
            ErrorKind::NameLookup,
            "no answer of the name servers within 200ms",
        ),
        (
            format!("http://{}/", hang.address()),
            ErrorKind::ConnectTimeout,
            "no connection within 200ms",
        ),
        (
            format!("https://{}/", silent.address()),
            ErrorKind::ConnectTimeout,
            "no end of the TLS handshake within 200ms",
        ),
        (
            format!("http://{}/", silent.address()),
            ErrorKind::Timeout,
            "no answer within 200ms",
        ),
    ] {
        let exchange = send_within(&sender, &url, SHORT).await;
        assert_eq!(failure(&exchange), (kind, words), "{url}");
        assert!(exchange.timings.total >= SHORT);
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer() {
    let receiver = Receiver::start().await;
    let sender = sender(|_| {});
    for answer in [Answer::close_at_once(), Answer::reset_before_head()] {
        receiver.answer("/", answer);
        let exchange = send(&sender, &receiver.url("/")).await;
        assert_eq!(failure(&exchange).0, ErrorKind::ConnectionClosed);
        assert_eq!(exchange.address, Some(receiver.address()));
        assert!(exchange.response.is_none());
    }
    assert_eq!(receiver.count(), 2, "neither was sent twice");
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_of_the_answers_body() {
    let receiver = Receiver::start().await;
    receiver.answer("/", Answer::reset_in_body());
    let exchange = send(&sender(|_| {}), &receiver.url("/")).await;
    assert_eq!(failure(&exchange).0, ErrorKind::ConnectionClosed);
    assert_eq!(status(&exchange), 200);
    assert_eq!(exchange.response.unwrap().body, b"and then");
}

#[tokio::test]
async fn an_answer_that_is_not_http() {
    for (answer, kind) in [
        (&b"SSH-2.0-OpenSSH_9.6\r\n"[..], ErrorKind::Protocol),
        (b"HTTP/1.1 twohundred OK\r\n\r\n", ErrorKind::Protocol),
        (b"\0\x01\x02\x03\r\n\r\n", ErrorKind::Protocol),
        (
            b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
            ErrorKind::Protocol,
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n",
            ErrorKind::Protocol,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
            ErrorKind::ConnectionClosed,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-le",
            ErrorKind::ConnectionClosed,
        ),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The request first: closing with bytes unread would be a reset.
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await;
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await;
        });
        let exchange = send(&sender(|_| {}), &url).await;
        let answer = String::from_utf8_lossy(answer);
        assert_eq!(failure(&exchange).0, kind, "{answer:?}: {exchange:?}");
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_sent_to() {
    let sender = sender(|_| {});
    for url in ["/relative", "ftp://hooks.example.net/"] {
        let exchange = send(&sender, url).await;
        assert_eq!(failure(&exchange).0, ErrorKind::Request, "{url}");
    }
}

#[tokio::test]
async fn no_error_tells_what_the_url_or_the_headers_hold() {
    let receiver = Receiver::start().await;
    receiver.answer("/hush-path", Answer::close_at_once());
    let sender = sender(|_| {});
    for url in [
        receiver.url("/hush-path?key=hush-query"),
        "https://127.0.0.1:1/hush-path?key=hush-query".to_owned(),
        "http://hush-name.invalid/hush-path?key=hush-query".to_owned(),
    ] {
        let exchange = send(&sender, &url).await;
        let detail = failure(&exchange).1.replace("hush-name", "");
        assert!(!detail.contains("hush"), "{detail}");
    }
}
