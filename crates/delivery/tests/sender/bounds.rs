//! Answers that are too large, too slow or without an end.

use std::net::Ipv4Addr;
use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{Answer, Authority, Receiver};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::{failure, post, send, send_within, sender, status};
use fanfare_app::port::sender::{OutboundRequest, Sender};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn of_a_long_body_the_start_is_kept_and_the_connection_is_used_again() {
    let receiver = Receiver::start().await;
    receiver.answer("/", Answer::ok().body(vec![b'x'; 40_000]));
    let sender = sender(|_| {});
    for _ in 0..3 {
        let exchange = send(&sender, &receiver.url("/")).await;
        assert_eq!(exchange.error, None);
        let response = exchange.response.unwrap();
        assert_eq!(response.body, vec![b'x'; 4096]);
        assert!(response.truncated);
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_body_of_exactly_what_is_kept_is_not_truncated() {
    let receiver = Receiver::start().await;
    let sender = sender(|options| options.kept_body = 10);
    for (length, truncated) in [(9, false), (10, false), (11, true)] {
        receiver.answer("/", Answer::ok().body(vec![b'x'; length]));
        let response = send(&sender, &receiver.url("/")).await.response.unwrap();
        assert_eq!(response.body.len(), length.min(10));
        assert_eq!(response.truncated, truncated);
    }
}

#[tokio::test]
async fn an_endless_body_counts_as_whole_once_it_is_past_the_bound() {
    let receiver = Receiver::start().await;
    receiver.answer("/", Answer::endless_body());
    let sender = sender(|_| {});
    for connection in 1..=2 {
        let exchange = send(&sender, &receiver.url("/")).await;
        assert_eq!((status(&exchange), &exchange.error), (200, &None));
        let response = exchange.response.unwrap();
        assert_eq!((response.body.len(), response.truncated), (4096, true));
        assert_eq!(receiver.connections(), connection, "none is used again");
    }
}

#[tokio::test]
async fn a_body_that_hangs_is_out_of_time_with_what_came_of_it() {
    let receiver = Receiver::start().await;
    receiver.answer("/", Answer::hang_in_body());
    let exchange = send_within(&sender(|_| {}), &receiver.url("/"), SHORT).await;
    assert_eq!(
        failure(&exchange),
        (
            ErrorKind::Timeout,
            "no end of the answer's body within 300ms"
        )
    );
    assert_eq!(status(&exchange), 200);
    assert_eq!(exchange.response.unwrap().body, b"and then");
    assert!(exchange.timings.first_byte.is_some());
}

#[tokio::test]
async fn an_answer_that_drips_is_out_of_time() {
    let receiver = Receiver::start().await;
    let drip = Answer::endless_body().byte_every(Duration::from_millis(10));
    receiver.answer("/", drip);
    let exchange = send_within(&sender(|_| {}), &receiver.url("/"), SHORT).await;
    assert_eq!(failure(&exchange).0, ErrorKind::Timeout);
    assert!(exchange.timings.total < 10 * SHORT);
}

#[tokio::test]
async fn a_megabyte_of_header_is_an_error_of_the_protocol() {
    let receiver = Receiver::start().await;
    receiver.answer("/", Answer::megabyte_header());
    let exchange = send(&sender(|_| {}), &receiver.url("/")).await;
    assert_eq!(
        failure(&exchange),
        (
            ErrorKind::Protocol,
            "the answer's headers are larger than what is accepted"
        )
    );
}

#[tokio::test]
async fn a_megabyte_of_header_is_an_error_of_the_protocol_in_http2_too() {
    let authority = Authority::new();
    let identity = authority.certify(&["127.0.0.1"]).with_http2();
    let receiver = Receiver::builder().tls(identity).start().await;
    receiver.answer("/", Answer::megabyte_header());
    let sender = sender(|options| {
        let pem = authority.pem();
        options.extra_authorities = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    });
    let exchange = send(&sender, &receiver.url("/")).await;
    assert_eq!(failure(&exchange).0, ErrorKind::Protocol, "{exchange:?}");
}

#[tokio::test]
async fn hundreds_of_headers_are_an_error_of_the_protocol() {
    let receiver = Receiver::start().await;
    let many = (0..300).fold(Answer::ok(), |answer, index| {
        answer.header(&format!("x-{index}"), "y")
    });
    receiver.answer("/", many);
    let exchange = send(&sender(|_| {}), &receiver.url("/")).await;
    assert_eq!(failure(&exchange).0, ErrorKind::Protocol);
}

#[tokio::test]
async fn headers_up_to_the_bound_are_kept() {
    let receiver = Receiver::start().await;
    let large = "v".repeat(12_000);
    receiver.answer("/", Answer::ok().header("x-large", &large));
    let response = send(&sender(|_| {}), &receiver.url("/")).await.response;
    assert_eq!(response.unwrap().headers["x-large"], large.as_str());
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_was_read_is_taken() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 64]).await.unwrap();
        let answer = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
        stream.write_all(answer).await.unwrap();
        // Reads no more, and stays open.
        std::future::pending::<()>().await;
    });
    let request = OutboundRequest {
        body: vec![b'x'; 16 * 1024 * 1024].into(),
        ..post(&url)
    };
    let exchange = sender(|_| {}).send(request).await;
    assert_eq!((status(&exchange), &exchange.error), (413, &None));
    assert_eq!(exchange.response.unwrap().body, b"no");
}
